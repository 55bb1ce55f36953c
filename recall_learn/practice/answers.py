"""A learner's answers as files, ``answers/NAME.py``, and looking at one in a process of its own.

What a file does then can end that process and nothing else: it is killed when it takes too long, also inside a library.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import IO

from recall_learn.files import write_text
from recall_learn.practice.exercise import FOLDER as EXERCISES
from recall_learn.practice.exercise import Exercise, load_file, named
from recall_learn.practice.report import Report

FOLDER = "RECALL_LEARN_ANSWERS"
LOADING = 20.0
"""Seconds that a file may take to be imported."""
PATIENCE = 120.0
"""Seconds after which the process is killed."""
LINES = 40
"""Lines that are shown of what an answer prints."""


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
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch) / "report.json"
        command = [sys.executable, "-m", "recall_learn.practice.answers", exercise.name, str(path), str(out)]
        environment = {**os.environ, EXERCISES: str(exercise.path.parents[1]), "HF_HUB_OFFLINE": "1"}
        process = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            process_group=0,  # what it starts is killed with it
        )
        late = threading.Event()
        killer = threading.Timer(PATIENCE, lambda: (late.set(), _kill(process)))
        killer.start()
        try:
            _pass_on(process.stdout)
            status = process.wait()
        finally:
            killer.cancel()
            _kill(process)
        if late.is_set():
            says = f"still running after {PATIENCE:.0f} seconds, and was killed. Does every loop end?"
            return Report(exercise.name, "failed", says)
        if not out.exists():
            says = f"it ended Python (exit status {status}). Leave out exit() and quit(); take less memory."
            return Report(exercise.name, "failed", says)
        return Report(**json.loads(out.read_text(encoding="utf-8")))


def _kill(process: subprocess.Popen) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _pass_on(stream: IO[bytes]) -> None:
    """Show what an answer prints, up to so many lines."""
    lines = 0
    for line in stream:
        lines += 1
        if lines <= LINES:
            print(line.decode(errors="replace"), end="", flush=True)
    if lines > LINES:
        print(f"... and {lines - LINES} more lines that your answer prints")


def load(exercise: Exercise, path: Path):
    """The function or class in a learner's file.

    Raises:
        Complaint: the file cannot be read as Python, raises, or defines no such thing.
    """
    from recall_learn.practice.guard import Complaint, call

    try:
        source = path.read_text(encoding="utf-8")
        compile(source, str(path), "exec")
    except SyntaxError as error:
        line = (error.text or "").strip()
        raise Complaint(f"{path.name}, line {error.lineno}, is not Python: {error.msg}\n{line}") from None
    except (UnicodeDecodeError, ValueError) as error:
        raise Complaint(f"{path.name} is no text in UTF-8: {error}") from None
    module = call(load_file, (path, f"answer_{exercise.name}"), LOADING)
    if not hasattr(module, exercise.entry):
        raise Complaint(f"{path.name} defines no `{exercise.entry}`; keep the name that the stub has")
    return getattr(module, exercise.entry)


def _main(name: str, path: str, out: str) -> None:
    from recall_learn.practice.guard import Complaint, NotWritten
    from recall_learn.practice.looking import examine

    exercise = named(name)
    try:
        report = examine(exercise, load(exercise, Path(path)))
    except NotWritten:
        report = Report(name, "open", "not written yet. Write the body, then look again.")
    except Complaint as complaint:
        report = Report(name, "failed", str(complaint))
    write_text(out, json.dumps(asdict(report)))


if __name__ == "__main__":
    _main(*sys.argv[1:])
