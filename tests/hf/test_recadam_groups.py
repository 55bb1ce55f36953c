"""recall_groups on small random models of every architecture: the encoder is recalled, the new head is not."""

import pytest
import torch
import transformers

from recall_learn.annealing import Constant
from recall_learn.recadam import RecAdam
from recall_learn.recalled import recall_groups

SIZE = {"vocab_size": 20, "pad_token_id": 0}
WIDE = {"hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 12}
BERT = transformers.BertConfig(**SIZE, **WIDE, max_position_embeddings=12)
GPT2 = transformers.GPT2Config(vocab_size=20, n_embd=8, n_layer=2, n_head=2, n_positions=12, pad_token_id=0)
T5 = transformers.T5Config(**SIZE, d_model=8, d_kv=4, d_ff=12, num_layers=2, num_heads=2, decoder_start_token_id=0)
ROBERTA = transformers.RobertaConfig(**SIZE, **WIDE, max_position_embeddings=16)
ALBERT = transformers.AlbertConfig(**SIZE, **WIDE, embedding_size=4, max_position_embeddings=12)
XLNET = transformers.XLNetConfig(vocab_size=20, d_model=8, n_layer=2, n_head=2, d_inner=12)
ELECTRA = transformers.ElectraConfig(**SIZE, **WIDE, embedding_size=4, max_position_embeddings=12)
DISTILBERT = transformers.DistilBertConfig(
    **SIZE, dim=8, n_layers=2, n_heads=2, hidden_dim=12, max_position_embeddings=12
)

# class, configuration, the first part of an encoder's names, a weight that has to be recalled, the head's first parts
MODELS = [
    (transformers.BertForSequenceClassification, BERT, "bert", "bert.pooler.dense.weight", {"classifier"}),
    (transformers.BertForTokenClassification, BERT, "bert", "bert.embeddings.LayerNorm.bias", {"classifier"}),
    (transformers.BertForMaskedLM, BERT, "bert", "bert.embeddings.word_embeddings.weight", {"cls"}),
    (
        transformers.RobertaForSequenceClassification,
        ROBERTA,
        "roberta",
        "roberta.embeddings.position_embeddings.weight",
        {"classifier"},
    ),
    (transformers.AlbertForSequenceClassification, ALBERT, "albert", "albert.pooler.weight", {"classifier"}),
    (
        transformers.XLNetForSequenceClassification,
        XLNET,
        "transformer",
        "transformer.layer.0.rel_attn.r",
        {"sequence_summary", "logits_proj"},
    ),
    (
        transformers.ElectraForSequenceClassification,
        ELECTRA,
        "electra",
        "electra.embeddings_project.weight",
        {"classifier"},
    ),
    (
        transformers.DistilBertForSequenceClassification,
        DISTILBERT,
        "distilbert",
        "distilbert.transformer.layer.1.ffn.lin2.bias",
        {"pre_classifier", "classifier"},
    ),
    (transformers.GPT2ForSequenceClassification, GPT2, "transformer", "transformer.wpe.weight", {"score"}),
    (
        transformers.T5ForSequenceClassification,
        T5,
        "transformer",
        "transformer.decoder.block.1.layer.2.DenseReluDense.wo.weight",
        {"classification_head"},
    ),
    (transformers.T5EncoderModel, T5, "encoder shared", "encoder.final_layer_norm.weight", set()),
    (transformers.BertModel, BERT, "embeddings encoder pooler", "pooler.dense.bias", set()),
]
every_model = pytest.mark.parametrize(
    ("kind", "config", "encoder", "recalled", "head"), MODELS, ids=[model[0].__name__ for model in MODELS]
)


def make(kind, config):
    torch.manual_seed(0)
    return kind(config)


@every_model
def test_the_encoder_is_recalled_and_the_head_is_not(kind, config, encoder, recalled, head):
    model = make(kind, config)
    groups = recall_groups(model, weight_decay=0.1)
    told = {name: group["recall"] for group in groups for name, _ in group["params"]}
    assert {name.split(".")[0] for name, recall in told.items() if recall} <= set(encoder.split())
    assert told[recalled]
    assert {name.split(".")[0] for name, recall in told.items() if not recall} == head


@every_model
def test_no_weight_is_lost_and_none_is_there_twice(kind, config, encoder, recalled, head):
    model = make(kind, config)
    named = [pair for group in recall_groups(model, weight_decay=0.1) for pair in group["params"]]
    assert len({id(p) for _, p in named}) == len(named)
    assert {name: id(p) for name, p in named} == {name: id(p) for name, p in model.named_parameters()}
    assert {id(p) for _, p in named} == {id(p) for p in model.parameters()}


@every_model
def test_weights_decay_and_biases_and_norms_do_not(kind, config, encoder, recalled, head):
    for group in recall_groups(make(kind, config), weight_decay=0.1):
        assert {group["weight_decay"]} == {0.1 if p.ndim > 1 else 0.0 for _, p in group["params"]}
    groups = recall_groups(make(kind, config))
    assert all(group["weight_decay"] == 0 for group in groups)
    assert len(groups) == len({group["recall"] for group in groups})


@every_model
def test_only_the_encoder_comes_home(kind, config, encoder, recalled, head):
    model = make(kind, config)
    groups = recall_groups(model)
    anchors = {name: torch.zeros_like(p) for group in groups if group["recall"] for name, p in group["params"]}
    optimizer = RecAdam(groups, 0.01, anneal=Constant(0), gamma=100.0, anchors=anchors)
    for p in model.parameters():
        p.grad = torch.ones_like(p)
    optimizer.step()
    for name, p in model.named_parameters():
        assert not p.any() if name in anchors else p.any(), name


def test_a_tied_decoder_is_the_embedding_it_is_tied_to():
    model = make(transformers.BertForMaskedLM, BERT)
    assert model.cls.predictions.decoder.weight is model.bert.embeddings.word_embeddings.weight
    told = {id(p): group["recall"] for group in recall_groups(model) for _, p in group["params"]}
    assert told[id(model.cls.predictions.decoder.weight)]
    assert not told[id(model.cls.predictions.transform.dense.weight)]


def test_frozen_weights_are_left_out():
    model = make(transformers.BertForSequenceClassification, BERT)
    model.bert.embeddings.requires_grad_(False)
    names = {name for group in recall_groups(model) for name, _ in group["params"]}
    assert names == {name for name, p in model.named_parameters() if p.requires_grad}
    assert not any(name.startswith("bert.embeddings") for name in names)


def test_a_substring_of_the_name_finds_no_encoder_here():
    # what the released script does, `"bert" in name`, and what it makes of other architectures: plain Adam
    for kind, config in (
        (transformers.GPT2ForSequenceClassification, GPT2),
        (transformers.XLNetForSequenceClassification, XLNET),
        (transformers.T5ForSequenceClassification, T5),
    ):
        model = make(kind, config)
        assert not any(model.config.model_type in name for name, _ in model.named_parameters())
        assert any(group["recall"] for group in recall_groups(model))


def test_a_wrapped_model_is_refused():
    with pytest.raises(ValueError, match="DataParallel has no base_model to recall"):
        recall_groups(torch.nn.DataParallel(make(transformers.BertForSequenceClassification, BERT)))
