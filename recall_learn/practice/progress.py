"""What a learner has done, in a small file of theirs.

The file is ``~/.recall-learn/progress.json``, or what RECALL_LEARN_PROGRESS names. It holds names, counts and dates,
and no answers. What a later version wrote into it and this one does not know stays there; a file that is damaged is put
aside when something is next noted, not written over. Processes that note something wait for each other.
"""

import itertools
import json
import os
import warnings
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, NotRequired

from filelock import FileLock
from pydantic import Field
from typing_extensions import TypedDict

from recall_learn.practice.exercise import Exercise
from recall_learn.practice.report import Report
from recall_learn.support.files import check_file, write_text
from recall_learn.support.reading import parse_json, read_text

FILE = "RECALL_LEARN_PROGRESS"
FORMAT = 1
PATIENCE = 10.0
"""Seconds that a process waits for another to have noted what it has to."""

_Count = NotRequired[Annotated[int, Field(ge=0)]]
_Date = NotRequired[str]


class _Entry(TypedDict):
    tries: _Count
    hints: _Count
    first: _Date
    passed: _Date
    solution: _Date


class _File(TypedDict):
    exercises: dict[str, _Entry]


def where() -> Path:
    """The learner's file.

    Raises:
        ValueError: RECALL_LEARN_PROGRESS begins with the home of a user who is none.
    """
    named = os.environ.get(FILE)
    try:
        return Path(named).expanduser() if named else Path.home() / ".recall-learn" / "progress.json"
    except RuntimeError as error:
        raise ValueError(f"{FILE} is {named!r}, and there is no such home ({error}); name a file") from None


def load() -> dict[str, dict[str, object]]:
    """Exercise -> what was done: ``tries``, ``hints``, and the dates ``first``, ``passed``, ``solution``.

    A file that is damaged counts as none, with a warning.

    Raises:
        OSError: there is something that cannot be read as a file.
    """
    path = where()
    try:
        return _read(path)["exercises"]
    except ValueError as error:
        warnings.warn(f"{error}; it will be put aside when something is noted", stacklevel=2)
        return {}


def record(report: Report) -> None:
    """Note a look at an answer. One at a stub is none."""
    if report.status == "open":
        return

    def note(entry: dict) -> None:
        entry["tries"] = entry.get("tries", 0) + 1
        entry.setdefault("first", _now())
        if report:
            entry.setdefault("passed", _now())

    _change(report.name, note)


def hint_seen(exercise: Exercise) -> int:
    """Note that one more hint is seen; returns its number, from 1, or 0 where nothing can be noted.

    After the last one it stays the last.
    """
    number = []

    def note(entry: dict) -> None:
        entry["hints"] = min(entry.get("hints", 0) + 1, len(exercise.hints))
        number.append(entry["hints"])

    return number[0] if _change(exercise.name, note) else 0


def solution_seen(name: str) -> None:
    """Note that the solution was shown."""
    _change(name, lambda entry: entry.setdefault("solution", _now()))


def export(exercises: list[Exercise], learner: str = "") -> dict[str, object]:
    """Everything for a teacher: each exercise of this book with its points, and the sum of those that are passed."""
    done = load()
    rows = [
        {**done.get(each.name, {}), "name": each.name, "lesson": each.lesson, "points": each.points}
        for each in exercises
    ]
    return {
        "format": FORMAT,
        "learner": learner,
        "exported": _now(),
        "points": sum(row["points"] for row in rows if "passed" in row),
        "of": sum(row["points"] for row in rows),
        "exercises": rows,
    }


def _change(name: str, note: Callable[[dict], Any]) -> bool:
    """Change an entry, and say whether it is kept."""
    path = FILE
    try:
        path = check_file(where())
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path.with_name(f".{path.name}.lock"), timeout=PATIENCE):
            try:
                data = _read(path)
            except ValueError as error:
                warnings.warn(f"{error}; it is kept as {_put_aside(path).name}, and a new one begins", stacklevel=3)
                data = _read(path)
            note(data["exercises"].setdefault(name, {}))
            write_text(path, json.dumps(data, indent=1, ensure_ascii=False) + "\n")
        return True
    except (OSError, ValueError) as error:  # the look itself is shown all the same
        warnings.warn(
            f"progress is not kept: {path} cannot be written ({error}). {FILE} names another file", stacklevel=3
        )
        return False


def _read(path: Path) -> dict[str, Any]:
    """What the file holds; nothing where there is none.

    Raises:
        OSError: there is something else than a file, or it cannot be read.
        ValueError: it is damaged.
    """
    if path.exists() and not path.is_file():
        raise OSError(f"{path} is no file")
    try:
        return parse_json(read_text(path, "progress"), _File)
    except FileNotFoundError:
        return {"format": FORMAT, "exercises": {}}
    except ValueError as error:
        raise ValueError(f"{path} could not be read: {error}") from None


def _put_aside(path: Path) -> Path:
    """Rename a file to a name that says why, and that no other has."""
    stem = f"{path.name}.damaged-{datetime.now(UTC):%Y%m%dT%H%M%S}"
    names = (path.with_name(f"{stem}.{number}") for number in itertools.count(1))
    aside = next(name for name in names if not os.path.lexists(name))
    os.replace(path, aside)
    return aside


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
