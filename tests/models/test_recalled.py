"""recall_groups on models that a real checkpoint filled: recalled is what the file held, told by content."""

import copy
import itertools

import pytest
import torch
import transformers as hf
from safetensors import safe_open
from torch import nn
from transformers.models.auto import modeling_auto

from recall_learn.methods.recadam.optimizer import RecAdam
from recall_learn.models.recalled import pretrained_parameters, recall_groups
from recall_learn.models.stored import load_anchors
from recall_learn.theory.annealing import Constant

SIZE = {"vocab_size": 20, "pad_token_id": 0}
WIDE = {"hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 12}
BERT = hf.BertConfig(**SIZE, **WIDE, max_position_embeddings=12)
GPT2 = hf.GPT2Config(vocab_size=20, n_embd=8, n_layer=2, n_head=2, n_positions=12, pad_token_id=0)
UNTIED = hf.GPT2Config(**{**GPT2.to_dict(), "tie_word_embeddings": False})
T5 = hf.T5Config(**SIZE, d_model=8, d_kv=4, d_ff=12, num_layers=2, num_heads=2, decoder_start_token_id=0)
ROBERTA = hf.RobertaConfig(**SIZE, **WIDE, max_position_embeddings=16)
ALBERT = hf.AlbertConfig(**SIZE, **WIDE, embedding_size=4, max_position_embeddings=12)
XLNET = hf.XLNetConfig(vocab_size=20, d_model=8, n_layer=2, n_head=2, d_inner=12)
DISTILBERT = hf.DistilBertConfig(**SIZE, dim=8, n_layers=2, n_heads=2, hidden_dim=12, max_position_embeddings=12)
MODERNBERT = hf.ModernBertConfig(**SIZE, **WIDE, bos_token_id=1, eos_token_id=2, cls_token_id=1, sep_token_id=2)
VISION = {**WIDE, "image_size": 8, "patch_size": 4}
TEXT = {**SIZE, **WIDE, "max_position_embeddings": 12, "bos_token_id": 1, "eos_token_id": 2}
CLIP = hf.CLIPConfig(text_config=TEXT, vision_config=VISION, projection_dim=8)
SIGLIP = hf.SiglipConfig(text_config=TEXT, vision_config=VISION)
WHISPER = hf.WhisperConfig(
    vocab_size=20, num_mel_bins=4, d_model=8, encoder_layers=2, decoder_layers=2, encoder_attention_heads=2,
    decoder_attention_heads=2, encoder_ffn_dim=12, decoder_ffn_dim=12, max_source_positions=8, max_target_positions=8,
    pad_token_id=0, bos_token_id=1, eos_token_id=2, decoder_start_token_id=1, classifier_proj_size=8,
)  # fmt: skip
PERCEIVER = hf.PerceiverConfig(
    vocab_size=20, d_model=8, d_latents=8, num_latents=4, num_blocks=1, num_self_attends_per_block=1,
    num_self_attention_heads=2, num_cross_attention_heads=2, max_position_embeddings=12, qk_channels=8, v_channels=8,
)  # fmt: skip

# what was saved, what it is loaded into, their configuration, and what is new then: first names, or whole ones
MODELS = [
    (hf.BertForPreTraining, hf.BertForSequenceClassification, BERT, {"classifier"}),
    (hf.BertForMaskedLM, hf.BertForSequenceClassification, BERT, {"classifier", "bert.pooler.dense"}),
    (hf.BertForMaskedLM, hf.BertForTokenClassification, BERT, {"classifier"}),
    (hf.BertForMaskedLM, hf.BertForMaskedLM, BERT, set()),
    (hf.BertModel, hf.BertForMaskedLM, BERT, {"cls"}),
    (hf.BertModel, hf.BertModel, BERT, set()),
    (hf.DistilBertForMaskedLM, hf.DistilBertForSequenceClassification, DISTILBERT, {"pre_classifier", "classifier"}),
    (hf.RobertaForMaskedLM, hf.RobertaForSequenceClassification, ROBERTA, {"classifier"}),
    (hf.AlbertForPreTraining, hf.AlbertForSequenceClassification, ALBERT, {"classifier"}),
    (hf.ModernBertForMaskedLM, hf.ModernBertForSequenceClassification, MODERNBERT, {"classifier"}),
    (hf.GPT2LMHeadModel, hf.GPT2ForSequenceClassification, GPT2, {"score"}),
    (hf.GPT2LMHeadModel, hf.GPT2LMHeadModel, GPT2, set()),
    (hf.GPT2LMHeadModel, hf.GPT2LMHeadModel, UNTIED, set()),
    (hf.GPT2Model, hf.GPT2LMHeadModel, UNTIED, {"lm_head"}),
    (hf.T5ForConditionalGeneration, hf.T5ForSequenceClassification, T5, {"classification_head"}),
    (hf.T5ForConditionalGeneration, hf.T5ForQuestionAnswering, T5, {"qa_outputs"}),
    (hf.T5ForConditionalGeneration, hf.T5EncoderModel, T5, set()),
    (hf.XLNetLMHeadModel, hf.XLNetForSequenceClassification, XLNET, {"sequence_summary", "logits_proj"}),
    (hf.CLIPModel, hf.CLIPForImageClassification, CLIP, {"classifier"}),
    (hf.SiglipModel, hf.SiglipForImageClassification, SIGLIP, {"classifier"}),
    (hf.WhisperForConditionalGeneration, hf.WhisperForAudioClassification, WHISPER, {"classifier", "projector"}),
    (hf.PerceiverForMaskedLM, hf.PerceiverForSequenceClassification, PERCEIVER, {"perceiver.decoder"}),
]
every_model = pytest.mark.parametrize(
    ("source", "kind", "config", "new"), MODELS, ids=[f"{model[0].__name__}-{model[1].__name__}" for model in MODELS]
)


@torch.no_grad()
def save(source, config, folder):
    """A checkpoint in which no two numbers are equal, so that a tensor of it is known wherever it turns up."""
    torch.manual_seed(0)
    model = source(copy.deepcopy(config))
    for p in model.parameters():
        p.normal_()
    model.save_pretrained(folder)
    return model


def stored(*folders):
    """The tensors in checkpoints, as bytes."""
    tensors = []
    for file in itertools.chain(*(folder.glob("*.safetensors") for folder in folders)):
        with safe_open(file, "pt") as opened:
            tensors += [opened.get_tensor(name) for name in opened.keys()]  # noqa: SIM118 no dictionary
    return {content(tensor) for tensor in tensors}


def content(tensor):
    return tuple(tensor.shape), tensor.detach().contiguous().numpy().tobytes()


def told(model, **more):
    return {name: group["recall"] for group in recall_groups(model, **more) for name, _ in group["params"]}


def recalled(model, **more):
    return {name for name, recall in told(model, **more).items() if recall}


def under(names, first):
    return {name for name in names if any(name == part or name.startswith(f"{part}.") for part in first)}


@every_model
def test_recalled_is_what_the_checkpoint_held(source, kind, config, new, tmp_path):
    save(source, config, tmp_path)
    model, report = kind.from_pretrained(tmp_path, output_loading_info=True)
    names = dict(model.named_parameters())
    held = {name for name, p in names.items() if content(p) in stored(tmp_path)}
    assert recalled(model) == held == set(names) - under(names, new)
    assert set(told(model)) == set(names)
    # and what the load reported says the same, where no parameter shows it
    for said in (report, report["missing_keys"]):
        assert recalled(copy.deepcopy(model), new=said) == held
    assert set(load_anchors(tmp_path, model)) == held
    assert recalled(copy.deepcopy(model), anchors=load_anchors(tmp_path, model)) == held


@every_model
def test_every_weight_is_there_once_and_only_matrices_decay(source, kind, config, new, tmp_path):
    save(source, config, tmp_path)
    model = kind.from_pretrained(tmp_path)
    groups = recall_groups(model, weight_decay=0.1)
    named = [pair for group in groups for pair in group["params"]]
    assert len(named) == len({id(p) for _, p in named}) == len(list(model.parameters()))
    assert {name: id(p) for name, p in named} == {name: id(p) for name, p in model.named_parameters()}
    for group in groups:
        assert {group["weight_decay"]} == {0.1 if p.ndim > 1 else 0.0 for _, p in group["params"]}
    plain = recall_groups(model)
    assert all(group["weight_decay"] == 0 for group in plain)
    assert len(plain) == len({group["recall"] for group in plain})


def loaded(folder, source=hf.BertForMaskedLM, kind=hf.BertForSequenceClassification, config=BERT):
    save(source, config, folder)
    return kind.from_pretrained(folder)


def test_only_what_is_recalled_comes_home(tmp_path):
    model = loaded(tmp_path)
    groups = recall_groups(model)
    zeros = {name: torch.zeros_like(p) for group in groups if group["recall"] for name, p in group["params"]}
    optimizer = RecAdam(groups, 0.01, anneal=Constant(0), gamma=100.0, anchors=zeros)
    for p in model.parameters():
        p.grad = torch.ones_like(p)
    optimizer.step()
    assert {name for name, p in model.named_parameters() if p.any()} == {
        *("bert.pooler.dense.weight", "bert.pooler.dense.bias", "classifier.weight", "classifier.bias")
    }


# what AutoModelForSequenceClassification makes: kinds that a small configuration suits
TINY = {
    **dict.fromkeys(
        ("hidden_size", "d_model", "n_embd", "dim", "embedding_size", "emb_dim", "word_embed_proj_dim"), 16
    ),
    "word_embed_proj_dim": 16,
    **dict.fromkeys(("intermediate_size", "hidden_dim", "d_ff", "d_inner", "ffn_dim", "ffn_hidden_size"), 24),
    **dict.fromkeys(("encoder_ffn_dim", "decoder_ffn_dim", "max_position_embeddings", "n_positions"), 24),
    **dict.fromkeys(("num_hidden_layers", "n_layer", "n_layers", "num_layers", "encoder_layers", "decoder_layers"), 2),
    **dict.fromkeys(("num_decoder_layers", "num_attention_heads", "n_head", "n_heads", "num_heads"), 2),
    **dict.fromkeys(("encoder_attention_heads", "decoder_attention_heads", "num_key_value_heads"), 2),
    **{"d_kv": 8, "rotary_dim": 4, "vocab_size": 32, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2},
    **{"cls_token_id": 1, "sep_token_id": 2, "decoder_start_token_id": 0, "type_vocab_size": 2},
}
KINDS = (
    "albert", "bart", "bert", "big_bird", "biogpt", "bloom", "camembert", "convbert", "data2vec-text",
    "deberta", "deberta-v2", "distilbert", "electra", "ernie", "esm", "eurobert", "flaubert", "fnet", "gemma",
    "gpt2", "gpt_bigcode", "gpt_neox", "gptj", "layoutlm", "llama", "longformer", "mbart", "megatron-bert",
    "mistral", "mobilebert", "modernbert", "mpnet", "mpt", "mra", "mt5", "mvp", "nystromformer", "openai-gpt",
    "opt", "phi", "plbart", "qwen2", "rembert", "roberta", "roberta-prelayernorm", "roformer", "squeezebert",
    "stablelm", "t5", "tapas", "umt5", "xlm", "xlm-roberta", "xmod", "yoso",
)  # fmt: skip


@pytest.mark.parametrize("name", KINDS)
def test_of_every_sequence_classifier_the_loaded_is_recalled_and_the_missing_is_not(name, tmp_path):
    config = hf.AutoConfig.for_model(name)
    for key, value in TINY.items():
        if hasattr(config, key):
            setattr(config, key, value)
    config = type(config)(**{key: value for key, value in TINY.items() if hasattr(config, key)})
    sources = (modeling_auto.MODEL_FOR_MASKED_LM_MAPPING, modeling_auto.MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING)
    sources += (modeling_auto.MODEL_FOR_CAUSAL_LM_MAPPING, modeling_auto.MODEL_MAPPING)
    save(next(mapping[type(config)] for mapping in sources if type(config) in mapping), config, tmp_path)
    model, report = hf.AutoModelForSequenceClassification.from_pretrained(tmp_path, output_loading_info=True)
    found = stored(tmp_path)
    held = {name for name, p in model.named_parameters() if content(p) in found}
    assert recalled(model) == held
    assert held
    assert held.isdisjoint(report["missing_keys"])
    assert set(told(model)) - held


def test_a_tied_decoder_is_the_embedding_it_is_tied_to(tmp_path):
    model = loaded(tmp_path, kind=hf.BertForMaskedLM)
    assert model.cls.predictions.decoder.weight is model.bert.embeddings.word_embeddings.weight
    names = told(model)
    assert names["bert.embeddings.word_embeddings.weight"]
    assert "cls.predictions.decoder.weight" not in names


def test_frozen_weights_are_left_out(tmp_path):
    model = loaded(tmp_path)
    model.bert.embeddings.requires_grad_(False)
    assert set(told(model)) == {name for name, p in model.named_parameters() if p.requires_grad}
    assert not under(told(model), ["bert.embeddings"])
    assert under(pretrained_parameters(model), ["bert.embeddings"])
    model.requires_grad_(False)
    with pytest.raises(ValueError, match="BertForSequenceClassification has no parameter that requires a gradient"):
        recall_groups(model)


def test_a_model_of_two_encoders_has_new_cross_attention(tmp_path):
    for part in ("left", "right"):
        save(hf.BertForMaskedLM, BERT, tmp_path / part)
    model = hf.EncoderDecoderModel.from_encoder_decoder_pretrained(tmp_path / "left", tmp_path / "right")
    found = stored(tmp_path / "left", tmp_path / "right")
    held = {name for name, p in model.named_parameters() if content(p) in found}
    assert recalled(model) == held
    assert {name for name in told(model) if "crossattention" in name} <= set(told(model)) - held
    assert {"encoder.embeddings.word_embeddings.weight", "decoder.cls.predictions.bias"} <= held


class Tower(nn.Module):
    """A model of one's own around a loaded encoder."""

    def __init__(self, encoder):
        super().__init__()
        self.encoder = encoder
        self.head = nn.Linear(8, 2)


class Odd(hf.BertPreTrainedModel):
    """A class of one's own whose encoder has another name than base_model_prefix: base_model is the model itself."""

    def __init__(self, config):
        super().__init__(config)
        self.encoder = hf.BertModel(config)
        self.head = nn.Linear(8, 2)
        self.post_init()


def test_a_model_of_ones_own_around_a_loaded_encoder(tmp_path):
    save(hf.BertForPreTraining, BERT, tmp_path)
    model = Tower(hf.BertModel.from_pretrained(tmp_path))
    assert set(told(model)) - recalled(model) == {"head.weight", "head.bias"}
    assert set(load_anchors(tmp_path, model)) == recalled(model)
    odd = Odd(copy.deepcopy(BERT))
    odd.encoder = hf.BertModel.from_pretrained(tmp_path)
    assert odd.base_model is odd
    assert set(told(odd)) - recalled(odd) == {"head.weight", "head.bias"}
    odd.save_pretrained(tmp_path / "odd")
    again = Odd.from_pretrained(tmp_path / "odd")
    again.head = nn.Linear(8, 3)
    assert set(told(again)) - recalled(again) == {"head.weight", "head.bias"}


class Adapter(nn.Module):
    """A frozen layer and a trainable difference of low rank."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer.requires_grad_(False)
        self.down, self.up = nn.Linear(layer.in_features, 2), nn.Linear(2, layer.out_features)


def test_adapters_on_frozen_weights_are_new(tmp_path):
    model = loaded(tmp_path).requires_grad_(False)
    attention = model.bert.encoder.layer[0].attention.self
    attention.query = Adapter(attention.query)
    text = "has nothing to recall: of its 4 trainable parameters .*query.down.weight.* none is pretrained"
    with pytest.raises(ValueError, match=text):
        recall_groups(model)
    attention.key.bias.requires_grad_(True)
    assert recalled(model) == {"bert.encoder.layer.0.attention.self.key.bias"}


def test_what_is_drawn_anew_after_loading_is_new(tmp_path):
    model = loaded(tmp_path)
    before = recalled(model)
    model.bert.encoder.layer[1].output.dense = nn.Linear(12, 8)
    assert before - recalled(model) == {"bert.encoder.layer.1.output.dense." + part for part in ("weight", "bias")}
    # named, where the parameters are drawn in place; the pooler stays new without being named
    model.bert.encoder.layer[1].output.dense.weight.data.normal_()
    more = recalled(model) - recalled(model, new=["bert.encoder.layer.1", "bert.embeddings.LayerNorm.bias"])
    assert more == under(recalled(model), ["bert.encoder.layer.1", "bert.embeddings.LayerNorm.bias"])


def test_a_head_of_other_labels_is_new_and_one_of_the_same_is_recalled(tmp_path):
    save(hf.BertForSequenceClassification, BERT, tmp_path)
    settings = {"num_labels": 3, "ignore_mismatched_sizes": True, "output_loading_info": True}
    model, report = hf.BertForSequenceClassification.from_pretrained(tmp_path, **settings)
    head = {"classifier.weight", "classifier.bias"}
    assert set(told(model)) - recalled(model) == head
    for new in (report, report["mismatched_keys"]):
        assert set(told(model)) - recalled(copy.deepcopy(model), new=new) == head
    finished = hf.BertForSequenceClassification.from_pretrained(tmp_path)
    assert recalled(finished) == set(told(finished))
    assert set(told(finished)) - recalled(finished, new=["classifier."]) == head


def test_the_answer_of_load_state_dict_says_what_is_new():
    model = hf.GPT2LMHeadModel(copy.deepcopy(GPT2))
    state = {name: p for name, p in hf.GPT2Model(copy.deepcopy(GPT2)).state_dict().items() if "h.1." not in name}
    answer = model.load_state_dict({f"transformer.{name}": p for name, p in state.items()}, strict=False)
    assert "lm_head.weight" in answer.missing_keys  # the second name of a tensor that was there
    names = told(model, new=answer)
    assert {name for name, recall in names.items() if not recall} == under(names, ["transformer.h.1"])


@pytest.mark.parametrize(
    ("new", "text"),
    [
        (["score"], "new has 'score', which names no parameter and no module"),
        (["class"], "new has 'class', which names no"),
        (["classifier", "pooler"], "new has 'pooler', which names no"),
        ({"missing_keys": ["embeddings.word_embeddings.weight"]}, "new has 'embeddings.word_embeddings.weight'"),
        ("classifier", "new is 'classifier'; it has to be the loading info"),
        (3, "new is 3; it has to be the loading info"),
        ({"classifier": 1}, "it has to be the loading info"),
        ([3], "new has 3; it has to be a name"),
        ([""], "new has ''; it has to be a name"),
    ],
)
def test_new_names_that_name_nothing_are_refused(new, text, tmp_path):
    with pytest.raises(ValueError, match=text) as caught:
        recall_groups(hf.BertForSequenceClassification(copy.deepcopy(BERT)), new=new)
    assert "\n" not in str(caught.value)


def test_one_name_of_a_tied_weight_is_refused():
    model = hf.GPT2LMHeadModel(copy.deepcopy(GPT2))
    with pytest.raises(ValueError, match=r"'lm_head\.weight', which is tied to 'transformer\.wte\.weight'"):
        recall_groups(model, new=["lm_head"])
    both = recalled(model, new=["lm_head", "transformer.wte"])
    assert set(told(model, new=[])) - both == {"transformer.wte.weight"}


@pytest.mark.parametrize("wrong", [[("bert.pooler.dense.bias", 1)], {"a": torch.ones(1)}, {"classifier.": 1}, 3])
def test_anchors_that_do_not_fit_are_refused(wrong):
    model = hf.BertForSequenceClassification(copy.deepcopy(BERT))
    with pytest.raises(ValueError, match=r"anchors (has|is)"):
        recall_groups(model, anchors=wrong)
    fitting = {"bert.pooler.dense.bias": torch.ones(8)}
    assert recalled(model, anchors=fitting) == set(fitting)
    with pytest.raises(ValueError, match="new and anchors both say what is recalled"):
        recall_groups(model, anchors=fitting, new=["classifier"])


def test_where_it_cannot_be_told_nothing_is_guessed(tmp_path, monkeypatch):
    model = loaded(tmp_path)
    built = hf.BertForSequenceClassification(copy.deepcopy(BERT))
    text = r"cannot be told which weights of .* \(in 'bert', 'classifier'\) are pretrained.*new=.*load_anchors"
    for untold in (built, copy.deepcopy(model)):
        with pytest.raises(ValueError, match=text) as caught:
            recall_groups(untold)
        assert "\n" not in str(caught.value)
    # on all ranks but one transformers marks everything
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    monkeypatch.setenv("FSDP_CPU_RAM_EFFICIENT_LOADING", "true")
    with pytest.raises(ValueError, match="FSDP loads on one rank alone; name what is new"):
        recall_groups(model)
    assert set(told(model, new=["classifier"])) - recalled(model, new=["classifier"]) == {
        *("classifier.weight", "classifier.bias")
    }


def test_a_wrapped_model_is_refused(tmp_path):
    model = loaded(tmp_path)
    with pytest.raises(ValueError, match=r"DataParallel wraps the model; pass the model itself, its \.module"):
        recall_groups(nn.DataParallel(model))
    with pytest.raises(ValueError, match=r"OptimizedModule wraps the model; pass the model itself, its \._orig_mod"):
        recall_groups(torch.compile(model))
    with pytest.raises(ValueError, match=r"OptimizedModule wraps the model"):
        load_anchors(tmp_path, torch.compile(model))
    with pytest.raises(ValueError, match="model is a list; it has to be a torch module"):
        recall_groups(list(model.parameters()))


def test_rows_for_new_tokens_are_left_out_by_a_gamma_by_name(tmp_path):
    model = loaded(tmp_path)
    model.resize_token_embeddings(23, mean_resizing=False)
    name = "bert.embeddings.word_embeddings.weight"
    assert name in recalled(model)
    assert name not in recalled(model, new=[name])
    groups = recall_groups(model)
    gamma = {name: torch.full_like(p, 100.0) for group in groups if group["recall"] for name, p in group["params"]}
    gamma[name][20:] = 0
    zeros = {name: torch.zeros_like(p) for name, p in gamma.items()}
    optimizer = RecAdam(groups, 0.01, anneal=Constant(0), gamma=gamma, anchors=zeros)
    before = model.get_input_embeddings().weight.detach().clone()
    for p in model.parameters():
        p.grad = torch.zeros_like(p)
    optimizer.step()
    after = model.get_input_embeddings().weight
    assert not after[:20].any()
    assert torch.equal(after[20:], before[20:])
