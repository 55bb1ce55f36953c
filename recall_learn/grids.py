"""Grids of recipes, and the one file in which all runs of a grid are kept.

A grid is a JSON file: a list of blocks. A block is a recipe in which a setting may be a list of values; it stands for
all their combinations::

    [{"backbone": "tiny", "task": ["world/cola", "world/rte"], "method": "recadam", "k": [0.05, 0.1], "seed": [0, 1]}]

What was recorded of them is one file too, one line a run, small enough to be read by a web page: at each evaluation the
task's score, the mean training loss since the former evaluation, and what the run lost. `recall_learn.sweep` fills it.
"""

import itertools
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from recall_learn import glue
from recall_learn.files import write_text
from recall_learn.recipe import Recipe
from recall_learn.runs import Run

SCHEMA = 1
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
            were probed, ``source_loss``, ``facts``, ``similarity``, ``recovery``.
        on: the place of its environment in `Records.environments`.
        seconds: what it took.
        stopped: why it ended early, "" where it did not.
        data: the first digits of the SHA-256 of its tokenized examples and, for ewc, of the Fisher that it was given.
    """

    recipe: Recipe
    columns: dict[str, list[float | None]]
    on: int = 0
    seconds: float = 0.0
    stopped: str = ""
    data: str = ""


@dataclass
class Records:
    """The file: its runs, and what they were taken on.

    Attributes:
        environments: as `recall_learn.environment.describe` gives them, without the date; all have the same versions.
            A version's build is no part of it: what a CPU began, with torch 2.13.0+cpu, a GPU may finish.
        runs: in the order in which they ended.
    """

    environments: list[dict[str, Any]] = field(default_factory=list)
    runs: list[Record] = field(default_factory=list)

    def find(self, **settings: Any) -> list[Record]:
        """The runs whose recipes have these settings."""
        return [run for run in self.runs if all(getattr(run.recipe, name) == value for name, value in settings.items())]

    def missing(self, recipes: Iterable[Recipe]) -> list[Recipe]:
        """Those of the recipes that are not recorded yet, in their order."""
        there = {run.recipe for run in self.runs}
        return [recipe for recipe in recipes if recipe not in there]

    def add(self, run: Run | None, recipe: Recipe, environment: Mapping[str, Any], stopped: str = "") -> None:
        """Add what a run recorded.

        Raises:
            ValueError: it was taken with other versions, or from other pretrained weights, than those that are there.
        """
        known = {key: value for key, value in environment.items() if key not in VARYING}
        self.check(known)
        if known not in self.environments:
            self.environments.append(known)
        columns = summarise(run) if run is not None else {}
        seconds = float(run.final["seconds"]) if run is not None and run.final else 0.0
        # child-d's own Fisher follows from the seed's head; the one that ewc is given is the same for all
        given = (environment.get("fisher") or {}).get("tensors") if recipe.pull == "ewc" else None
        data = "+".join(digits[:12] for digits in (environment.get("data"), given) if digits)
        for other in self.runs:
            if other.data and data and other.data != data and _same_data(other.recipe, recipe):
                raise ValueError(
                    f"{recipe.task} has other examples, or another Fisher, than when these runs were recorded; "
                    f"put the former back, or record all of them anew in another file"
                )
        self.runs.append(Record(recipe, columns, self.environments.index(known), seconds, stopped, data))

    def check(self, environment: Mapping[str, Any]) -> None:
        """Refuse to mix: same versions, of whatever build, and for the same backbone the same pretrained weights.

        Raises:
            ValueError: ``environment`` has other versions, or other weights of a backbone, than the runs here.
        """
        for other in self.environments:
            for name, version in other["versions"].items():
                mine = environment["versions"].get(name)
                if _release(mine) != _release(version):
                    raise ValueError(
                        f"these runs were recorded with {name} {version}, and here is {mine}: install that version, "
                        f"or record all of them anew in another file"
                    )
            if other.get("backbone") == environment.get("backbone") and other.get("anchors") != environment.get(
                "anchors"
            ):
                raise ValueError(
                    f"{environment.get('backbone')} has other pretrained weights than when these runs were recorded; "
                    f"record all of them anew in another file"
                )

    def to_json(self) -> str:
        """The file's text: one environment, then one run, a line."""
        lines = [
            json.dumps(
                {"recipe": _short(run.recipe), **run.columns, "on": run.on, "seconds": run.seconds}
                | {name: getattr(run, name) for name in ("stopped", "data") if getattr(run, name)},
                allow_nan=False,
                separators=(",", ":"),
            )
            for run in self.runs
        ]
        environments = ",\n".join(json.dumps(each) for each in self.environments)
        return f'{{"schema":{SCHEMA},"environments":[\n{environments}\n],"runs":[\n' + ",\n".join(lines) + "\n]}\n"

    def save(self, path: str | os.PathLike) -> None:
        """Write the file, whole or not at all."""
        write_text(path, self.to_json())


