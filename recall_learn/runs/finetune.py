"""One fine-tuning run: a recipe in, a recorded run out, on transformers.Trainer.

Every example, mask and dropout comes from the recipe's seed, evaluations draw no random number, and each checkpoint
holds all that the next step depends on. So a run that was stopped goes on as if nothing had happened. The process's own
random numbers are neither read nor moved: what is drawn beside a run, in another thread or between two steps, changes
nothing in it.

A run is four things: what is alive (`session`), what is noted (`recorder`), where it is kept (`folder`), and the loop
(`trainer`). They meet here.
"""

import tempfile
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import torch
from tqdm.auto import tqdm

from recall_learn.models.fishers import task_fisher
from recall_learn.runs import arguments, checkpoints, given_fisher
from recall_learn.runs.folder import RunFolder
from recall_learn.runs.recipe import Recipe
from recall_learn.runs.record import Run
from recall_learn.runs.recorder import DivergedError, Recorder
from recall_learn.runs.session import Session
from recall_learn.runs.steering import Steer, Steering
from recall_learn.runs.trainer import Between, StepTrainer
from recall_learn.support import environment, process_wide
from recall_learn.support.shelf import Shelf
from recall_learn.support.stopping import stoppable
from recall_learn.theory.fisher import Fisher

__all__ = ["DivergedError", "OnStep", "finetune"]

OnStep = Callable[[Run, torch.optim.Optimizer], None]
FLUSH = {"cpu": 0.0, "cuda": 0.1}
"""Where nobody asks for more, so many seconds lie between two looks at the loss: on a GPU each waits for its step."""
QUICK, SHARE = 2.0, 0.1
"""A checkpoint that takes more seconds than that to write may take this share of the time, and no more."""


def finetune(
    recipe: Recipe,
    on_step: OnStep | None = None,
    *,
    steer: Steer | None = None,
    out: str | Path | None = None,
    data_folder: str | Path | None = None,
    fisher: str | Path | None = None,
    source_text: str | Path | None = None,
    device: str = "auto",
    resume: bool = False,
    progress: bool | None = None,
    shelf: Shelf | None = None,
) -> Run:
    """Fine-tune a backbone as the recipe says.

    Args:
        recipe: what to run.
        on_step: called after every step with the run so far and the optimizer.
        steer: called before every step with its number and the run so far; it may wait. What it returns, of
            ``lr`` and the live settings of the methods, acts from that step on, in place of what the run's ``changes``
            hold for that setting from there on, and is noted in them; `recall_learn.runs.steering.replay` of these
            takes the run again. What it raises ends the run.
        out: a folder for ``run.json``, checkpoints while it runs, and the final ``model``; None keeps nothing. One
            process owns it while the run lasts. There is a checkpoint at each evaluation; where one takes over two
            seconds, they take a tenth of the time at most.
        data_folder: the folder of data sets, see `recall_learn.tasks.loading.load`.
        fisher: a file that `recall_learn.save_fisher` wrote, for methods that need one. Without it those that need the
            task's take it, from its training labels; those that need the source's take tiny's from this package, and
            are refused on other backbones. The run's environment says what it was taken of, and its fingerprint.
        source_text: a text file for the probes source and recovery, where the backbone is not of the small world.
        device: auto, cpu or cuda.
        resume: go on from the newest checkpoint in ``out``; the changes that the run holds act again, each at its step,
            unless ``steer`` sets that setting anew before. On a CPU the weights and the history end bit-identical to
            those of a run that was never stopped.
        progress: True shows a bar, False none; None shows one on a terminal.
        shelf: where data and backbones lie for the next run of this process; None reads them anew.

    Returns:
        The run. With ``out``, Ctrl-C, SIGTERM or SIGHUP ends it after the step in progress, with a checkpoint and no
        ``final``; ``stopped`` says which.

    Raises:
        ValueError: something in the recipe, the data, ``out`` or the Fisher is wrong, another process owns ``out``, or
            a batch needs more memory than there is; the message says what is right.
        OSError: a file, a folder or the hub is not there.
        DivergedError: the loss became nan or infinite; what was recorded before it is kept in ``out``.
        KeyboardInterrupt: at Ctrl-C without ``out``, before the first step, or for the second time.
    """
    arguments.check(
        recipe,
        {"on_step": on_step, "steer": steer},
        {"out": out, "data_folder": data_folder, "fisher": fisher, "source_text": source_text},
    )
    chosen, folder = environment.choose_device(device), RunFolder(out)
    environment.check_precision(recipe.mixed_precision, chosen)
    with folder.owned(), process_wide.own_accelerate(), process_wide.bars(progress):
        run, checkpoint = folder.open(recipe, resume)
        given_fisher.check_given(recipe.needs, recipe.names, recipe.backbone, fisher, run)
        folder.tidy(ended=bool(run.final))
        if run.final:
            return run
        session = Session(recipe, chosen, data_folder, source_text, progress is not False, shelf)
        session.begin(fisher_of(run, session, folder, fisher, progress))
        return trained(run, session, folder, checkpoint, on_step=on_step, steer=steer, progress=progress)


