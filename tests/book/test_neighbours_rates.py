"""What the folds on rates, data, masks and averages say, as `test_neighbours_numbers` does."""

import math

import numpy as np
import pytest
import torch
from neighbours import says
from torch import nn
from ways import bert

from recall_learn import compose
from recall_learn.methods import METHODS
from recall_learn.methods.packnet import free_entries
from recall_learn.methods.uncorrected import UncorrectedAdam
from recall_learn.methods.wise_ft import between
from recall_learn.models import backbones
from recall_learn.runs.soup import mean


def test_the_lowest_rate():
    rates = {}
    for decay in (2.6, 1.0526):
        model = bert(num_hidden_layers=12)
        groups = compose(f"layer-rates(decay={decay})", model, lr=2e-5, new=["classifier"]).optimizer.param_groups
        rates[decay] = min(group["lr"] for group in groups)
    exponent = math.floor(math.log10(rates[2.6]))
    says(
        "Rates by layer",
        f"$%.1f \\cdot 10^{{{exponent}}}$" % (rates[2.6] / 10**exponent),
        f"{rates[1.0526] / 2e-5:.2f} of the head's",
    )
    assert round(math.log(2e-5 / rates[2.6], 2.6)) == 13
    assert rates[2.6] * 1000 < 1e-7


def test_a_rate_below_nothing():
    method, printed, here = METHODS["slanted"](), [], []
    for steps in (19, 99):
        cut = math.floor(steps * method.cut_frac)
        p = 1 - (steps - 1 - cut) / (cut * (1 / method.cut_frac - 1))
        printed.append((1 + p * (method.ratio - 1)) / method.ratio)
        here.append(method.lr_schedule(steps)(steps - 1))
    says(
        "Slanted triangle", f"{printed[0]:.2f} and {printed[1]:.3f} of the highest", "{:+.3f} and {:+.3f}".format(*here)
    )


def test_what_300_steps_thaw():
    model = bert(num_hidden_layers=12)
    (acting,) = compose("thaw(every=50)", model, lr=1e-3, new=["classifier"])._acting
    begins = sorted({turn * acting.method.every + 1 for turn in acting.turns.values()})
    assert len([step for step in begins if step <= 300]) == 5
    says(
        "Gradual unfreezing",
        "Five layers",
        f"with step {begins[4]}",
        f"with {begins[5]}",
        "other seven",
        f"with step {begins[-1]}",
    )


def test_steps_that_are_too_long():
    weights = [nn.Parameter(torch.zeros(1, dtype=torch.float64)) for _ in range(2)]
    optimizers = UncorrectedAdam(weights[:1], lr=1.0), torch.optim.AdamW(weights[1:], lr=1.0, weight_decay=0.0)
    found = []
    for t in range(1, 1001):
        before = [float(p.detach()) for p in weights]
        for p, optimizer in zip(weights, optimizers, strict=True):
            p.grad = torch.ones_like(p)
            optimizer.step()
        if t in (1, 10, 100, 1000):
            lengths = [float(p.detach()) - was for p, was in zip(weights, before, strict=True)]
            found.append(lengths[0] / lengths[1])
    says("BERTAdam", "{:.2f}, {:.2f}, {:.2f} and {:.2f}.".format(*found))


def test_a_reservoir_with_n_left_out():
    """All draws of a short stream, and the product that they prove, for the stream of the question."""
    enters, stays = 5 / 19, math.prod(1 - 1 / n for n in range(5, 20))
    says("Replay of the source", f"5/20 = {5 / 20:.3f}", f"5/19 = {enters:.3f}", f"4/19 = {stays:.3f}")
    assert stays == pytest.approx(4 / 19)
    kept = 0
    for draw in np.ndindex(*range(2, 6)):  # a buffer of 2, items 2 to 5, each draw from 0 to n - 1
        buffer = [0, 1]
        for item, j in enumerate(draw, 2):
            if j < 2:
                buffer[j] = item
        kept += 0 in buffer
    assert kept / math.prod(range(2, 6)) == pytest.approx(math.prod(1 - 1 / n for n in range(2, 6)))


def test_what_the_larger_half_has():
    model = backbones.load("tiny", num_labels=2, seed=0).model
    matrices = [p.detach() for name, p in model.named_parameters() if ".layer." in name and p.ndim == 2]
    assert METHODS["packnet"]().keep == 0.5
    closed = sum(float(p[~free_entries(p, 0.5)].square().sum()) for p in matrices)
    share = closed / sum(float(p.square().sum()) for p in matrices)
    says("PackNet's isolation", f"{100 * share:.0f} % is closed")


def test_what_is_left_of_the_start():
    decay = 0.01 ** (1 / 200)
    for kept, share in ((0.999, 0.999**200), (decay, 0.01)):
        model = bert()
        composed = compose(f"ema(decay={kept})", model, lr=1e-3, new=["classifier"])
        start = model.bert.pooler.dense.weight.detach().clone()
        with torch.no_grad():
            model.bert.pooler.dense.weight.zero_()
        for _ in range(200):
            composed.optimizer.step()
        (acting,) = composed._acting
        average = acting.state_dict()["averages"]["bert.pooler.dense.weight"]
        torch.testing.assert_close(average, share * start, rtol=1e-3, atol=1e-7)
    says("EMA", f"$0.999^{{200}} = {0.999**200:.3f}$", f"0.01^{{1/200}} = {decay:.3f}$")


def test_half_way_between_two_models():
    home, now = torch.ones(2), torch.full((2,), 2.0)
    says(
        "WiSE-FT",
        f"it is {float(between(home, now, 0.5).prod()):g} x",
        f"outputs is {float((home.prod() + now.prod()) / 2):g} x",
    )


def test_a_soup_of_exchanged_units():
    def answer(model, x):
        return float(model["out"] @ torch.relu(model["in"] * x))

    one = {"in": torch.tensor([1.0, -1.0]), "out": torch.tensor([1.0, -1.0])}
    other = {name: each.flip(0) for name, each in one.items()}
    for x in (-2.0, 0.5):
        assert answer(one, x) == answer(other, x) == x
        assert answer(mean([one, other]), x) == 0
    says("Soup", "Each computes x.", "the soup computes 0")
