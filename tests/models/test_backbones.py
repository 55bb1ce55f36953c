"""Backbones: six architectures and GPT-2, saved small and loaded back; and what cannot be loaded."""

import dataclasses
import json
import logging
import pickle
import sys

import numpy as np
import pytest
import torch
import transformers
from alike import head
from safetensors.torch import load_file, save_file
from small import ARCHITECTURES, SIZE, WIDE, refused, save_tokenizer
from small import save_backbone as save
from torch import nn

from recall_learn.models import backbones
from recall_learn.models.fishers import source_fisher
from recall_learn.models.masked_lm import attach
from recall_learn.theory.anchors import fingerprint


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


# --- every architecture ---


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_anchors_are_the_stored_encoder_and_the_head_has_none(architecture, tmp_path):
    saved = save(tmp_path, architecture)
    backbone = backbones.load(str(tmp_path), num_labels=3)
    prefix = f"{backbone.model.base_model_prefix}."
    stored = {prefix + name: value for name, value in saved.base_model.named_parameters()}
    named = dict(backbone.model.named_parameters())
    assert head(backbone)
    assert set(backbone.anchors) == set(named) - set(head(backbone))
    assert set(backbone.anchors) == set(stored) & set(named)
    assert backbone.unanchored == ()
    for name, anchor in backbone.anchors.items():
        assert torch.equal(anchor, stored[name]), name
        assert torch.equal(anchor, named[name]), name
        assert anchor.dtype == torch.float32
        assert not anchor.requires_grad
        assert anchor.data_ptr() != named[name].data_ptr()
    assert backbone.fingerprint == fingerprint(backbone.anchors)
    assert (backbone.name, backbone.source) == (str(tmp_path), "folder")


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_random_start_keeps_the_anchors_and_the_head(architecture, tmp_path):
    save(tmp_path, architecture)
    pretrained = backbones.load(str(tmp_path), num_labels=2, seed=5)
    random = backbones.load(str(tmp_path), num_labels=2, seed=5, init="random")
    encoder = backbones.encoder_parameters(random.model)
    assert same(random.anchors, pretrained.anchors)
    assert random.fingerprint == pretrained.fingerprint
    assert encoder.keys() == random.anchors.keys()
    assert not any(torch.equal(encoder[name], random.anchors[name]) for name in encoder)
    assert same(head(random), head(pretrained))
    assert same(
        encoder, backbones.encoder_parameters(backbones.load(str(tmp_path), num_labels=2, seed=5, init="random").model)
    )
    other = backbones.encoder_parameters(backbones.load(str(tmp_path), num_labels=2, seed=6, init="random").model)
    assert not same(encoder, other)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_seed_draws_the_head_and_the_global_state_is_left_alone(architecture, tmp_path):
    save(tmp_path, architecture)
    torch.manual_seed(1)
    state = torch.get_rng_state()
    first = backbones.load(str(tmp_path), num_labels=2, seed=0)
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(2)
    assert same(head(first), head(backbones.load(str(tmp_path), num_labels=2, seed=0)))
    assert not same(head(first), head(backbones.load(str(tmp_path), num_labels=2, seed=1)))


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize(("num_labels", "problem"), [(1, "regression"), (3, "single_label_classification")])
def test_it_reads_a_padded_batch_of_pairs(architecture, num_labels, problem, tmp_path):
    save(tmp_path, architecture)
    backbone = backbones.load(str(tmp_path), num_labels=num_labels)
    assert backbone.model.config.problem_type == problem
    assert not backbone.model.training
    batch = backbone.tokenizer(["a b", "c"], ["d", "e f g"], padding=True, return_tensors="pt")
    labels = torch.tensor([2.5, 0.5]) if num_labels == 1 else torch.tensor([2, 0])
    out = backbone.model(**batch, labels=labels)
    if num_labels == 1:
        reference = ((out.logits[:, 0] - labels) ** 2).mean()
    else:
        reference = -out.logits.log_softmax(-1)[[0, 1], labels].mean()
    assert out.loss.item() == pytest.approx(reference.item(), rel=1e-5)
    alone = backbone.model(**backbone.tokenizer(["a b"], ["d"], return_tensors="pt"))
    assert torch.allclose(alone.logits[0], out.logits[0], atol=1e-5)  # padding changes nothing


