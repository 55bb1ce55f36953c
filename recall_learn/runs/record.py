"""Recorded runs: one schema, written whole or not at all, and read back with one clear sentence when that fails.

A run is a JSON file:

- ``recipe``: all settings that act, see `recall_learn.Recipe`;
- ``environment``: what it ran on: device, versions, date, commit, data;
- ``history``: one record a step: ``step``, ``loss`` (nats, the task's alone), ``lambda``, ``lr``, ``pull`` (the share
  of the way back to theta* taken in that step), what methods add to the loss, by name, as ``penalty``, at the
  evaluations ``distance``, ``lr_other`` where the optimizer's groups have different rates (it is the lowest, and
  ``lr`` the highest), and ``skipped`` where fp16's gradients overflowed: nothing moved; lambda and lr are those of the
  next step, too;
- ``evaluations``: ``step``, ``metrics`` by name, ``distance``, ``layers`` (the distance, part by part), and what is
  probed: ``similarity``, ``source_loss``, ``source_accuracy``, ``facts``, ``recovery``, ``grammar``, see
  `recall_learn.measures.probes`;
- ``changes``: the settings that changed while it trained, each with the first step that it acts on, see
  `recall_learn.runs.steering`; those beyond the history act when the run comes there; missing where none did;
- ``final``: as the last evaluation, with ``seconds`` and what methods note of the end: ``frontier``, one record for
  each ``alpha`` from theta* (0) to where the weights ended (1); None until the run has ended;
- ``stopped``: ``step`` and ``why``, where it ended early.
"""

import json
import math
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Literal, NotRequired

from pydantic import Field, FiniteFloat
from typing_extensions import TypedDict

from recall_learn.runs.recipe import Recipe, knobs
from recall_learn.support.checks import shown
from recall_learn.support.files import write_text
from recall_learn.support.reading import Json, parse_json, read_text
from recall_learn.tasks import registry

SCHEMA = 2


class _Task(TypedDict):
    text: list[str]
    label: str
    labels: list[str]
    metrics: list[str]
    primary: str
    split: NotRequired[str]
    repository: NotRequired[str]


class _Environment(TypedDict, total=False):
    device: str
    threads: int
    python: str
    versions: dict[str, str | None]
    date: str
    commit: str | None
    backbone: str
    anchors: str
    examples: dict[str, int]
    data: str
    source_text: str
    fisher: dict[str, str]
    seconds: Annotated[FiniteFloat, Field(ge=0)]
    task: _Task


_Step = TypedDict(
    "_Step",
    {
        "step": int,
        "loss": FiniteFloat,
        "lambda": FiniteFloat,
        "lr": FiniteFloat,
        "pull": FiniteFloat,
        "skipped": NotRequired[bool],
    },
)
"""Beside these, numbers by name: see `_check_step`."""


class _Facts(TypedDict):
    known: FiniteFloat
    lost: dict[str, str]


class _Evaluation(TypedDict):
    step: int
    metrics: dict[str, FiniteFloat]
    distance: FiniteFloat
    layers: NotRequired[dict[str, FiniteFloat]]
    similarity: NotRequired[FiniteFloat]
    source_loss: NotRequired[FiniteFloat]
    source_accuracy: NotRequired[FiniteFloat]
    facts: NotRequired[_Facts]
    recovery: NotRequired[int | None]
    grammar: NotRequired[FiniteFloat]


class _Point(TypedDict):
    alpha: FiniteFloat
    metrics: dict[str, FiniteFloat]
    distance: FiniteFloat
    source_loss: NotRequired[FiniteFloat]
    similarity: NotRequired[FiniteFloat]
    facts: NotRequired[FiniteFloat]


class _Final(_Evaluation):
    seconds: FiniteFloat
    frontier: NotRequired[list[_Point]]


class _Change(TypedDict):
    step: int


class _Stopped(TypedDict):
    step: int
    why: str


class _File(TypedDict):
    schema: Literal[1, 2]  # 1 had settings beside the method, which Recipe.recorded knows
    recipe: dict[str, object]
    environment: _Environment
    history: list[_Step]
    evaluations: list[_Evaluation]
    changes: NotRequired[list[_Change]]
    final: _Final | None
    stopped: _Stopped | None


