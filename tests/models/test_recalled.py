"""recall_groups on models that a real checkpoint filled: recalled is what the file held, told by content."""

import copy

import pytest
import torch
import transformers as hf
from filled import MODELS, content, loaded, recalled, save, stored, told, under
from transformers.models.auto import modeling_auto

from recall_learn.methods.recadam.optimizer import RecAdam
from recall_learn.models.recalled import recall_groups
from recall_learn.models.stored import load_anchors
from recall_learn.theory.annealing import Constant

every_model = pytest.mark.parametrize(
    ("source", "kind", "config", "new"), MODELS, ids=[f"{model[0].__name__}-{model[1].__name__}" for model in MODELS]
)


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
