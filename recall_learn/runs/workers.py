"""Runs side by side on this machine: processes that take recipes from a pipe and answer through another.

A run is one task's, or a sequence of tasks.

Each is ``python -m recall_learn.runs.workers``. It opens no port, keeps what it has imported from run to run, and
answers each JSON line that it reads with one. Its pipe ends with the sweep, however that ends, and a
worker ends with its pipe.
"""

import builtins
import itertools
import json
import math
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress

from recall_learn.runs.record import Run
from recall_learn.runs.sequence_recipe import Asked, SequenceRecipe, asked_of
from recall_learn.runs.sequence_record import SequenceRun
from recall_learn.support import environment, process_wide
from recall_learn.support.reading import Json

TRIES = 3
"""How often a run is begun whose worker dies."""
GRACE = 10.0
"""Seconds that a worker has to tidy up when it is asked to end."""
KINDS = (FileNotFoundError, ConnectionError, OSError, ValueError, ArithmeticError, MemoryError)
"""Errors that come back from a worker as what they were; others come as a RuntimeError that names them."""


class DiedError(RuntimeError):
    """Workers die, or do not start."""


Outcome = tuple[Run | SequenceRun | None, dict[str, Json], str]


def take(asked: Asked, data_folder: str | None, fisher: str | None, source_text: str | None, device: str) -> Outcome:
    """One run, on one thread: what it recorded, what it ran on, and why it stopped ("" where it did not)."""
    from recall_learn.runs import sequence
    from recall_learn.runs.course import Given
    from recall_learn.runs.finetune import DivergedError, finetune

    seen: list[Run | SequenceRun] = []

    def after_step(run: Run, optimizer: object) -> None:
        if not seen:
            seen.append(run)
        if _ENDS:  # the signal came in a __del__, where Python drops what is raised
            sys.exit(_ENDS[0])

    fisher = fisher if "source fisher" in asked.needs else None  # others take the task's own
    try:
        with process_wide.silent(), process_wide.one_thread():
            if isinstance(asked, SequenceRecipe):
                chosen = environment.choose_device(device)
                seen.append(SequenceRun.of(asked))
                run = sequence.take(seen[0], Given(data_folder, fisher, source_text, chosen, False, after_step))
            else:
                given = {"data_folder": data_folder, "fisher": fisher, "source_text": source_text, "device": device}
                run = finetune(asked, after_step, **given, progress=False)
        return run, run.environment, ""
    except DivergedError as error:
        begun = seen[0] if seen else None
        where = begun.environment if begun else environment.describe(environment.choose_device(device))
        return begun, where, str(error)


def taken(
    asked: Sequence[Asked], arguments: dict[str, str | None], cards: Sequence[str | None]
) -> Iterator[tuple[Asked, Outcome | str]]:
    """Take runs in processes of their own.

    Args:
        asked: what to run.
        arguments: the others of `take`.
        cards: for each worker, the GPU that it sees, as CUDA_VISIBLE_DEVICES names it; None leaves that as it is.

    Yields:
        The runs as they end; of one whose worker died `TRIES` times, how it died.

    Raises:
        DiedError: a worker cannot start.
        RuntimeError: an error of a kind that is not among `KINDS` ended a run.
    """
    answers: queue.SimpleQueue = queue.SimpleQueue()
    todo, free, busy = deque((each, 1) for each in asked), list(cards), {}
    workers: list[_Worker] = []
    idle: list[_Worker] = []
    try:
        while todo or busy:
            while todo and (idle or free):
                if not idle:
                    workers.append(_Worker(free.pop(), answers))
                    idle.append(workers[-1])
                worker, (recipe, tries) = idle.pop(), todo.popleft()
                worker.ask({"recipe": recipe.to_dict(), **arguments})
                busy[worker] = recipe, tries
            worker, line = answers.get()
            if line == READY:
                worker.started = True
                continue
            if line is not None:
                idle.append(worker)
                recipe = busy.pop(worker)[0]
                yield recipe, _outcome(json.loads(line), SequenceRun if isinstance(recipe, SequenceRecipe) else Run)
                continue
            workers.remove(worker)
            worker.end()
            free.append(worker.card)
            if worker in idle:  # it died at rest
                idle.remove(worker)
                continue
            recipe, tries = busy.pop(worker)
            if not worker.started:
                raise DiedError(f"a worker cannot start ({worker.last_words()}); use --workers 1, or fewer of them")
            if tries < TRIES:
                todo.append((recipe, tries + 1))
            else:
                yield recipe, worker.last_words()
    finally:
        for worker in workers:
            worker.process.terminate()
        for worker in workers:
            worker.end()


