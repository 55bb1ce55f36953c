r"""Models of equal source loss, reached in several ways: is what they come to on a task the same?

Each way :math:`a` has scores of several runs, with mean :math:`m_a`. How far the ways lie apart is

.. math:: g = \max_a m_a - \min_a m_a .

If the way did not matter, its name would be as good as any other: the names are exchanged at random among all runs, the
numbers of runs of each way kept, and :math:`g` is taken again, of whichever two ways are then the highest and the
lowest. The share of exchanges that lie nearer is what `Apart.nearer` says. Fisher, 1935, "The Design of Experiments".

A row is a line of what ``tools/equal_loss.py`` records: ``way``, ``loss`` (None for what was brought to none),
``seed``, ``source_loss``, and a score under the name of each task.
"""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from recall_learn.runs.ways import Row
from recall_learn.support.checks import shown, whole

ENOUGH = 0.99
"""Of the exchanges: in so many the ways have to lie nearer, before they count as apart."""
ROUNDING = 1e-9


@dataclass(frozen=True)
class Apart:
    """How far the ways to one loss lie apart on a task.

    Attributes:
        means: of each way.
        highest: the way or ways of the highest mean.
        lowest: those of the lowest.
        gap: between the two, in points of the score.
        nearer: the share of the exchanges in which highest and lowest lie nearer.
    """

    means: Mapping[str, float]
    highest: tuple[str, ...]
    lowest: tuple[str, ...]
    gap: float
    nearer: float

    @property
    def enough(self) -> bool:
        """Whether they lie further apart than the names alone would explain."""
        return self.nearer >= ENOUGH


def apart(scores: Mapping[str, Sequence[float]], *, draws: int = 10_000, seed: int = 0) -> Apart:
    """Set the ways beside random exchanges of their names.

    Args:
        scores: ``way -> scores of its runs``, of two ways at least.
        draws: how many exchanges.
        seed: of the exchanges; the global generators are left alone.

    Raises:
        ValueError: there are fewer than two ways, one has no run, or a score is no finite number.
    """
    if len(scores) < 2 or not all(map(len, scores.values())):
        raise ValueError(
            f"scores has { ({way: len(each) for way, each in scores.items()}) } runs; two ways need one each"
        )
    pool = np.concatenate([np.asarray(each, dtype=np.float64) for each in scores.values()])
    if not np.isfinite(pool).all():
        raise ValueError(f"scores holds {shown(float(pool[~np.isfinite(pool)][0]))}; all have to be finite numbers")
    ends = np.cumsum([0, *map(len, scores.values())])
    means = {way: float(np.mean(each)) for way, each in scores.items()}
    top, low = max(means.values()), min(means.values())
    drawn = np.random.default_rng(seed).permuted(np.tile(pool, (whole("draws", draws, 1), 1)), axis=1)
    again = np.stack([drawn[:, i:j].mean(axis=1) for i, j in itertools.pairwise(ends)])
    return Apart(
        means,
        tuple(way for way, mean in means.items() if mean > top - ROUNDING),
        tuple(way for way, mean in means.items() if mean < low + ROUNDING),
        top - low,
        float(np.mean(np.ptp(again, axis=0) < top - low - ROUNDING)),
    )


@dataclass(frozen=True)
class Verdict:
    """What the runs of a task say of the hypothesis that the loss alone decides.

    Attributes:
        at: how far the ways lie apart at each loss.
        runs: how many runs each way has at each loss, the fewest.
    """

    at: Mapping[float, Apart]
    runs: int

    @property
    def keeps_places(self) -> bool:
        """Whether one way alone is the highest at every loss, and another the lowest; a tie is no place."""
        every = list(self.at.values())
        return all(len(set(each)) == 1 and len(each[0]) == 1 for each in (_of(every, "highest"), _of(every, "lowest")))

    @property
    def wrong(self) -> bool:
        """Whether the hypothesis is proved wrong: the places are kept, and the ways lie apart at every loss."""
        return self.keeps_places and all(each.enough for each in self.at.values())


def _of(every: Iterable[Apart], name: str) -> list[tuple[str, ...]]:
    return [getattr(each, name) for each in every]


def verdict(rows: Iterable[Row], task: str, ways: Sequence[str], losses: Sequence[float]) -> Verdict | None:
    """What the rows say of a task; None while a way has no run at one of the losses.

    Args:
        rows: recorded.
        task: its name.
        ways: what is compared.
        losses: those that the models were brought to.
    """
    found, fewest = _scores(rows, task, ways, losses)
    return Verdict({loss: apart(by_way) for loss, by_way in found.items()}, fewest) if fewest else None


def _scores(
    rows: Iterable[Row], task: str, ways: Sequence[str], losses: Sequence[float]
) -> tuple[dict[float, dict[str, list[float]]], int]:
    """``loss -> way -> scores``, and how many runs each way has at each loss, the fewest."""
    rows = list(rows)
    found = {
        loss: {way: [row[task] for row in rows if row["way"] == way and row["loss"] == loss] for way in ways}
        for loss in losses
    }
    return found, min(len(each) for by_way in found.values() for each in by_way.values())


@dataclass(frozen=True)
class Sides:
    """Two groups of ways, set beside each other at one loss.

    Attributes:
        upper: the lowest mean of the ways that are said to be higher.
        lower: the highest mean of the others.
        runs: how many runs each way has, the fewest.
    """

    upper: float
    lower: float
    runs: int

    @property
    def apart(self) -> bool:
        """Whether each way of the upper group has a higher mean than each of the lower."""
        return self.upper > self.lower + ROUNDING


def sides(
    rows: Iterable[Row], task: str, upper: Sequence[str], lower: Sequence[str], losses: Sequence[float]
) -> dict[float, Sides] | None:
    """At each loss, two groups of ways beside each other on a task; None while a way has no run at one of the losses.

    Args:
        rows: recorded.
        task: its name.
        upper: the ways that are said to be higher.
        lower: the others.
        losses: those that the models were brought to.
    """
    found, fewest = _scores(rows, task, [*upper, *lower], losses)
    if not fewest:
        return None
    means = {loss: {way: float(np.mean(each)) for way, each in by_way.items()} for loss, by_way in found.items()}
    return {
        loss: Sides(min(each[way] for way in upper), max(each[way] for way in lower), fewest)
        for loss, each in means.items()
    }
