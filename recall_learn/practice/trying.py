"""For those who make exercises: what a set of answers is told, an answer a line."""

import functools
import types
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from recall_learn.practice import source
from recall_learn.practice.exercise import Exercise, load_file
from recall_learn.practice.looking import Draw, look_at
from recall_learn.practice.player import Here
from recall_learn.practice.report import MARKS, Complaint, Report

LOOKS = 3


@dataclass(frozen=True)
class Tried:
    """What an answer was told in some looks.

    Attributes:
        name: of the answer.
        reports: of each look.
        fault: what is wrong with the check, or "".
    """

    name: str
    reports: list[Report]
    fault: str = ""

    def __str__(self) -> str:
        said = dict.fromkeys(f"{MARKS[each.status]} {' '.join(each.says.split())}" for each in self.reports)
        passes = sum(map(bool, self.reports))
        some = [f"passes {passes} of {len(self.reports)} looks"] if 0 < passes < len(self.reports) else []
        parts = [*([self.fault] if self.fault else []), *some, *said]
        return f"{'!!' if self.fault else '  '} {self.name}: {' · '.join(parts)}"


def mutants(exercise: Exercise) -> types.ModuleType:
    """``exercises/mutants/NAME.py``: MUTANTS and OTHERS."""
    return load_file(exercise.path.parents[1] / "mutants" / exercise.path.name, f"mutants_{exercise.name}")


def made(exercise: Exercise, code: str) -> object:
    """The function or class that a piece of source defines for an exercise."""
    module = types.ModuleType("answer")
    exec(compile(code, f"<{exercise.name}>", "exec"), module.__dict__)
    return getattr(module, exercise.entry)


def edited(exercise: Exercise, edits: dict[str, str]) -> object:
    """The solution with some of its text exchanged.

    Raises:
        ValueError: it holds no such text.
    """
    code = exercise.code
    for old, new in edits.items():
        if old not in code:
            raise ValueError(f"exercises/solutions/{exercise.name}.py holds no {old!r}, which a mutant exchanges")
        code = code.replace(old, new)
    return made(exercise, code)


@functools.cache
def _draw(exercise: Exercise, seed: int) -> Draw:
    return Draw(exercise, seed)


def look(exercise: Exercise, answer: object, seed: int) -> Report:
    """Look at an answer; the cases of a seed are drawn once for all answers."""
    return look_at(_draw(exercise, seed), Here(exercise, answer))


def tried(exercise: Exercise, looks: int = LOOKS) -> Iterator[Tried]:
    """The solution, every mutant and every other right answer, each looked at with the seeds 0, 1, ..."""
    known = mutants(exercise)
    for name, answer in [
        ("solution", made(exercise, exercise.code)),
        *((f"right: {each.__name__}", each) for each in known.OTHERS),
    ]:
        reports = [look(exercise, answer, seed) for seed in range(looks)]
        yield Tried(name, reports, "" if all(reports) else "it is refused")
    for name, edits, says in known.MUTANTS:
        answer = edits if callable(edits) else edited(exercise, edits)
        reports = [look(exercise, answer, seed) for seed in range(looks)]
        others = [each[2] for each in known.MUTANTS if each[2] != says]
        yield Tried(f"wrong: {name}", reports, _fault(reports, says, others))


def _fault(reports: list[Report], says: str, others: list[str]) -> str:
    if any(reports):
        return "it passes"
    if any(each.status != "failed" or says not in each.says for each in reports):
        return f"it is not told {says!r}"
    strange = [each for each in others for report in reports if each in report.says]
    return f"it is told {strange[0]!r}, which is another one's" if strange else ""


def tried_file(exercise: Exercise, path: Path, looks: int = LOOKS) -> Tried:
    """An answer's file. It is run here, in this process: what somebody else wrote belongs into ``exercises run``."""
    try:
        answer = source.load(exercise, path)
    except Complaint as complaint:
        return Tried(path.name, [Report(exercise.name, "failed", str(complaint))])
    return Tried(path.name, [look(exercise, answer, seed) for seed in range(looks)])
