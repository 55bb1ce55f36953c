"""Tasks one after another on one encoder, a new head for each, all of them scored after each.

A task of the sequence is a run as `recall_learn.finetune` takes it, in a folder of its own: its methods, steps,
evaluations and checkpoints are that run's. What is new in a model, pooler and head, is its task's and is kept as it
ended; what was pretrained goes on to the next task, unless a method isolates tasks from one another. Between two tasks
a method is asked what it carries over, see `recall_learn.methods.method.Method.carry`.
"""

import re
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from recall_learn.measures import sequences
from recall_learn.methods.carrying import Carried, Ended
from recall_learn.methods.method import OWN
from recall_learn.runs import arguments, given_fisher
from recall_learn.runs.finetune import fisher_of, trained
from recall_learn.runs.finished import fill, read_weights
from recall_learn.runs.folder import RunFolder
from recall_learn.runs.recipe import Recipe
from recall_learn.runs.record import Run
from recall_learn.runs.sequence_record import FILE, HOMES, SequenceRun, load
from recall_learn.runs.session import Beginning, Session
from recall_learn.support import environment, process_wide
from recall_learn.support.checks import shown
from recall_learn.support.files import check_folder
from recall_learn.support.lock import owning_folder
from recall_learn.support.shelf import Shelf
from recall_learn.tasks.task import WORLD
from recall_learn.theory.fisher import fisher_diagonal

PROBED = ("distance", "similarity", "source_loss", "source_accuracy", "recovery")
"""What a row takes of a run's evaluation, beside the share of the facts that is known."""
OF_A_TASK = ("examples", "data", "task")
"""What of a run's environment is its task's."""


def sequence(
    recipe: Recipe,
    tasks: Iterable[str],
    *,
    home: str = HOMES[0],
    out: str | Path | None = None,
    data_folder: str | Path | None = None,
    fisher: str | Path | None = None,
    source_text: str | Path | None = None,
    device: str = "auto",
    resume: bool = False,
    progress: bool | None = None,
) -> SequenceRun:
    """Fine-tune one encoder on a task after another, as the recipe says, and score all tasks after each.

    A sequence of one task is `recall_learn.finetune`, to the bit.

    Args:
        recipe: what every task is trained with, one by one; its own ``task`` is not asked.
        tasks: their names, each once, as in `recall_learn.Recipe`. Those of the small world stand with no others.
        home: what the methods take for theta* in a task: the weights that the "last" task left, or always the
            "pretrained" ones. Distance and probes are about the pretrained ones in both.
        out: a folder for ``sequence.json`` and a folder for each task's run; None keeps nothing. One process owns it.
        data_folder: as in `recall_learn.finetune`.
        fisher: as there; of the source, at the pretrained weights.
        source_text: as there.
        device: as there.
        resume: go on with what ``out`` holds, in the task and at the checkpoint where it stopped.
        progress: as there.

    Returns:
        The record, see `recall_learn.runs.sequence_record`. With ``out``, Ctrl-C, SIGTERM or SIGHUP ends it as they
        end a run; ``stopped`` says where.

    Raises:
        ValueError: a task is there twice, is of another world, a method cannot go on after a task, or as
            `recall_learn.finetune`.
        OSError, DivergedError: as there.
    """
    paths = {"out": out, "data_folder": data_folder, "fisher": fisher, "source_text": source_text}
    arguments.check(recipe, {}, paths)
    record = asked(recipe, tasks, home)
    given = _Given(data_folder, fisher, source_text, environment.choose_device(device), progress)
    environment.check_precision(recipe.mixed_precision, given.device)
    given_fisher.check_given(recipe.needs, recipe.names, recipe.backbone, fisher)
    place = None if out is None else check_folder(out)
    if place is None:
        if resume:
            raise ValueError("resume needs the folder of the sequence to go on with; give it with --out")
        with process_wide.own_accelerate(), process_wide.bars(progress):
            return _Course(record, None, given).run()
    with owning_folder(place, "wait for it, or choose another --out"):
        record = opened(record, place, resume)
        if record.final:
            return record
        with process_wide.own_accelerate(), process_wide.bars(progress):
            return _Course(record, place, given).run()


