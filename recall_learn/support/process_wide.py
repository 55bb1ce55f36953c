"""What a whole process has one of, changed for a while and put back.

Signals have a module of their own, see `recall_learn.support.stopping`.

How warnings look, the bars and the advice of libraries, the number of threads, accelerate's state: whoever calls this
library has them as they like them. So nothing else in it changes them, and each change here is a context manager that
undoes itself, also after an error. Where several runs of a process want the same change at once, one within the other
or side by side in threads, the first makes it and the last undoes it.
"""

import ctypes
import logging
import os
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from functools import cache, wraps
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from accelerate import Accelerator

TASKS = "/proc/self/task"
"""Where Linux lists the threads of this process."""
GRAIN = 32768
"""Torch gives each worker at least so many numbers."""


def _once(change: Callable[[], Iterator[None]]) -> Callable[[], AbstractContextManager[None]]:
    """The change is made by the first who wants it, and undone by the last."""
    made, lock, wanted = ExitStack(), threading.RLock(), 0

    @contextmanager
    @wraps(change)
    def wanting() -> Iterator[None]:
        nonlocal wanted
        with lock:
            if not wanted:
                made.enter_context(contextmanager(change)())
            wanted += 1
        try:
            yield
        finally:
            with lock:
                wanted -= 1
                if not wanted:
                    made.close()

    return wanting


@_once
def plain_messages() -> Iterator[None]:
    """A warning is one line, without the place in the code; what libraries log is seen from warnings on."""
    root, handler, level = logging.getLogger(), logging.StreamHandler(), logging.getLogger().level
    former, warnings.formatwarning = warnings.formatwarning, _one_line
    if not root.handlers:
        handler.setFormatter(logging.Formatter("%(message)s"))
        root.addHandler(handler)
        root.setLevel(logging.WARNING)
    try:
        yield
    finally:
        warnings.formatwarning = former
        if handler in root.handlers:
            root.removeHandler(handler)
            root.setLevel(level)


def _one_line(message: Any, *_: Any, **__: Any) -> str:
    return f"recall-learn: warning: {message}\n"


@_once
def no_bars() -> Iterator[None]:
    """No progress bars of transformers, datasets and the hub's client; those that a variable of theirs forces stay."""
    import datasets
    import huggingface_hub.utils as hub
    from huggingface_hub.constants import HF_HUB_DISABLE_PROGRESS_BARS
    from transformers.utils import logging as noise

    free = HF_HUB_DISABLE_PROGRESS_BARS is None
    of_models, of_hub = noise.is_progress_bar_enabled(), not hub.are_progress_bars_disabled()
    of_data = datasets.config.HF_DATASETS_DISABLE_PROGRESS_BARS is None and not datasets.are_progress_bars_disabled()
    if free:
        noise.disable_progress_bar()  # the hub's, too
    if of_data:
        datasets.disable_progress_bars()
    try:
        yield
    finally:
        if free and of_models:
            noise.enable_progress_bar()
        if free and of_models != of_hub:
            (hub.enable_progress_bars if of_hub else hub.disable_progress_bars)()
        if of_data:
            datasets.enable_progress_bars()


def bars(progress: bool | None) -> AbstractContextManager[None]:
    """With False, `no_bars`; else they are as they are."""
    return no_bars() if progress is False else nullcontext()


def hidden(progress: bool | None) -> bool | None:
    """Tqdm's ``disable``: True shows a bar, False none; None shows one on a terminal."""
    return None if progress is None else not progress


@_once
def no_advice() -> Iterator[None]:
    """Of what transformers says, errors only: no table that says that a head is new."""
    from transformers.utils import logging as noise

    level = noise.get_verbosity()
    noise.set_verbosity_error()
    try:
        yield
    finally:
        noise.set_verbosity(level)


@contextmanager
def silent() -> Iterator[None]:
    """`no_bars` and `no_advice`."""
    with no_bars(), no_advice():
        yield


@contextmanager
def variables(**values: str) -> Iterator[None]:
    """Variables of the environment, where they are not set."""
    own = {name: value for name, value in values.items() if name not in os.environ}
    os.environ.update(own)
    try:
        yield
    finally:
        for name in own:
            os.environ.pop(name, None)


@_once
def one_thread() -> Iterator[None]:
    """Torch computes on one thread: for many small runs side by side, a core for each."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


@_once
def own_accelerate() -> Iterator[None]:
    """What accelerate shares among all trainers of a process is the caller's again afterwards.

    A `TrainingArguments` empties it, and a trainer fills it with its own device and precision.
    """
    from accelerate.state import AcceleratorState, GradientState, PartialState

    states = [kind._shared_state for kind in (PartialState, AcceleratorState, GradientState)]
    former = [dict(state) for state in states]
    try:
        yield
    finally:
        for state, values in zip(states, former, strict=True):  # in place: whoever has one of the three sees it there
            state.clear()
            state.update(values)


_UNSEEDED = threading.local()


@contextmanager
def unseeded() -> Iterator[None]:
    """A Trainer that is made in this thread seeds none of the process's generators, as it would do."""
    with _asks_for_leave():
        _UNSEEDED.here = True
        try:
            yield
        finally:
            _UNSEEDED.here = False


@_once
def _asks_for_leave() -> Iterator[None]:
    from transformers import trainer

    seed = trainer.set_seed
    trainer.set_seed = lambda *args, **named: None if getattr(_UNSEEDED, "here", False) else seed(*args, **named)
    try:
        yield
    finally:
        trainer.set_seed = seed


def part_from_others(accelerator: "Accelerator") -> None:
    """Give an accelerator a state of its own: of the one that all share, another run's precision would be ours."""
    own = object.__new__(type(accelerator.state))
    own.__dict__ = dict(accelerator.state.__dict__)
    accelerator.state = own


def rest() -> None:
    """Give up the OpenMP workers of the calling thread; they come back with its next operation that wants them."""
    for library in _openmp():
        library.omp_pause_resource_all(2)  # omp_pause_hard


def spread() -> None:
    """Call up the OpenMP workers of the calling thread, each on a core of its own where there are enough.

    Linux often starts a worker on its caller's core, and leaves it there for most of a step. Such a one is moved, and
    not bound: afterwards the system may move it again.

    Raises:
        OSError: /proc does not tell where the threads are.
    """
    import torch

    if not hasattr(os, "sched_setaffinity") or not _openmp():
        return
    if torch.get_num_threads() == 1 or torch.cuda.is_initialized():  # on a GPU there is little for them to do
        return
    cores, before = os.sched_getaffinity(0), set(os.listdir(TASKS))
    torch.zeros(GRAIN * torch.get_num_threads(), device="cpu")
    free = cores - {_core(threading.get_native_id())}
    for worker in map(int, set(os.listdir(TASKS)) - before):
        with suppress(OSError):  # it has ended meanwhile
            if free and _core(worker) not in free and os.sched_getaffinity(worker) == cores:
                os.sched_setaffinity(worker, {min(free)})
                os.sched_setaffinity(worker, cores)
            free.discard(_core(worker))


def _core(thread: int) -> int:
    """Where a thread of this process was last seen."""
    with open(f"{TASKS}/{thread}/stat") as file:
        return int(file.read().rpartition(")")[2].split()[36])


@cache
def _openmp() -> list[ctypes.CDLL]:
    from threadpoolctl import threadpool_info

    found = [ctypes.CDLL(each["filepath"]) for each in threadpool_info() if each["user_api"] == "openmp"]
    return [library for library in found if hasattr(library, "omp_pause_resource_all")]