def fisher_of(
    run: Run, session: Session, folder: RunFolder, fisher: str | Path | None, progress: bool | None
) -> given_fisher.GivenFisher | None:
    """The Fisher that a run's methods are given, once its model and data are seen to be those it was begun with.

    Args:
        run: as far as it has come; what it is begun with is noted in it.
        session: what it trains.
        folder: where it is kept.
        fisher: as in `finetune`.
        progress: as there.

    Raises:
        ValueError, OSError: as `finetune`.
    """
    _same_start(run, session, folder)

    def take() -> Fisher:
        return task_fisher(session.at_home, session.task_batches(), "empirical", progress=progress)

    return given_fisher.find(run, folder, fisher, session.backbone, take)


def trained(
    run: Run,
    session: Session,
    folder: RunFolder,
    checkpoint: Path | None,
    *,
    on_step: OnStep | None = None,
    steer: Steer | None = None,
    progress: bool | None = None,
) -> Run:
    """Take a run to its end, from a checkpoint on or from the start; see `finetune`.

    Args:
        run: as far as it has come.
        session: what it trains, its methods at work.
        folder: where it is kept; whoever calls owns it.
        checkpoint: where it goes on; None is the start.
        on_step: as in `finetune`.
        steer: as there.
        progress: as there.
    """
    with tempfile.TemporaryDirectory() as scratch:
        return _Training(run, session, folder, on_step, steer, progress, scratch).run(checkpoint)


def _same_start(run: Run, session: Session, folder: RunFolder) -> None:
    """Refuse to go on with a run that was begun with other weights or data; note in a new one what they are."""
    now, before = session.environment, run.environment
    for key, what in (
        ("anchors", f"{run.recipe.backbone} has other pretrained weights"),
        ("data", "the data is other"),
        ("task", "the data is read in another way"),
        ("source_text", "the source text is other"),
    ):
        if before and before.get(key) != now.get(key):
            raise ValueError(f"{what} than when {folder} was begun; put the former back, or choose another --out")
    run.environment = before or now


