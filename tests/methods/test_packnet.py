"""PackNet's isolation: which weights are closed, and that they stay so to the bit; what is put back is theta*."""

import numpy as np
import pytest
import torch
from small import refused
from ways import NEW, batched, bert, rows, weights

from recall_learn import compose
from recall_learn.methods import METHODS
from recall_learn.methods.expression import parse
from recall_learn.methods.packnet import free_entries


def trained(expression, steps=4, **given):
    model = bert()
    model.train()
    before = weights(model)
    composed = compose(expression, model, lr=1e-2, new=NEW, **given)
    for _ in range(steps):
        batch = batched(rows())
        composed.loss(model(**batch), batch).backward()
        composed.optimizer.step()
        composed.optimizer.zero_grad()
    return model, before


def is_matrix(name, tensor):
    return ".layer." in name and tensor.ndim == 2


@pytest.mark.parametrize("keep", [0.0, 0.1, 0.5, 0.77, 1.0])
@pytest.mark.parametrize("ties", [False, True])
def test_the_largest_are_closed_of_each_matrix_by_itself(keep, ties):
    weight = np.random.default_rng(0).normal(size=(7, 5))
    weight = np.round(weight) if ties else weight
    order = sorted(range(35), key=lambda i: (-abs(weight.flat[i]), i))
    free = np.ones(35, dtype=bool)
    free[order[: round(keep * 35)]] = False
    assert free_entries(torch.tensor(weight), keep).tolist() == free.reshape(7, 5).tolist()


@pytest.mark.parametrize("expression", ["packnet(keep=0.5)", "packnet(keep=0.5) + recadam(k=0.5, t0=2)"])
def test_what_is_closed_stays_to_the_bit_and_what_is_free_moves(expression):
    model, before = trained(expression, weight_decay=0.1)
    for name, now in weights(model).items():
        if is_matrix(name, now):
            moved = now != before[name]
            free = free_entries(before[name], 0.5)
            assert not moved[~free].any()
            assert moved[free].float().mean() > 0.9
        else:
            assert torch.equal(now, before[name]) == (
                name not in ("classifier.weight", "classifier.bias") and "pooler" not in name
            )


def test_with_theta_star_put_back_where_it_was_free_the_pretrained_model_is_there_again():
    model, before = trained("packnet(keep=0.3)")
    with torch.no_grad():
        for name, p in model.named_parameters():
            if is_matrix(name, p):
                free = free_entries(before[name], 0.3)
                p.copy_(torch.where(free, before[name], p))
    again, home = model.bert, bert().bert
    ids = batched(rows())["input_ids"]
    assert torch.equal(again.eval()(ids).last_hidden_state, home.eval()(ids).last_hidden_state)


def test_with_all_closed_what_is_behind_the_layers_trains_alone():
    model, before = trained("packnet(keep=1)")
    moved = {name for name, now in weights(model).items() if not torch.equal(now, before[name])}
    assert moved == {"bert.pooler.dense.weight", "bert.pooler.dense.bias", "classifier.weight", "classifier.bias"}


def test_with_none_closed_the_matrices_train_as_they_do_where_all_else_is_frozen():
    model, _ = trained("packnet(keep=0)")
    plain = bert()
    plain.train()
    for name, p in plain.named_parameters():
        p.requires_grad_(is_matrix(name, p) or name.startswith(("classifier", "bert.pooler")))
    optimizer = torch.optim.AdamW([p for p in plain.parameters() if p.requires_grad], lr=1e-2, weight_decay=0.0)
    for _ in range(4):
        optimizer.zero_grad()
        plain(**batched(rows())).loss.backward()
        optimizer.step()
    for name, p in plain.named_parameters():
        torch.testing.assert_close(dict(model.named_parameters())[name], p, rtol=1e-5, atol=1e-7)


def test_what_does_not_go_together_is_one_sentence():
    for text, says in [
        ("packnet + child-d", "packnet and child-d, which are each a mask"),
        ("packnet + lora", "lora, which freezes what was pretrained"),
        ("packnet(keep=1.5)", r"keep is 1.5; it has to be a number in [0, 1]"),
    ]:
        refused(lambda text=text: parse(text, METHODS), ValueError, says)
    refused(lambda: compose("packnet + reinit", bert(), lr=1e-2, new=NEW), ValueError, "anew, and it is frozen")
