"""A look has the settings that it needs, whatever the notebook has set, and puts all of them back."""

import locale
import random
import sys
import warnings
from contextlib import suppress

import numpy as np
import pytest
import torch

from recall_learn.practice import examine, exercise
from recall_learn.practice.state import SETTINGS, standard
from recall_learn.practice.trying import made

NAMES = ["fisher_empirical", "ewc_penalty", "recadam_optimizer", "fisher_of_model", "sigmoid", "quadratic_minimum"]
SET = {
    "no gradients": lambda: torch.set_grad_enabled(False),
    "double precision": lambda: torch.set_default_dtype(torch.float64),
    "half precision": lambda: torch.set_default_dtype(torch.float16),
    "another device": lambda: torch.set_default_device("meta"),
    "determinism": lambda: torch.use_deterministic_algorithms(True),
    "anomalies": lambda: torch.autograd.set_detect_anomaly(True),
    "autocast": lambda: torch.set_autocast_enabled("cpu", True),
    "low matmul": lambda: torch.set_float32_matmul_precision("medium"),
    "numpy raises": lambda: np.seterr(all="raise"),
    "numpy calls": lambda: np.seterrcall(print),
    "warnings are errors": lambda: warnings.simplefilter("error"),
    "seeds": lambda: (torch.manual_seed(3), np.random.seed(3), random.seed(3)),  # noqa: NPY002
    "locale": lambda: locale.setlocale(locale.LC_ALL, "C"),
}


def settings():
    """All that a look could leave behind."""
    drawn = torch.get_rng_state().tolist(), str(np.random.get_state()), random.getstate()  # noqa: NPY002
    return [str(get()) for get, _, _ in SETTINGS], torch.get_default_device(), list(warnings.filters), drawn


@pytest.fixture
def put_back():
    before = [get() for get, _, _ in SETTINGS]
    with warnings.catch_warnings():
        yield
    for (_, put, _), was in zip(SETTINGS, before, strict=True):
        put(was)
    torch.set_default_device(None)


@pytest.mark.parametrize("name", NAMES)
def test_a_right_answer_passes_under_all_that_a_notebook_may_have_set(put_back, name):
    each = exercise.named(name)
    answer = made(each, each.code)
    for change in SET.values():
        change()
    before = settings()
    report = examine(each, answer, seed=0)
    assert report, report
    assert settings() == before


@pytest.mark.parametrize("change", SET.values(), ids=SET)
def test_what_an_answer_sets_counts_for_no_other_call_and_is_put_back(adding, put_back, change):
    seen = []

    def adds(a, b):
        seen.append(settings()[:2])
        change()
        return a + b

    before = settings()
    assert examine(adding, adds, seed=0)
    assert settings() == before
    assert all(each == seen[0] for each in seen)


@pytest.mark.parametrize("inside", [torch.no_grad, torch.inference_mode, lambda: torch.device("meta")])
def test_a_look_inside_a_block(adding, inside):
    with inside():
        before = settings()
        assert (
            examine(adding, lambda a, b: (a.requires_grad_() + b).detach() + torch.zeros(1), seed=0).status == "failed"
        )
        assert examine(adding, lambda a, b: a + b + torch.zeros(1), seed=0)
        assert settings() == before


def test_a_failure_puts_them_back_too(put_back):
    before = settings()
    with suppress(ZeroDivisionError), standard():
        for change in SET.values():
            change()
        sys.setrecursionlimit(5000)
        raise ZeroDivisionError
    assert settings() == before


def test_numbers_drawn_at_random_differ_from_call_to_call_and_are_the_same_for_a_seed(adding):
    def answer(seen):
        def adds(a, b):
            seen.append((random.random(), float(np.random.rand())))  # noqa: NPY002
            return a + b

        return adds

    first, again = [], []
    examine(adding, answer(first), seed=3)
    examine(adding, answer(again), seed=3)
    assert first == again
    assert len(set(first)) == len(first)
