"""A fine-tuning run in the background of a notebook: started, paused, taken step by step, steered, saved.

It is `recall_learn.finetune.finetune` in a thread of its own, asked before each step. A second run may train beside it,
on the same batches from the same start, always as many steps far. There is nothing here to look at: see
`recall_learn.lab.live`.
"""

import atexit
import gc
import re
import shutil
import tempfile
import threading
import weakref
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
import transformers

from recall_learn import checkpoints, environment, runs, steering
from recall_learn.files import check_folder
from recall_learn.finetune import finetune
from recall_learn.lab.turns import TURNS, rest
from recall_learn.recipe import Recipe
from recall_learn.runs import Run

MAIN, BESIDE = "run", "beside"
NEW, LOADING, RUNNING, PAUSED, DONE, FAILED, CLOSED = "new", "loading", "running", "paused", "done", "failed", "closed"
MEMORY = ("out of memory", "can't allocate memory", "alloc_failed")
"""What the libraries under torch say when memory is short."""
BUSY = (LOADING, RUNNING)
"""The states in which something trains."""


class Closed(Exception):
    """The run was given up."""


@dataclass
class Seat:
    """One of the runs.

    Attributes:
        recipe: what it was begun with.
        now: the recipe as it stands after all that was set.
        run: what it has recorded so far.
        at: the step that it takes, or waits to take; 0 until it is loaded.
        taking: whether it takes that step, or has leave to.
        error: why it failed, in a sentence; "" if it did not.
    """

    recipe: Recipe
    now: Recipe
    run: Run
    folder: Path
    at: int = 0
    taking: bool = False
    error: str = ""
    thread: threading.Thread | None = None
    asked: dict[str, float] = field(default_factory=dict)

    @property
    def ended(self) -> bool:
        """Whether it has taken its last step."""
        return self.run.final is not None

    @property
    def done(self) -> int:
        """Steps that it has taken."""
        return self.at - 1 if self.thread and self.at else len(self.run.history)


