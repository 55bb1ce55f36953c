"""The record of a sequence: one row before any training and one after each task, small enough for many of them.

A sequence is a JSON file, ``sequence.json``:

- ``recipe``: what every task was trained with, see `recall_learn.Recipe`; its ``task`` is the first;
- ``tasks``: their names, in their order; ``home``: what was theta* for the methods, and ``together``: whether all were
  trained at once, see `recall_learn.sequence`;
- ``environment``: device, versions, date, commit, backbone; of each task ``examples``, ``data`` (a digest) and
  ``primary``, the metric that is its score; ``seconds``;
- ``rows``: ``after`` (how many tasks were learned), ``scores`` (each task's, in their order: a row of the matrix R of
  `recall_learn.measures.sequences`), ``metrics`` (all of them), ``distance`` from the pretrained weights, and what is
  probed: ``source_loss``, ``source_accuracy``, ``facts`` (the share known), ``recovery``, ``grammar``,
  ``similarity``. Distance and probes are those of the model as the last task left it. All at once have two rows, the
  second after all;
- ``final``: ``average``, and of tasks that were trained one by one ``forgetting``, ``backward_transfer`` and
  ``forward_transfer``; None until the last task ended;
- ``stopped``: ``task``, ``step`` and ``why``, where it ended early.

Each task's own run, with every step, is in a folder of its own beside it.
"""

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Literal, NotRequired

import numpy as np
from pydantic import FiniteFloat
from typing_extensions import TypedDict

from recall_learn.runs.recipe import Recipe
from recall_learn.support.checks import shown
from recall_learn.support.files import write_text
from recall_learn.support.reading import Json, read_json
from recall_learn.tasks.task import WORLD

SCHEMA = 1
FILE = "sequence.json"
HOMES = ("last", "pretrained")


class _Row(TypedDict):
    after: int
    scores: list[FiniteFloat]
    metrics: list[dict[str, FiniteFloat]]
    distance: FiniteFloat
    similarity: NotRequired[FiniteFloat]
    source_loss: NotRequired[FiniteFloat]
    source_accuracy: NotRequired[FiniteFloat]
    facts: NotRequired[FiniteFloat]
    recovery: NotRequired[int | None]
    grammar: NotRequired[FiniteFloat]


class _Final(TypedDict):
    average: FiniteFloat
    forgetting: NotRequired[FiniteFloat]
    backward_transfer: NotRequired[FiniteFloat]
    forward_transfer: NotRequired[FiniteFloat]


class _Stopped(TypedDict):
    task: str
    step: int
    why: str


class _File(TypedDict):
    schema: Literal[1]
    recipe: dict[str, object]
    tasks: list[str]
    home: Literal["last", "pretrained"]
    together: bool
    environment: dict[str, object]
    rows: list[_Row]
    final: _Final | None
    stopped: _Stopped | None


@dataclass
class SequenceRun:
    """A sequence of tasks, as far as it has come; the fields are those of the file."""

    recipe: Recipe
    tasks: tuple[str, ...]
    home: str = HOMES[0]
    together: bool = False
    environment: dict[str, Json] = field(default_factory=dict)
    rows: list[dict[str, Json]] = field(default_factory=list)
    final: dict[str, float] | None = None
    stopped: dict[str, int | str] | None = None

    @property
    def scores(self) -> np.ndarray:
        """The matrix R as far as it has come, [rows, tasks]; row 0 is before any training."""
        return np.array([row["scores"] for row in self.rows]).reshape(-1, len(self.tasks))

    def column(self, name: str) -> list:
        """What was measured beside the scores, before any training and after each task, as ``source_loss``."""
        return [row[name] for row in self.rows]

    def difference(self, other: "SequenceRun") -> str:
        """The first setting in which two differ, in words; empty if they are of one kind."""
        for name in ("tasks", "home", "together"):
            mine, theirs = getattr(self, name), getattr(other, name)
            if mine != theirs:
                show = ",".join if name == "tasks" else str
                return f"{name} is {show(theirs)} there and {show(mine)} here"
        return self.recipe.difference(other.recipe)

    def to_json(self) -> str:
        """The file's text, one row a line."""
        parts = {"schema": SCHEMA, "recipe": self.recipe.to_dict()}
        parts |= {name: getattr(self, name) for name in ("tasks", "home", "together", "environment")}
        lines = [f'"{name}": {_dump(value)}' for name, value in parts.items()]
        rows = ",\n  ".join(_dump(row) for row in self.rows)
        lines.append(f'"rows": [\n  {rows}\n]' if rows else '"rows": []')
        lines += [f'"final": {_dump(self.final)}', f'"stopped": {_dump(self.stopped)}']
        return "{\n" + ",\n".join(lines) + "\n}\n"

    def save(self, path: str | os.PathLike) -> None:
        """Write the file whole or not at all."""
        write_text(path, self.to_json())


def load(path: str | os.PathLike) -> SequenceRun:
    """Read a recorded sequence.

    Raises:
        FileNotFoundError: there is none.
        ValueError: it is damaged, or no sequence; the message names the field.
    """
    advice = "restore it, or use another --out"
    data = read_json(path, _File, "the sequence", advice)
    try:
        asked = Recipe.recorded(data["recipe"]), tuple(data["tasks"]), data["home"], data["together"]
        run = SequenceRun(*asked, data["environment"])
        run.rows, run.final, run.stopped = data["rows"], data["final"], data["stopped"]
        _check(run)
    except ValueError as error:
        raise ValueError(f"the sequence {path} is damaged: {error}; {advice}") from None
    return run


def _check(run: SequenceRun) -> None:
    tasks = len(run.tasks)
    after = [0, tasks] if run.together else list(range(tasks + 1))
    if run.column("after") != after[: len(run.rows)]:
        raise ValueError(f"its rows stand after {run.column('after')} tasks; they have to stand after {after}")
    for row in run.rows:
        for name in ("scores", "metrics"):
            if len(row[name]) != tasks:
                raise ValueError(f"its row after {row['after']} has {len(row[name])} {name} for {tasks} tasks")
    if run.final and len(run.rows) != len(after):
        raise ValueError(f"its final stands after {len(run.rows)} rows; it has to have {len(after)}")


def _dump(value: Json) -> str:
    return json.dumps(value, allow_nan=False, ensure_ascii=False)


def asked(recipe: Recipe, tasks: Iterable[str], home: str = HOMES[0], together: bool = False) -> SequenceRun:
    """A new record of what is asked for, once it goes together.

    Raises:
        ValueError: it does not.
    """
    if isinstance(tasks, str) or not isinstance(tasks, Iterable):
        raise ValueError(f"tasks is {shown(tasks)}; it has to be a list of names, as ['world/cola', 'world/rte']")
    names = list(tasks)
    if not names:
        raise ValueError("tasks is empty; it has to be a list of names, as ['world/cola', 'world/rte']")
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
    if together:
        _check_together(recipe, names)
    unable = next((each for each in recipe.methods if not each.carries), None)
    if unable and len(names) > 1 and not together:
        raise ValueError(
            f"{unable.name} cannot go on after a task: what it would carry over is not settled; leave it out"
        )
    return SequenceRun(recipes[0], tuple(names), home, together)


def _check_together(recipe: Recipe, names: list[str]) -> None:
    if len(names) == 1:
        raise ValueError(f"together trains on several tasks at once, and tasks is {names[0]} alone; name two or more")
    apart = next((each for each in recipe.methods if each.isolates), None)
    if apart:
        raise ValueError(f"{apart.name} keeps tasks apart, and together trains them at once; leave one of both")