def asked(recipe: Recipe, tasks: Iterable[str], home: str) -> SequenceRun:
    """A new record of what is asked for, once it goes together.

    Raises:
        ValueError: it does not.
    """
    names = [tasks] if isinstance(tasks, str) else list(tasks)
    if not names:
        raise ValueError("tasks is empty; it has to name some, as world/cola,world/rte")
    recipes = [replace(recipe, task=name) for name in names]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice:
        raise ValueError(f"tasks has {twice} twice; take each task once")
    strange = next((name for name in names if name.startswith(WORLD) != names[0].startswith(WORLD)), None)
    if strange:
        raise ValueError(
            f"tasks joins {names[0]} and {strange}, and only one of them is of the small world; take one kind"
        )
    if home not in HOMES:
        raise ValueError(f"home is {shown(home)}; it has to be one of {', '.join(HOMES)}")
    unable = next((each for each in recipe.methods if not each.carries), None)
    if unable and len(names) > 1:
        raise ValueError(
            f"{unable.name} cannot go on after a task: what it would carry over is not settled; leave it out"
        )
    return SequenceRun(recipes[0], tuple(names), home)


def opened(record: SequenceRun, place: Path, resume: bool) -> SequenceRun:
    """The sequence that a folder holds, or the new one.

    Raises:
        ValueError: it holds another, or this one without ``resume``, or a run.
    """
    file = place / FILE
    if not file.exists():
        foreign = next((name for name in ("run.json", "model") if (place / name).exists()), None)
        if foreign:
            raise ValueError(f"{place} holds {foreign}, which no sequence has; choose another --out")
        return record
    found = load(file)
    other = record.difference(found)
    if other:
        raise ValueError(f"{place} holds another sequence: {other}; choose another --out")
    if not resume:
        raise ValueError(
            f"{place} holds this sequence already, up to row {len(found.rows)}; add --resume, or choose another"
        )
    found.stopped = None
    return found


@dataclass(frozen=True)
class _Given:
    """What a sequence is given beside its recipe, as `sequence` has it."""

    data_folder: str | Path | None
    fisher: str | Path | None
    source_text: str | Path | None
    device: torch.device
    progress: bool | None


