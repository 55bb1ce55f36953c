"""A thread's own random numbers: those that the process's generators would give, and nobody else's business."""

import random
import threading

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from recall_learn.support.random_state import DRAWS, Dice, draws, own_randomness

DRAWN = {
    "rand": lambda: torch.rand(7),
    "randn": lambda: torch.randn(2, 9),
    "randint": lambda: torch.randint(5, (9,)),
    "randperm": lambda: torch.randperm(9),
    "rand_like": lambda: torch.rand_like(torch.zeros(4)),
    "bernoulli": lambda: torch.bernoulli(torch.full((40,), 0.5)),
    "normal": lambda: torch.normal(0.0, 1.0, (20,)),
    "multinomial": lambda: torch.multinomial(torch.ones(9), 4),
    "normal_": lambda: torch.zeros(20).normal_(),
    "uniform_": lambda: torch.zeros(20).uniform_(),
    "random_": lambda: torch.zeros(20).random_(99),
    "bernoulli_": lambda: torch.zeros(20).bernoulli_(0.3),
    "exponential_": lambda: torch.zeros(20).exponential_(),
    "linear": lambda: nn.Linear(5, 3).weight.detach(),
    "embedding": lambda: nn.Embedding(5, 3).weight.detach(),
    "trunc_normal_": lambda: nn.init.trunc_normal_(torch.zeros(20)),
    "orthogonal_": lambda: nn.init.orthogonal_(torch.zeros(4, 4)),
    "dropout": lambda: nn.Dropout(0.3)(torch.ones(50)),
    "dropout in place": lambda: F.dropout(torch.ones(50), 0.3, inplace=True),
}


@pytest.mark.parametrize("name", DRAWN)
def test_they_are_those_of_the_process_after_a_seed(name):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        expected = [DRAWN[name](), DRAWN[name]()]
        torch.manual_seed(6)
        untouched = torch.get_rng_state()
        with Dice(5):
            found = [DRAWN[name](), DRAWN[name]()]
        assert torch.equal(torch.get_rng_state(), untouched)
    for one, other in zip(found, expected, strict=True):
        assert torch.equal(one, other)


def test_what_is_given_a_generator_draws_from_it():
    expected = torch.rand(3, generator=torch.Generator().manual_seed(1))
    with Dice(5):
        assert torch.equal(torch.rand(3, generator=torch.Generator().manual_seed(1)), expected)


def test_everything_that_takes_a_generator_is_known():
    """What torch says of itself, so that a new one does not pass by."""
    taking = {getattr(torch, name) for name in ("rand", "randn", "randint", "randperm", "bernoulli", "normal")}
    assert taking | {torch.multinomial, torch.Tensor.normal_, torch.Tensor.cauchy_} <= DRAWS


@pytest.mark.parametrize("masked", [False, True])
def test_attention_with_dropout_is_attention_with_a_mask_that_is_drawn(masked):
    g = torch.Generator().manual_seed(2)
    q, k, v = (torch.randn(2, 3, 5, 4, generator=g, dtype=torch.float64, requires_grad=True) for _ in range(3))
    mask = torch.rand(2, 1, 1, 5, generator=g) > 0.3 if masked else None
    with Dice(7):
        found = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, dropout_p=0.4)
    kept = torch.empty(2, 3, 5, 5, dtype=torch.bool).bernoulli_(0.6, generator=torch.Generator().manual_seed(7))
    scores = q @ k.transpose(-1, -2) / 2
    shares = (scores if mask is None else scores.masked_fill(~mask, -torch.inf)).softmax(-1)
    expected = (shares * kept / 0.6) @ v
    torch.testing.assert_close(found, expected)
    for one, other in zip(*(torch.autograd.grad(y.square().sum(), (q, k, v)) for y in (found, expected)), strict=True):
        torch.testing.assert_close(one, other)
    with Dice(7):
        plain = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
    torch.testing.assert_close(plain, shares @ v)


def test_another_thread_draws_beside_it_and_neither_notices():
    stop, drawn, started = threading.Event(), [], threading.Event()

    def others():
        g = torch.Generator().manual_seed(3)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(3)
            while not stop.is_set():
                drawn.append(torch.equal(torch.rand(100), torch.rand(100, generator=g)))
                started.set()

    thread = threading.Thread(target=others)
    thread.start()
    try:
        started.wait(60)
        found = []
        for _ in range(3):
            with own_randomness(4):
                found.append([nn.Linear(30, 30).weight.detach().clone() for _ in range(20)])
    finally:
        stop.set()
        thread.join(60)
    assert all(drawn)
    assert all(torch.equal(a, b) for again in found[1:] for a, b in zip(again, found[0], strict=True))


def test_it_goes_on_from_its_state():
    dice = Dice(1)
    with dice:
        torch.rand(3)
    state, (once, again) = dice.state_dict(), (Dice(9), Dice(1))
    with dice:
        expected = torch.rand(5)
    once.load_state_dict(state)
    for each in (once, again):
        with each:
            assert torch.equal(torch.rand(5), expected) == (each is once)
    with pytest.raises(ValueError, match="the random state of cpu is none"):
        once.load_state_dict({"cpu": torch.zeros(3, dtype=torch.uint8)})


def test_pythons_and_numpys_are_left_alone():
    before = random.getstate(), np.random.get_state()[1].tolist()  # noqa: NPY002
    with own_randomness(4):
        nn.Linear(3, 3)
    assert before == (random.getstate(), np.random.get_state()[1].tolist())  # noqa: NPY002


def test_a_model_that_drops_nothing_draws_nothing():
    assert not draws(_with_config(hidden_dropout_prob=0.0, classifier_dropout=None))
    assert draws(_with_config(layerdrop=0.1))
    assert draws(nn.Sequential(nn.Dropout(0.1)))


def _with_config(**values):
    model = nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.0))
    model.config = type("Config", (), {"to_dict": lambda self: values})()
    return model