class Background:
    """A run, and perhaps another beside it.

    Args:
        recipe: of the run.
        beside: of the one beside it, or None.
        glue_folder: as in `recall_learn.finetune.finetune`.
        device: as there.
        folder: where run.json and checkpoints go; what is there goes on. None is a folder that is removed at the end.

    Raises:
        ValueError: ``folder`` holds another recipe's run, or a damaged one, or another lab trains in it.
    """

    def __init__(
        self,
        recipe: Recipe,
        beside: Recipe | None = None,
        *,
        glue_folder: str | Path | None = None,
        device: str = "auto",
        folder: str | Path | None = None,
    ):
        environment.check_precision(recipe.mixed_precision, environment.choose_device(device))
        self.glue_folder, self.device, self._until = glue_folder, device, 0.0
        self._changed, self._closed = threading.Condition(), False
        self._own = folder is None
        self.folder = Path(tempfile.mkdtemp(prefix="recall-learn-lab-") if folder is None else folder)
        if self._own:  # where nobody closes it; at exit `_close_all` waits for the threads first
            weakref.finalize(self, shutil.rmtree, self.folder, ignore_errors=True).atexit = False
        self._leave_to_me()
        places = {MAIN: (recipe, self.folder), BESIDE: (beside, self.folder / BESIDE)}
        self.seats = {name: _seat(wanted, place) for name, (wanted, place) in places.items() if wanted is not None}
        _LIVING.add(self)

    @property
    def run(self) -> Run:
        """The run as far as it has come; it grows while it trains."""
        return self.seats[MAIN].run

    @property
    def state(self) -> str:
        """One of new, loading, running, paused, done, failed, closed."""
        seats = self.seats.values()
        if self._closed:
            return CLOSED
        trains = [seat for seat in seats if seat.thread]  # one that has ended may still be writing its model
        waits = all(seat.at > self._until and not seat.taking and not seat.ended for seat in trains)
        if waits and any(seat.error for seat in seats):
            return FAILED
        if not trains and all(seat.ended for seat in seats):
            return DONE
        if not trains:
            return NEW
        if any(not seat.at for seat in trains):
            return LOADING
        return PAUSED if waits else RUNNING

    @property
    def step(self) -> int:
        """Steps that the run has taken."""
        return len(self.run.history)

    def start(self, until: float = float("inf")) -> None:
        """Train, or go on; after a failure from the last checkpoint, without what was set after it.

        Args:
            until: the step to pause after.

        Raises:
            ValueError: the run was closed, or another one trains in its folder.
        """
        self._leave_to_me()
        rest()  # this thread's, for those that train
        transformers.utils.logging.disable_progress_bar()  # a thread would draw its bars into somebody's cell
        with self._changed:
            if self._closed:
                raise ValueError("this run was closed; begin a new one")
            self._until = until
            for name, seat in self.seats.items():
                if seat.thread is None and not seat.ended:
                    seat.at, seat.error = 0, ""
                    seat.thread = threading.Thread(
                        target=self._train, args=(seat,), name=f"recall-learn-{name}", daemon=True
                    )
                    seat.thread.start()
            self._changed.notify_all()

    def pause(self) -> None:
        """Stop after the step in progress, both runs equally far."""
        with self._changed:
            self._until = self._reached()
            self._changed.notify_all()

    def take(self, steps: int = 1) -> None:
        """Take so many steps, and pause."""
        self.pause()
        self.start(self._until + steps)

    def set(self, name: str = MAIN, **settings: float) -> None:
        """Change k, t0, gamma or lr of a run from its next step on; before its first step, of its recipe.

        Raises:
            ValueError: as `recall_learn.steering.changed`; nothing has changed then.
        """
        seat = self.seats[name]
        with self._changed:
            now = steering.changed(seat.now, settings)
            different = {key: getattr(now, key) for key in steering.difference(seat.now, now)}
            seat.now = now
            if seat.thread is None and not seat.run.history and not seat.run.changes:
                seat.recipe = seat.run.recipe = now
            else:
                seat.asked |= different

    def save(self, folder: str | Path) -> Path:
        """Copy all that there is into a new folder, from which `Background` or ``finetune --resume`` goes on.

        Raises:
            ValueError: ``folder`` is there and not empty, or names none; or there is nothing to save yet.
            OSError: it cannot be made or written to; nothing is left of it then.
        """
        if not str(folder).strip() or "\0" in str(folder):
            raise ValueError(f"folder is {str(folder)!r}, which names no folder; give a new one a name")
        if not self.run.environment:
            raise ValueError("there is nothing to save before the first step; press Start or Step first")
        folder = Path(folder).expanduser()
        try:
            return self._save(folder)
        except NotADirectoryError:
            raise
        except OSError as error:
            # copytree gives a list of (from, to, why)
            why = error.args[0][0][2] if isinstance(error, shutil.Error) else error.strerror or error
            raise OSError(f"nothing was saved in {str(folder)!r}: {why}; make room, or name another folder") from error

    def _save(self, folder: Path) -> Path:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise ValueError(f"folder is {str(folder)!r}, which is there already; name a new one")
        check_folder(folder)
        with TURNS.taken():  # no step, so no file is being written
            for seat in self.seats.values():
                if seat.run.environment:
                    seat.run.save(seat.folder / "run.json")
            partial = folder.with_name(f".{folder.name}.partial")
            shutil.rmtree(partial, ignore_errors=True)
            try:
                shutil.copytree(self.folder, partial)
                if folder.exists():
                    folder.rmdir()
                partial.rename(folder)
            finally:
                shutil.rmtree(partial, ignore_errors=True)
        return folder

    def close(self, wait: float = 0.0) -> None:
        """Give the runs up: each ends before its next step.

        Args:
            wait: the most seconds to wait for that.
        """
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for seat in self.seats.values():
            if wait and seat.thread is not None and seat.thread is not threading.current_thread():
                seat.thread.join(wait)
        if not any(seat.thread for seat in self.seats.values()):
            self._clear()

    def _train(self, seat: Seat) -> None:
        error = ""
        try:
            with TURNS.taken() as turn:
                resume = _rewind(seat)
                seat.run = finetune(
                    seat.recipe,
                    steer=lambda step, run: self._before(seat, turn, step, run),
                    out=seat.folder,
                    glue_folder=self.glue_folder,
                    device=self.device,
                    resume=resume,
                    progress=False,
                )
        except Closed:
            pass
        except BaseException as raised:  # whatever it is, a thread has nobody else to tell it to
            error = explain(raised)
        finally:
            gc.collect()
            if torch.cuda.is_available():
                with suppress(RuntimeError):  # a GPU that has failed refuses this, too
                    torch.cuda.empty_cache()
            with self._changed:
                seat.thread, seat.taking, seat.error = None, False, error
                if error:  # the other one waits for it
                    self._until = min(self._until, self._reached())
                if self._closed and not any(other.thread for other in self.seats.values()):
                    self._clear()
                self._changed.notify_all()

    def _before(self, seat: Seat, turn: Any, step: int, run: Run) -> Mapping[str, float]:
        with self._changed:
            seat.run = run
            keeps = not self._closed and not TURNS.wanted and self._may(seat, step)
            if keeps:
                seat.at, seat.taking = step, True
                self._changed.notify_all()

        def let_through() -> None:
            with self._changed:
                seat.at, seat.taking = step, False  # it is seen to wait only now that its random state is kept
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._closed or self._may(seat, step))
                seat.taking = True

        if not keeps:
            turn.pass_on(let_through)
        with self._changed:
            if self._closed:
                raise Closed
            asked, seat.asked = seat.asked, {}
        return asked

    def _may(self, seat: Seat, step: int) -> bool:
        """Whether it may take this step: not where all pause, and not where it would leave the other one behind."""
        others = [each for each in self.seats.values() if each is not seat and each.thread and not each.ended]
        return step <= self._until and all(each.at >= step - 1 for each in others)

    def _reached(self) -> int:
        """The step after which all pause: the one in progress, else the last that was taken.

        A run that goes back to a checkpoint is far behind the one that waits for it: then it is its own.
        """
        seats = [seat for seat in self.seats.values() if not seat.ended]
        going = [seat.at for seat in seats if seat.taking]
        least = min((seat.done for seat in seats), default=0)
        return max(going or [seat.done for seat in seats if seat.done <= least + 1], default=0)

    def _leave_to_me(self) -> None:
        """Wait for a run in this folder that was given up; refuse to train beside one that goes on."""
        for each in list(_LIVING):
            if each is not self and each.folder.resolve() == self.folder.resolve():
                if each._closed:
                    each.close(wait=60.0)
                elif any(seat.thread for seat in each.seats.values()):
                    raise ValueError(f"another lab trains in {self.folder}; close it first, or copy the folder")

    def _clear(self) -> None:
        if self._own:
            shutil.rmtree(self.folder, ignore_errors=True)


