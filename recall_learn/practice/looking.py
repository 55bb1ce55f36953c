"""Looking at an answer: fresh random cases against a reference, known mistakes, laws.

A check is a file ``exercises/checks/NAME.py``; ``exercises/README.md`` says what is in it. Its cases, reference,
mistakes and laws are at work here, and meet values alone: what comes from an answer is plain (`values.plain`), and in a
law it is in the kind that the reference gives (`values.like`).
"""

import copy
import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn, Protocol

import numpy as np
import torch

from recall_learn.practice import compare, diagnosis, values, wire
from recall_learn.practice.exercise import Exercise, named
from recall_learn.practice.player import Here
from recall_learn.practice.report import Complaint, NotWritten, Report
from recall_learn.practice.state import standard

SHOWN = 300
"""Characters of a case's arguments that a message shows."""
ENTRIES = 4
"""Entries of a list or a dictionary that it shows; fewer where the arguments behind it would be cut off."""
ROW = 8
"""Entries of a dictionary that it shows where they are single values, such as a record."""


@dataclass(frozen=True)
class Case:
    """The arguments of one call, and quantities by which a wrong result may be off.

    Attributes:
        arguments: in the order of the function's, or of those of ``play`` behind its first; plain values, generators
            of random numbers, and what is `wire.built`.
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


class Answer(Protocol):
    """What is looked at: `player.Here` or `process.There`."""

    def signature(self) -> None:
        """Refuse what cannot be called."""

    def ask(self, request: bytes) -> tuple[object, str]:
        """What comes of one call, and a complaint of what it has changed, or ""."""


class _Unreadable(Complaint):
    """A law stumbles over the result."""


def wrong(says: str) -> NoReturn:
    """Say what is wrong with an answer, in the learner's terms: in a law that does not hold, or in ``play``."""
    raise Complaint(says)


class Draw:
    """The random cases of a look with what is right in them, for one answer or for many."""

    def __init__(self, exercise: Exercise, seed: int | None = None):
        self.rng = np.random.default_rng(seed)
        self.coins = self.rng.spawn(1)[0]  # for what a learner's code draws: the cases are the same without it
        with standard():
            self.exercise, self.check = exercise, exercise.check
            torch.default_generator.manual_seed(int(self.coins.integers(2**63)))
            cases = self.check.cases(self.rng) if hasattr(self.check, "cases") else []
            packed = [wire.pack(each.arguments) for each in cases]
            self.wants = [self.check.reference(*wire.unpack(each, self.check)) for each in packed]
            self.state = torch.get_rng_state()
        made = zip(cases, packed, map(values.plain, self.wants), strict=True)
        self.drawn = [diagnosis.Drawn(*each) for each in made]
        self.tolerance, mistakes = (
            getattr(self.check, "TOLERANCE", compare.TOLERANCE),
            getattr(self.check, "MISTAKES", []),
        )
        self.known = [diagnosis.Known(each, self.drawn, self.tolerance, self.check) for each in mistakes]


def examine(exercise: str | Exercise, answer: object, seed: int | None = None) -> Report:
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
    return look_at(Draw(exercise, seed), Here(exercise, answer))


def look_at(draw: Draw, answer: Answer) -> Report:
    """Look at an answer, wherever it is played."""
    look, name = _Look(draw, answer), draw.exercise.name
    try:
        with standard():
            torch.set_rng_state(draw.state)
            answer.signature()
            says = look.cases() or look.laws()
    except NotWritten:
        return Report(name, "open", "not written yet. Write the body, then look again.")
    except Complaint as complaint:
        says = str(complaint)
    if says:
        return Report(name, "failed", says, look.detail(says))
    return Report(name, "passed", f"right, in {len(draw.drawn)} random cases and {len(look.rules)} laws.")


