"""A little data A, then more, B: the recorded ways to go on, question by question.

A row is a line of what ``tools/parts.py`` records: ``task``, ``kind`` (B is "alike", drawn as A was, or "other", in
wordings that A has not), ``a`` (the number of examples in A), ``way``, ``seed``; ``scores`` on new examples, worded "as
A" and "elsewhere", as B is where it is other; ``on A itself``; ``facts`` and ``source_loss``.

A question is a task, a kind and a size. What it asks for is to be good at all that was trained on: where B is other,
the score is the mean over both wordings.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from recall_learn.runs.ways import Row

Question: TypeAlias = tuple[str, str, int]
"""The task, the kind of B, the size of A."""
OTHER = "other"


def question(row: Row) -> Question:
    """That of a row."""
    return row["task"], row["kind"], row["a"]


def score(row: Row) -> float:
    """On what the question asks for, see the module."""
    asked = row["scores"]
    return (asked["as A"] + asked["elsewhere"]) / 2 if row["kind"] == OTHER else asked["as A"]


def scores(rows: Iterable[Row], way: str) -> dict[Question, dict[int, float]]:
    """Question -> seed -> score of one way."""
    found: dict[Question, dict[int, float]] = {}
    for row in rows:
        if row["way"] == way:
            found.setdefault(question(row), {})[row["seed"]] = score(row)
    return found


def gains(rows: Sequence[Row], way: str, over: str) -> dict[Question, list[float]]:
    """What one way scores more than another, question by question, one number a seed that both have.

    Args:
        rows: recorded.
        way: its name.
        over: that of the other.
    """
    mine, other = scores(rows, way), scores(rows, over)
    found = {}
    for asked in mine.keys() & other.keys():
        seeds = sorted(mine[asked].keys() & other[asked].keys())
        if seeds:
            found[asked] = [mine[asked][seed] - other[asked][seed] for seed in seeds]
    return dict(sorted(found.items()))


@dataclass(frozen=True)
class Closed:
    """How far a remedy closes the gap between going on and beginning again, over the sizes of A.

    Attributes:
        gap: what beginning again scores more than going on, in the mean over the sizes.
        gain: what the remedy scores more than going on, likewise.
        ahead: with how many sizes the remedy scores more than going on, by the mean over seeds.
        sizes: how many there are that have all three ways.
    """

    gap: float
    gain: float
    ahead: int
    sizes: int

    @property
    def share(self) -> float | None:
        """Of the gap, what is closed; None where there is no gap to close."""
        return self.gain / self.gap if self.gap > 0 else None


def closed(rows: Sequence[Row], remedy: str, on: str, again: str, task: str, kind: str) -> Closed | None:
    """The gap, and how much of it a remedy closes; None where no question has all three ways.

    Args:
        rows: recorded.
        remedy: the way that is to close it.
        on: going on.
        again: beginning again.
        task: the scores of several have no mean.
        kind: of B, "alike" or "other".
    """
    gap, gain = gains(rows, again, on), gains(rows, remedy, on)
    asked = [each for each in gain if each in gap and each[:2] == (task, kind)]
    if not asked:
        return None
    means = [[sum(found[each]) / len(found[each]) for each in asked] for found in (gap, gain)]
    wide, won = (sum(each) / len(asked) for each in means)
    return Closed(wide, won, sum(each > 0 for each in means[1]), len(asked))