# --- what a checkpoint may hold and lack ---


def test_a_pooler_that_was_not_saved_is_not_anchored_and_is_reported_once(tmp_path, caplog):
    save(tmp_path, model_class=transformers.BertForMaskedLM)
    with caplog.at_level(logging.WARNING, logger="recall_learn"):
        backbone = backbones.load(str(tmp_path), num_labels=2, seed=3)
    pooler = ("bert.pooler.dense.weight", "bert.pooler.dense.bias")
    assert backbone.unanchored == pooler
    assert set(backbone.anchors) == set(backbones.encoder_parameters(backbone.model)) - set(pooler)
    (record,) = [record for record in caplog.records if record.name.startswith("recall_learn")]
    assert all(name in record.getMessage() for name in pooler)
    # drawn from the seed, like the head
    again = backbones.load(str(tmp_path), num_labels=2, seed=3, init="random").model.bert.pooler.dense.weight
    assert torch.equal(backbone.model.bert.pooler.dense.weight, again)


def test_a_part_of_the_head_that_was_pretrained_is_anchored_and_a_former_tasks_head_is_not(tmp_path):
    config = transformers.ModernBertConfig(
        **SIZE, **WIDE, bos_token_id=2, eos_token_id=3, cls_token_id=2, sep_token_id=3
    )
    saved = transformers.ModernBertForMaskedLM(config)
    with torch.no_grad():
        for p in saved.head.parameters():
            p.normal_()
    saved.save_pretrained(tmp_path)
    save_tokenizer(tmp_path)
    backbone = backbones.load(str(tmp_path), num_labels=3)
    named = dict(backbone.model.named_parameters())
    assert set(named) - set(backbone.anchors) == {"classifier.weight", "classifier.bias"}
    for name in ("head.dense.weight", "head.norm.weight"):
        assert torch.equal(backbone.anchors[name], dict(saved.named_parameters())[name])
        assert torch.equal(backbone.anchors[name], named[name])
    # its Fisher at the pretraining is known as well
    batch = backbone.tokenizer(["a b", "c d"], return_tensors="pt")
    batch["input_ids"][:, 2] = backbone.tokenizer.mask_token_id
    masked_lm = attach(backbone)
    fisher = source_fisher(backbone, masked_lm, [(batch, torch.tensor([6, 7]))], "empirical")
    assert list(fisher) == list(backbone.anchors)
    assert fisher["head.dense.weight"].any()
    assert not masked_lm.model.head.dense.weight.requires_grad
    # of a finished classifier the encoder alone is taken, whether its labels are as many or not
    backbone.model.save_pretrained(tmp_path)
    for labels in (3, 2):
        again = backbones.load(str(tmp_path), num_labels=labels)
        assert again.anchors.keys() == {name for name in backbone.anchors if name.startswith("model.")}


def test_nothing_is_reported_where_all_was_saved(bert, caplog, capfd):
    with caplog.at_level(logging.WARNING):
        backbones.load(str(bert), num_labels=2)
    assert not caplog.records
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("level", ["info", "warning"])
def test_transformers_is_as_talkative_afterwards_as_before(level, bert):
    noise = transformers.utils.logging
    before = noise.get_verbosity(), noise.is_progress_bar_enabled()
    try:
        getattr(noise, f"set_verbosity_{level}")()
        chosen = noise.get_verbosity(), noise.is_progress_bar_enabled()
        backbones.load(str(bert), num_labels=2)
        assert (noise.get_verbosity(), noise.is_progress_bar_enabled()) == chosen
    finally:
        noise.set_verbosity(before[0])


@pytest.mark.parametrize("stored_labels", [2, 5])
def test_a_head_that_was_saved_is_not_used(stored_labels, tmp_path, bert):
    config = transformers.BertConfig(
        **SIZE, **WIDE, num_labels=stored_labels, problem_type="multi_label_classification"
    )
    tuned = transformers.BertForSequenceClassification(config)
    tuned.save_pretrained(tmp_path / "tuned")
    save_tokenizer(tmp_path / "tuned")
    backbone = backbones.load(str(tmp_path / "tuned"), num_labels=2, seed=4)
    assert torch.equal(backbone.anchors["bert.pooler.dense.weight"], tuned.bert.pooler.dense.weight)
    assert same(head(backbone), head(backbones.load(str(bert), num_labels=2, seed=4)))
    assert backbone.model.config.problem_type == "single_label_classification"


