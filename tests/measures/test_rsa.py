"""RSA and CKA against slow float64 references that are written as the formulas are read, and by their laws."""

import itertools

import numpy as np
import pytest
from small import refused

from recall_learn.measures import rsa as measures
from recall_learn.measures.rsa import Alike, by_layer, cka, rsa


@pytest.fixture
def generator():
    return np.random.default_rng(0)


def drawn(generator, n=40, widths=(7, 5)):
    """Two sets of states that have something in common."""
    common = generator.normal(size=(n, 3))
    return tuple(
        common @ generator.normal(size=(3, width)) + generator.normal(size=(n, width)) + 0.3 for width in widths
    )


def slow_rsa(x, y):
    def cosine(states, i, j):
        a, b = states[i], states[j]
        return sum(a * b) / np.sqrt(sum(a * a) * sum(b * b))

    pairs = list(itertools.combinations(range(len(x)), 2))
    return np.corrcoef([cosine(x, *pair) for pair in pairs], [cosine(y, *pair) for pair in pairs])[0, 1]


def slow_hsic(k, l, debiased):  # noqa: E741
    n = len(k)
    if not debiased:
        h = np.eye(n) - 1 / n
        return np.trace(k @ h @ l @ h) / (n - 1) ** 2
    k, l, one = k - np.diag(np.diag(k)), l - np.diag(np.diag(l)), np.ones(n)  # noqa: E741
    return (
        np.trace(k @ l) + (one @ k @ one) * (one @ l @ one) / ((n - 1) * (n - 2)) - 2 / (n - 2) * (one @ k @ l @ one)
    ) / (n * (n - 3))


def slow_cka(x, y, debiased):
    k, l = x @ x.T, y @ y.T  # noqa: E741
    hsic = slow_hsic(k, l, debiased)
    return hsic / np.sqrt(slow_hsic(k, k, debiased) * slow_hsic(l, l, debiased))


def rotation(generator, width):
    return np.linalg.qr(generator.normal(size=(width, width)))[0]


@pytest.mark.parametrize("block", [1, 7, 40, 512])
def test_rsa_is_the_correlation_of_all_pairs(generator, monkeypatch, block):
    monkeypatch.setattr(measures, "BLOCK", block)
    x, y = drawn(generator)
    right = slow_rsa(x, y)
    assert 0.1 < right < 0.9
    assert rsa(x, y) == pytest.approx(right, abs=1e-12)


def test_rsa_of_states_that_point_one_way(generator):
    """As a trained encoder's do: all cosines near 1."""
    x, y = (states + 1e4 for states in drawn(generator))
    assert rsa(x, y) == pytest.approx(slow_rsa(x, y), abs=1e-6)


@pytest.mark.parametrize("debiased", [False, True])
def test_cka_is_what_the_kernels_give(generator, debiased):
    x, y = drawn(generator)
    right = slow_cka(x, y, debiased)
    assert 0.05 < right < 0.9
    assert cka(x, y, debiased=debiased) == pytest.approx(right, abs=1e-12)
    assert cka(y, x, debiased=debiased) == pytest.approx(right, abs=1e-12)


@pytest.mark.parametrize("debiased", [False, True])
def test_cka_in_float32_of_real_size_is_within_a_millionth(generator, debiased):
    x, y = (states.astype(np.float32) for states in drawn(generator, n=300, widths=(384, 384)))
    right = slow_cka(x.astype(np.float64), y.astype(np.float64), debiased)
    assert cka(x, y, debiased=debiased) == pytest.approx(right, abs=1e-6)


def test_a_set_of_states_is_wholly_like_itself(generator):
    x, _ = drawn(generator)
    for found in (rsa(x, x), cka(x, x), cka(x, x, debiased=True)):
        assert found == pytest.approx(1, abs=1e-12)


def test_a_rotation_and_a_scale_change_nothing(generator):
    x, y = drawn(generator)
    turned = -3.5 * y @ rotation(generator, y.shape[1])
    assert rsa(x, turned) == pytest.approx(rsa(x, y), abs=1e-12)
    for debiased in (False, True):
        assert cka(x, turned, debiased=debiased) == pytest.approx(cka(x, y, debiased=debiased), abs=1e-12)


def test_a_shared_offset_changes_rsa_and_not_cka(generator):
    x, y = drawn(generator)
    moved = y + 2 * generator.normal(size=y.shape[1])
    assert abs(rsa(x, moved) - rsa(x, y)) > 0.05
    for debiased in (False, True):
        assert cka(x, moved, debiased=debiased) == pytest.approx(cka(x, y, debiased=debiased), abs=1e-12)


def test_a_scale_of_its_own_for_each_token_changes_cka_and_not_rsa(generator):
    x, y = drawn(generator)
    scaled = y * generator.uniform(0.1, 3, size=(len(y), 1))
    assert rsa(x, scaled) == pytest.approx(rsa(x, y), abs=1e-12)
    assert abs(cka(x, scaled) - cka(x, y)) > 0.02


def test_the_bias_of_cka_is_that_of_few_tokens_and_the_debiased_has_none(generator):
    pairs = [generator.normal(size=(2, 30, 40)) for _ in range(60)]
    plain, debiased = (np.array([cka(x, y, debiased=which) for x, y in pairs]) for which in (False, True))
    assert plain.min() > 0.3  # where nothing is in common
    assert abs(debiased.mean()) < 3 * debiased.std() / np.sqrt(60)
    assert debiased.min() < 0


def test_layers_are_compared_one_by_one(generator):
    before = np.stack([drawn(generator)[0] for _ in range(3)])
    after = before.copy()
    after[2] = before[1]
    found = by_layer(before, after)
    assert [each.layer for each in found] == [0, 1, 2]
    assert found[2] == Alike(
        2, rsa(before[2], before[1]), cka(before[2], before[1]), cka(before[2], before[1], debiased=True)
    )
    assert found[0].rsa == found[0].cka == pytest.approx(1)


def test_bad_inputs_are_refused(generator):
    x, y = drawn(generator)
    refused(lambda: rsa(x, y[:-1]), ValueError, "x and y hold 40 and 39 states", "the same tokens")
    refused(lambda: rsa(x[0], y), ValueError, "x is of the shape (7,)", "[tokens, width]")
    refused(lambda: rsa(x[:2], y[:2]), ValueError, "x is of the shape (2, 7)", "3 or more")
    refused(lambda: cka(x[:3], y[:3], debiased=True), ValueError, "4 or more")
    refused(lambda: cka(x, np.full_like(y, np.nan)), ValueError, "y holds nan or inf")
    refused(lambda: rsa(x, np.vstack([y[:-1], 0 * y[:1]])), ValueError, "y[39] is zero", "no cosine")
    refused(lambda: rsa(x, np.ones_like(y)), ValueError, "y has one cosine for all pairs")
    refused(lambda: cka(np.ones_like(x), y), ValueError, "x has the same state for all tokens")
    refused(lambda: by_layer(np.stack([x]), np.stack([y, y])), ValueError, "equally many layers")
