"""A fine-tuning run in the background of a notebook: started, paused, taken step by step, steered, saved.

It is `recall_learn.runs.finetune` in a thread of its own, asked before each step. A second run may train beside it,
on the same batches from the same start, always as many steps far. There is nothing here to look at: see
`recall_learn.lab.live`.
"""

import atexit
import gc
import itertools
import secrets
import shutil
import tempfile
import threading
import time
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

import torch

from recall_learn.lab.pace import PACE, of_first
from recall_learn.lab.seats import EVALUATION, Looking, Seat, opened
from recall_learn.lab.turns import TURNS, Closed, Turn
from recall_learn.lab.words import explain
from recall_learn.runs import checkpoints, steering
from recall_learn.runs.finetune import finetune
from recall_learn.runs.recipe import Recipe
from recall_learn.runs.record import Run
from recall_learn.support import environment
from recall_learn.support.files import as_text, check_folder, from_home
from recall_learn.support.process_wide import rest

MAIN, BESIDE = "run", "beside"
NEW, LOADING, RUNNING, PAUSED, DONE, FAILED, CLOSED = "new", "loading", "running", "paused", "done", "failed", "closed"
PASSING = (".lock", ".*.tmp")
"""Files of those that write in a folder at the moment."""
BUSY = (LOADING, RUNNING)
"""The states in which something trains."""
LEAVE = 3.0
"""Seconds that a run waits for those that were given up, before it loads: one of them may wait for a network."""
SMALL = 8
"""So many runs of half a million weights may lie about before somebody sweeps, which takes half a second."""
AT_ONCE = 1.0
"""Seconds in which a run that has loaded nothing has left; it only has to hear of it."""