def cards(count: int, device: str, gpu_share: float) -> list[str | None]:
    """The GPU of each worker, in turns; or None for each where the runs are on the CPU.

    Args:
        count: of workers; on GPUs there are not more than their shares allow.
        device: as in `take`.
        gpu_share: the share of a GPU that a run takes.
    """
    if environment.choose_device(device).type != "cuda":
        return [None] * count
    import torch

    there = (os.environ.get("CUDA_VISIBLE_DEVICES") or ",".join(map(str, range(torch.cuda.device_count())))).split(",")
    most = len(there) * math.floor(1 / gpu_share + 1e-9)
    return list(itertools.islice(itertools.cycle(there), min(count, most)))


_ENDS: list[int] = []
"""The status with which this worker was told to end."""
COMMAND = [sys.executable, "-P", "-m", "recall_learn.runs.workers"]
READY = b"ready\n"


class _Worker:
    """One process, and the thread that hears it."""

    def __init__(self, card: str | None, answers: queue.SimpleQueue):
        self.card, self.started = card, False
        self.said = tempfile.TemporaryFile()  # noqa: SIM115  # it ends with this object
        here = {"PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path)}
        try:
            self.process = subprocess.Popen(
                COMMAND,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self.said,
                env={**os.environ, **here, **({"CUDA_VISIBLE_DEVICES": card} if card is not None else {})},
                process_group=0,  # Ctrl-C is for the sweep, which ends its workers
            )
        except OSError as error:
            raise DiedError(f"a worker cannot start ({error}); use --workers 1, or fewer of them") from error
        threading.Thread(target=self._hear, args=(answers,), daemon=True).start()

    def _hear(self, answers: queue.SimpleQueue) -> None:
        with self.process.stdout as answered:
            for line in answered:
                if line.endswith(b"\n"):
                    answers.put((self, line))
        answers.put((self, None))

    def ask(self, request: dict[str, Json]) -> None:
        with suppress(BrokenPipeError):  # it is dead, which its thread will say
            self.process.stdin.write(json.dumps(request).encode() + b"\n")
            self.process.stdin.flush()

    def end(self) -> None:
        try:
            self.process.wait(GRACE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        with suppress(BrokenPipeError):
            self.process.stdin.close()

    def last_words(self) -> str:
        code = self.process.returncode
        how = f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"
        self.said.seek(0)
        lines = self.said.read().decode(errors="replace").split("\n")
        line = next((line.strip() for line in reversed(lines) if line.strip()), "")
        return f"{how}; it said {line[:200]!r}" if line else how


def _outcome(answer: dict[str, Json], kind: type[Run] | type[SequenceRun] = Run) -> Outcome:
    """What a worker answered; an error is raised, with the worker's trace as a note."""
    if "error" not in answer:
        run = answer["run"]
        return run and kind.from_json(run), answer["environment"], answer["stopped"]
    error = getattr(builtins, answer["error"])(answer["says"])
    error.add_note(answer["trace"])
    raise error


def _answer(request: dict[str, Json]) -> dict[str, Json]:
    try:
        run, where, stopped = take(asked_of(request.pop("recipe")), **request)
        return {"run": run and run.to_json(), "environment": where, "stopped": stopped}
    except Exception as error:  # whatever it is, it is the sweep's to tell
        kind = next((kind for kind in KINDS if isinstance(error, kind)), None)
        says = str(error) if kind else f"{type(error).__name__}: {error}"
        return {"error": (kind or RuntimeError).__name__, "says": says, "trace": traceback.format_exc()}


def _listen(requests: queue.SimpleQueue) -> None:
    for line in sys.stdin.buffer.raw:  # a buffer is locked while this waits, and Python aborts for that as it ends
        requests.put(line)
    os.kill(os.getpid(), signal.SIGTERM)  # nobody waits any more: the run ends, and what it keeps on the disk goes
    time.sleep(GRACE)
    os._exit(1)


def _end(number: int, frame: object) -> None:
    """End once: a second signal would break off what the first has begun to tidy up."""
    signal.signal(number, signal.SIG_IGN)
    _ENDS.append(128 + number)
    sys.exit(_ENDS[0])


def _main() -> None:
    signal.signal(signal.SIGTERM, _end)
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no answer
    requests: queue.SimpleQueue = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(requests,), daemon=True).start()
    from recall_learn.runs import finetune  # noqa: F401  # most of the start

    answers.write(READY)
    answers.flush()
    while True:
        answers.write(json.dumps(_answer(json.loads(requests.get()))).encode() + b"\n")
        answers.flush()


if __name__ == "__main__":
    _main()
