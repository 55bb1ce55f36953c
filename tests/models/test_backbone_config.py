"""What a former task, or somebody's taste in outputs, left in a configuration changes nothing."""

import json

import pytest
import torch
from alike import head
from safetensors.torch import load_file, save_file
from small import ARCHITECTURES, save_backbone, save_glue
from transformers import BertConfig

from recall_learn.models import backbones
from recall_learn.models.masked_lm import attach
from recall_learn.runs.finetune import finetune
from recall_learn.runs.recipe import Recipe

LEFT = {
    "task": {
        "id2label": {"0": "no", "1": "yes", "2": "maybe"},
        "label2id": {"no": 0, "yes": 1, "maybe": 2},
        "problem_type": "multi_label_classification",
        "finetuning_task": "mnli",
        "task_specific_params": {"summarization": {"length_penalty": 2.0}},
    },
    "damaged labels": {"id2label": "x", "label2id": 3, "num_labels": -1, "problem_type": "nonsense"},
    "return_dict": {"return_dict": False},
    "outputs": {"output_attentions": True, "output_hidden_states": True, "torchscript": True, "use_cache": True},
    "attention": {"_attn_implementation": "flash_attention_2", "attn_implementation": "nonsense"},
    "dropout": {"classifier_dropout": 0.9, "classifier_dropout_prob": 0.9, "seq_classif_dropout": 0.9},
    "chunks": {"chunk_size_feed_forward": 3},
    "dtype": {"dtype": "bfloat16", "torch_dtype": "float16"},
    "pruned": {"pruned_heads": {"0": [1]}, "gradient_checkpointing": True},
}


def edit(folder, name="config.json", **entries):
    stored = json.loads((folder / name).read_text())
    (folder / name).write_text(json.dumps(stored | entries))


def step(folder, num_labels=2):
    """Everything that one step of a new task computes, dropout on."""
    backbone = backbones.load(str(folder), num_labels=num_labels, seed=3)
    batch = backbone.tokenizer(["a b c", "d"], ["e f", "g h a b"], padding=True, return_tensors="pt")
    labels = torch.tensor([1.5, 0.5]) if num_labels == 1 else torch.tensor([1, 0])
    torch.manual_seed(0)
    out = backbone.model.train()(**batch, labels=labels)
    out.loss.backward()
    moved = {name: p.grad for name, p in backbone.model.named_parameters() if p.grad is not None}
    return {"logits": out.logits.detach(), **moved}


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("left", LEFT)
def test_what_is_left_of_something_else_changes_nothing(left, bert):
    right = step(bert)
    edit(bert, **LEFT[left])
    assert same(step(bert), right)


@pytest.mark.parametrize("architecture", ["distilbert", "xlnet", "gpt2"])
def test_nor_in_other_architectures(architecture, tmp_path):
    save_backbone(tmp_path, architecture)
    right = step(tmp_path)
    for left in LEFT.values():
        edit(tmp_path, **left)
    assert same(step(tmp_path), right)


@pytest.mark.parametrize("num_labels", [1, 3])
def test_nor_in_a_task_of_another_kind(num_labels, bert):
    right = step(bert, num_labels)
    edit(bert, num_labels=2, problem_type="single_label_classification", id2label={"0": "a", "1": "b"})
    assert same(step(bert, num_labels), right)


def test_what_the_encoder_is_stays(bert):
    edit(bert, hidden_act="relu", layer_norm_eps=1e-5, attention_probs_dropout_prob=0.0, initializer_range=0.5)
    backbone = backbones.load(str(bert), num_labels=2)
    kept = backbone.model.config
    assert (kept.hidden_act, kept.layer_norm_eps, kept.attention_probs_dropout_prob) == ("relu", 1e-5, 0.0)
    assert 0.3 < head(backbone)["classifier.weight"].std() < 0.8


def test_the_masked_language_model_forgets_the_same_settings(tmp_path):
    save_backbone(tmp_path, "roberta")
    edit(tmp_path, return_dict=False, output_hidden_states=True, problem_type="regression")
    backbone = backbones.load(str(tmp_path), num_labels=2)
    ids = backbone.tokenizer(["a [MASK] c"], return_tensors="pt")
    assert attach(backbone)(**ids).shape == (1, len(backbone.tokenizer))


def test_weights_in_bfloat16_become_float32(bert):
    weights = {name: value.bfloat16() for name, value in load_file(bert / "model.safetensors").items()}
    save_file(weights, bert / "model.safetensors", metadata={"format": "pt"})
    edit(bert, dtype="bfloat16")
    backbone = backbones.load(str(bert), num_labels=2)
    assert {p.dtype for p in backbone.model.parameters()} == {torch.float32}
    name = "encoder.layer.0.output.dense.weight"
    assert torch.equal(backbone.anchors[f"bert.{name}"], weights[name].float())


