"""At equal score: against a curve drawn finely and walked along, and what has to hold."""

import numpy as np
import pytest

from recall_learn.measures.matched import Reached, at_score


def walked(steps, scores, values, wanted):
    """Along the straight lines between the looks, in tiny steps, until the score is there."""
    fine = np.linspace(steps[0], steps[-1], 200_001)
    there = np.flatnonzero(np.interp(fine, steps, scores) >= wanted - 1e-12)
    return None if not len(there) else (fine[there[0]], np.interp(fine[there[0]], steps, values))


def drawn(rng, n=8):
    return np.cumsum(rng.integers(1, 30, n)).tolist(), rng.uniform(0, 1, n).tolist(), rng.normal(size=n).tolist()


@pytest.mark.parametrize("seed", range(8))
def test_it_is_where_a_walk_along_the_lines_first_has_the_score(seed):
    rng = np.random.default_rng(seed)
    for _ in range(5):
        steps, scores, values = drawn(rng)  # rising and falling as it happens
        wanted = rng.uniform(0, 1)
        found, expected = at_score(steps, scores, values, wanted), walked(steps, scores, values, wanted)
        if expected is None:
            assert found is None
        else:
            assert found.step == pytest.approx(expected[0], abs=2e-3)
            assert found.value == pytest.approx(expected[1], abs=1e-2)


def test_at_a_look_it_is_that_look():
    assert at_score([0, 10, 20], [0.0, 0.5, 1.0], [1.0, 2.0, 4.0], 0.5) == Reached(10.0, 2.0)
    assert at_score([0, 10, 20], [0.0, 0.5, 1.0], [1.0, 2.0, 4.0], 1.0) == Reached(20.0, 4.0)
    assert at_score([0, 10, 20], [0.0, 0.5, 0.5], [1.0, 2.0, 4.0], 0.5) == Reached(10.0, 2.0)  # the first of two


def test_between_two_looks_it_is_between_their_values():
    assert at_score([0, 10, 20], [0.0, 0.5, 1.0], [1.0, 2.0, 4.0], 0.75) == Reached(15.0, 3.0)


def test_what_comes_after_does_not_count():
    assert at_score([0, 1, 2, 3], [0.0, 0.6, 0.2, 0.9], [0, 6, 9, 9], 0.3) == Reached(0.5, 3.0)
    assert at_score([0, 1, 2], [0.4, 0.0, 0.8], [0, 9, 5], 0.6) == Reached(1.75, 6.0)  # it falls first


def test_a_start_that_has_it_has_it_at_once():
    assert at_score([5, 10], [0.7, 0.2], [3.0, 9.0], 0.6) == Reached(5.0, 3.0)


def test_a_score_that_is_never_reached_is_none():
    assert at_score([0, 10], [0.0, 0.5], [1.0, 2.0], 0.50001) is None
    assert at_score([0], [0.3], [1.0], 0.2) == Reached(0.0, 1.0)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (([], [], [], 0.5), r"steps has the shape \(0,\); it has to be a list of numbers, one a look"),
        (([0, 1], [0.0, 0.1], [1.0], 0.5), "have 2, 2 and 1 numbers; each needs as many"),
        (([0, 0], [0.0, 0.1], [1.0, 1.0], 0.5), r"steps is \[0.0, 0.0\]; it has to rise"),
        (([0, 1], [0.0, np.nan], [1.0, 1.0], 0.5), "scores holds nan; all have to be finite"),
        (([0, 1], [[0.0, 0.1]], [1.0, 1.0], 0.5), r"scores has the shape \(1, 2\)"),
        (([0, 1], [0.0, 0.1], [1.0, np.inf], 0.5), "values holds inf"),
        (([0, 1], [0.0, 0.1], [1.0, 1.0], np.nan), "wanted is nan; it has to be a finite score"),
        (([0, 1], [0.0, 0.1], [1.0, 1.0], "0.5"), "wanted is '0.5'; it has to be a finite score"),
    ],
)
def test_what_is_wrong_is_refused(given, words):
    with pytest.raises(ValueError, match=words):
        at_score(*given)
