"""An answer in a process of its own: it is asked, and whatever it does, it is ended, and all that it has started too.

What comes back is nothing but values, see `wire`; the cases, the references and what is said of an answer stay here.
"""

import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import psutil

from recall_learn.practice import child, fence
from recall_learn.practice.exercise import Exercise
from recall_learn.practice.report import Complaint, NotWritten, printable

PATIENCE = 120.0
"""Seconds after which the process is killed."""
POLL = 0.1
"""Seconds after which it is noticed that a process has ended without a reply."""
LINES, WIDTH, AMOUNT = 40, 500, 1 << 24
"""Of what an answer prints: lines that are shown, characters of a line, and bytes after which it is cut off."""

_one_at_a_time = threading.Lock()


class There:
    """An answer's file in a process of its own, asked as `player.Here` is. A context: at its end the process ends."""

    def __init__(self, exercise: Exercise, path: Path):
        self.exercise, self.path, self.stack = exercise, path.absolute(), ExitStack()
        self.end = time.monotonic() + PATIENCE
        self.replies: queue.Queue[bytes | None] = queue.Queue(maxsize=1)  # one is asked for at a time
        self.over = threading.Event()

    def __enter__(self) -> "There":
        with self.stack:
            self.stack.enter_context(_one_at_a_time)
            scratch = self.stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))
            self.stack.enter_context(_nothing_left())
            self.process = subprocess.Popen(
                [sys.executable, "-P", child.__file__, scratch, str(self.path.parent)],
                cwd=scratch,
                env=_environment(scratch),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
            self.stack.callback(self._stop)
            self.printed = _Printed(self.process.stderr)
            threading.Thread(target=self._receive, daemon=True).start()
            self.stack = self.stack.pop_all()  # all of it is there: it stays until the end
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stack.close()

    def signature(self) -> None:
        """Have the file loaded, and refuse what cannot be called as the statement says. As `player.Here.signature`."""
        from recall_learn.practice import wire

        self._told(wire.pack({"solution": str(self.exercise.path.absolute()), "answer": str(self.path)}))

    def ask(self, request: bytes) -> tuple[object, str]:
        """What comes of one call, as `player.Here.ask` has it."""
        from recall_learn.practice.values import plain

        value, changes = self._told(request)
        return plain(value), printable(str(changes))

    def _told(self, request: bytes) -> tuple[Any, Any]:
        from recall_learn.practice import wire

        with suppress(BrokenPipeError):
            wire.send(self.process.stdin, request)
        reply = self._reply()
        try:
            said = wire.unpack(reply)
            if said.get("open") is True:
                raise NotWritten
            if "complaint" in said:
                raise Complaint(printable(str(said["complaint"])))
            return said["value"], said["changes"]
        except (ValueError, AttributeError, KeyError):
            raise Complaint("what came from its process is no value: it has written to where values go.") from None

    def _reply(self) -> bytes:
        while True:
            try:
                reply = self.replies.get(timeout=POLL)
            except queue.Empty:
                reply = b""
            if self.printed.amount > AMOUNT:
                raise Complaint(f"it printed more than {AMOUNT >> 20} MB, and was killed. Print a few lines.")
            if reply:
                return reply
            if reply is None:  # no more will come
                with suppress(subprocess.TimeoutExpired):
                    raise Complaint(_ending(self.process.wait(1.0)))
                raise Complaint("it has closed the way by which values come back, or written something else there.")
            if time.monotonic() > self.end:
                raise Complaint(f"still running after {PATIENCE:.0f} seconds, and was killed. Does every loop end?")
            if self.process.poll() is not None and self.replies.empty():
                raise Complaint(_ending(self.process.returncode))

    def _receive(self) -> None:
        from recall_learn.practice import wire

        with suppress(ValueError, OSError):
            while (reply := wire.receive(self.process.stdout, wire.LARGEST)) is not None:
                self._put(reply)
        self._put(None)

    def _put(self, reply: bytes | None) -> None:
        while not self.over.is_set():
            with suppress(queue.Full):
                return self.replies.put(reply, timeout=POLL)

    def _stop(self) -> None:
        self.over.set()
        _kill([psutil.Process(self.process.pid)] if self.process.poll() is None else [])
        with suppress(OSError, AttributeError):  # Windows has no groups of processes
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.printed.close()


class _Printed:
    """Shows what an answer prints, marked so that it cannot pass for what is said of it, and up to so many lines."""

    def __init__(self, stream: IO[bytes]):
        self.stream, self.amount, self.lines, self.line = stream, 0, 0, b""
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self) -> None:
        with suppress(ValueError, OSError):
            while chunk := self.stream.read1(1 << 16):
                self.amount += len(chunk)
                *lines, rest = chunk.split(b"\n")
                for each in lines:
                    self._show(self.line + each)
                    self.line = b""
                self.line = (self.line + rest)[: 4 * WIDTH + 1]
        if self.line:
            self._show(self.line)

    def _show(self, line: bytes) -> None:
        self.lines += 1
        if self.lines <= LINES:
            text = printable(line.decode(errors="replace"))
            print(f"  | {text[:WIDTH]}{'...' if len(text) > WIDTH else ''}", flush=True)

    def close(self) -> None:
        """Wait for the last line; a process that got away may hold the stream open, and is not waited for."""
        self.thread.join(1.0)
        if self.lines > LINES:
            print(f"  | ... and {self.lines - LINES} more lines that your answer prints")


def _environment(scratch: str) -> dict[str, str]:
    """What the process finds in its environment: whole paths, and a place of its own for what it writes."""
    paths = [os.path.abspath(each) for each in os.environ.get("PYTHONPATH", "").split(os.pathsep) if each]
    own = dict.fromkeys(("TMPDIR", "TEMP", "TMP"), scratch) | {"PYTHONPATH": os.pathsep.join(paths)}
    fixed = {"PYTHONSAFEPATH": "1", "PYTHONDONTWRITEBYTECODE": "1", "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    return {**os.environ, **own, **fixed}


def _ending(status: int) -> str:
    """What is said of a process that ended by itself."""
    if status >= 0:
        return f"it ended Python (exit status {status}). Leave out exit(), quit() and os._exit()."
    try:
        name = signal.Signals(-status).name
    except ValueError:
        name = f"signal {-status}"
    if name == "SIGKILL":
        return "it was killed (SIGKILL), most often for taking more memory than there is. The cases are small."
    if name in ("SIGSEGV", "SIGBUS", "SIGABRT", "SIGILL", "SIGFPE"):
        return (
            f"Python itself crashed in it ({name}), in code that is compiled: look for a recursion without an end, a "
            "very large array, or ctypes."
        )
    return f"it was ended by {name}."


@contextmanager
def _nothing_left() -> Iterator[None]:
    """After the block no process is there that began in it, also none that has left its group."""
    before = set(psutil.Process().children(recursive=True))
    fence.adopt_orphans(True)
    try:
        yield
    finally:
        for _ in range(100):
            left = set(psutil.Process().children(recursive=True)) - before
            if not left:
                break
            _kill(list(left))
        fence.adopt_orphans(False)


def _kill(processes: list[psutil.Process]) -> None:
    for each in processes:
        with suppress(psutil.Error):
            for one in (*each.children(recursive=True), each):
                with suppress(psutil.Error):
                    one.kill()
    psutil.wait_procs(processes, timeout=1.0)