@pytest.mark.parametrize(
    ("kind", "word"), [(torch.int64, "I64"), (torch.complex64, "C64"), (torch.float8_e4m3fn, "F8_E4M3")]
)
def test_weights_that_are_no_floats_are_refused(bert, kind, word):
    weights = load_file(bert / "model.safetensors")
    name = "encoder.layer.0.output.dense.weight"
    weights |= {name: weights[name].to(kind), "embeddings.position_ids": torch.arange(8)[None]}  # a buffer of old
    save_file(weights, bert / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ValueError, match=rf"{name} is stored as {word}; fine-tuning needs one of F64, F32, BF16, F16"):
        backbones.load(str(bert), num_labels=2)


# --- one task after another ---

KINDS = {"mrpc": 2, "mnli": 3, "stsb": 1}


@pytest.fixture(scope="module")
def tuned(tmp_path_factory):
    """Of each kind of task a model that finetune wrote, from one small BERT."""
    root = tmp_path_factory.mktemp("tuned")
    save_backbone(root / "bert")
    save_glue(root / "glue", *KINDS)
    for task in KINDS:
        go(root, root / "bert", task, root / task)
    return root


def go(root, backbone, task, out=None):
    settings = {"steps": 2, "batch_size": 4, "max_length": 32, "lr": 1e-3, "evaluate_every": 2}
    recipe = Recipe(backbone=str(backbone), task=task, **settings)
    return finetune(recipe, out=out, data_folder=root / "glue", device="cpu", progress=False)


@pytest.mark.parametrize("then", KINDS)
@pytest.mark.parametrize("first", KINDS)
def test_a_model_goes_on_to_a_task_of_any_kind(first, then, tuned):
    model = tuned / first / "model"
    done = go(tuned, model, then)
    backbone = backbones.load(str(model), num_labels=KINDS[then])
    written = load_file(model / "model.safetensors")
    assert same(head(backbone), head(backbones.load(str(tuned / "bert"), num_labels=KINDS[then])))
    assert set(backbone.anchors) == set(written) - set(head(backbone))
    assert all(torch.equal(backbone.anchors[name], written[name]) for name in backbone.anchors)
    assert done.evaluations[0]["distance"] == 0
    assert 0 < done.final["distance"] < 1


# --- padding ---


def logits_alone_and_together(backbone):
    texts = (["a b", "c"], ["d", "e f g h a b c d"])
    alone, together = (
        backbone.model(**backbone.tokenizer(*(part[:n] for part in texts), padding=True, return_tensors="pt")).logits[0]
        for n in (1, 2)
    )
    return alone, together


@pytest.mark.parametrize(("architecture", "number"), [("bert", 7), ("gpt2", 7), ("xlnet", -1), ("distilbert", 10**9)])
def test_the_tokenizer_knows_the_padding_token(architecture, number, tmp_path):
    """GPT-2 looks for the last token that is none."""
    save_backbone(tmp_path, architecture)
    edit(tmp_path, pad_token_id=number)
    backbone = backbones.load(str(tmp_path), num_labels=2)
    assert backbone.model.config.pad_token_id == backbone.tokenizer.pad_token_id
    alone, together = logits_alone_and_together(backbone)
    assert torch.allclose(alone, together, atol=1e-6)


def test_positions_that_are_counted_from_the_padding_token_are_not_guessed(tmp_path):
    save_backbone(tmp_path, "roberta")
    edit(tmp_path, pad_token_id=1)
    with pytest.raises(ValueError, match=r"pads with token 0, .* behind token 1; .*pad_token_id agree"):
        backbones.load(str(tmp_path), num_labels=2)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_padding_is_put_where_the_model_does_not_look(architecture, tmp_path, caplog):
    save_backbone(tmp_path, architecture)
    side = "right" if architecture == "xlnet" else "left"  # the wrong one
    edit(tmp_path, "tokenizer_config.json", padding_side=side, model_input_names=["x"])
    backbone = backbones.load(str(tmp_path), num_labels=2)
    assert backbone.tokenizer.padding_side == ("left" if architecture == "xlnet" else "right")
    alone, together = logits_alone_and_together(backbone)
    assert torch.allclose(alone, together, atol=1e-6)
    assert not caplog.records


def test_a_text_may_be_as_long_as_there_are_positions(tmp_path):
    """40 of them; RoBERTa counts from behind its padding token, and BERT does not, even with as many words."""
    for architecture, most in (("bert", 40), ("roberta", 39), ("xlnet", 10**30)):
        save_backbone(tmp_path / architecture, architecture)
        assert backbones.load(str(tmp_path / architecture), num_labels=2).tokenizer.model_max_length == most
    small = {"vocab_size": 22, "max_position_embeddings": 22, "hidden_size": 8, "num_hidden_layers": 1}
    small |= {"num_attention_heads": 1, "intermediate_size": 8, "pad_token_id": 0}
    save_backbone(tmp_path / "same", config=BertConfig(**small))
    assert backbones.load(str(tmp_path / "same"), num_labels=2).tokenizer.model_max_length == 22


@pytest.mark.parametrize("said", ["x", -1, 0, None, float("inf"), 10**40])
def test_a_length_that_is_none(said, bert):
    edit(bert, "tokenizer_config.json", model_max_length=said)
    assert backbones.load(str(bert), num_labels=2).tokenizer.model_max_length == 40
