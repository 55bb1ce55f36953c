"""Minimal pairs: the score against a loop in float64, shares by field, and what tiny knows before any task."""

import json
from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from small import refused, save_backbone
from transformers import BertForMaskedLM, RobertaForMaskedLM

from recall_learn.measures import minimal_pairs
from recall_learn.measures.minimal_pairs import Share, grammar, pseudo_log_likelihood, read_pairs
from recall_learn.models import backbones
from recall_learn.models.masked_lm import attach
from recall_learn.world import World
from recall_learn.world import pairs as world_pairs
from recall_learn.world.pairs import Pair

SENTENCES = ["a b c", "abc d", "h", "a b c d e f g h a b", "b b b", "ah cd ef a"]


@pytest.fixture(params=[("bert", BertForMaskedLM), ("roberta", RobertaForMaskedLM)], ids=["bert", "roberta"])
def backbone(request, tmp_path):
    save_backbone(tmp_path, *request.param)
    return backbones.load(str(tmp_path), num_labels=2)


def by_hand(masked_lm, tokenizer, text):
    """Token after token, one sentence a pass, in float64."""
    model = masked_lm.model.double()
    ids, total = tokenizer(text)["input_ids"], 0.0
    for place in range(1, len(ids) - 1):  # the first and the last are special
        hidden = torch.tensor([[*ids[:place], tokenizer.mask_token_id, *ids[place + 1 :]]])
        with torch.no_grad():
            total += float(model(input_ids=hidden).logits[0, place].log_softmax(-1)[ids[place]])
    return total


def test_the_score_is_that_of_a_loop(backbone):
    found = pseudo_log_likelihood(attach(backbone), backbone.tokenizer, SENTENCES, batch_size=4)
    masked_lm = attach(backbone)
    masked_lm.model.double()
    expected = [by_hand(masked_lm, backbone.tokenizer, text) for text in SENTENCES]
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, expected, atol=2e-5)
    exact = pseudo_log_likelihood(masked_lm, backbone.tokenizer, SENTENCES, batch_size=3)
    np.testing.assert_allclose(exact, expected, rtol=1e-10)


def test_padding_from_the_left_and_a_mask_in_the_sentence_change_nothing(backbone):
    masked_lm, tokenizer = attach(backbone), backbone.tokenizer
    right = pseudo_log_likelihood(masked_lm, tokenizer, SENTENCES)
    tokenizer.padding_side = "left"
    assert np.array_equal(pseudo_log_likelihood(masked_lm, tokenizer, SENTENCES), right)
    text = f"a {tokenizer.mask_token} c"
    masked_lm.model.double()
    found = pseudo_log_likelihood(masked_lm, tokenizer, [text])[0]
    assert found == pytest.approx(by_hand(masked_lm, tokenizer, text), rel=1e-9)


def test_a_model_and_the_random_state_are_left_as_they_were(backbone):
    masked_lm = attach(backbone).train()
    state = torch.get_rng_state()
    once = pseudo_log_likelihood(masked_lm, backbone.tokenizer, SENTENCES)
    assert masked_lm.training
    assert torch.equal(torch.get_rng_state(), state)
    assert np.array_equal(once, pseudo_log_likelihood(masked_lm.eval(), backbone.tokenizer, SENTENCES))


def test_shares_by_field_and_equal_scores_are_wrong(backbone, monkeypatch):
    scores = {"a": -1.0, "b": -2.0, "c": -3.0, "d": -3.0}
    monkeypatch.setattr(
        minimal_pairs, "pseudo_log_likelihood", lambda m, t, texts, size: np.array([scores[x] for x in texts])
    )
    pairs = [
        Pair("a", "b", "p1", "syntax", "x"),
        Pair("b", "a", "p1", "syntax", "x"),
        Pair("a", "c", "p2", "syntax", "y"),
        Pair("c", "d", "p3", "semantics", "y"),
    ]
    found = grammar(attach(backbone), backbone.tokenizer, pairs)
    assert found.all == Share(0.5, 0.25, 4)
    assert found.fields == {"syntax": Share(2 / 3, pytest.approx((2 / 27) ** 0.5), 3), "semantics": Share(0, 0, 1)}
    assert {name: each.right for name, each in found.phenomena.items()} == {"x": 0.5, "y": 0.5}
    assert {name: each.pairs for name, each in found.paradigms.items()} == {"p1": 2, "p2": 1, "p3": 1}
    assert json.loads(json.dumps(found.to_dict()))["all"] == [0.5, 0.25, 4]


def test_what_cannot_be_scored(backbone):
    masked_lm, tokenizer = attach(backbone), backbone.tokenizer
    refused(lambda: grammar(masked_lm, tokenizer, []), ValueError, "pairs is empty")
    refused(lambda: pseudo_log_likelihood(masked_lm, tokenizer, []), ValueError, "sentences is empty")
    refused(lambda: pseudo_log_likelihood(masked_lm, tokenizer, ["a", ""]), ValueError, "''", "no token")
    long = " ".join("a" * 200)
    refused(lambda: pseudo_log_likelihood(masked_lm, tokenizer, [long]), ValueError, "202 tokens", "at most")