@dataclass
class Run:
    """One fine-tuning run, as far as it has come; the fields are those of the file."""

    recipe: Recipe
    environment: dict[str, Json] = field(default_factory=dict)
    history: list[dict[str, float]] = field(default_factory=list)
    evaluations: list[dict[str, Json]] = field(default_factory=list)
    final: dict[str, Json] | None = None
    stopped: dict[str, int | str] | None = None
    changes: list[dict[str, float | str]] = field(default_factory=list)

    @property
    def metrics(self) -> tuple[str, ...]:
        """The names of its task's metrics; the first of those that are its score comes from `primary`."""
        own = self.environment.get("task")
        return tuple(own["metrics"]) if own else registry.named(self.recipe.task).metrics

    @property
    def primary(self) -> str:
        """The metric that is its task's score."""
        own = self.environment.get("task")
        return own["primary"] if own else registry.named(self.recipe.task).primary

    @property
    def skipped(self) -> list[int]:
        """The steps that were none, because the gradients overflowed; only fp16 has any."""
        if self.recipe.mixed_precision != "fp16":
            return []
        return [record["step"] for record in self.history if "skipped" in record]

    def column(self, name: str) -> list:
        """One column of the history, a value a step."""
        return [record[name] for record in self.history]

    def truncate(self, step: int) -> None:
        """Forget what lies behind ``step``, all but the changes: a run goes on from its last checkpoint."""
        self.history = [record for record in self.history if record["step"] <= step]
        self.evaluations = [record for record in self.evaluations if record["step"] <= step]
        self.final = self.stopped = None

    def to_json(self) -> str:
        """The file's text: one record a line, so that two runs can be compared line by line."""
        parts = [f'"schema": {SCHEMA}', f'"recipe": {_dump(self.recipe.to_dict())}']
        parts.append(f'"environment": {_dump(self.environment)}')
        for name in ("history", "evaluations", *(["changes"] if self.changes else [])):
            rows = ",\n  ".join(_dump(record) for record in getattr(self, name))
            parts.append(f'"{name}": [\n  {rows}\n]' if rows else f'"{name}": []')
        parts += [f'"final": {_dump(self.final)}', f'"stopped": {_dump(self.stopped)}']
        return "{\n" + ",\n".join(parts) + "\n}\n"

    @classmethod
    def from_json(cls, text: str) -> "Run":
        """The run that `to_json` wrote.

        Raises:
            ValueError: the text is not JSON, or not a run of this schema; the message names the field.
        """
        data = parse_json(text, _File)
        run = cls(Recipe.recorded(data["recipe"]), *(data[name] for name in ("environment", "history", "evaluations")))
        run.final, run.stopped, run.changes = data["final"], data["stopped"], data.get("changes", [])
        if run.column("step") != list(range(1, len(run.history) + 1)) or len(run.history) > run.recipe.steps:
            raise ValueError(f"its history does not count the steps 1, 2, 3, ... up to {run.recipe.steps} at most")
        for record in run.history:
            _check_step(record)
        steps = [record["step"] for record in run.evaluations]
        if steps != sorted({step for step in steps if 0 <= step <= len(run.history)}):
            raise ValueError(f"its evaluations are at the steps {steps!r:.60}; they have to lie in its history")
        if run.history and steps[:1] != [0]:
            raise ValueError("its evaluations lack that at step 0, before the first step")
        if run.final and not [run.final["step"]] == [len(run.history)] == steps[-1:]:
            raise ValueError(f"its final is of step {run.final['step']}; history and evaluations have to end there")
        if registry.own(run.recipe.task) and run.evaluations and "task" not in run.environment:
            raise ValueError("its environment lacks task, which says how its data was read")
        for record in (*run.evaluations, *([run.final] if run.final else [])):
            if run.primary not in record["metrics"]:
                raise ValueError(f"its evaluation at step {record['step']} lacks {run.primary}, the score of its task")
        for change in run.changes:
            _check_change(run, change)
        return run

    def save(self, path: str | os.PathLike) -> None:
        """Write the file whole or not at all: an interrupted write leaves the former one."""
        write_text(path, self.to_json())


def load(path: str | os.PathLike) -> Run:
    """Read a recorded run.

    Raises:
        FileNotFoundError: there is none; a run writes it with ``out``.
        ValueError: the file is damaged, or not a run; the message names the field.
        OSError: it cannot be read.
    """
    text = read_text(path, "the run")
    try:
        return Run.from_json(text)
    except ValueError as error:
        raise ValueError(
            f"{path} is damaged or not a recorded run ({error}); restore it, or use another --out"
        ) from error


def settings(changes: Iterable[Mapping[str, float | str]], step: float = math.inf) -> dict[str, float]:
    """What changes have set by a step, a later one over a former one.

    Args:
        changes: `Run.changes`.
        step: the step; by default one after all changes.
    """
    found: dict[str, float] = {}
    for change in sorted((each for each in changes if each["step"] <= step), key=lambda each: each["step"]):
        found |= {name: math.inf if value == "inf" else value for name, value in change.items() if name != "step"}
    return found


def _check_step(record: dict[str, float]) -> None:
    for name, value in record.items():
        if not isinstance(value, int | float):
            raise ValueError(f"history at step {record['step']} has {name} {shown(value)}; it has to be a number")


def _check_change(run: Run, change: dict[str, float | str]) -> None:
    recipe, step = run.recipe, change["step"]
    if not 1 <= step <= recipe.steps:
        raise ValueError(f"its changes name the step {step}; it has to be one from 1 to {recipe.steps}")
    for name in change:
        if name not in ("step", *knobs(recipe)):
            raise ValueError(f"its change at step {step} is of {name}, which cannot change in {recipe.names}")
    try:
        replace(recipe, **settings(run.changes, step))
    except ValueError as error:
        raise ValueError(f"its change at step {step} is refused: {error}") from None


def _dump(value: Json) -> str:
    return json.dumps(value, allow_nan=False, ensure_ascii=False)
