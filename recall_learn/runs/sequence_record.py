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
from dataclasses import dataclass, field
from typing import Literal, NotRequired

import numpy as np
from pydantic import FiniteFloat
from typing_extensions import TypedDict

from recall_learn.runs.recipe import Recipe
from recall_learn.runs.sequence_recipe import HOMES, SequenceRecipe
from recall_learn.support.files import write_text
from recall_learn.support.reading import Json, parse_json, read_json

SCHEMA = 1
FILE = "sequence.json"


class Row(TypedDict):
    """The shape of a row."""

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


class Final(TypedDict):
    """The shape of what is said in the end."""

    average: FiniteFloat
    forgetting: NotRequired[FiniteFloat]
    backward_transfer: NotRequired[FiniteFloat]
    forward_transfer: NotRequired[FiniteFloat]


class Stopped(TypedDict):
    """The shape of what is said of one that ended early."""

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
    rows: list[Row]
    final: Final | None
    stopped: Stopped | None


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

    @classmethod
    def of(cls, asked: SequenceRecipe) -> "SequenceRun":
        """The record of what is asked for, before anything was run."""
        return cls(asked.recipe, asked.tasks, asked.home, asked.together)

    @property
    def asked(self) -> SequenceRecipe:
        """What was asked for."""
        return SequenceRecipe(self.recipe, self.tasks, self.home, self.together)

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

    @classmethod
    def from_json(cls, text: str) -> "SequenceRun":
        """The sequence that `to_json` wrote.

        Raises:
            ValueError: the text is not JSON, or no sequence; the message names the field.
        """
        return _made(parse_json(text, _File))

    def save(self, path: str | os.PathLike) -> None:
        """Write the file whole or not at all."""
        write_text(path, self.to_json())

    def check(self) -> None:
        """Refuse rows that are not those of these tasks.

        Raises:
            ValueError: they are not; says which.
        """
        tasks = len(self.tasks)
        after = [0, tasks] if self.together else list(range(tasks + 1))
        if self.column("after") != after[: len(self.rows)]:
            raise ValueError(f"its rows stand after {self.column('after')} tasks; they have to stand after {after}")
        for row in self.rows:
            for name in ("scores", "metrics"):
                if len(row[name]) != tasks:
                    raise ValueError(f"its row after {row['after']} has {len(row[name])} {name} for {tasks} tasks")
        if self.final and len(self.rows) != len(after):
            raise ValueError(f"its final stands after {len(self.rows)} rows; it has to have {len(after)}")


def load(path: str | os.PathLike) -> SequenceRun:
    """Read a recorded sequence.

    Raises:
        FileNotFoundError: there is none.
        ValueError: it is damaged, or no sequence; the message names the field.
    """
    advice = "restore it, or use another --out"
    data = read_json(path, _File, "the sequence", advice)
    try:
        return _made(data)
    except ValueError as error:
        raise ValueError(f"the sequence {path} is damaged: {error}; {advice}") from None


def _made(data: _File) -> SequenceRun:
    asked = Recipe.recorded(data["recipe"]), tuple(data["tasks"]), data["home"], data["together"]
    run = SequenceRun(*asked, data["environment"], data["rows"], data["final"], data["stopped"])
    run.check()
    return run


def _dump(value: Json) -> str:
    return json.dumps(value, allow_nan=False, ensure_ascii=False)


def asked(recipe: Recipe, tasks: Iterable[str], home: str = HOMES[0], together: bool = False) -> SequenceRun:
    """A new record of what is asked for, once it goes together.

    Raises:
        ValueError: it does not.
    """
    return SequenceRun.of(SequenceRecipe(recipe, tasks, home, together))
