"""Sign flips: against scipy's permutations, against all patterns one by one, and by laws."""

from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from scipy import stats
from small import refused

from recall_learn.measures.paired import sign_flips


@pytest.mark.parametrize("n", [1, 2, 5, 8, 11])
def test_it_is_the_share_of_patterns(n):
    eighths = np.random.default_rng(n).integers(-20, 30, n).tolist()
    sums = [abs(sum(s * each for s, each in zip(signs, eighths, strict=True))) for signs in product((1, -1), repeat=n)]
    right = Fraction(sum(each >= abs(sum(eighths)) for each in sums), 2**n)
    assert sign_flips([each / 8 for each in eighths]) == right
    assert sign_flips([each / 10 for each in eighths]) == right  # where sums round


def test_it_is_scipys():
    d = np.random.default_rng(0).normal(0.3, 1, 9)
    found = stats.permutation_test((d,), np.mean, permutation_type="samples", n_resamples=np.inf)
    assert sign_flips(d) == pytest.approx(found.pvalue, abs=1e-12)


def test_the_least_of_five_seeds_is_a_sixteenth():
    assert sign_flips([0.1, 0.2, 3.0, 0.01, 0.5]) == 2 / 32
    assert sign_flips(np.full(5, 0.1)) == 2 / 32
    assert sign_flips([-0.1, -0.2, -3.0, -0.01, -0.5]) == 2 / 32


def test_no_difference_is_no_news():
    assert sign_flips([0.0, 0.0, 0.0]) == 1
    assert sign_flips([0.4, -0.1, -0.3]) == 1  # 0.4 - 0.1 - 0.3 is not quite 0 in floating point


@pytest.mark.parametrize(
    ("given", "parts"),
    [
        ([], ("differences", "(0,)", "1 to 20")),
        ([[1.0]], ("(1, 1)",)),
        (np.ones(21), ("(21,)",)),
        ([1.0, float("nan")], ("nan", "finite")),
    ],
)
def test_what_is_refused(given, parts):
    refused(lambda: sign_flips(given), ValueError, *parts)
