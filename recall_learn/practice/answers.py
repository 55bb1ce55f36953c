"""A learner's answers as files, ``answers/NAME.py``, and looking at one in a process of its own."""

import os
from dataclasses import replace
from pathlib import Path

from recall_learn.practice.exercise import Exercise
from recall_learn.practice.process import There
from recall_learn.practice.report import Report
from recall_learn.practice.source import uses
from recall_learn.support.files import write_text

FOLDER = "RECALL_LEARN_ANSWERS"


def folder(named: str | None = None) -> Path:
    """Where the answers are: the folder named, or RECALL_LEARN_ANSWERS, or ``answers`` here."""
    return Path(named or os.environ.get(FOLDER) or "answers")


def begin(exercise: Exercise, answers: Path) -> Path | None:
    """Write the stub, unless there is an answer; returns the file if it was written."""
    path = answers / f"{exercise.name}.py"
    if path.exists():
        return None
    write_text(path, exercise.file)
    return path


def reset(exercise: Exercise, answers: Path) -> Path | None:
    """Put the stub back; returns where the old answer is now, if there was one."""
    path, kept = answers / f"{exercise.name}.py", None
    same = path.is_file() and path.read_bytes() == exercise.file.encode()
    if os.path.lexists(path) and not same:  # whatever it is
        number = 1
        while os.path.lexists(kept := path.with_suffix(f".py.{number}")):
            number += 1
        path.rename(kept)
    write_text(path, exercise.file)
    return kept


def look(exercise: Exercise, path: Path) -> Report:
    """Look at an answer's file, in a process of its own.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is a folder, a device or a pipe.
    """
    if path.exists() and not path.is_file():
        raise ValueError(f"{path} is no file; `recall-learn exercises reset {exercise.name}` puts it aside")
    if not path.is_file():
        raise FileNotFoundError(f"{path} is not there; `recall-learn exercises run {exercise.name}` begins it")
    named = uses(path)
    with There(exercise, path) as answer:
        from recall_learn.practice.looking import Draw, look_at  # torch is loaded here while it is loaded there

        return replace(look_at(Draw(exercise), answer), uses=named)
