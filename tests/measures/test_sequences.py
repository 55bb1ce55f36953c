"""The measures of a sequence against sums written out, their laws, and the slips of public code."""

import numpy as np
import pytest
from small import refused

from recall_learn.measures import sequences
from recall_learn.measures.sequences import average, backward_transfer, forgetting, forward_transfer, intransigence

MATRICES = [np.random.default_rng(seed).random((tasks + 1, tasks)) for seed, tasks in enumerate((1, 2, 3, 5))]
WORKED = [[0.5, 0.4, 0.3], [0.9, 0.45, 0.3], [0.7, 0.8, 0.2], [0.75, 0.85, 0.6]]


def by_hand(r):
    """The formulas, term by term, with the papers' indices from 1."""
    tasks = len(r[0])
    R = {(i, j): float(r[i][j - 1]) for i in range(tasks + 1) for j in range(1, tasks + 1)}
    lost, back, forth = [], [], []
    for j in range(1, tasks):
        best = -9.0
        for l in range(j, tasks):  # noqa: E741 the paper's letter
            best = R[l, j] if R[l, j] > best else best
        lost.append(best - R[tasks, j])
        back.append(R[tasks, j] - R[j, j])
    for j in range(2, tasks + 1):
        forth.append(R[j - 1, j] - R[0, j])
    return sum(R[tasks, j] for j in range(1, tasks + 1)) / tasks, lost, back, forth


@pytest.mark.parametrize("r", MATRICES, ids=lambda r: f"{r.shape[1]} tasks")
def test_the_measures_are_the_papers_sums(r):
    mean, lost, back, forth = by_hand(r)
    assert average(r) == pytest.approx(mean, abs=1e-15)
    np.testing.assert_allclose(forgetting(r), lost, atol=1e-15)
    np.testing.assert_allclose(backward_transfer(r), back, atol=1e-15)
    np.testing.assert_allclose(forward_transfer(r), forth, atol=1e-15)


def test_a_worked_example():
    found = sequences.means(WORKED)
    # after task 2 task 1 was at 0.7, its best was 0.9; task 2 gained 0.05 in the end
    assert found == pytest.approx(
        {
            "average": (0.75 + 0.85 + 0.6) / 3,
            "forgetting": (0.15 - 0.05) / 2,
            "backward_transfer": (-0.15 + 0.05) / 2,
            "forward_transfer": (0.05 - 0.1) / 2,
        }
    )
    np.testing.assert_allclose(intransigence(WORKED, [0.9, 0.9, 0.9]), [0, 0.1, 0.3], atol=1e-15)


def test_scores_that_do_not_move_give_no_forgetting_and_no_transfer():
    r = np.tile([0.3, 0.9, 0.5, 0.1], (5, 1))
    assert not any(each(r).any() for each in (forgetting, backward_transfer, forward_transfer))


@pytest.mark.parametrize("r", MATRICES[1:], ids=lambda r: f"{r.shape[1]} tasks")
def test_forgetting_is_at_least_what_backward_transfer_lost(r):
    assert (forgetting(r) >= -backward_transfer(r)).all()
    peaked = r.copy()
    for j in range(r.shape[1]):
        peaked[j + 1, j] = 2.0  # its own score is the peak
    np.testing.assert_allclose(forgetting(peaked), -backward_transfer(peaked))


def test_public_code_differs_as_the_module_says():
    """GEM's sums over T, Mammoth's maximum over all rows, Avalanche's own score: of WORKED other figures, each."""
    r = np.array(WORKED)[1:]
    gem = (r[-1] - np.diagonal(r)).mean()
    mammoth = (r.max(0) - r[-1])[:-1].mean()
    avalanche = (np.diagonal(r) - r[-1])[:-1].mean()
    ours = sequences.means(WORKED)
    assert gem == pytest.approx(ours["backward_transfer"] * 2 / 3)
    assert (mammoth, ours["forgetting"]) == (pytest.approx(0.075), pytest.approx(0.05))
    assert avalanche == pytest.approx(-ours["backward_transfer"])


def test_one_task_has_an_average_and_nothing_to_forget():
    assert sequences.means([[0.5], [0.75]]) == {"average": 0.75}


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ([[0.5, 0.5], [0.5, 0.5]], "scores has the shape (2, 2); it has to be [T + 1, T]"),
        ([0.5, 0.5], "scores has the shape (2,)"),
        (np.zeros((1, 0)), "scores has the shape (1, 0)"),
        ([[0.5], [0.5, 0.4]], "rows of several lengths or no numbers"),
        ([["a"], ["b"]], "rows of several lengths or no numbers"),
        ([[0.1, 0.2], [0.1, float("nan")], [0.1, 0.2]], "scores has nan in row 1, column 1"),
    ],
)
def test_what_is_no_matrix_is_refused(wrong, says):
    for measure in (average, forgetting, backward_transfer, forward_transfer, sequences.means):
        refused(lambda measure=measure: measure(wrong), ValueError, says)


@pytest.mark.parametrize("wrong", [[0.9], [0.9, 0.9, float("inf")], [[0.9, 0.9, 0.9]]])
def test_a_reference_is_one_number_a_task(wrong):
    refused(lambda: intransigence(WORKED, wrong), ValueError, "reference has the shape", "for each of 3")