class Background:
    """A run, and perhaps another beside it.

    Args:
        recipe: of the run.
        beside: of the one beside it, or None.
        data_folder: as in `recall_learn.runs.finetune`.
        device: as there.
        folder: where run.json and checkpoints go; what is there goes on. None is a folder that is removed at the end.
        instead_of: a session in the same folder that is going to be closed; it is no other lab.

    Raises:
        ValueError: ``folder`` holds another recipe's run, or a damaged one, or another lab trains in it.
    """

    def __init__(
        self,
        recipe: Recipe,
        beside: Recipe | None = None,
        *,
        data_folder: str | Path | None = None,
        device: str = "auto",
        folder: str | Path | None = None,
        instead_of: "Background | None" = None,
    ):
        where = environment.choose_device(device)
        environment.check_precision(recipe.mixed_precision, where)
        self.data_folder, self.device, self._until, self._kind = data_folder, device, 0.0, where.type
        self._changed, self._closed = threading.Condition(), False
        self._own = folder is None
        self.folder = Path(tempfile.mkdtemp(prefix="recall-learn-lab-") if folder is None else folder)
        if self._own:  # where nobody closes it; at exit `_close_all` waits for the threads first
            weakref.finalize(self, shutil.rmtree, self.folder, ignore_errors=True).atexit = False
        self._leave_to_me(instead_of)
        places = {MAIN: (recipe, self.folder), BESIDE: (beside, self.folder / BESIDE)}
        self.seats = {name: opened(wanted, place) for name, (wanted, place) in places.items() if wanted is not None}
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
        trains = [seat for seat in seats if seat.thread or seat.called]  # at its end it may be writing its model
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

    @property
    def left(self) -> float | None:
        """Seconds that are left to train, as far as such steps have been taken in this process; None where none was."""
        return PACE.left([(seat.recipe, seat.done) for seat in self.seats.values()], self._kind)

    def start(self, until: float = float("inf")) -> None:
        """Train, or go on; after a failure from the last checkpoint, without what was set after it.

        Args:
            until: the step to pause after.

        Raises:
            ValueError: the run was closed, or another one trains in its folder.
        """
        self._leave_to_me()
        rest()  # this thread's, for those that train
        with self._changed:
            if self._closed:
                raise ValueError("this run was closed; begin a new one")
            self._until = until
            for seat in self.seats.values():
                if not (seat.thread or seat.called or seat.ended):
                    seat.at, seat.error, seat.called = 0, "", True
            if not any(seat.thread and not seat.at for seat in self.seats.values()):
                self._begin_next()
            self._changed.notify_all()

    def _begin_next(self) -> None:
        """Begin the next one that is called: one loads at a time, and finds on the shelf what the former has read."""
        for name, seat in self.seats.items():
            if seat.called and seat.thread is None:
                seat.thread = threading.Thread(
                    target=self._train, args=(seat,), name=f"recall-learn-{name}", daemon=True
                )
                seat.thread.start()
                return

    def pause(self) -> None:
        """Stop after the step in progress, both runs equally far."""
        with self._changed:
            self._until = self._reached()
            self._changed.notify_all()

    def take(self, steps: int = 1) -> None:
        """Take so many steps, and pause."""
        self.pause()
        self.start(self._until + steps)

    def set(self, name: str = MAIN, **settings: float) -> int:
        """Change lr or live settings of a run from its next step on; what was recorded for them there is dropped.

        Returns:
            that step; 0 where the run has not begun, and this is its recipe, or has ended, and this is for a new one.

        Raises:
            ValueError: as `recall_learn.runs.steering.note`, or the run was closed; nothing has changed then.
        """
        seat = self.seats[name]
        with self._changed:
            if self._closed:
                raise ValueError("this run was closed; begin a new one")
            step = seat.next
            if seat.ended or step > seat.recipe.steps:
                seat.wish = steering.changed(seat.now, settings)
            elif not (seat.thread or seat.run.changes or (seat.folder / "run.json").exists()):
                seat.recipe = seat.run.recipe = steering.changed(seat.recipe, settings)
            else:
                steering.note(seat.run, step, settings)
                return step
        return 0

    def save(self, folder: str | Path) -> Path:
        """Copy all that there is into a new folder, from which `Background` or ``finetune --resume`` goes on.

        Raises:
            ValueError: ``folder`` is there and not empty, or names none; or there is nothing to save yet.
            OSError: it cannot be made or written to; nothing is left of it then.
        """
        folder = as_text("folder", folder)
        if not str(folder).strip() or "\0" in str(folder):
            raise ValueError(f"folder is {str(folder)!r}, which names no folder; give a new one a name")
        if not self.run.environment:
            raise ValueError("there is nothing to save before the first step; press Start or Step first")
        folder = from_home("folder", folder)
        try:
            return self._save(folder if folder.name not in ("", "..") else folder.resolve())
        except NotADirectoryError:
            raise
        except OSError as error:
            # copytree gives a list of (from, to, why)
            why = error.args[0][0][2] if isinstance(error, shutil.Error) else error.strerror or error
            raise OSError(f"nothing was saved in {str(folder)!r}: {why}; make room, or name another folder") from error

    def _save(self, folder: Path) -> Path:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir()) or folder.samefile(".")):
            raise ValueError(f"folder is {str(folder)!r}, which is there already; name a new one")
        if self.folder.resolve() in folder.resolve().parents:
            raise ValueError(f"folder is {str(folder)!r}, which lies in the run's own; name one outside of it")
        check_folder(folder)
        partial = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}")  # nobody's
        partial.mkdir(parents=True)
        mode = partial.stat().st_mode
        try:
            with TURNS.taken():  # no step, so no file is being written
                shutil.copytree(self.folder, partial, dirs_exist_ok=True, ignore=shutil.ignore_patterns(*PASSING))
                for seat in self.seats.values():
                    if seat.run.environment:
                        seat.run.save(partial / seat.folder.relative_to(self.folder) / "run.json")
            partial.chmod(mode)  # a temporary folder is its owner's alone
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
        TURNS.look()
        with _LEFT:
            _LEFT.notify_all()
        for seat in self.seats.values():
            thread, patience = seat.thread, wait or (0.0 if seat.loads else AT_ONCE)
            if patience and thread is not None and thread is not threading.current_thread():
                thread.join(patience)
        if not any(seat.thread for seat in self.seats.values()):
            self._clear()

    def _train(self, seat: Seat) -> None:
        error, turn = "", Turn(TURNS, lambda: self._closed)  # taken when it is loaded: loading may wait for a network
        seat.since, seat.loads = 0.0, False
        try:
            self._after_those_that_leave()
            seat.loads = True
            seat.run = finetune(
                seat.recipe,
                steer=lambda step, run: self._before(seat, turn, step, run),
                out=seat.folder,
                data_folder=self.data_folder,
                device=self.device,
                resume=(seat.folder / "run.json").exists(),
                progress=False,
                shelf=Looking(lambda: self._closed, partial(self._making, seat)),
            )
        except Closed:
            pass
        except BaseException as raised:  # whatever it is, a thread has nobody else to tell it to
            error = explain(raised)
        finally:
            turn.give()
            if seat.loads and (seat.recipe.backbone != "tiny" or next(_ENDED) % SMALL == 0):
                gc.collect()
            if torch.cuda.is_available():
                with suppress(RuntimeError):  # a GPU that has failed refuses this, too
                    torch.cuda.empty_cache()
            with self._changed:
                seat.thread, seat.called, seat.taking, seat.error = None, False, False, error
                if error or self._closed:
                    for other in self.seats.values():  # those that wait to be begun
                        other.called = other.called and other.thread is not None
                seat.base = checkpoints.reached(seat.folder)
                if error:  # the other one waits for it
                    self._until = min(self._until, self._reached())
                if error and seat.at:  # what was set after the checkpoint may be why
                    seat.run.changes = [change for change in seat.run.changes if change["step"] <= seat.base]
                if self._closed and not any(other.thread for other in self.seats.values()):
                    self._clear()
                self._changed.notify_all()
            with _LEFT:
                _LEFT.notify_all()

    def _after_those_that_leave(self) -> None:
        """Wait for runs that were given up; one that is given up meanwhile itself has read nothing.

        However often somebody begins anew, so there are the last run that trained, and the one that is wanted.
        """

        def alone() -> bool:
            others = [each for each in list(_LIVING) if each is not self and each._closed]
            return not any(seat.thread for each in others for seat in each.seats.values())

        with _LEFT:
            if not any(seat.at for seat in self.seats.values()):  # else it has waited, for the one beside this one
                _LEFT.wait_for(lambda: self._closed or alone(), LEAVE)
        if self._closed:
            raise Closed

    @contextmanager
    def _making(self, seat: Seat, kind: str) -> Iterator[None]:
        """What is made for the shelf is told; the evaluation before the first step tells how long all others take."""
        seat.making, begun = kind, time.perf_counter()
        try:
            yield
        finally:
            seat.making = ""
        if kind == EVALUATION:
            PACE.note(of_first(seat.recipe, self._kind), time.perf_counter() - begun)

    def _before(self, seat: Seat, turn: Turn, step: int, run: Run) -> Mapping[str, float]:
        if seat.since:
            PACE.note_step(run, step - 1, self._kind, time.perf_counter() - seat.since)
        with self._changed:
            if not seat.at:  # it is loaded
                seat.at = step
                self._begin_next()
            if seat.run is not run:  # as it was read from its folder, and what was set while it was
                run.changes, seat.run = seat.run.changes, run
            keeps = turn.held and not self._closed and not TURNS.wanted and self._may(seat, step)
            if keeps:
                seat.at, seat.taking = step, True
                self._changed.notify_all()

        def let_through() -> None:
            with self._changed:
                seat.at, seat.taking = step, False  # it is seen to wait only now that its turn is given
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._closed or self._may(seat, step))
                seat.taking = True

        if not keeps:
            turn.pass_on(let_through)
        with self._changed:
            if self._closed:
                raise Closed
        seat.since = time.perf_counter()
        return {}  # what was set is in the run's changes

    def _may(self, seat: Seat, step: int) -> bool:
        """Whether it may take this step: not where all pause, and not where it would leave the other one behind."""
        others = [each for each in self.seats.values() if each is not seat and each.called and not each.ended]
        return step <= self._until and all(each.at >= step - 1 for each in others)

    def _reached(self) -> int:
        """The step after which all pause: the one in progress, else the last that was taken.

        A run that goes back to a checkpoint is far behind the one that waits for it: then it is its own.
        """
        seats = [seat for seat in self.seats.values() if not seat.ended]
        going = [seat.at for seat in seats if seat.taking]
        least = min((seat.done for seat in seats), default=0)
        return max(going or [seat.done for seat in seats if seat.done <= least + 1], default=0)

    def holds(self, folder: Path) -> bool:
        """Whether its runs lie in this folder."""
        return self.folder.resolve() == folder.resolve()

    def _leave_to_me(self, but: "Background | None" = None) -> None:
        """Wait for a run in this folder that was given up; refuse to train beside one that goes on."""
        for each in list(_LIVING):
            if each not in (self, but) and each.holds(self.folder):
                if each._closed:
                    each.close(wait=60.0)
                elif any(seat.thread for seat in each.seats.values()):
                    raise ValueError(f"another lab trains in {self.folder}; close it first, or copy the folder")

    def _clear(self) -> None:
        if self._own:
            shutil.rmtree(self.folder, ignore_errors=True)


_LIVING: "weakref.WeakSet[Background]" = weakref.WeakSet()
_ENDED = itertools.count(1)
_LEFT = threading.Condition()
"""Told when a run was given up, and when it has left."""


@atexit.register
def _close_all() -> None:
    for each in list(_LIVING):
        each.close(wait=5.0)
