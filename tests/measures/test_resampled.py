"""The bootstrap over seeds: against all resamples one by one, against the binomial that a share has, and by laws."""

from itertools import product

import numpy as np
import pytest
from scipy import stats
from small import refused

from recall_learn.measures.resampled import interval


@pytest.mark.parametrize("failed", [1, 6, 10, 19])
def test_a_share_has_the_binomial_interval(failed):
    """Of n runs the drawn number of failed ones is binomial: its quantiles are known without a draw."""
    low, high = interval([1.0] * failed + [0.0] * (20 - failed), draws=20000)
    right = stats.binom(20, failed / 20).ppf([0.025, 0.975]) / 20
    np.testing.assert_allclose([low, high], right, atol=0.05 + 1e-9)  # one run of twenty, where a step is at the edge


@pytest.mark.parametrize("statistic", [np.mean, np.median, np.max])
def test_it_is_that_of_all_resamples(statistic):
    values = [0.1, 0.4, 0.45, 0.9]
    every = [statistic(each) for each in product(values, repeat=4)]
    low, high = interval(values, statistic, draws=40000, level=0.8)
    below = [np.mean(np.array(every) <= end + 1e-9) for end in (low, high)]
    above = [np.mean(np.array(every) >= end - 1e-9) for end in (low, high)]
    for share_below, share_above, at in zip(below, above, (0.1, 0.9), strict=True):
        assert share_below > at - 0.01
        assert share_above > 1 - at - 0.01


def test_where_all_runs_are_alike_it_has_no_width():
    assert interval([1.0] * 20) == (1.0, 1.0)
    assert interval([0.3]) == (0.3, 0.3)


def test_it_moves_and_stretches_with_the_values():
    x = np.random.default_rng(0).normal(size=15)
    low, high = interval(x, np.median)
    np.testing.assert_allclose(interval(3 * x + 1, np.median), (3 * low + 1, 3 * high + 1))
    np.testing.assert_allclose(interval(x, np.median, level=0.5)[0] > low, True)


def test_what_belongs_to_a_seed_stays_together():
    first = np.random.default_rng(1).normal(size=12)
    rows = np.stack([first, first + 0.25], axis=1)
    assert interval(rows, lambda x: (x[:, 1] - x[:, 0]).mean()) == pytest.approx((0.25, 0.25))


def test_no_global_generator_is_touched_and_a_seed_repeats():
    np.random.seed(5)  # noqa: NPY002
    before = np.random.get_state()[1].tolist()  # noqa: NPY002
    one, other = (interval([0.0, 1.0, 2.0, 5.0], seed=3) for _ in range(2))
    assert one == other != interval([0.0, 1.0, 2.0, 5.0], seed=4, draws=37)
    assert np.random.get_state()[1].tolist() == before  # noqa: NPY002


@pytest.mark.parametrize(
    ("values", "more", "says"),
    [
        ([], {}, "values has the shape (0,)"),
        (3.0, {}, "values has the shape ()"),
        ([1.0, float("nan")], {}, "values holds nan"),
        ([1.0], {"draws": 0}, "draws is 0"),
        ([1.0], {"level": 1}, "level is 1"),
    ],
)
def test_what_cannot_be_resampled_is_one_sentence(values, more, says):
    refused(lambda: interval(values, **more), ValueError, says)