def summarise(run: Run) -> dict[str, list[float | None]]:
    """The columns of a `Record`, from all that a run recorded."""
    primary = glue.named(run.recipe.task).primary
    losses, former = run.column("loss"), 0
    columns: dict[str, list] = {"step": [], "score": [], "loss": []}
    for evaluation in run.evaluations:
        step = evaluation["step"]
        since = losses[former:step]
        columns["step"].append(step)
        columns["score"].append(_rounded(evaluation["metrics"][primary]))
        columns["loss"].append(_rounded(sum(since) / len(since)) if since else None)
        for name in ("distance", "source_loss", "similarity", "recovery"):
            if name in evaluation:
                value = evaluation[name]
                columns.setdefault(name, []).append(value if value is None else _rounded(value))
        if "facts" in evaluation:
            columns.setdefault("facts", []).append(_rounded(evaluation["facts"]["known"]))
        former = step
    return columns


def expand(blocks: Iterable[Mapping[str, Any]]) -> list[Recipe]:
    """The recipes that a grid stands for, each once; all of a lower seed come before those of a higher one.

    Args:
        blocks: recipes in which a setting may be a list of values.

    Raises:
        ValueError: a block is no mapping, a setting is unknown, a list is empty, or a recipe is refused.
    """
    recipes: dict[Recipe, None] = {}
    for number, block in enumerate(blocks, 1):
        if not isinstance(block, Mapping):
            raise ValueError(f"block {number} of the grid is {block!r}; it has to be a recipe, as a JSON object")
        axes = {name: value if isinstance(value, list) else [value] for name, value in block.items()}
        empty = [name for name, values in axes.items() if not values]
        if empty:
            raise ValueError(f"block {number} of the grid has no value for {empty[0]}; give one, or leave it out")
        for values in itertools.product(*axes.values()):
            try:
                recipes[Recipe.from_dict(dict(zip(axes, values, strict=True)))] = None
            except ValueError as error:
                raise ValueError(f"block {number} of the grid: {error}") from error
    return sorted(recipes, key=lambda recipe: recipe.seed)


def read_grid(path: str | os.PathLike) -> list[Recipe]:
    """The recipes of a grid file.

    Raises:
        FileNotFoundError: there is none.
        ValueError: it is not JSON, not a list of blocks, or a block is refused.
    """
    try:
        blocks = json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise FileNotFoundError(f"the grid {path} is not there; it is a JSON file, a list of recipes") from None
    except IsADirectoryError:
        raise IsADirectoryError(f"the grid {path} is a folder; name a JSON file, a list of recipes") from None
    except ValueError as error:
        raise ValueError(f"the grid {path} is not JSON ({error}); it has to be a list of recipes") from error
    if not isinstance(blocks, list) or not blocks:
        raise ValueError(f"the grid {path} is {blocks!r:.60}; it has to be a list of recipes, as JSON objects")
    return expand(blocks)


def load(path: str | os.PathLike) -> Records:
    """Read a file of runs.

    Raises:
        FileNotFoundError: there is none.
        ValueError: it is damaged, or of another schema.
    """
    try:
        data = json.loads(Path(path).read_text(encoding="utf-8"))
        if data["schema"] != SCHEMA:
            raise ValueError(f"its schema is {data['schema']!r}, not {SCHEMA}")
        runs, environments = [_read(row) for row in data["runs"]], list(data["environments"])
        if not all(isinstance(each["versions"], dict) for each in environments):
            raise ValueError("an environment names no versions")
        if not all(0 <= run.on < len(environments) for run in runs):
            raise ValueError("a run names an environment that is not there")
        if any(not run.stopped and not run.columns.get("score") for run in runs):
            raise ValueError("a run has no score")
        return Records(environments, runs)
    except FileNotFoundError:
        raise FileNotFoundError(f"{path} is not there; recall-learn sweep writes it") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"{path} is damaged or holds no runs of a grid ({error}); restore it, or use another --out"
        ) from error


def _read(row: Mapping[str, Any]) -> Record:
    rest = dict(row)
    recipe = Recipe.recorded(rest.pop("recipe"))
    named = {name: rest.pop(name) for name in ("on", "seconds", "stopped", "data") if name in rest}
    lengths = {len(values) for values in rest.values()}
    if len(lengths) > 1:
        raise ValueError("the columns of a run have several lengths")
    return Record(recipe, rest, **named)


def _same_data(one: Recipe, other: Recipe) -> bool:
    """Whether two recipes ask for the same examples, and the same of a Fisher."""
    names = ("task", "backbone", "method", "max_length", "limit_train")
    drawn = one.limit_train is not None and one.seed != other.seed
    return not drawn and all(getattr(one, name) == getattr(other, name) for name in names)


def _release(version: str | None) -> str | None:
    return version and version.partition("+")[0]


def _short(recipe: Recipe) -> dict[str, Any]:
    """What acts in a recipe."""
    return {name: value for name, value in recipe.to_dict().items() if value is not None}


def _rounded(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")
