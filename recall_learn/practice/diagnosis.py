"""What is wrong with results that differ from the right ones, in the words of a check's known mistakes."""

import itertools
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np

from recall_learn.practice import compare, wire
from recall_learn.practice.values import plain

ORDER = "your result has the right parts, in another order"
NONE = object()
"""What a mistake gives in a case in which it cannot be told."""


@dataclass(frozen=True)
class Drawn:
    """A case, and what is right in it.

    Attributes:
        case: the arguments, and quantities that are known of it.
        packed: the arguments, as `wire.pack` has them.
        want: what is right, plain.
    """

    case: object
    packed: bytes
    want: object


class Known:
    """A known mistake in the cases of a look, computed case by case when it is asked for, and once."""

    def __init__(self, mistake: object, drawn: list[Drawn], tolerance: float, check: ModuleType):
        self.says, self.function = mistake.says, mistake.function
        self.drawn, self.tolerance, self.check = drawn, tolerance, check
        self.result, self.wrong = cache(self._result), cache(self._wrong)

    def _result(self, i: int) -> Any:
        """What it gives; `NONE` where it cannot be told."""
        try:
            with np.errstate(all="ignore"):
                return plain(self.function(*wire.unpack(self.drawn[i].packed, self.check)))
        except Exception:
            return NONE

    def _wrong(self, i: int) -> bool | None:
        """Whether that is wrong; None where it cannot be told."""
        told = self.result(i) is not NONE
        return not compare.same(self.result(i), self.drawn[i].want, self.tolerance) if told else None


class Diagnosis:
    """What came in all cases of a look, and what is wrong with it.

    Attributes:
        right: whether nothing is.
        bad: the first case that is wrong.
        came: what came there.
    """

    def __init__(self, got: list[object], drawn: list[Drawn], known: list[Known], tolerance: float):
        self.got, self.drawn, self.known, self.tolerance = got, drawn, known, tolerance
        pairs = zip(got, drawn, strict=True)
        self.wrong = [not compare.same(mine, each.want, tolerance) for mine, each in pairs]
        self.right = not any(self.wrong)
        first = None if self.right else self.wrong.index(True)
        self.bad, self.came = (None, None) if first is None else (drawn[first], got[first])
        self.agrees = cache(self._agrees)

    def _agrees(self, known: Known, i: int) -> bool | None:
        """Whether a mistake gives what came; None where it cannot be told."""
        told = known.result(i) is not NONE
        return compare.same(self.got[i], known.result(i), self.tolerance) if told else None

    def sure(self) -> str:
        """What is wrong beyond doubt: a misspelt word, one known mistake or two, another kind of value or order."""
        kind = compare.unlike(self.came, self.bad.want) or compare.undefined(self.came, self.bad.want)
        return compare.misspelt(self.came, self.bad.want) or self._one() or kind or self._order() or self._two()

    def likely(self) -> str:
        """A known mistake that is there beside something else, or ""."""
        return self._times() or self._most()

    def _order(self) -> str:
        """Whether the parts of a tuple came in another order; of a list of numbers a law may know more."""
        order = isinstance(self.bad.want, tuple) and compare.permuted(self.came, self.bad.want, self.tolerance)
        return ORDER if order else ""

    def _one(self) -> str:
        """The mistake that gives what came, in every case that it can be computed for.

        Where it would have been wrong and the answer was right, it may still be the cause, if it explains two others
        and no mistake gives what came everywhere.
        """
        bad = [i for i, wrong in enumerate(self.wrong) if wrong]
        fine = [i for i, wrong in enumerate(self.wrong) if not wrong]
        perhaps = None
        for each in self.known:
            explained = [self.agrees(each, i) for i in bad]
            if False in explained or True not in explained:
                continue
            if not any(self.agrees(each, i) is False for i in fine):
                return self._filled(each.says)
            if perhaps is None and explained.count(True) > 1:
                perhaps = each
        return self._filled(perhaps.says) if perhaps else ""

    def _two(self) -> str:
        """Two mistakes that meet: where one of them bites, its result came; where both do, something wrong came."""
        able = [each for each in self.known if self._may_be(each)]
        for pair in itertools.combinations(able, 2):
            if pair[0].says != pair[1].says and self._are_both(pair):
                first, second = (self._filled(each.says) for each in pair)
                return f"{first.rstrip('.')}. And: {second}"
        return ""

    def _may_be(self, known: Known) -> bool:
        """Whether it gives nothing wrong where the answer is right, and explains a case in which it is not."""
        bites = [bool(known.wrong(i)) for i in range(len(self.drawn))]
        explains = any(bite and self.agrees(known, i) for i, bite in enumerate(bites))
        return explains and not any(bite and not wrong for bite, wrong in zip(bites, self.wrong, strict=True))

    def _are_both(self, pair: tuple[Known, Known]) -> bool:
        pure = [0, 0]
        for i, wrong in enumerate(self.wrong):
            bites = [each.wrong(i) for each in pair]
            if None in bites or wrong != any(bites):
                return False
            if sum(bites) == 1:
                if not self.agrees(pair[bites.index(True)], i):
                    return False
                pure[bites.index(True)] += 1
        return all(pure)

    def _times(self) -> str:
        """A mistake whose results came with a factor; not where what came is nearly right."""
        if all(compare.near(got, each.want) for got, each in zip(self.got, self.drawn, strict=True)):
            return ""
        for each in self.known:
            if len(self.drawn) < 2 or not all(each.wrong(i) for i in range(len(self.drawn))):
                continue
            pairs = [(got, each.result(i)) for i, got in enumerate(self.got)]
            if compare.ratio([(each.result(i), one.want) for i, one in enumerate(self.drawn)], [{}]):
                continue  # it is a factor itself, and with another one it may be any
            if factor := compare.ratio(pairs, [one.case.known for one in self.drawn], "what that gives"):
                return f"{self._filled(each.says).rstrip('.')}. And that is not all: {factor}."
        return ""

    def _most(self) -> str:
        """A mistake that explains most of what is wrong, and nothing speaks against it."""
        for each in self.known:
            if not self._may_be(each):
                continue
            explained = sum(self.agrees(each, i) is True for i, wrong in enumerate(self.wrong) if wrong)
            if explained > 1 and 2 * explained > sum(self.wrong):
                return f"{self._filled(each.says).rstrip('.')}. And that is not all: {self.difference()}"
        return ""

    def _filled(self, says: str) -> str:
        mine, right = compare.flat(self.came), compare.flat(self.bad.want)
        with np.errstate(all="ignore"):  # infinity may be a right result
            ratio = np.linalg.norm(mine) / (np.linalg.norm(right) or np.nan) if mine.size == right.size else None
        ratio = "another number" if ratio is None else f"{ratio:.3g}"
        known = {name.replace(" ", "_"): f"{value:g}" for name, value in self.bad.case.known.items()}
        return says.format(ratio=ratio, **known)

    def difference(self) -> str:
        """Where the first wrong case differs, and by which factor, if it is one."""
        got, want = self.came, self.bad.want
        if compare.transposed(got, want):
            return "your result is the right one with rows and columns exchanged"
        if compare.permuted(got, want, self.tolerance):
            return ORDER
        text = compare.difference(got, want, self.tolerance)
        pairs = [(got, each.want) for got, each in zip(self.got, self.drawn, strict=True)]
        factor = compare.ratio(pairs, [each.case.known for each in self.drawn])
        right = self.wrong.count(False)
        some = f" It is right in {right} of {len(self.drawn)} cases." if right else ""
        return f"{factor}: {text}." if factor else f"{text}.{some}"