def test_half_precision_becomes_float32(bert):
    weights = {name: value.half() for name, value in load_file(bert / "model.safetensors").items()}
    save_file(weights, bert / "model.safetensors", metadata={"format": "pt"})
    config = json.loads((bert / "config.json").read_text())
    (bert / "config.json").write_text(json.dumps(config | {"dtype": "float16"}))
    backbone = backbones.load(str(bert), num_labels=2)
    assert {p.dtype for p in backbone.model.parameters()} == {torch.float32}
    key = "encoder.layer.0.output.dense.weight"
    assert torch.equal(backbone.anchors[f"bert.{key}"], weights[key].float())


def test_the_old_names_of_layer_norm_are_read(bert):
    """bert-base-uncased on the hub has gamma and beta where the model has weight and bias."""
    old = {"LayerNorm.weight": "LayerNorm.gamma", "LayerNorm.bias": "LayerNorm.beta"}
    weights = load_file(bert / "model.safetensors")
    renamed = {}
    for name, value in weights.items():
        for new, before in old.items():
            name = name.replace(new, before)
        renamed[name] = value
    save_file(renamed, bert / "model.safetensors", metadata={"format": "pt"})
    backbone = backbones.load(str(bert), num_labels=2)
    assert backbone.unanchored == ()
    assert torch.equal(backbone.anchors["bert.embeddings.LayerNorm.weight"], weights["embeddings.LayerNorm.weight"])


