"""Calling code that a learner wrote: whatever it does, the kernel goes on and the message is about their lines.

A loop that does not end is cut off. In the main thread of a Unix system a timer's signal interrupts also a wait; in
other threads, and on Windows, an exception is sent to the thread, which arrives with its next line of Python. Code that
catches everything is stopped all the same: from the second time on every line of it raises.
"""

import ctypes
import linecache
import os
import signal
import sys
import sysconfig
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from itertools import chain, repeat
from pathlib import Path
from typing import Any

from recall_learn.practice.report import Complaint, NotWritten
from recall_learn.practice.state import standard

AGAIN = 0.2
"""Seconds after which code that has caught its interruption is interrupted again."""
SLEEPY = 4
"""A busy machine may take so many times as long as an idle one."""
IMPORTS = {"np": "import numpy as np", "torch": "import torch", "math": "import math"}
"""By name: the line that is missing where there is no such name."""

_OURS = [Path(__file__).parents[1], *(Path(sysconfig.get_path(key)) for key in ("stdlib", "purelib", "platlib"))]


class _TimeUp(BaseException):
    """Ends a learner's code; no ``except Exception`` catches it."""


def call(function: Callable, arguments: tuple, seconds: float) -> object:
    """``function(*arguments)`` under the usual settings, see `state.standard`; they are put back.

    Raises:
        Complaint: it raised, or took longer than ``seconds``, or tried to end the program.
        NotWritten: it is a stub.
    """
    process = os.getpid()
    try:
        return _called(function, arguments, seconds)
    finally:
        if os.getpid() != process:  # it has forked, and this is the copy: there is one look, not two
            os._exit(0)


def _called(function: Callable, arguments: tuple, seconds: float) -> Any:
    try:
        with standard(), deadline(seconds):
            return function(*arguments)
    except (KeyboardInterrupt, Complaint):
        raise
    except NotImplementedError as error:
        if str(error) == "not written yet":
            raise NotWritten from None
        raise Complaint(_told(error)) from None
    except _TimeUp as error:
        raise Complaint(
            f"still running after {seconds:.2g} seconds, and was cut off.{_line(error)}\n"
            "Does every loop end? If they do: the cases are small, so look for work that is done again and again."
        ) from None
    except EOFError:
        raise Complaint("it asks for something with input(). Take what you need from the arguments.") from None
    except SystemExit as error:
        raise Complaint(f"it tried to end Python.{_line(error)}\nLeave out exit() and quit().") from None
    except RecursionError as error:
        raise Complaint(f"it calls itself without an end.{_line(error)}") from None
    except BaseException as error:
        raise Complaint(_told(error)) from None


def _told(error: BaseException) -> str:
    text = " ".join(str(error).split())
    missing = IMPORTS.get(error.name) if type(error) is NameError else None
    text = f"{text}. Is `{missing}` missing?" if missing else text
    return f"{type(error).__name__}: {text}{_line(error)}" if text else f"{type(error).__name__}{_line(error)}"


def _line(error: BaseException) -> str:
    """Where the learner's code was: the last line of a traceback that belongs neither to us nor to a library."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if not _foreign(frame.filename):
            line = (linecache.getline(frame.filename, frame.lineno) or frame.line or "").strip()
            return (
                f"\nIn {frame.name}, line {frame.lineno}: {line}" if line else f"\nIn {frame.name}, line {frame.lineno}"
            )
    return ""


@cache
def _foreign(file: str) -> bool:
    if file.startswith("<frozen"):
        return True
    path = Path(file)
    ours = path.parent.name == "checks" and (path.parents[1] / "solutions").is_dir()
    return ours or any(path.is_relative_to(place) for place in _OURS)


@contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Interrupt what runs inside after ``seconds``, and again as long as it does not stop."""
    tracer = sys.gettrace()
    main = threading.current_thread() is threading.main_thread() and hasattr(signal, "setitimer")
    try:
        with _alarm(seconds) if main else _watchdog(seconds):
            yield
    finally:
        if sys.gettrace() is not tracer:
            sys.settrace(tracer)


class _TimeUpAgain(_TimeUp):
    """The second one and those after it. It is made in the thread that it ends, and has every further line raise there.

    So code that catches it and goes on is stopped at the next line, which is no longer inside what catches it.
    """

    def __init__(self):
        frame = sys._getframe(1)
        while frame is not None and frame.f_code is not _called.__code__:  # whoever called us goes on untraced
            if not _foreign(frame.f_code.co_filename):
                frame.f_trace = _raise
            frame = frame.f_back
        sys.settrace(_raise)


def _raise(frame, event, _):
    if _foreign(frame.f_code.co_filename):
        return None
    if event == "line":
        raise _TimeUp
    return _raise


def _clock(seconds: float) -> Callable[[], bool]:
    """Whether the time is up: so many seconds of the processor, or `SLEEPY` times as many by the clock on the wall."""
    began, worked = time.monotonic(), time.process_time()
    return lambda: time.process_time() - worked >= seconds or time.monotonic() - began >= SLEEPY * seconds


@contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    kinds, over = chain([_TimeUp], repeat(_TimeUpAgain)), _clock(seconds)

    def interrupt(*_):
        if over():
            raise next(kinds)()

    handler = signal.signal(signal.SIGALRM, interrupt)
    before, _ = signal.setitimer(signal.ITIMER_REAL, seconds, AGAIN)
    try:
        yield
    finally:
        while True:
            with suppress(_TimeUp):  # one may come just now, before the timer is off
                signal.setitimer(signal.ITIMER_REAL, before)
                signal.signal(signal.SIGALRM, handler)
                break


@contextmanager
def _watchdog(seconds: float) -> Iterator[None]:
    thread, over, lock, late = threading.get_ident(), threading.Event(), threading.Lock(), _clock(seconds)
    send = ctypes.pythonapi.PyThreadState_SetAsyncExc

    def watch() -> None:
        kinds, wait = chain([_TimeUp], repeat(_TimeUpAgain)), seconds
        while not over.wait(wait):
            with lock:
                if not over.is_set() and late():
                    send(ctypes.c_ulong(thread), ctypes.py_object(next(kinds)))
            wait = AGAIN

    watcher = threading.Thread(target=watch, daemon=True)
    try:
        watcher.start()
        yield
    finally:
        quiet = False
        while not quiet:
            with suppress(_TimeUp):  # it may come just now
                over.set()
                with lock:  # and none is sent after this. A call, such as lock's own, is where one arrives
                    pass
                quiet = True
