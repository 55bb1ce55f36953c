"""Looking at an answer: fresh random cases against a reference, known mistakes, laws.

A check is a file ``exercises/checks/NAME.py`` with

- ``cases(rng)``: a list of `Case`, drawn anew at every look from a NumPy generator;
- ``reference(*arguments)``: what is right, computed in another way than the solution does;
- ``MISTAKES``: what people really get wrong. A `Mistake` computes what comes out then, and says what it is;
- ``LAWS``: functions ``law(answer, rng)`` of what has to hold whatever the numbers are. ``answer(...)`` is the
  learner's function, and a law calls `wrong` where it does not hold.

It may also have ``play(entry, *arguments)``, what is done in a case with the learner's function or class (it is
called), ``MAY_CHANGE``, the arguments that are there to be changed, ``TOLERANCE`` (1e-4, of the largest entry) and
``SECONDS``, the time of the whole look, of one processor (10).
"""

import copy
import inspect
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

import numpy as np
import torch

from recall_learn.practice import compare
from recall_learn.practice.exercise import Exercise, named
from recall_learn.practice.guard import Complaint, NotWritten, call
from recall_learn.practice.report import Report

SECONDS = 10.0
SHOWN = 300
"""Characters of a case's arguments that a message shows."""
ENTRIES = 4
"""Entries of a list or a dictionary that it shows."""


@dataclass(frozen=True)
class Case:
    """The arguments of one call, and quantities by which a wrong result may be off.

    Attributes:
        arguments: in the order of the function's.
        known: name -> number, such as ``{"batch size": 16}``; a message may say "1 / the batch size (16)".
    """

    arguments: tuple
    known: Mapping[str, float] = field(default_factory=dict)


def case(*arguments, **known) -> Case:
    """A `Case`; underscores in the names of what is known become blanks."""
    return Case(arguments, {name.replace("_", " "): value for name, value in known.items()})


@dataclass(frozen=True)
class Mistake:
    """A wrong answer that people really give.

    Attributes:
        says: what is wrong, in the learner's terms. ``{ratio}`` is the result's size beside the right one's, and a name
            of the case's known quantities is its value.
        function: what it computes, of a case's arguments. An error that it raises means that it cannot be told here.
    """

    says: str
    function: Callable


class _Broken(Exception):
    """A law that does not hold; its text is the complaint."""


class _Unreadable(Complaint):
    """A law stumbles over the result."""


def wrong(says: str) -> NoReturn:
    """Say that a law does not hold, in the learner's terms."""
    raise _Broken(says)


def examine(exercise: str | Exercise, answer: Any, seed: int | None = None) -> Report:
    """Look at an answer.

    Args:
        exercise: its name, or the exercise.
        answer: the learner's function or class.
        seed: of the random cases; None draws one.

    Raises:
        ValueError: there is no such exercise.
    """
    if isinstance(exercise, str):
        exercise = named(exercise)
    look = _Look(exercise, answer, np.random.default_rng(seed))
    try:
        look.signature()
        says = look.cases() or look.laws()
    except NotWritten:
        return Report(exercise.name, "open", "not written yet. Write the body, then look again.")
    except (Complaint, _Broken) as complaint:
        return Report(exercise.name, "failed", str(complaint), look.detail)
    if says:
        return Report(exercise.name, "failed", says, look.detail)
    return Report(exercise.name, "passed", f"right, in {look.count} random cases and {len(look.rules)} laws.")


