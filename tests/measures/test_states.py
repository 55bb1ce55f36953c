"""Hidden states of every layer: against one text at a time, for every architecture, and leaving the model alone."""

import copy

import numpy as np
import pytest
import torch
from small import ARCHITECTURES, refused, save_backbone
from transformers import AutoModel, AutoTokenizer

from recall_learn.measures.similarity import embed
from recall_learn.measures.states import sentence_states, token_states, word_states

TEXTS = ["a b c d e", "a", "h g f", "abc b ah", "a b"]


@pytest.fixture(scope="module", params=ARCHITECTURES)
def encoder(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    save_backbone(folder, request.param)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    return AutoModel.from_pretrained(folder).eval(), tokenizer


@pytest.fixture(scope="module")
def bert_like(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bert")
    save_backbone(folder)
    return AutoModel.from_pretrained(folder).eval(), AutoTokenizer.from_pretrained(folder)


def alone(model, tokenizer, text, **options):
    """The states of one text by itself, float64 [layers + 1, tokens, width], and its tokens."""
    encoded = tokenizer(text, return_tensors="pt", **options)
    with torch.no_grad():
        found = model(**encoded, output_hidden_states=True).hidden_states
    return np.stack([each[0].double().numpy() for each in found]), encoded


def test_each_layer_is_that_of_a_sentence_alone(encoder):
    model, tokenizer = encoder
    means, firsts = (sentence_states(model, tokenizer, TEXTS, pool=pool, batch_size=3) for pool in ("mean", "first"))
    assert means.dtype == np.float32
    assert means.shape == firsts.shape == (3, len(TEXTS), 16)
    for i, text in enumerate(TEXTS):
        right, _ = alone(model, tokenizer, text)
        np.testing.assert_allclose(means[:, i], right.mean(1), atol=2e-6)
        np.testing.assert_allclose(firsts[:, i], right[:, 0], atol=2e-6)


def test_tokens_come_text_after_text_without_special_ones(encoder):
    model, tokenizer = encoder
    found = token_states(model, tokenizer, TEXTS, batch_size=3)
    at = 0
    for i, text in enumerate(TEXTS):
        right, encoded = alone(model, tokenizer, text)
        ids = encoded["input_ids"][0].tolist()
        kept = [n for n, token in enumerate(ids) if token not in (2, 3)]
        there = slice(at, at + len(kept))
        np.testing.assert_allclose(found.values[:, there], right[:, kept], atol=2e-6)
        assert found.token[there].tolist() == [ids[n] for n in kept]
        assert found.text[there].tolist() == [i] * len(kept)
        at += len(kept)
    assert found.values.shape[1] == at


def test_a_word_is_the_mean_of_its_tokens(encoder):
    model, tokenizer = encoder
    texts, places = [["a", "bcd", "h"], ["ab"], ["g", "f"]], [(1, 0), (0, 1), (2, 1), (0, 2)]
    found = word_states(model, tokenizer, texts, places, batch_size=2)
    for n, (text, word) in enumerate(places):
        right, encoded = alone(model, tokenizer, texts[text], is_split_into_words=True)
        inside = [i for i, each in enumerate(encoded.word_ids(0)) if each == word]
        assert len(inside) == len(texts[text][word])
        np.testing.assert_allclose(found[:, n], right[:, inside].mean(1), atol=2e-6)


def test_the_last_layer_is_what_similarity_embeds(bert_like):
    model, tokenizer = bert_like
    last = sentence_states(model, tokenizer, TEXTS)[-1]
    np.testing.assert_allclose(
        last / np.linalg.norm(last, axis=1, keepdims=True), embed(model, tokenizer, TEXTS), atol=1e-6
    )


def test_the_model_is_left_as_it_was_and_nothing_is_drawn(bert_like):
    model, tokenizer = copy.deepcopy(bert_like[0]), bert_like[1]
    model.train()
    model.encoder.layer[1].eval()
    modes = [module.training for module in model.modules()]
    state = torch.random.get_rng_state()
    one, two = (sentence_states(model, tokenizer, TEXTS, batch_size=size) for size in (1, 5))
    token_states(model, tokenizer, TEXTS)
    np.testing.assert_allclose(one, two, atol=1e-6)
    assert [module.training for module in model.modules()] == modes
    assert torch.equal(torch.random.get_rng_state(), state)
    assert all(p.grad is None for p in model.parameters())


def test_a_long_text_is_cut(bert_like):
    model, tokenizer = bert_like
    long = " ".join("abcdefgh" * 3)
    cut = sentence_states(model, tokenizer, [long], max_length=6)[:, 0]
    right, _ = alone(model, tokenizer, long, truncation=True, max_length=6)
    np.testing.assert_allclose(cut, right.mean(1), atol=2e-6)


def test_bad_inputs_are_refused(bert_like):
    model, tokenizer = bert_like
    refused(lambda: sentence_states(model, tokenizer, []), ValueError, "texts is []", "at least one text")
    refused(lambda: token_states(model, tokenizer, "a b"), ValueError, "texts is 'a b'")
    refused(lambda: sentence_states(model, tokenizer, ["a"], pool="max"), ValueError, "pool is 'max'", "mean or first")
    refused(lambda: sentence_states(model, tokenizer, ["a"], batch_size=0), ValueError, "batch_size is 0")
    refused(lambda: sentence_states(model, tokenizer, ["a"], max_length=0), ValueError, "max_length is 0")
    refused(lambda: word_states(model, tokenizer, [["a"]], [(0, 1)]), ValueError, "places[0] is (0, 1)", "no token")

    class Bare(torch.nn.Linear):
        def forward(self, input_ids, **_):
            return input_ids

    refused(lambda: sentence_states(Bare(1, 1), tokenizer, ["a"]), ValueError, "Bare gives no hidden_states")