class _Course:
    """The tasks one by one: each as it is trained, and all as they are scored."""

    def __init__(self, record: SequenceRun, place: Path | None, given: _Given):
        self.record, self.place, self.given = record, place, given
        recipe, shelf = record.recipe, Shelf()
        self.methods = recipe.methods
        told = given.data_folder, given.source_text, given.progress is not False, shelf
        self.sessions = [Session(replace(recipe, task=task), given.device, *told) for task in record.tasks]
        for method in self.methods:
            method.check_tasks([len(session.data["train"]) for session in self.sessions])
        self.weights = _pretrained(self.sessions[0])
        self.carried: dict[str, Carried] = {}
        self.isolated = any(method.isolates for method in self.methods)
        self.started, self.before = time.monotonic(), float(record.environment.get("seconds", 0.0))

    def run(self) -> SequenceRun:
        """Take the tasks that are left; what was recorded is kept, whatever happens."""
        record = self.record
        record.environment = {**self._environment(), **record.environment}
        first = None if record.rows else self._scored(0)
        self._save()
        for task, session in enumerate(self.sessions):
            run = self._take(task, session)
            if not run.final:
                self._stopped(task, run)
                return record
            if first:
                record.rows.append({"after": 0, **first, **_probed(run.evaluations[0])})
                first = None
            if len(record.rows) <= task + 1:
                record.rows.append({"after": task + 1, **self._scored(task + 1), **_probed(run.final)})
            self._save()
        record.final = sequences.means(record.scores)
        self._save()
        return record

    def _take(self, task: int, session: Session) -> Run:
        """Train a task, or take it as it was trained before; then ask what is carried over."""
        folder = RunFolder(None if self.place is None else self.place / _folder(task, session.recipe.task))
        last = task and self.record.home == "last"
        _write(session, self.weights)
        session.beginning = Beginning(
            self.weights if last else session.backbone.anchors, (task, len(self.sessions)), self.carried
        )
        with folder.owned():
            run, checkpoint = folder.open(session.recipe, bool(folder) and (folder.path / "run.json").exists())
            folder.tidy(ended=bool(run.final))
            fisher = fisher_of(run, session, folder, self.given.fisher, self.given.progress)
            if run.final:
                _fill(session, folder.path)
            else:
                try:
                    session.begin(fisher)
                    run = trained(run, session, folder, checkpoint, progress=self.given.progress)
                except BaseException:
                    self._stopped(task, run)
                    raise
        if run.final and task + 1 < len(self.sessions):
            self._carry(task, session, fisher)
        return run

    def _carry(self, task: int, session: Session, fisher: given_fisher.GivenFisher | None) -> None:
        """What the next task begins with."""
        model, weights = session.backbone.model, _pretrained(session)
        head = {name: p.detach().clone() for name, p in model.named_parameters() if name not in weights}

        def learned() -> dict[str, Tensor]:
            return fisher_diagonal(model, session.task_batches(), labels="exact", progress=self.given.progress)

        told = session.beginning.place, session.beginning.home, weights, head, fisher, learned
        ended = Ended(*told, session.data["train"], session.collator, session.recipe.seed)
        self.carried = {each.name: each.carry(self.carried.get(each.name, {}), ended) for each in self.methods}
        if not any(method.freezes for method in self.methods):
            self.weights = weights

    def _scored(self, learned: int) -> dict[str, object]:
        """Every task's metrics, when so many were learned: each by its own head on the encoder as it is now."""
        found = []
        for task, session in enumerate(self.sessions):
            if task >= learned or not self.isolated:
                _write(session, self.weights if learned < len(self.sessions) else _pretrained(self.sessions[-1]))
            found.append(session.metrics())
        scores = [each[session.task.primary] for each, session in zip(found, self.sessions, strict=True)]
        return {"scores": scores, "metrics": found}

    def _environment(self) -> dict[str, object]:
        shared = {key: value for key, value in self.sessions[0].environment.items() if key not in OF_A_TASK}
        each = {key: [session.environment[key] for session in self.sessions] for key in ("examples", "data")}
        return {**shared, **each, "primary": [session.task.primary for session in self.sessions]}

    def _stopped(self, task: int, run: Run) -> None:
        said = run.stopped or {"step": len(run.history), "why": "it failed"}
        self.record.stopped = {"task": self.record.tasks[task], **said}
        self._save()

    def _save(self) -> None:
        self.record.environment["seconds"] = round(self.before + time.monotonic() - self.started, 1)
        if self.place is not None:
            self.record.save(self.place / FILE)


def _pretrained(session: Session) -> dict[str, Tensor]:
    """What was pretrained, as it is now; copies."""
    parameters = dict(session.backbone.model.named_parameters())
    return {name: parameters[name].detach().clone() for name in session.backbone.anchors}


@torch.no_grad()
def _write(session: Session, weights: dict[str, Tensor]) -> None:
    """Put the encoder of a session where another left it."""
    parameters = dict(session.backbone.model.named_parameters())
    for name, tensor in weights.items():
        parameters[name].copy_(tensor)


def _fill(session: Session, place: Path) -> None:
    """Make a session's model what it was when its run ended."""
    model, recipe = session.backbone.model, session.recipe
    for method in recipe.methods:
        if OWN in method.costs:
            method.prepare(model, recipe.seed)
    fill(model, read_weights(place))


def _probed(evaluation: dict[str, object]) -> dict[str, object]:
    found = {name: evaluation[name] for name in PROBED if name in evaluation}
    return found | ({"facts": evaluation["facts"]["known"]} if "facts" in evaluation else {})


def _folder(task: int, name: str) -> str:
    """Where a task's run is kept: ``2-world-rte``."""
    return f"{task + 1}-{re.sub(r'[^A-Za-z0-9._-]+', '-', name).strip('-.')[-40:]}"