class _Look:
    """One look at one answer."""

    def __init__(self, exercise: Exercise, entry: Any, rng: np.random.Generator):
        self.exercise, self.entry, self.rng = exercise, entry, rng
        self.check = exercise.check
        self.rules = list(getattr(self.check, "LAWS", []))
        self.tolerance = getattr(self.check, "TOLERANCE", compare.TOLERANCE)
        self.play = getattr(self.check, "play", lambda entry, *arguments: entry(*arguments))
        self.end = time.process_time() + getattr(self.check, "SECONDS", SECONDS)
        self.count, self.detail = 0, ""

    def signature(self) -> None:
        """Refuse what cannot be called as the statement says."""
        name, entry, wanted = self.exercise.name, self.exercise.entry, self.exercise.arguments
        if not callable(self.entry):
            raise Complaint(
                f"check wants the function itself, and got {compare.named(self.entry)}: "
                f'check("{name}", {entry}), without brackets after it'
            )
        try:
            found = inspect.signature(self.entry)
        except (TypeError, ValueError):
            return
        try:
            found.bind(*wanted)
        except TypeError:
            mine = ", ".join(found.parameters) or "nothing"
            raise Complaint(f"it takes ({mine}), and is called with ({', '.join(wanted)})") from None

    def cases(self) -> str:
        """What is wrong in the cases, or ""."""
        done = []
        for each in self.check.cases(self.rng) if hasattr(self.check, "cases") else []:
            self.count += 1
            want = self.check.reference(*_copies(each.arguments))
            self.detail = self._shown(each)
            got = self._answer(self.play, self.entry, *each.arguments)
            done.append((each, got, want))
        self.detail = ""
        bad = next((each for each in done if not compare.same(each[1], each[2], self.tolerance)), None)
        if bad is None:
            return ""
        self.detail = self._shown(bad[0])
        kind = compare.unlike(bad[1], bad[2]) or compare.undefined(bad[1], bad[2])
        if found := compare.misspelt(bad[1], bad[2]) or self._known_mistake(done, bad) or kind:
            return found
        differs = self._difference(done, bad)
        if law := self._law_or_nothing():
            self.detail = f"{self.detail}\n{differs}"
            return law
        return differs

    def laws(self) -> str:
        """Which law does not hold, or ""."""
        for law in self.rules:
            try:
                law(lambda *arguments: compare.scalars(self._answer(self.play, self.entry, *arguments)), self.rng)
            except (_Broken, Complaint, NotWritten):
                raise
            except Exception as error:
                raise _Unreadable(
                    f"a law cannot read your result ({type(error).__name__}: {error}). Is it what the "
                    "statement asks for, in each case?"
                ) from None
        return ""

    def _law_or_nothing(self) -> str:
        detail = self.detail
        try:
            return self.laws()
        except (_Unreadable, NotWritten):  # the result is wrong anyway, and what is wrong with it can be said
            self.detail = detail
            return ""
        except (_Broken, Complaint) as broken:
            return str(broken)

    def _answer(self, function: Callable, *arguments) -> Any:
        """Call with copies, and complain if they are changed."""
        entry, given = (arguments[0],), arguments[1:]
        passed = _copies(given)
        got = call(function, (*entry, *passed), max(self.end - time.process_time(), 0.5))
        allowed = getattr(self.check, "MAY_CHANGE", ())
        for name, before, after in zip(self.exercise.arguments, given, passed, strict=False):
            what = compare.changed(before, after)
            if what and name not in allowed:
                raise Complaint(
                    f"your function changes its argument `{name}` in place ({what}); whoever called it still needs it "
                    "as it was. Work on a copy, or write the result to something new"
                )
        return got

    def _known_mistake(self, done: list, bad: tuple) -> str:
        """What is said of the mistake that gives what came, in every case that it can be computed for.

        Where it would have been wrong and the answer was right, it may still be the cause, if it explains two others.
        """
        for mistake in getattr(self.check, "MISTAKES", []):
            results = [(got, want, self._of(mistake, each)) for each, got, want in done]
            told = [(got, want, result) for got, want, result in results if result is not _NONE]
            wrong_ones = [each for each in told if not compare.same(each[0], each[1], self.tolerance)]
            agrees = [compare.same(got, result, self.tolerance) for got, _, result in told]
            explained = all(compare.same(got, result, self.tolerance) for got, _, result in wrong_ones)
            if wrong_ones and explained and (all(agrees) or len(wrong_ones) > 1):
                return self._filled(mistake.says, bad)
        return ""

    def _of(self, mistake: Mistake, each: Case) -> Any:
        try:
            with np.errstate(all="ignore"):
                return mistake.function(*_copies(each.arguments))
        except Exception:
            return _NONE

    def _filled(self, says: str, bad: tuple) -> str:
        each, got, want = bad
        mine, right = compare.flat(got), compare.flat(want)
        with np.errstate(invalid="ignore"):  # infinity may be a right result
            ratio = np.linalg.norm(mine) / (np.linalg.norm(right) or np.nan) if mine.size == right.size else None
        ratio = "another number" if ratio is None else f"{ratio:.3g}"
        values = {name.replace(" ", "_"): f"{value:g}" for name, value in each.known.items()}
        return says.format(ratio=ratio, **values)

    def _difference(self, done: list, bad: tuple) -> str:
        _, got, want = bad
        if compare.transposed(got, want):
            return "your result is the right one with rows and columns exchanged"
        if compare.permuted(got, want, self.tolerance):
            return "your result has the right parts, in another order"
        text = compare.difference(got, want, self.tolerance)
        factor = compare.ratio([(got, want) for _, got, want in done], [each.known for each, _, _ in done])
        right = sum(compare.same(got, want, self.tolerance) for _, got, want in done)
        some = f" It is right in {right} of {len(done)} cases." if right else ""
        return f"{factor}: {text}." if factor else f"{text}.{some}"

    def _shown(self, each: Case) -> str:
        pairs = list(zip(self.exercise.arguments, each.arguments, strict=False))
        pairs.sort(key=lambda pair: compare.flat(pair[1]).size != 1)  # numbers first: what is long may be cut off
        parts = [f"{name} = {_short(value)}" for name, value in pairs]
        text = ", ".join(parts)
        return f"In the case {text[:SHOWN]}{'...' if len(text) > SHOWN else ''}"


_NONE = object()


def _copies(arguments: tuple) -> tuple:
    """Copies of a call's arguments.

    A generator is copied by its state: the copy that torch makes for deepcopy gives a reference to None away each time,
    and when the last is gone Python 3.11 ends.
    """
    plain = [each for each in arguments if type(each) is torch.Generator]
    return copy.deepcopy(arguments, {id(each): each.clone_state() for each in plain})


def _short(value: Any) -> str:
    """A value of a case, so that one can see what it was."""
    if compare.numeric(value):
        text = compare.shown(value)
        return f"{text} of shape {list(compare.array(value).shape)}" if np.ndim(compare.array(value)) else text
    if isinstance(value, Mapping):
        inside = [f"{key!r}: {_short(each)}" for key, each in list(value.items())[:ENTRIES]]
        return f"{{{', '.join(inside)}{', ...' if len(value) > ENTRIES else ''}}}"
    if isinstance(value, list | tuple):
        inside = [_short(each) for each in value[:ENTRIES]]
        return f"[{', '.join(inside)}{', ...' if len(value) > ENTRIES else ''}]"
    return repr(value) if isinstance(value, str | bool) or value is None else compare.named(value)