def explain(error: BaseException) -> str:
    """What happened, and what to do, in two sentences."""
    text = " ".join(str(error).split()) or type(error).__name__
    said = text.lower()
    if isinstance(error, MemoryError | torch.OutOfMemoryError) or any(sign in said for sign in MEMORY):
        return "Out of memory. Take a smaller batch or backbone, or train nothing beside it; then press Reset."
    if "cuda error" in said:
        return f"The GPU has failed ({text[:200]}). Restart the kernel; what was saved can be opened again."
    if isinstance(error, ArithmeticError):
        return f"{sentence(text)}. Start goes back to the last checkpoint, Reset begins anew."
    if isinstance(error, OSError) and error.strerror:
        text = f"{error.strerror}: {error.filename}" if error.filename else error.strerror
    if isinstance(error, ValueError | OSError):
        return f"{sentence(text)}. Mend that and press Start, or change the controls and press Reset."
    return f"{type(error).__name__}: {text[:300]}. Start goes back to the last checkpoint, Reset begins anew."


def sentence(text: str) -> str:
    """A message of the library's as the lab says it: what are options of a command there are its own words here."""
    text = text.replace("by --glue,", "by Lab(glue_folder=...),").replace("--out", "folder")
    text = re.sub(r"--(?=[a-z])", "", text)
    begins = text.split(" ", 1)[0]
    return text[:1].upper() + text[1:] if begins.isalpha() and begins != "lr" else text  # not a name


def _seat(recipe: Recipe, folder: Path) -> Seat:
    if (folder / "run.json").exists():
        run = runs.load(folder / "run.json")
        other = recipe.difference(run.recipe)
        if other:
            raise ValueError(f"{folder} holds another recipe's run: {other}; choose another folder")
        return Seat(recipe, steering.at(recipe, run.changes), run, folder)
    return Seat(recipe, recipe, Run(recipe), folder)


def _rewind(seat: Seat) -> bool:
    """Ready to go on with what the folder holds; True if there is something."""
    if not (seat.folder / "run.json").exists():
        return False
    if seat.run.stopped and seat.run.history and seat.run.final is None:
        checkpoint = checkpoints.latest(seat.folder)
        step = checkpoints.step_of(checkpoint) if checkpoint else 0
        failed = seat.run.stopped["why"] != Closed.__name__
        if failed:  # what was set after the checkpoint may be why
            seat.run.changes = [change for change in seat.run.changes if change["step"] <= step]
            seat.now, seat.asked = steering.at(seat.recipe, seat.run.changes), {}
            seat.run.save(seat.folder / "run.json")
    return True


_LIVING: "weakref.WeakSet[Background]" = weakref.WeakSet()


@atexit.register
def _close_all() -> None:
    for each in list(_LIVING):
        each.close(wait=5.0)