# --- BLiMP's layout ---


def write(folder, **columns):
    made = {
        "good": ["a b", "c d", "e f", "g h"],
        "bad": ["b a", "d c", "f e", "h g"],
        "paradigm": ["p", "q", "p", "p"],
        "field": ["syntax", "semantics", "syntax", "syntax"],
        "phenomenon": ["x", "y", "x", "x"],
    } | columns
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({name: cells for name, cells in made.items() if cells}), folder / "validation-0.parquet")


def test_pairs_are_read_from_a_folder_of_data_sets_or_their_own(tmp_path):
    write(tmp_path / "blimp")
    pairs = read_pairs(tmp_path)
    assert pairs == read_pairs(tmp_path / "blimp")
    assert [pair.good for pair in pairs] == ["a b", "e f", "g h", "c d"]  # paradigm after paradigm
    assert pairs[0] == Pair("a b", "b a", "p", "syntax", "x")
    assert [pair.good for pair in read_pairs(tmp_path, limit=2)] == ["a b", "e f", "c d"]


def test_a_field_that_is_written_in_two_ways_is_one(tmp_path):
    write(tmp_path, field=["syntax_semantics", "semantics", "syntax/semantics", "syntax_semantics"])
    assert {pair.field for pair in read_pairs(tmp_path)} == {"syntax_semantics", "semantics"}


def test_where_no_folder_is_named_the_variable_does(tmp_path, monkeypatch):
    write(tmp_path / "blimp")
    monkeypatch.setenv("RECALL_LEARN_DATA", str(tmp_path))
    assert read_pairs() == read_pairs(tmp_path)
    monkeypatch.delenv("RECALL_LEARN_DATA")
    refused(read_pairs, FileNotFoundError, "--data", "RECALL_LEARN_DATA", "FOLDER/blimp")


def test_what_is_no_folder_of_pairs(tmp_path):
    refused(lambda: read_pairs(tmp_path), FileNotFoundError, str(tmp_path), "validation-*.parquet")
    write(tmp_path / "a", field=None)
    refused(lambda: read_pairs(tmp_path / "a"), ValueError, "lacks the column 'field'")
    write(tmp_path / "b", bad=["x", None, "y", "z"])
    refused(lambda: read_pairs(tmp_path / "b"), ValueError, "'bad'", "1 gaps")
    write(tmp_path / "c")
    refused(lambda: read_pairs(tmp_path / "c", 0), ValueError, "limit is 0")


# --- the small world's own ---


def test_the_worlds_pairs_differ_in_one_point():
    pairs = world_pairs.minimal_pairs(World(), 25)
    assert pairs == world_pairs.minimal_pairs(World(), 25)
    assert pairs != world_pairs.minimal_pairs(World(), 25, seed=1)
    assert Counter(pair.paradigm for pair in pairs) == {name: 25 for name, _ in world_pairs.PARADIGMS}
    told = {sentence for passage in World().text("train") for sentence in passage}
    for pair in pairs:
        good, bad = (text.lower().rstrip(".").split() for text in (pair.good, pair.bad))
        assert len(good) == len(bad)
        assert pair.good not in told
        if pair.field in ("order", "roles"):
            assert sorted(good) == sorted(bad)
        else:
            assert sum(a != b for a, b in zip(good, bad, strict=True)) == 1


def test_no_bad_sentence_is_a_good_one_elsewhere_and_all_words_are_known():
    pairs = world_pairs.minimal_pairs(World(), 60)
    words = {word for pair in pairs for text in (pair.good, pair.bad) for word in text.lower().rstrip(".").split()}
    assert words <= set(World().vocabulary)
    told = {sentence for passage in World().text("train") for sentence in passage}
    assert told.isdisjoint(pair.bad for pair in pairs)
    assert {pair.good for pair in pairs}.isdisjoint(pair.bad for pair in pairs)


def test_too_many_pairs_are_refused():
    refused(lambda: world_pairs.minimal_pairs(World(), 0), ValueError, "count is 0")
    refused(lambda: world_pairs.minimal_pairs(World(), 5, seed=-1), ValueError, "seed is -1")


def test_what_tiny_knows_before_any_task():
    """Clearly more than half, and all of order and roles; but its verbs agree with the noun that is nearest."""
    backbone = backbones.load("tiny", num_labels=2)
    pairs = world_pairs.minimal_pairs(World(), 40)
    found = grammar(attach(backbone), backbone.tokenizer, pairs)
    assert found.all.right > 0.75
    assert found.fields["order"].right == found.fields["roles"].right == 1.0
    assert found.fields["selection"].right > 0.8
    assert found.paradigms["plain"].right > 0.95
    assert found.paradigms["attraction"].right < 0.4
