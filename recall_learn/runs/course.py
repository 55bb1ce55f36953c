"""The tasks of a sequence one by one: each as it is trained, and all as they are scored."""

import re
import time
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from recall_learn.measures import sequences
from recall_learn.methods.carrying import Carried, Ended
from recall_learn.methods.method import OWN
from recall_learn.runs.finetune import OnStep, fisher_of, trained
from recall_learn.runs.finished import check_ended, fill, read_weights
from recall_learn.runs.folder import RunFolder
from recall_learn.runs.given_fisher import HAS_TO_BE_GIVEN, GivenFisher
from recall_learn.runs.record import Run
from recall_learn.runs.recorder import ADVICE, DivergedError
from recall_learn.runs.sequence_record import FILE, SequenceRun
from recall_learn.runs.session import Beginning, Session
from recall_learn.support.shelf import Shelf
from recall_learn.theory.fisher import fisher_diagonal

PROBED = ("distance", "similarity", "source_loss", "source_accuracy", "recovery", "grammar")
"""What a row takes of a run's evaluation, beside the share of the facts that is known."""
OF_A_TASK = ("examples", "data", "task")
"""What of a run's environment is its task's."""


@dataclass(frozen=True)
class Given:
    """What a sequence is given beside its recipe, as `sequence` has it."""

    data_folder: str | Path | None
    fisher: str | Path | None
    source_text: str | Path | None
    device: torch.device
    progress: bool | None
    on_step: OnStep | None = None


