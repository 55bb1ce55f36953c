"""Which layers keep the examples apart, and which models fall back to the loop."""

import logging

import pytest
import torch
from kinds import (
    ALONE,
    IDS,
    TOGETHER,
    Positions,
    Sparse,
    Tied,
    Twice,
    Words,
    assert_agree,
    exact,
)
from torch import nn

from recall_learn.theory.fisher import fisher_diagonal


@pytest.mark.parametrize("kind", TOGETHER)
def test_examples_that_go_together(kind, caplog):
    model = kind()
    assert_agree(fisher_diagonal(model, [(IDS, None)]), exact(model, IDS))
    assert_agree(fisher_diagonal(model, [(IDS[:1],), (IDS[1:],)]), exact(model, IDS))
    assert not caplog.records


@pytest.mark.parametrize("kind", ALONE)
def test_models_that_go_through_the_loop(kind, caplog):
    model = kind()
    assert_agree(fisher_diagonal(model, [(IDS, None)]), exact(model, IDS))
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "one example at a time, because" in caplog.text
    # a batch of one has no examples to mix up: the next batch is checked nevertheless
    assert_agree(fisher_diagonal(model, [(IDS[:1],), (IDS[1:],)]), exact(model, IDS))


def test_sparse_gradients_of_the_loop_are_understood(caplog):
    model = Sparse()
    model.extra = nn.Parameter(torch.zeros(1, dtype=torch.float64))
    assert_agree(fisher_diagonal(model, [(IDS, None)]), exact(model, IDS))
    assert "'extra'" in caplog.text


def test_few_or_many_examples_in_the_buffer(monkeypatch, caplog):
    for size in (1, 80, 110, 10**6):  # 110: three examples of mid.weight, then the last one
        monkeypatch.setattr("recall_learn.theory.per_example.BUFFER", {"cpu": size})
        for kind in (Twice, Tied, Words):
            model = kind()
            assert_agree(fisher_diagonal(model, [(IDS, None)]), exact(model, IDS))
    assert not caplog.records


def test_frozen_weights_are_left_out(caplog):
    model = Words()
    model.words.weight.requires_grad_(False)
    model.mid.bias.requires_grad_(False)
    found = fisher_diagonal(model, [(IDS, None)])
    assert list(found) == ["head.weight", "head.bias", "mid.weight"]
    assert_agree(found, exact(model, IDS))
    assert not caplog.records


def test_tied_weights_come_once():
    model = Tied()
    found = fisher_diagonal(model, [(IDS, None)])
    assert list(found) == list(dict(model.named_parameters()))
    assert "decoder.weight" not in found
    assert found["words.weight"][0].norm() > 0  # the padding row: none as a word, some as an answer


def test_float32_and_bfloat16():
    right = exact(Positions(), IDS)
    for dtype, bound in ((torch.float32, 1e-5), (torch.bfloat16, 0.1)):
        found = fisher_diagonal(Positions().to(dtype), [(IDS, None)])
        assert all(f.dtype == torch.float32 for f in found.values())
        assert_agree({k: f.double() for k, f in found.items()}, right, bound)


def test_autocast_is_close():
    with torch.autocast("cpu", torch.bfloat16):
        found = fisher_diagonal(Positions().float(), [(IDS, None)])
    assert_agree({k: f.double() for k, f in found.items()}, exact(Positions(), IDS), 0.1)
