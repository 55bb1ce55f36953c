"""What a learner has done, in a small file of theirs.

The file is ``~/.recall-learn/progress.json``, or what RECALL_LEARN_PROGRESS names. It holds names, counts and dates,
and no answers. What a later version wrote into it and this one does not know stays there; a file that cannot be read is
put aside, not written over.
"""

import json
import os
import warnings
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock

from recall_learn.files import write_text
from recall_learn.practice.exercise import Exercise
from recall_learn.practice.report import Report

FILE = "RECALL_LEARN_PROGRESS"
FORMAT = 1


def where() -> Path:
    """The learner's file."""
    return Path(os.environ.get(FILE) or Path.home() / ".recall-learn" / "progress.json")


def load() -> dict[str, dict[str, Any]]:
    """Exercise -> what was done: ``tries``, ``hints``, and the dates ``first``, ``passed``, ``solution``."""
    return _read(where())["exercises"]


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


def export(exercises: list[Exercise], learner: str = "") -> dict[str, Any]:
    """Everything for a teacher: each exercise of this book with its points, and the sum of those that are passed."""
    done = load()
    rows = [
        {"name": each.name, "lesson": each.lesson, "points": each.points, **done.get(each.name, {})}
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
    path = where()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{path}.lock", timeout=10):
            data = _read(path)
            note(data["exercises"].setdefault(name, {}))
            write_text(path, json.dumps(data, indent=1, ensure_ascii=False) + "\n")
        return True
    except OSError as error:
        warnings.warn(
            f"progress is not kept: {path} cannot be written ({error}). {FILE} names another file", stacklevel=3
        )
        return False


def _read(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {"format": FORMAT, "exercises": {}}
    try:
        data = json.loads(text)
        if not isinstance(data["exercises"], dict) or not all(
            isinstance(each, dict) for each in data["exercises"].values()
        ):
            raise TypeError("exercises is no dictionary of dictionaries")
    except (ValueError, KeyError, TypeError) as error:
        aside = path.with_name(f"{path.name}.damaged-{datetime.now(UTC):%Y%m%dT%H%M%S}")
        os.replace(path, aside)
        warnings.warn(
            f"{path} could not be read ({error}); it is kept as {aside.name}, and a new one begins", stacklevel=3
        )
        return {"format": FORMAT, "exercises": {}}
    return data


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