class _Training:
    """The steps of a run, and what lies between them: changes, records, evaluations, checkpoints."""

    def __init__(
        self,
        run: Run,
        session: Session,
        folder: RunFolder,
        on_step: OnStep | None,
        steer: Steer | None,
        progress: bool | None,
        scratch: str,
    ):
        self.record, self.session, self.folder = run, session, folder
        self.on_step, self.progress = on_step, progress
        self.recorder = Recorder(run)
        self.trainer = StepTrainer(session, self.recorder, scratch)
        self.steering = Steering(run, session.composed, self.trainer.lr_scheduler, steer)
        self.stop_asked = ""
        self.started = time.monotonic()
        self.seconds_before = float(run.environment.get("seconds", 0.0))
        self.flushed = self.saved = self.cost = 0.0

    def run(self, checkpoint: Path | None) -> Run:
        """Take the steps that are left; keep what was recorded, whatever happens."""
        run, recipe, done = self.record, self.record.recipe, 0
        if checkpoint is not None:
            done = checkpoints.step_of(checkpoint)
            checkpoints.read(checkpoint, self.session.backbone.model, self._parts())
        self.steering.act(done)
        if not run.evaluations:
            self._evaluate(0)
        self._save()
        self.trainer.done = done
        self.trainer.add_callback(Between(done, self.before, self.after))
        try:
            # without a folder there would be no checkpoint to go on from
            with stoppable(self._ask_to_stop) if self.folder else nullcontext(), self._bar(done) as self.bar:
                if done < recipe.steps:
                    self.trainer.train()
            self.recorder.flush()
        except BaseException as error:
            self._stopped(str(error) or type(error).__name__)
            self.session.composed.close()
            raise
        try:
            self._finish()
        finally:
            self.session.composed.close()
        return run

    def before(self, step: int) -> None:
        """Ask for changes; whoever is asked may wait."""
        if self.steering.ask:
            self.recorder.flush()  # whoever is asked is shown all that there is
        self.steering.before(step)

    def after(self, step: int, skipped: bool) -> bool:
        """Record the step; evaluate and save where the recipe says so.

        Returns:
            Whether to end.
        """
        run, recipe = self.record, self.record.recipe
        if skipped:
            self.recorder.skip()
        due = step % recipe.evaluate_every == 0 or step == recipe.steps
        waited = time.monotonic() - self.flushed
        if due or self.on_step or self.stop_asked or waited >= FLUSH[self.session.device.type]:
            self.recorder.flush()
            self.flushed = time.monotonic()
            self.bar.set_postfix(loss=f"{run.history[-1]['loss']:.3f}", refresh=False)
        self.bar.update(1)
        if due:
            self._evaluate(step)
        if self.on_step:
            self.on_step(run, self.session.composed.optimizer)
        last = step == recipe.steps or bool(self.stop_asked)
        if due or last:
            self._save()  # before the checkpoint: a history may reach beyond it, never end before it
        if self.folder and (last or (due and self._may_write())):
            self.write_checkpoint(step)
        return bool(self.stop_asked)

    def write_checkpoint(self, step: int) -> None:
        """Write a checkpoint, and note what it cost."""
        begun = time.monotonic()
        self.folder.write_checkpoint(step, self.session.backbone.model, self._parts())
        self.saved = time.monotonic()
        self.cost = self.saved - begun

    def _may_write(self) -> bool:
        """Whether a checkpoint would not take too much of the time."""
        return self.cost < QUICK or time.monotonic() - self.saved > self.cost / SHARE

    def _parts(self) -> dict[str, checkpoints.Part]:
        """What a checkpoint holds beside the weights: each has a ``state_dict``."""
        composed = self.session.composed
        parts = {"optimizer": composed.optimizer, "schedule": self.trainer.lr_scheduler, "random": self.trainer.dice}
        if self.trainer.scaler is not None:
            parts["scaler"] = self.trainer.scaler
        if composed.state_dict():
            parts["methods"] = composed
        return parts

    def _evaluate(self, step: int) -> None:
        evaluation = self.session.evaluate(step)
        self.record.evaluations.append(evaluation)
        if step:
            self.record.history[-1]["distance"] = evaluation["distance"]

    def _seconds(self) -> float:
        return round(self.seconds_before + time.monotonic() - self.started, 1)

    def _save(self) -> None:
        if self.folder:
            self.record.environment["seconds"] = self._seconds()
            self.folder.save(self.record)

    def _finish(self) -> None:
        run = self.record
        if len(run.history) < run.recipe.steps:
            self._stopped(self.stop_asked)
            return
        noted = self.session.ending()
        self.session.composed.settle()
        run.final = {**run.evaluations[-1], **noted, "seconds": self._seconds()}
        self.folder.save_model(self.session.backbone)
        self._save()
        self.folder.tidy(ended=True)

    def _stopped(self, why: str) -> None:
        self.recorder.drop()
        self.record.stopped = {"step": len(self.record.history), "why": why}
        self._save()

    def _ask_to_stop(self, why: str) -> None:
        self.stop_asked = why

    def _bar(self, done: int) -> tqdm:
        recipe = self.record.recipe
        hidden = process_wide.hidden(self.progress)
        return tqdm(total=recipe.steps, initial=done, desc=f"{recipe.task} {recipe.names}", unit="step", disable=hidden)