class _Look:
    """One look at one answer."""

    def __init__(self, draw: Draw, answer: Answer):
        self.draw, self.answer, self.check = draw, answer, draw.check
        self.rng, self.coins = copy.deepcopy((draw.rng, draw.coins))
        self.rules = list(getattr(self.check, "LAWS", []))
        play = getattr(self.check, "play", None)
        self.names = _asked_for(play) if play else list(draw.exercise.arguments)
        self.shown, self.beside, self.lost = None, "", None

    def detail(self, says: str) -> str:
        """The case that shows what is wrong, unless what was said names it, and what is wrong besides a law, or ""."""
        case = self._said(self.shown) if self.shown else ""
        lead = "And in a random case" if self.beside else "In the case"
        return "\n".join(filter(None, ("" if case in says else f"{lead} {case}", self.beside)))

    def cases(self) -> str:
        """What is wrong in the cases, or ""."""
        got, changed = [], None
        for each in self.draw.drawn:
            self.shown = each.case
            value, changes = self.ask(*each.case.arguments)
            changed = changed or (changes and (changes, each.case))
            got.append(value)
        self.shown = None
        found = diagnosis.Diagnosis(got, self.draw.drawn, self.draw.known, self.draw.tolerance)
        if found.right and not changed:
            return ""
        self.shown = changed[1] if found.right else found.bad.case
        if says := "" if found.right else found.sure():
            return f"{says.rstrip('.')}. And {changed[0]}" if changed else says
        if changed:
            return changed[0]
        if law := self._law_or_nothing():
            self.beside = found.difference() if self.shown is found.bad.case else ""
            return law
        return found.likely() or found.difference()

    def laws(self) -> str:
        """Which law does not hold, or ""."""
        for law in self.rules:
            try:
                law(self._in_a_law, self.rng)
                if self.lost:  # no comparison holds of it, and so none that complains
                    says, self.shown = self.lost
                    raise _Unreadable(says)
            except (Complaint, NotWritten, wire.NotPlain):
                raise
            except Exception as error:
                raise _Unreadable(
                    f"a law cannot read your result ({type(error).__name__}: {error}). Is it what the "
                    "statement asks for, in each case?"
                ) from None
        return ""

    def _law_or_nothing(self) -> str:
        shown = self.shown
        try:
            return self.laws()
        except (_Unreadable, NotWritten):  # the result is wrong anyway, and what is wrong with it can be said
            self.shown = shown
            return ""
        except Complaint as broken:
            return str(broken)

    def ask(self, *arguments) -> tuple[Any, str]:
        """What the answer gives, plain, and a complaint of what it has changed, or ""."""
        asked = {"arguments": arguments, "state": torch.get_rng_state(), "seed": int(self.coins.integers(2**32))}
        try:
            return self.answer.ask(wire.pack(asked))
        except Complaint as complaint:
            self.shown = Case(arguments)
            says = str(complaint)
            raise Complaint("\n".join(filter(None, (says, self._advice(says, arguments))))) from None

    def _advice(self, says: str, arguments: tuple) -> str:
        """What the check knows of an error that came with these arguments, or ""."""
        kind = re.match(r"\w*", says)[0]
        knows = getattr(self.check, "RAISED", {}).get(kind)
        return knows(says.splitlines()[0], *arguments[: len(self.names)]) if knows else ""

    def _in_a_law(self, *arguments) -> Any:
        """The same in the kind of the reference, where ``play`` is asked for nothing else."""
        got, changes = self.ask(*arguments)
        if changes:
            raise Complaint(changes)
        if not self.draw.drawn or len(self.draw.drawn[0].case.arguments) != len(arguments):
            return got
        if says := compare.undefined(got, 0.0):
            self.lost = self.lost or (says, Case(arguments))
        return values.like(got, next((each for each in self.draw.wants if each is not None), None))

    def _said(self, each: Case) -> str:
        if own := getattr(self.check, "shown", lambda *_: "")(*each.arguments):
            return own
        pairs = list(zip(self.names, each.arguments, strict=False))
        pairs.sort(key=lambda pair: compare.flat(pair[1]).size != 1)  # numbers first: what is long may be cut off
        for entries in range(ENTRIES, 0, -1):
            parts = [f"{name} = {_short(value, entries)}" for name, value in pairs]
            if len(", ".join(parts)) <= SHOWN:
                return ", ".join(parts)
        share = SHOWN // len(parts)
        return ", ".join(part if len(part) <= share else f"{part[: share - 3]}..." for part in parts)


def _asked_for(play: Callable) -> list[str]:
    """The names of what a case hands to ``play``: all behind its first argument but what has a default."""
    found = list(inspect.signature(play).parameters.values())[1:]
    return [each.name for each in found if each.default is inspect.Parameter.empty]


def _short(value: Any, entries: int = ENTRIES) -> str:
    """A value of a case, so that one can see what it was."""
    if isinstance(value, wire.Built):
        return f"{value.function.__name__}(...)"
    if compare.numeric(value):
        text = compare.shown(value)
        return f"{text} of shape {list(compare.array(value).shape)}" if np.ndim(compare.array(value)) else text
    if isinstance(value, Mapping):
        most = ROW if all(each is None or isinstance(each, str | int | float) for each in value.values()) else entries
        inside = [f"{key!r}: {_short(each, entries)}" for key, each in list(value.items())[:most]]
        return f"{{{', '.join(inside)}{', ...' if len(value) > most else ''}}}"
    if isinstance(value, list | tuple):
        inside = [_short(each, entries) for each in value[:entries]]
        return f"[{', '.join(inside)}{', ...' if len(value) > entries else ''}]"
    return repr(value) if isinstance(value, str | bool) or value is None else compare.named(value)
