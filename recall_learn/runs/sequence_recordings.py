"""The one file in which all recorded sequences of a grid are kept.

It is JSON lines, see `recall_learn.runs.lines`. The first holds the settings that most sequences have. Each line after
it is an environment, or one sequence: where its settings differ from those, ``rows``, ``final`` and ``stopped`` as
`recall_learn.runs.sequence_record` has them, ``date`` and ``seconds``, and the place of its environment. Nothing is
rounded: what is read back is the `recall_learn.SequenceRun` that was taken. The runs of its tasks are not kept.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal, NotRequired

from pydantic import ConfigDict, Field, FiniteFloat
from typing_extensions import TypedDict

from recall_learn.runs.lines import KIND, Lines, read
from recall_learn.runs.recipe import Recipe
from recall_learn.runs.sequence_recipe import SequenceRecipe
from recall_learn.runs.sequence_record import Final, Row, SequenceRun, Stopped
from recall_learn.support.reading import Json

SCHEMA = 1
VARYING = ("date", "seconds")
"""What an environment says that differs from sequence to sequence of one grid."""
SAME = ("text", "label", "metric", "backbone", "max_length", "limit_train")
"""The settings that decide, with a task's name, which examples it has."""


class _Header(TypedDict):
    schema: Literal[1]
    holds: Literal["sequences"]
    usual: dict[str, object]


class _Line(TypedDict):
    __pydantic_config__ = ConfigDict(extra="forbid")

    recipe: dict[str, object]
    on: Annotated[int, Field(ge=0)]
    seconds: Annotated[FiniteFloat, Field(ge=0)]
    date: NotRequired[str]
    rows: list[Row]
    final: NotRequired[Final]
    stopped: NotRequired[Stopped]


@dataclass
class SequenceRecords(Lines[SequenceRecipe, SequenceRun]):
    """The file: its sequences, as ``runs``, and what they were taken on; see `recall_learn.runs.lines.Lines`."""

    usual: dict[str, Json] = field(default_factory=lambda: _usual())

    UNIT, HEAD, HEADER, ROW = "sequence", {"schema": SCHEMA, KIND: "sequences"}, _Header, _Line

    def asked(self, run: SequenceRun) -> SequenceRecipe:
        """What was run."""
        return run.asked

    def add(self, run: SequenceRun, asked: SequenceRecipe, environment: Mapping[str, Json], stopped: str = "") -> str:
        """Add what a sequence recorded; ``run`` says all of it.

        Returns:
            The lines that say so in the file, for `recall_learn.runs.lines.append`.

        Raises:
            ValueError: it was taken with other versions, from other pretrained weights, on other examples or with
                another Fisher than those that are there.
        """
        known = {key: value for key, value in environment.items() if key not in VARYING}
        self.check(known)
        for other in self.runs:
            task = _other_data(run, other)
            if task:
                raise ValueError(
                    f"{task} has other examples than when these sequences were recorded; put the former back, or "
                    f"record all of them anew in another file"
                )
            if run.recipe.method == other.recipe.method and _fisher(run) != _fisher(other):
                raise ValueError(
                    f"{run.recipe.names} has another Fisher than when these sequences were recorded; give the former, "
                    f"or record all of them anew in another file"
                )
        return self.put(run, known)

    def row(self, run: SequenceRun) -> dict[str, Json]:
        """Its line."""
        known = {key: value for key, value in run.environment.items() if key not in VARYING}
        ended = {name: getattr(run, name) for name in ("final", "stopped") if getattr(run, name)}
        varying = {name: run.environment[name] for name in VARYING if name in run.environment}
        return {"recipe": self.unusual(run.asked.to_dict()), "rows": run.rows, **ended, "on": self.on(known), **varying}

    def take_in(self, row: dict[str, Json]) -> None:
        """Add what a line says."""
        asked = SequenceRecipe.recorded({**self.usual, **row["recipe"]})
        run = SequenceRun.of(asked)
        run.environment = {**self.place(row), **{name: row[name] for name in VARYING if name in row}}
        run.rows, run.final, run.stopped = row["rows"], row.get("final"), row.get("stopped")
        run.check()
        if not run.final and not run.stopped:
            raise ValueError("a sequence that was not stopped has no final")
        self.runs.append(run)


def load(path: str | os.PathLike) -> SequenceRecords:
    """Read a file of sequences. A last line that a killed process left half written is none: its sequence is missing.

    Raises:
        FileNotFoundError: there is none.
        OSError: it cannot be read.
        ValueError: it is damaged, of runs, or of another schema; says which line, and which field.
    """
    return read(path, SequenceRecords)


def _other_data(run: SequenceRun, other: SequenceRun) -> str | None:
    """A task that both have, that should have the same examples, and has not."""
    one, two = run.recipe, other.recipe
    drawn = one.limit_train is not None and one.seed != two.seed
    if drawn or any(getattr(one, name) != getattr(two, name) for name in SAME):
        return None
    mine, theirs = (dict(zip(each.tasks, each.environment.get("data", ()), strict=False)) for each in (run, other))
    return next((task for task in mine if task in theirs and mine[task] != theirs[task]), None)


def _fisher(run: SequenceRun) -> Json:
    """The digits of what was given."""
    return (run.environment.get("fisher") or {}).get("tensors")


def _usual() -> dict[str, Json]:
    """The defaults, but for what each line names."""
    named = ("backbone", "task", "method", "steps", "seed", "evaluate_every")
    settings = {name: value for name, value in Recipe().to_dict().items() if name not in named}
    return {**settings, "home": SequenceRecipe.home, "together": SequenceRecipe.together}
