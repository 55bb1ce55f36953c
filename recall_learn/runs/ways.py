r"""Recorded sequences, way by way: what each kept of the earlier tasks, and what of the pretraining.

A row is a line of what ``tools/sequences.py`` or ``tools/builds.py`` records: ``tasks``; ``scores``, the matrix R of
`recall_learn.measures.sequences`; ``facts`` and ``source_loss``, one value before any training and one after each task;
and what tells it from others, ``method``, ``lr``, ``home``, ``together``, ``seed``.

Scores of unlike metrics have no mean. So each is first put on the scale of its task, which is the same for all ways:

.. math::
    s_j(x) = \frac{x - g_j}{p_j - g_j}

with :math:`g_j` the score of a guess, and :math:`p_j` that of plain fine-tuning when it had just learned the task, in
the mean over the recorded rows. A share of 1 is what plain fine-tuning learns, 0 is nothing. (The score before any
training is that of a head drawn at random, which may by luck lie far from a guess's on either side.)
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from typing_extensions import TypedDict

from recall_learn.measures import sequences
from recall_learn.runs.sequence_record import SequenceRun
from recall_learn.support.reading import Json, read_json
from recall_learn.tasks.task import WORLD

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


def rows_of(runs: Iterable[SequenceRun]) -> list[Row]:
    """The rows of sequences that a sweep recorded, see `recall_learn.runs.sequence_recordings`; of those that ended.

    A method is written with all its settings here, and a task of the small world without its ``world/``.
    """
    return [
        {
            "tasks": [name.removeprefix(WORLD) for name in run.tasks],
            **{name: getattr(run.recipe, name) for name in ("method", "lr", "seed")},
            **{name: getattr(run, name) for name in ("home", "together")},
            "scores": run.scores.tolist(),
            **{name: run.column(name) for name in ("facts", "source_loss") if name in run.rows[0]},
        }
        for run in runs
        if run.final
    ]


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
        guess: task -> score of a guess.
        learned: task -> score of plain fine-tuning when it had just learned the task.
    """

    guess: Mapping[str, float]
    learned: Mapping[str, float]

    def share(self, task: str, score: float) -> float:
        """What a score is worth: 0 for a guess, 1 as plain fine-tuning has learned it."""
        low, high = self.guess[task], self.learned[task]
        return (score - low) / (high - low)


def scale(rows: Sequence[Row], plain: Way, guess: Mapping[str, float]) -> Scale:
    """That of all tasks which are recorded.

    Args:
        rows: recorded; those of ``plain`` among them.
        plain: what plain fine-tuning is here.
        guess: task -> score of a guess: 0 for a correlation, 1/2 for an accuracy of two classes alike.

    Raises:
        ValueError: a row has a task that no plain row learned to any use.
    """
    learned: dict[str, list[float]] = {}
    for row in rows:
        for j, task in enumerate(row["tasks"]):
            mine = learned.setdefault(task, [])
            if way(row) == plain:
                mine.append(row["scores"][j + 1][j])
    for task, each in learned.items():
        if not each or mean(each) <= guess[task]:
            raise ValueError(f"{task} has no scale: no row of {plain.method} at {plain.lr:g} learned it")
    return Scale(guess, {task: mean(each) for task, each in learned.items()})


@dataclass(frozen=True)
class Kept:
    """What a sequence came to. Shares are those of `Scale`.

    Attributes:
        earlier: the mean share, at the end, of all tasks but the last.
        every: of all tasks.
        learned: of those of ``earlier``, each when it had just been learned; of tasks that were trained at once, at the
            end.
        facts: the share of the facts that are known at the end.
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
        learned=mean(own[:-1]),
        facts=row["facts"][-1],
        source_loss=row["source_loss"][-1],
        forgetting=None if together else mean(sequences.forgetting(row["scores"]).tolist()),
    )


def shares(row: Row, by: Scale, after: int) -> list[float]:
    """The share of each task in row ``after`` of the matrix."""
    return [by.share(task, score) for task, score in zip(row["tasks"], row["scores"][after], strict=True)]


def first_task(row: Row, by: Scale) -> list[float]:
    """The share of the first task before any training and after each task."""
    return [by.share(row["tasks"][0], scores[0]) for scores in row["scores"]]


def mean(values: Sequence[float]) -> float:
    """Of one number or more."""
    return float(sum(values) / len(values))
