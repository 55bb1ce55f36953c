r"""Recorded sequences, way by way: what each kept of the earlier tasks, and what of the pretraining.

A row is a line of what ``tools/sequences.py`` or ``tools/builds.py`` records: ``tasks``; ``scores``, the matrix R of
`recall_learn.measures.sequences`; ``facts`` and ``source_loss``, one value before any training and one after each task;
and what tells it from others, ``method``, ``lr``, ``home``, ``together``, ``seed``.

Scores of unlike metrics have no mean. So each is first put on the scale of its task, which is the same for all ways:

.. math::
    s_j(x) = \frac{x - b_j}{p_j - b_j}

with :math:`b_j` the task's score before any training and :math:`p_j` the score of plain fine-tuning when it had just
learned the task, both in the mean over the recorded rows. A share of 1 is what plain fine-tuning learns, 0 is nothing.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from typing_extensions import TypedDict

from recall_learn.measures import sequences
from recall_learn.support.reading import Json, read_json

Row = Mapping[str, Json]


class _File(TypedDict):
    rows: list[dict[str, object]]


def read(path: str | os.PathLike) -> list[Row]:
    """The rows of a recording; none where it is not there yet.

    Raises:
        ValueError: the file is damaged.
        OSError: it cannot be read.
    """
    try:
        return list(read_json(path, _File, "the recording", "restore it, or record it anew")["rows"])
    except FileNotFoundError:
        return []


@dataclass(frozen=True)
class Way:
    """How a sequence was gone through: what tells one way from another, whatever the order and the seed."""

    method: str
    lr: float
    home: str = "last"
    together: bool = False


def way(row: Row) -> Way:
    """That of a row."""
    return Way(row["method"], row["lr"], row.get("home", "last"), row.get("together", False))


def by_way(rows: Iterable[Row]) -> dict[Way, list[Row]]:
    """The rows of each way, in the order in which they were recorded."""
    found: dict[Way, list[Row]] = {}
    for row in rows:
        found.setdefault(way(row), []).append(row)
    return found


def cell(row: Row) -> tuple[tuple[str, ...], int]:
    """The order of the tasks, and the seed: what two ways have to share to be compared."""
    return tuple(row["tasks"]), row["seed"]


def whole(rows: Sequence[Row]) -> list[Row]:
    """The rows of those orders and seeds that have as many ways as any has: no way is then judged by other cells."""
    counts: dict[tuple, int] = {}
    for row in rows:
        counts[cell(row)] = counts.get(cell(row), 0) + 1
    most = max(counts.values(), default=0)
    return [row for row in rows if counts[cell(row)] == most]


@dataclass(frozen=True)
class Scale:
    """From a task's score to its share.

    Attributes:
        before: task -> score before any training.
        learned: task -> score of plain fine-tuning when it had just learned the task.
    """

    before: Mapping[str, float]
    learned: Mapping[str, float]

    def share(self, task: str, score: float) -> float:
        """What a score is worth: 0 before any training, 1 as plain fine-tuning has learned it."""
        low, high = self.before[task], self.learned[task]
        return (score - low) / (high - low)


def scale(rows: Sequence[Row], plain: Way) -> Scale:
    """That of all tasks which plain fine-tuning learned.

    Args:
        rows: recorded; those of ``plain`` among them.
        plain: what plain fine-tuning is here.

    Raises:
        ValueError: a row has a task that no plain row learned to any use.
    """
    before: dict[str, list[float]] = {}
    learned: dict[str, list[float]] = {}
    for row in rows:
        for j, task in enumerate(row["tasks"]):
            before.setdefault(task, []).append(row["scores"][0][j])
            if way(row) == plain:
                learned.setdefault(task, []).append(row["scores"][j + 1][j])
    found = Scale(*({task: sum(each) / len(each) for task, each in values.items()} for values in (before, learned)))
    for task in before:
        if found.learned.get(task, found.before[task]) <= found.before[task]:
            raise ValueError(f"{task} has no scale: no row of {plain.method} at {plain.lr:g} learned it")
    return found


@dataclass(frozen=True)
class Kept:
    """What a sequence came to. Shares are those of `Scale`.

    Attributes:
        earlier: the mean share, at the end, of all tasks but the last.
        every: of all tasks.
        learned: of all tasks, each when it had just been learned; of tasks that were trained at once, at the end.
        facts: the share of the facts known before that is known at the end.
        source_loss: at the end, nats a hidden word.
        forgetting: the mean of `recall_learn.measures.sequences.forgetting`, in the tasks' own scores; None of tasks
            that were trained at once.
    """

    earlier: float
    every: float
    learned: float
    facts: float
    source_loss: float
    forgetting: float | None


def kept(row: Row, by: Scale) -> Kept:
    """What a row came to."""
    end = shares(row, by, len(row["scores"]) - 1)
    together = way(row).together
    own = end if together else [shares(row, by, j + 1)[j] for j in range(len(end))]
    return Kept(
        earlier=mean(end[:-1]),
        every=mean(end),
        learned=mean(own),
        facts=row["facts"][-1] / row["facts"][0],
        source_loss=row["source_loss"][-1],
        forgetting=None if together else mean(sequences.forgetting(row["scores"]).tolist()),
    )


def shares(row: Row, by: Scale, after: int) -> list[float]:
    """The share of each task in row ``after`` of the matrix."""
    return [by.share(task, score) for task, score in zip(row["tasks"], row["scores"][after], strict=True)]


def first_task(row: Row, by: Scale) -> list[float]:
    """The share of the first task before any training and after each task."""
    return [by.share(row["tasks"][0], scores[0]) for scores in row["scores"]]


def pretraining(row: Row) -> list[float]:
    """The facts that are known, as a share of those known at first, before any training and after each task."""
    return [known / row["facts"][0] for known in row["facts"]]


def mean(values: Sequence[float]) -> float:
    """Of one number or more."""
    return float(sum(values) / len(values))