class Course:
    """The tasks one by one: each as it is trained, and all as they are scored."""

    def __init__(self, record: SequenceRun, place: Path | None, given: Given):
        self.record, self.place, self.given = record, place, given
        recipe, shelf = record.recipe, Shelf()
        self.methods = recipe.methods
        told = given.data_folder, given.source_text, given.progress is not False, shelf
        self.sessions = [Session(replace(recipe, task=task), given.device, *told) for task in record.tasks]
        self.weights = pretrained(self.sessions[0])
        self.carried: dict[str, Carried] = {}
        self.isolated = any(method.isolates for method in self.methods)
        self.started, self.before = time.monotonic(), float(record.environment.get("seconds", 0.0))
        record.environment = {**self._environment(), **record.environment}

    def run(self) -> SequenceRun:
        """Take the tasks that are left; what was recorded is kept, whatever happens."""
        record, last = self.record, len(self.sessions) - 1
        for method in self.methods:
            method.check_tasks([len(session.data["train"]) for session in self.sessions])
        first = None if record.rows else self.scored(0)
        self.save()
        for task, session in enumerate(self.sessions):
            home = self.weights if task and record.home == "last" else session.backbone.anchors
            session.beginning = Beginning(home, (task, last + 1), self.carried)
            run, fisher = self.take(task, RunFolder(self.place and self.place / folder_of(task, session)))
            if not run.final:
                return record
            if first:
                record.rows.append({"after": 0, **first, **probed(run.evaluations[0])})
                first = None
            self._leave(task, session, fisher, carry=task < last)
            if len(record.rows) <= task + 1:
                record.rows.append({"after": task + 1, **self.scored(task + 1), **probed(run.final)})
            self.save()
        record.final = sequences.means(record.scores)
        self.save()
        return record

    def take(self, task: int, folder: RunFolder) -> tuple[Run, GivenFisher | None]:
        """Train a task, or take it as it was trained before; the run, and the Fisher that it was given."""
        session = self.sessions[task]
        write(session, self.weights)
        with folder.owned():
            run, checkpoint = folder.open(session.recipe, bool(folder) and (folder.path / "run.json").exists())
            folder.tidy(ended=bool(run.final))
            fisher = fisher_of(run, session, folder, self.given.fisher, self.given.progress)
            if HAS_TO_BE_GIVEN & session.recipe.needs:  # it is the same in all tasks
                self.record.environment["fisher"] = run.environment["fisher"]
            if run.final:
                check_ended(folder.path, run)
                self.fill(task, folder.path)
                return run, fisher
            try:
                session.begin(fisher)
                how = {"on_step": self.given.on_step, "progress": self.given.progress}
                run = trained(run, session, folder, checkpoint, **how)
            finally:
                if not run.final:
                    said = run.stopped or {"step": len(run.history), "why": "it failed"}
                    self.record.stopped = {"task": self.record.tasks[task], **said}
                    self.save()
        return run, fisher

    def _leave(self, task: int, session: Session, fisher: GivenFisher | None, carry: bool) -> None:
        """What the next task begins with."""
        model, weights = session.backbone.model, pretrained(session)
        if carry:
            head = {name: p.detach().clone() for name, p in model.named_parameters() if name not in weights}

            def learned() -> dict[str, Tensor]:
                return fisher_diagonal(model, session.task_batches(), labels="exact", progress=self.given.progress)

            told = session.beginning.place, session.beginning.home, weights, head, fisher, learned
            ended = Ended(*told, session.data["train"], session.collator, session.recipe.seed)
            self.carried = {each.name: each.carry(self.carried.get(each.name, {}), ended) for each in self.methods}
        if not any(method.freezes for method in self.methods):
            self.weights = weights

    def scored(self, learned: int) -> dict[str, object]:
        """Every task's metrics, when so many were learned: each by its own head on the encoder as it is now.

        Raises:
            DivergedError: a model gives what is no number.
        """
        found = []
        for task, session in enumerate(self.sessions):
            if task >= learned or not self.isolated:
                write(session, self.weights)
            try:
                found.append(session.metrics())
            except ValueError as error:
                where = {"task": self.record.tasks[max(learned - 1, 0)], "step": session.recipe.steps if learned else 0}
                self.record.stopped = {**where, "why": f"{session.recipe.task}: {error}"}
                self.save()
                raise DivergedError(f"after {learned} tasks, {session.recipe.task}: {error}; {ADVICE}") from error
        scores = [each[session.task.primary] for each, session in zip(found, self.sessions, strict=True)]
        return {"scores": scores, "metrics": found}

    def fill(self, task: int, place: Path) -> None:
        """Make a task's model what it was when its run ended."""
        model, recipe = self.sessions[task].backbone.model, self.record.recipe
        for method in recipe.methods:
            if OWN in method.costs:
                method.prepare(model, recipe.seed)
        fill(model, read_weights(place))

    def save(self) -> None:
        """Write the record."""
        self.record.environment["seconds"] = round(self.before + time.monotonic() - self.started, 1)
        if self.place is not None:
            self.record.save(self.place / FILE)

    def _environment(self) -> dict[str, object]:
        shared = {key: value for key, value in self.sessions[0].environment.items() if key not in OF_A_TASK}
        each = {key: [session.environment[key] for session in self.sessions] for key in ("examples", "data")}
        return {**shared, **each, "primary": [session.task.primary for session in self.sessions]}


def pretrained(session: Session) -> dict[str, Tensor]:
    """What was pretrained, as it is now; copies."""
    parameters = dict(session.backbone.model.named_parameters())
    return {name: parameters[name].detach().clone() for name in session.backbone.anchors}


@torch.no_grad()
def write(session: Session, weights: dict[str, Tensor]) -> None:
    """Put the encoder of a session where another left it."""
    parameters = dict(session.backbone.model.named_parameters())
    for name, tensor in weights.items():
        parameters[name].copy_(tensor)


def probed(evaluation: dict[str, object]) -> dict[str, object]:
    """What a row takes of an evaluation."""
    found = {name: evaluation[name] for name in PROBED if name in evaluation}
    return found | ({"facts": evaluation["facts"]["known"]} if "facts" in evaluation else {})


def folder_of(task: int, session: Session) -> str:
    """Where a task's run is kept: ``2-world-rte``."""
    return f"{task + 1}-{re.sub(r'[^A-Za-z0-9._-]+', '-', session.recipe.task).strip('-.')[-40:]}"
