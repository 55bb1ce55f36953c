"""The one file in which all recorded runs of a grid are kept.

It is JSON lines, see `recall_learn.runs.lines`. The first holds the settings that most runs have. Each line after it is
an environment, or one run: where its settings differ from those, and at each evaluation the task's score, the mean
training loss since the former evaluation, and what the run lost. `recall_learn.runs.sweep` adds a line when a run has
ended, so a kill costs the line that was being written, and nothing else.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal, NotRequired

from pydantic import ConfigDict, Field, FiniteFloat
from typing_extensions import TypedDict

from recall_learn.runs.lines import Lines, read
from recall_learn.runs.recipe import Recipe, setting_names
from recall_learn.runs.record import Run
from recall_learn.support.checks import shown
from recall_learn.support.reading import Json
from recall_learn.tasks import registry

SCHEMA = 3
DIGITS = 4
"""Significant digits that a recorded figure keeps."""
VARYING = ("date", "seconds", "examples", "data", "fisher")
"""What an environment says that differs from run to run of one grid."""


@dataclass(frozen=True)
class Record:
    """One run of a grid.

    Attributes:
        recipe: what was run.
        columns: ``name -> values``, one at each evaluation: ``step``, ``score`` (the task's primary metric), ``loss``
            (mean training loss since the former evaluation, nats; the first is None), ``distance``, and, where they
            were probed, ``source_loss``, ``facts``, ``similarity``, ``recovery``, ``grammar``.
        on: the place of its environment in `Records.environments`.
        seconds: what it took.
        stopped: why it ended early, "" where it did not.
        data: the first digits of the SHA-256 of its tokenized examples and, for ewc, of the Fisher that it was given.
        frontier: ``name -> values``, one at each ``alpha`` from theta* to the end, where the run noted that.
    """

    recipe: Recipe
    columns: dict[str, list[float | None]]
    on: int = 0
    seconds: float = 0.0
    stopped: str = ""
    data: str = ""
    frontier: dict[str, list[float]] = field(default_factory=dict)


class _Header(TypedDict):
    schema: Literal[2, 3]  # 2 had settings beside the method, which Recipe.recorded knows
    usual: dict[str, object]


class _Row(TypedDict):
    __pydantic_config__ = ConfigDict(extra="forbid")

    recipe: dict[str, object]
    on: Annotated[int, Field(ge=0)]
    seconds: Annotated[FiniteFloat, Field(ge=0)]
    stopped: NotRequired[str]
    data: NotRequired[str]
    step: NotRequired[list[Annotated[int, Field(ge=0)]]]
    score: NotRequired[list[FiniteFloat]]
    loss: NotRequired[list[FiniteFloat | None]]
    distance: NotRequired[list[FiniteFloat]]
    source_loss: NotRequired[list[FiniteFloat]]
    similarity: NotRequired[list[FiniteFloat]]
    recovery: NotRequired[list[FiniteFloat | None]]
    grammar: NotRequired[list[FiniteFloat]]
    facts: NotRequired[list[FiniteFloat]]
    frontier: NotRequired[dict[str, list[FiniteFloat]]]


@dataclass
class Records(Lines[Recipe, Record]):
    """The file: its runs, and what they were taken on; its attributes are those of `recall_learn.runs.lines.Lines`."""

    usual: dict[str, Json] = field(default_factory=lambda: _usual())

    UNIT, HEAD, HEADER, ROW = "run", {"schema": SCHEMA}, _Header, _Row

    def asked(self, run: Record) -> Recipe:
        """What was run."""
        return run.recipe

    def find(self, **settings: Json) -> list[Record]:
        """The runs whose recipes have these settings.

        Raises:
            ValueError: a recipe has no such setting.
        """
        able = (*Recipe.__dataclass_fields__, *setting_names())
        unknown = sorted(set(settings) - set(able))
        if unknown:
            raise ValueError(f"a recipe has no {unknown[0]!r}; it has {', '.join(able)}")
        if "method" in settings and "(" not in settings["method"]:
            settings["names"] = settings.pop("method")
        return [run for run in self.runs if all(getattr(run.recipe, name) == value for name, value in settings.items())]

    def primary(self, run: Record) -> str:
        """The metric that is the score of a run's task.

        Raises:
            ValueError: it is a task of somebody's own, and the run's environment does not say it.
        """
        own = self.environments[run.on].get("task") if self.environments else None
        if own is None and registry.own(run.recipe.task):
            raise ValueError(f"task is {shown(run.recipe.task)}, and its environment does not say what that is")
        return own["primary"] if own else registry.named(run.recipe.task).primary

    def add(self, run: Run | None, recipe: Recipe, environment: Mapping[str, Json], stopped: str = "") -> str:
        """Add what a run recorded.

        Returns:
            The lines that say so in the file, for `recall_learn.runs.lines.append`.

        Raises:
            ValueError: it was taken with other versions, or from other pretrained weights, than those that are there.
        """
        known = {key: value for key, value in environment.items() if key not in VARYING}
        self.check(known)
        columns = summarise(run) if run is not None else {}
        seconds = float(run.final["seconds"]) if run is not None and run.final else 0.0
        # a task's own Fisher follows from the seed's head; one that is given is the same for all
        given = (environment.get("fisher") or {}).get("tensors") if "source fisher" in recipe.needs else None
        data = "+".join(digits[:12] for digits in (environment.get("data"), given) if digits)
        for other in self.runs:
            if other.data and data and other.data != data and _same_data(other.recipe, recipe):
                raise ValueError(
                    f"{recipe.task} has other examples, or another Fisher, than when these runs were recorded; "
                    f"put the former back, or record all of them anew in another file"
                )
        frontier = _frontier(run) if run is not None and run.final else {}
        on = self.on(known)
        return self.put(Record(recipe, columns, on, seconds, stopped, data, frontier), known)

    def row(self, run: Record) -> dict[str, Json]:
        """Its line."""
        rest = {name: getattr(run, name) for name in ("stopped", "data", "frontier") if getattr(run, name)}
        recipe = self.unusual(run.recipe.to_dict())
        return {"recipe": recipe, **run.columns, "on": run.on, "seconds": run.seconds, **rest}

    def take_in(self, row: dict[str, Json]) -> None:
        """Add what a line says."""
        recipe = Recipe.recorded({**self.usual, **row["recipe"]})
        named = {name: row[name] for name in ("on", "seconds", "stopped", "data", "frontier") if name in row}
        columns = {name: row[name] for name in row if name not in ("recipe", *named)}
        self.place(row)
        if not named.get("stopped") and not columns.get("score"):
            raise ValueError("a run that was not stopped has no score")
        if len(set(map(len, columns.values()))) > 1:
            raise ValueError("the columns of a run have several lengths")
        steps = columns.get("step", [])
        if steps != sorted(set(steps)) or steps[-1:] > [recipe.steps]:
            raise ValueError(f"step is {steps!r:.60}; it has to rise, and to end by {recipe.steps}")
        record = Record(recipe, columns, **named)
        if "score" in columns:
            self.primary(record)  # or nobody could say what that is
        self.runs.append(record)


def summarise(run: Run) -> dict[str, list[float | None]]:
    """The columns of a `Record`, from all that a run recorded."""
    losses, former = run.column("loss"), 0
    columns: dict[str, list] = {"step": [], "score": [], "loss": []}
    for evaluation in run.evaluations:
        step = evaluation["step"]
        since = losses[former:step]
        columns["step"].append(step)
        columns["score"].append(_rounded(evaluation["metrics"][run.primary]))
        columns["loss"].append(_rounded(sum(since) / len(since)) if since else None)
        for name in ("distance", "source_loss", "similarity", "recovery", "grammar"):
            if name in evaluation:
                value = evaluation[name]
                columns.setdefault(name, []).append(value if value is None else _rounded(value))
        if "facts" in evaluation:
            columns.setdefault("facts", []).append(_rounded(evaluation["facts"]["known"]))
        former = step
    return columns


def _frontier(run: Run) -> dict[str, list[float]]:
    """The columns of what a run noted between theta* and its end."""
    columns: dict[str, list[float]] = {}
    for point in run.final.get("frontier", ()):
        score = {"score": point["metrics"][run.primary]}
        for name, value in ({"alpha": point["alpha"]} | score | point).items():
            if name != "metrics":
                columns.setdefault(name, []).append(_rounded(value))
    return columns


def load(path: str | os.PathLike) -> Records:
    """Read a file of runs. A last line that a killed process left half written is none: its run is missing.

    Raises:
        FileNotFoundError: there is none.
        OSError: it cannot be read.
        ValueError: it is damaged, or of another schema; says which line, and which field.
    """
    return read(path, Records)


def _same_data(one: Recipe, other: Recipe) -> bool:
    """Whether two recipes ask for the same examples, and the same of a Fisher."""
    names = ("task", "text", "label", "metric", "backbone", "method", "max_length", "limit_train")
    drawn = one.limit_train is not None and one.seed != other.seed
    return not drawn and all(getattr(one, name) == getattr(other, name) for name in names)


def _usual() -> dict[str, Json]:
    """The defaults, but for what each line names."""
    named = ("backbone", "task", "method", "steps", "seed")
    return {name: value for name, value in Recipe().to_dict().items() if name not in named}


def _rounded(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")