def test_a_file_that_is_overwritten_later_changes_nothing(bert):
    """Transformers maps the file into memory: a save into the same folder would move the anchors."""
    backbone = backbones.load(str(bert), num_labels=2)
    with open(bert / "model.safetensors", "r+b") as file:
        size = file.seek(0, 2)
        file.seek(size // 2)
        file.write(b"\x00" * (size - size // 2))
    assert fingerprint(backbone.anchors) == backbone.fingerprint
    assert same(backbones.encoder_parameters(backbone.model), backbone.anchors)


def test_shards_are_read_and_a_missing_one_is_named(tmp_path):
    model = save(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    model.save_pretrained(tmp_path, max_shard_size="8KB")
    shards = sorted(tmp_path.glob("model-*.safetensors"))
    assert len(shards) > 1
    backbone = backbones.load(str(tmp_path), num_labels=2)
    assert torch.equal(backbone.anchors["bert.pooler.dense.weight"], model.pooler.dense.weight)
    shards[-1].unlink()
    refused(lambda: backbones.load(str(tmp_path), num_labels=2), FileNotFoundError, shards[-1].name)


# --- the encoder's parameters ---


class Tied(nn.Module):
    """An encoder whose weight the head uses too, beside a bias of the head's own."""

    def __init__(self):
        super().__init__()
        self.body = nn.Linear(2, 2)
        self.out = nn.Linear(2, 2)
        self.out.weight = self.body.weight

    @property
    def base_model(self):
        return self.body


def test_a_tied_weight_is_the_encoders_and_counted_once():
    model = Tied()
    assert list(backbones.encoder_parameters(model)) == ["body.weight", "body.bias"]
    assert backbones.encoder_parameters(model)["body.weight"] is model.body.weight


def test_a_frozen_parameter_still_belongs_to_the_encoder():
    model = Tied()
    model.body.bias.requires_grad_(False)
    assert "body.bias" in backbones.encoder_parameters(model)


def test_a_model_without_a_head_or_without_an_encoder():
    config, _ = ARCHITECTURES["bert"]
    refused(lambda: backbones.encoder_parameters(transformers.BertModel(config)), ValueError, "BertModel", "head")
    refused(lambda: backbones.encoder_parameters(nn.Linear(2, 2)), ValueError, "Linear", "base_model")


def test_the_backbone_is_frozen(bert):
    backbone = backbones.load(str(bert), num_labels=2)
    with pytest.raises(dataclasses.FrozenInstanceError):
        backbone.name = "other"


# --- what cannot be loaded ---


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        *(("num_labels", 0), ("num_labels", True), ("num_labels", 2.0), ("num_labels", 100_001)),
        *(("seed", -1), ("seed", None), ("seed", 2**64), ("init", "zeros")),
    ],
)
def test_bad_arguments(argument, value):
    arguments = {"num_labels": 2} | {argument: value}
    refused(lambda: backbones.load("minilm", **arguments), ValueError, argument, repr(value))


def test_an_integer_too_large_to_write(bert):
    refused(lambda: backbones.load(str(bert), num_labels=10**5000), ValueError, "num_labels", "5001 digits")


def test_numpys_whole_numbers_are_whole_numbers(bert):
    one, other = (backbones.load(str(bert), num_labels=n, seed=s) for n, s in ((3, 7), (np.int64(3), np.uint8(7))))
    assert same(head(one), head(other))


@pytest.mark.parametrize("name", ["a/b/c", "/no/such/folder", "./nowhere", "two words", "~nobody_of_that_name/model"])
def test_a_name_that_can_be_nothing(name):
    refused(lambda: backbones.load(name, num_labels=2), ValueError, repr(name), "minilm", "folder", "hub id")


@pytest.mark.parametrize("name", ["", None, 3])
def test_no_name(name):
    refused(lambda: backbones.load(name, num_labels=2), ValueError, "backbone", repr(name))


@pytest.mark.parametrize(
    ("gone", "lacks"),
    [("config.json", "config.json"), ("model.safetensors", "safetensors"), ("tokenizer.json", "no tokenizer")],
)
def test_a_folder_that_lacks_something(gone, lacks, bert):
    (bert / gone).unlink()
    refused(lambda: backbones.load(str(bert), num_labels=2), FileNotFoundError, str(bert), lacks)


class Trap:
    def __reduce__(self):
        return (sys.exit, ("a pickle was run",))


def test_a_pickle_is_never_read(bert):
    (bert / "model.safetensors").unlink()
    (bert / "pytorch_model.bin").write_bytes(pickle.dumps(Trap()))
    refused(lambda: backbones.load(str(bert), num_labels=2), FileNotFoundError, "only pytorch_model.bin")


def test_code_in_a_folder_is_never_run(bert):
    config = json.loads((bert / "config.json").read_text())
    auto_map = {"AutoConfig": "trap.Config", "AutoModelForSequenceClassification": "trap.Model"}
    (bert / "config.json").write_text(json.dumps(config | {"model_type": "trap", "auto_map": auto_map}))
    (bert / "trap.py").write_text("raise SystemExit('foreign code was run')")
    refused(lambda: backbones.load(str(bert), num_labels=2), ValueError, str(bert), "'trap'")


@pytest.mark.parametrize(
    ("name", "said"),
    [("config.json", "is damaged"), ("model.safetensors", "cannot be read"), ("tokenizer.json", "is damaged")],
)
def test_a_damaged_file(name, said, bert):
    (bert / name).write_bytes(b"\x00not what it was")
    refused(lambda: backbones.load(str(bert), num_labels=2), ValueError, str(bert / name), said)


def test_an_encoder_of_another_size(bert):
    config = json.loads((bert / "config.json").read_text())
    (bert / "config.json").write_text(json.dumps(config | {"intermediate_size": 32}))
    refused(
        lambda: backbones.load(str(bert), num_labels=2), ValueError, "layer.0.intermediate.dense.bias", "(24,)", "(32,)"
    )


def test_a_checkpoint_of_something_else(bert):
    save_file({"other": torch.zeros(2)}, bert / "model.safetensors", metadata={"format": "pt"})
    refused(lambda: backbones.load(str(bert), num_labels=2), ValueError, str(bert), "no encoder weights")


def test_a_tokenizer_with_more_tokens_than_embeddings(tmp_path):
    small = transformers.BertConfig(**(SIZE | {"vocab_size": 9}), **WIDE)
    transformers.BertModel(small).save_pretrained(tmp_path)
    save_tokenizer(tmp_path)
    refused(lambda: backbones.load(str(tmp_path), num_labels=2), ValueError, "22 tokens", "embeddings")


def test_a_model_that_cannot_classify(tmp_path):
    config = transformers.CLIPVisionConfig(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16
    )
    transformers.CLIPVisionModel(config).save_pretrained(tmp_path)
    save_tokenizer(tmp_path)
    refused(lambda: backbones.load(str(tmp_path), num_labels=2), ValueError, "sequence classifier")
