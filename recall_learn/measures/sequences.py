r"""What a sequence of tasks left behind: average, forgetting, and transfer backward and forward.

All is read off the matrix of scores R, one row after each task, and one before the first: :math:`R_{ij}` is the score
on task j after training on the tasks up to i, with :math:`i = 0, ..., T` and :math:`j = 1, ..., T`. More is better, so
a loss goes in with its sign turned. All but the average are given task by task; the papers' figure is their mean.

Of unlike scores, a correlation beside an accuracy, the mean is that of GLUE's table and no accuracy: read the tasks.
A score before training is that of a head drawn at random where each task has a head of its own. Then forward transfer
asks whether a random head does better on an encoder that saw other tasks, which says little.

Public code differs. GEM's divides both transfers by T, not T - 1, and takes the first evaluated row for row 0.
Mammoth's forgetting has the maximum over all rows, the last too, so it is never negative. Avalanche's "forgetting" is
backward transfer with its sign turned. Arora et al., 2019, divide a task's loss by its own score, and cut it at 0 and
1. A-GEM's are the ones here.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike


def average(scores: ArrayLike) -> float:
    r"""The mean score in the end, :math:`\frac1T \sum_j R_{Tj}`.

    Args:
        scores: R, [T + 1, T], row 0 before any training.

    Raises:
        ValueError: it is no such matrix of finite numbers.

    Lopez-Paz and Ranzato, 2017, "Gradient episodic memory", arXiv 1706.08840, section 2.
    """
    return float(_matrix(scores)[-1].mean())


def forgetting(scores: ArrayLike) -> np.ndarray:
    r"""What was lost of each task since it was at its best, :math:`\max_{j \le l < T} R_{lj} - R_{Tj}`.

    The last row is not among those of the maximum, so that a task which got better in the end has a negative value.

    Args:
        scores: as in `average`.

    Returns:
        [T - 1], of all tasks but the last.

    Raises:
        ValueError: as in `average`.

    Chaudhry et al., 2018, "Riemannian walk for incremental learning", arXiv 1801.10112; the rows before j,
    in which the task was not learned yet, are left out.
    """
    r = _matrix(scores)
    tasks = r.shape[1]
    return np.array([r[j:tasks, j - 1].max() - r[tasks, j - 1] for j in range(1, tasks)])


def backward_transfer(scores: ArrayLike) -> np.ndarray:
    r"""What later tasks did to each, :math:`R_{Tj} - R_{jj}`: below 0 it was forgotten.

    Args:
        scores: as in `average`.

    Returns:
        [T - 1], of all tasks but the last.

    Raises:
        ValueError: as in `average`.

    Lopez-Paz and Ranzato, 2017, section 2.
    """
    r = _matrix(scores)
    return (r[-1] - np.diagonal(r[1:]))[:-1].copy()


def forward_transfer(scores: ArrayLike) -> np.ndarray:
    r"""What former tasks did for each before it was trained, :math:`R_{j-1,j} - R_{0j}`.

    Args:
        scores: as in `average`.

    Returns:
        [T - 1], of all tasks but the first.

    Raises:
        ValueError: as in `average`.

    Lopez-Paz and Ranzato, 2017, section 2.
    """
    r = _matrix(scores)
    return (np.diagonal(r[:-1]) - r[0])[1:].copy()


def intransigence(scores: ArrayLike, reference: Sequence[float]) -> np.ndarray:
    r"""How much worse each task was learned than by a model that learns all at once, :math:`a^*_j - R_{jj}`.

    Args:
        scores: as in `average`.
        reference: a*, the scores of the model that was trained on all tasks together, [T].

    Returns:
        [T]; below 0 the sequence was of use to the task.

    Raises:
        ValueError: as in `average`; or ``reference`` is not one finite number a task.

    Chaudhry et al., 2018, where the reference for task j was trained on the tasks up to j.
    """
    r = _matrix(scores)
    a = _numbers(reference, "reference")
    if a.shape != (r.shape[1],) or not np.isfinite(a).all():
        raise ValueError(f"reference has the shape {a.shape}; it has to be one finite number for each of {r.shape[1]}")
    return a - np.diagonal(r[1:])


def means(scores: ArrayLike) -> dict[str, float]:
    """The papers' figures by name: ``average`` alone for one task, for more ``forgetting`` and both transfers too."""
    found = {"average": average(scores)}
    for measure in (forgetting, backward_transfer, forward_transfer):
        each = measure(scores)
        if len(each):
            found[measure.__name__] = float(each.mean())
    return found


def _matrix(scores: ArrayLike) -> np.ndarray:
    r = _numbers(scores, "scores")
    if r.ndim != 2 or r.shape[1] < 1 or r.shape[0] != r.shape[1] + 1:
        raise ValueError(f"scores has the shape {r.shape}; it has to be [T + 1, T], with a row before any training")
    if not np.isfinite(r).all():
        i, j = np.argwhere(~np.isfinite(r))[0]
        raise ValueError(f"scores has {r[i, j]} in row {i}, column {j}; it has to hold finite numbers")
    return r


def _numbers(values: ArrayLike, name: str) -> np.ndarray:
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"{name} has rows of several lengths or no numbers; it has to be a table of numbers") from None
