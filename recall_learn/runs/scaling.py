"""Recorded models of several sizes, and what each lost: pair by pair, at equal steps and at equal score.

A row is a line of what ``tools/scale.py`` records: ``width``, ``layers``, ``steps`` (of pretraining), ``variety`` (the
share of the wordings in its text) and ``seed`` (of its world) say which model; a row with a ``task`` is a run of it,
with ``method`` and ``lr`` (0.001 where none is said), the looks (``step``, ``score``, ``source_loss``, ``facts``), and
``back``, the steps of pretraining after which the source loss is home again, None where that took too long.

Two runs are a pair where the task, the way of tuning and all axes but one are the same, and on that axis one of them is
the next larger one.
"""

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from typing import TypeAlias

from recall_learn.measures.matched import at_score
from recall_learn.runs.ways import Row

AXES = ("width", "layers", "steps", "variety")
KNOWN = 0.1
"""Of the facts: a model that knew less of them before has too few to lose."""
USUAL_LR = 1e-3


@dataclass(frozen=True)
class Size:
    """A model, by what it was pretrained with."""

    width: int
    layers: int
    steps: int
    variety: float
    seed: int


@dataclass(frozen=True)
class Tuned:
    """A run of a model, with its looks."""

    size: Size
    task: str
    method: str
    lr: float
    step: Sequence[float]
    score: Sequence[float]
    source_loss: Sequence[float]
    facts: Sequence[float]
    back: int | None

    @property
    def way(self) -> tuple[str, float]:
        """How it was tuned."""
        return self.method, self.lr


Lost: TypeAlias = Callable[[Tuned], float | None]
Pair: TypeAlias = tuple[Tuned, Tuned]


def size(row: Row) -> Size:
    """The model of a row."""
    return Size(**{each.name: row[each.name] for each in fields(Size)})


def runs(rows: Iterable[Row]) -> list[Tuned]:
    """The runs among the rows."""
    looks = ("step", "score", "source_loss", "facts", "back")
    return [
        Tuned(size(row), row["task"], row["method"], row.get("lr", USUAL_LR), *(row[name] for name in looks))
        for row in rows
        if "task" in row
    ]


def models(rows: Iterable[Row]) -> dict[Size, Row]:
    """The models that were pretrained: what each came to."""
    return {size(row): row for row in rows if "task" not in row}


def pairs(tuned: Iterable[Tuned], axis: str, values: Sequence[float]) -> Iterator[Pair]:
    """``(the smaller one, the next larger one)`` on an axis, all else being the same.

    Args:
        tuned: runs.
        axis: one of `AXES`.
        values: of the grid on this axis, rising: a pair has neighbours.

    Raises:
        ValueError: there is no such axis.
    """
    if axis not in AXES:
        raise ValueError(f"axis is {axis!r}; it has to be one of {', '.join(AXES)}")
    others = [each.name for each in fields(Size) if each.name != axis]
    found = {
        (*(getattr(run.size, name) for name in others), run.task, run.way, getattr(run.size, axis)): run
        for run in tuned
    }
    after = dict(itertools.pairwise(values))
    for (*rest, value), run in found.items():
        larger = found.get((*rest, after.get(value)))
        if larger is not None:
            yield run, larger


def rise(run: Tuned, wanted: float | None = None) -> float | None:
    """By how much the source loss has risen, in nats.

    Args:
        run: with its looks.
        wanted: when it first has this score; None at its end.

    Returns:
        The rise; None where the score is never reached.
    """
    after = _then(run, run.source_loss, wanted)
    return None if after is None else after - run.source_loss[0]


def facts_lost(run: Tuned, wanted: float | None = None) -> float | None:
    """The part of the facts known before that is no longer known, net; None as in `rise`, or below `KNOWN`."""
    after = _then(run, run.facts, wanted)
    return None if after is None or run.facts[0] < KNOWN else 1 - after / run.facts[0]


def steps_back(run: Tuned) -> float:
    """Of pretraining until the source loss is home; infinite where that took too long."""
    return float("inf") if run.back is None else float(run.back)


def _then(run: Tuned, values: Sequence[float], wanted: float | None) -> float | None:
    if wanted is None:
        return values[-1]
    found = at_score(run.step, run.score, values, wanted)
    return None if found is None else found.value


@dataclass(frozen=True)
class Tally:
    """Pairs, counted.

    Attributes:
        less: those in which the larger one lost less.
        equal: as much.
        more: more.
        unasked: those in which one of the two has no such number.
    """

    less: int
    equal: int
    more: int
    unasked: int

    @property
    def asked(self) -> int:
        """Pairs that are compared."""
        return self.less + self.equal + self.more

    @property
    def share(self) -> float | None:
        """Of those compared, the part in which the larger one lost less; an equal pair counts half. None of none."""
        return (self.less + self.equal / 2) / self.asked if self.asked else None


def tally(compared: Iterable[Pair], lost: Lost) -> Tally:
    """Count the pairs in which the larger one lost less, as much, or more.

    Args:
        compared: as `pairs` gives them.
        lost: what a run lost, or None.
    """
    counts = {"less": 0, "equal": 0, "more": 0, "unasked": 0}
    for smaller, larger in compared:
        one, other = lost(smaller), lost(larger)
        if one is None or other is None:
            counts["unasked"] += 1
        else:
            counts["less" if other < one else "more" if other > one else "equal"] += 1
    return Tally(**counts)
