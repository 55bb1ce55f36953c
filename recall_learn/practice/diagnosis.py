"""What is wrong with results that differ from the right ones, in the words of a check's known mistakes."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np

from recall_learn.practice import compare, wire

NONE = object()
"""What a mistake gives in a case in which it cannot be told."""


@dataclass(frozen=True)
class Played:
    """A case that was played.

    Attributes:
        got: what came, plain.
        want: what is right, plain.
        packed: the arguments, as `wire.pack` has them.
        known: quantities of the case, by name.
        shown: the case in a line.
    """

    got: Any
    want: Any
    packed: bytes
    known: Mapping[str, float]
    shown: str


class _Suspect:
    """A mistake beside an answer, looked at case by case and no further than it is asked for."""

    def __init__(self, mistake: Any, done: list[Played], tolerance: float, check: ModuleType):
        self.says, self.function = mistake.says, mistake.function
        self.done, self.tolerance, self.check = done, tolerance, check
        self.result, self.wrong, self.agrees = cache(self._result), cache(self._wrong), cache(self._agrees)

    def _result(self, i: int) -> Any:
        """What it gives in a case; `NONE` where it cannot be told."""
        try:
            with np.errstate(all="ignore"):
                return self.function(*wire.unpack(self.done[i].packed, self.check))
        except Exception:
            return NONE

    def _wrong(self, i: int) -> bool | None:
        """Whether it gives something wrong."""
        told = self.result(i) is not NONE
        return not compare.same(self.result(i), self.done[i].want, self.tolerance) if told else None

    def _agrees(self, i: int) -> bool | None:
        """Whether it gives what came."""
        told = self.result(i) is not NONE
        return compare.same(self.done[i].got, self.result(i), self.tolerance) if told else None


class Diagnosis:
    """All cases of a look, and what is wrong with them.

    Attributes:
        right: whether nothing is.
        bad: the first case that is wrong.
    """

    def __init__(self, done: list[Played], tolerance: float, mistakes: Sequence, check: ModuleType):
        self.done, self.tolerance = done, tolerance
        self.suspects = [_Suspect(each, done, tolerance, check) for each in mistakes]
        self.wrong = [not compare.same(each.got, each.want, tolerance) for each in done]
        self.right = not any(self.wrong)
        self.bad = None if self.right else done[self.wrong.index(True)]

    def sure(self) -> str:
        """What is wrong beyond doubt: a word that is misspelt, one known mistake or two, another kind of value."""
        kind = compare.unlike(self.bad.got, self.bad.want) or compare.undefined(self.bad.got, self.bad.want)
        return compare.misspelt(self.bad.got, self.bad.want) or self._one() or kind or self._two()

    def likely(self) -> str:
        """A known mistake that is there beside something else, or ""."""
        return self._times() or self._most()

    def _one(self) -> str:
        """The mistake that gives what came, in every case that it can be computed for.

        Where it would have been wrong and the answer was right, it may still be the cause, if it explains two others.
        """
        bad = [i for i, wrong in enumerate(self.wrong) if wrong]
        fine = [i for i, wrong in enumerate(self.wrong) if not wrong]
        for each in self.suspects:
            if any(each.agrees(i) is False for i in bad):
                continue
            explained = sum(each.agrees(i) is True for i in bad)
            if explained > 1 or (explained and not any(each.agrees(i) is False for i in fine)):
                return self._filled(each.says)
        return ""

    def _two(self) -> str:
        """Two mistakes that meet: where one of them bites, its result came; where both do, something wrong came."""
        able = [each for each in self.suspects if self._may_be(each)]
        for pair in itertools.combinations(able, 2):
            if pair[0].says != pair[1].says and self._are_both(pair):
                first, second = (self._filled(each.says) for each in pair)
                return f"{first.rstrip('.')}. And: {second}"
        return ""

    def _may_be(self, suspect: _Suspect) -> bool:
        """Whether it gives nothing wrong where the answer is right, and explains a case in which it is not."""
        bites = [bool(suspect.wrong(i)) for i in range(len(self.done))]
        explains = any(bite and suspect.agrees(i) for i, bite in enumerate(bites))
        return explains and not any(bite and not wrong for bite, wrong in zip(bites, self.wrong, strict=True))

    def _are_both(self, pair: tuple[_Suspect, _Suspect]) -> bool:
        pure = [0, 0]
        for i, wrong in enumerate(self.wrong):
            bites = [each.wrong(i) for each in pair]
            if None in bites or wrong != any(bites):
                return False
            if sum(bites) == 1:
                if not pair[bites.index(True)].agrees(i):
                    return False
                pure[bites.index(True)] += 1
        return all(pure)

    def _times(self) -> str:
        """A mistake whose results came with a factor."""
        for each in self.suspects:
            if len(self.done) < 2 or not all(each.wrong(i) for i in range(len(self.done))):
                continue
            pairs = [(done.got, each.result(i)) for i, done in enumerate(self.done)]
            if factor := compare.ratio(pairs, [done.known for done in self.done], "what that gives"):
                return f"{self._filled(each.says).rstrip('.')}. And that is not all: {factor}."
        return ""

    def _most(self) -> str:
        """A mistake that explains most of what is wrong, and nothing speaks against it."""
        for each in self.suspects:
            if not self._may_be(each):
                continue
            explained = sum(each.agrees(i) is True for i, wrong in enumerate(self.wrong) if wrong)
            if explained > 1 and 2 * explained > sum(self.wrong):
                return f"{self._filled(each.says).rstrip('.')}. And that is not all: {self.difference()}"
        return ""

    def _filled(self, says: str) -> str:
        mine, right = compare.flat(self.bad.got), compare.flat(self.bad.want)
        with np.errstate(all="ignore"):  # infinity may be a right result
            ratio = np.linalg.norm(mine) / (np.linalg.norm(right) or np.nan) if mine.size == right.size else None
        ratio = "another number" if ratio is None else f"{ratio:.3g}"
        known = {name.replace(" ", "_"): f"{value:g}" for name, value in self.bad.known.items()}
        return says.format(ratio=ratio, **known)

    def difference(self) -> str:
        """Where the first wrong case differs, and by which factor, if it is one."""
        got, want = self.bad.got, self.bad.want
        if compare.transposed(got, want):
            return "your result is the right one with rows and columns exchanged"
        if compare.permuted(got, want, self.tolerance):
            return "your result has the right parts, in another order"
        text = compare.difference(got, want, self.tolerance)
        factor = compare.ratio([(each.got, each.want) for each in self.done], [each.known for each in self.done])
        right = self.wrong.count(False)
        some = f" It is right in {right} of {len(self.done)} cases." if right else ""
        return f"{factor}: {text}." if factor else f"{text}.{some}"
