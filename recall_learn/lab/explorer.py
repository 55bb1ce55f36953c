"""The explorer: task, method, its settings and the seed as controls, and the recorded runs that they name.

::

    explore(recordings.load("runs/grid-world.jsonl"), recordings.load("runs/grid-cola.jsonl"))

It is HTML with a script, ``explorer.js``: in a notebook, in what nbconvert makes of it, on a page of the book. All
seeds of a setting are shown at once, their median and their whole range, or one of them in front of that. It never
shows other runs than those that are set: where none was recorded it says so, and which there are.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from recall_learn.lab.scripted import DRAWING, Scripted, alone
from recall_learn.methods import expression
from recall_learn.methods.method import Method
from recall_learn.runs.recipe import Recipe, setting_names
from recall_learn.runs.recordings import Record, Records
from recall_learn.support.reading import Json
from recall_learn.tasks.classes import REGRESSION

SCHEDULED = ("k", "t0")
"""The settings that the curve of lambda is drawn from, by the script and for whatever the controls say."""
SCRIPT, STYLE = Path(__file__).with_name("explorer.js"), Path(__file__).with_name("explorer.css")
ALL = "all"
"""Of the seeds, where no one run is picked out."""
WIDE = 10.0
"""How many times its least value a column of positive numbers has to reach to be drawn on a logarithmic axis."""
METRICS = {"matthews_correlation": "Matthews correlation", "pearson": "Pearson's correlation", "f1": "F1"}


def explore(*records: Records, **start: Json) -> "Page":
    """The explorer of these runs, as an object that a notebook's cell shows.

    Args:
        records: runs that differ in task, method, its settings and seed; those of one task have the same number of
            steps.
        start: settings that it begins with, such as ``task="world/rte"``; else those of the first run, and all seeds.

    Raises:
        ValueError: there are no runs, those of a task differ in their steps or in what is no control, or no run has the
            settings of ``start``.
    """
    return Page(payload(*records, **start), whole=alone())


def payload(*records: Records, **start: Json) -> dict[str, Json]:
    """What ``explorer.js`` reads: axes, runs, and the range of each chart; see `explore` for arguments and errors."""
    runs = [run for each in records for run in each.runs]
    if not runs:
        raise ValueError("there are no runs to explore; record some with recall-learn sweep")
    by_task: dict[str, list[Record]] = {}
    for run in runs:
        by_task.setdefault(run.recipe.task, []).append(run)
    steps = {task: sorted({run.recipe.steps for run in each}) for task, each in by_task.items()}
    for task, lengths in steps.items():
        if len(lengths) > 1:
            raise ValueError(f"the runs of {task} have {lengths} steps; the explorer compares runs of one length")
    named = ("task", "method", *_settings(runs), "seed")
    unknown = sorted(set(start) - set(named))
    if unknown:
        raise ValueError(f"start has {unknown[0]!r}; the explorer has {', '.join(named)}")
    first = next((run for each in records for run in each.find(**start)), None)
    if first is None:
        raise ValueError(f"no recorded run has {start}; choose settings of one that is there")
    rows = [_row(run, named) for run in runs]
    _check_apart(runs, rows, named)
    axes, begin = {axis: _values(axis, rows) for axis in named}, _row(first, named)
    scores = {run.recipe.task: each.primary(run) for each in records for run in each.runs if "score" in run.columns}
    methods = {run.recipe.names: run.recipe.methods for run in runs}
    first_seed = {} if "seed" in start else {"seed": ALL}
    return {
        "axes": axes,
        "units": _units(methods.values(), named[2:-1]),
        "ranged": [axis for axis in named[2:-1] if not any(map(_text, axes[axis]))],
        "plain": expression.PLAIN,
        "scheduled": [name for name, each in methods.items() if _scheduled(each)],
        "start": {axis: next(iter(axes[axis]), None) if begin[axis] is None else begin[axis] for axis in named}
        | first_seed,
        "lacks": {row["method"]: [axis for axis in named if row[axis] is None] for row in rows},
        "steps": {task: length for task, (length,) in steps.items()},
        "runs": rows,
        "metrics": {task: METRICS.get(name := scores.get(task, "score"), name) for task in by_task},
        "kept": {task: _kept(each) for task, each in by_task.items()},
        "names": {name: expression.title(each) for name, each in methods.items()}
        | {task: f"{task}, {each[0].recipe.backbone}" for task, each in by_task.items()},
        "losses": {task: "squared error" if scores.get(task) in REGRESSION else "nats" for task in by_task},
        "ranges": {task: _ranges([row for row in rows if row["task"] == task]) for task in by_task},
    }


def _units(methods: Iterable[Sequence[Method]], named: Sequence[str]) -> dict[str, str]:
    """What the settings that are controls count, as far as they say it."""
    found = {key: about.unit for each in methods for key, about in expression.settings(each).items()}
    return {name: found[name] for name in named if found[name]}


def _kept(runs: Sequence[Record]) -> str:
    """What was measured of what the backbone was pretrained for."""
    measured = {name for run in runs for name in run.columns}
    return "similarity" if "similarity" in measured and "source_loss" not in measured else "source_loss"


def _settings(runs: Sequence[Record]) -> tuple[str, ...]:
    """The settings that are controls: those that differ among runs of the same methods, and `SCHEDULED`."""
    seen: dict[str, dict[str, set]] = {}
    for methods in dict.fromkeys(run.recipe.methods for run in runs):
        for key in expression.settings(methods):
            value = getattr(methods[expression.owner(methods, key)], key.rpartition(".")[2])
            seen.setdefault(key, {}).setdefault(expression.names(methods), set()).add(value)
    drawn = SCHEDULED if any(_scheduled(run.recipe.methods) for run in runs) else ()
    keys = (key for key, found in seen.items() if key in drawn or any(len(each) > 1 for each in found.values()))
    order = setting_names()
    return tuple(sorted(keys, key=lambda key: order.index(key.rpartition(".")[2])))


def _scheduled(methods: Sequence[Method]) -> bool:
    """Whether lambda changes, by what `SCHEDULED` says."""
    return any("lambda" in each.ahead(np.ones(1)) and set(SCHEDULED) <= each.settings().keys() for each in methods)


def _check_apart(runs: Sequence[Record], rows: Sequence[dict[str, Json]], named: Sequence[str]) -> None:
    """Two runs that the controls cannot tell apart would hide each other, and a twin differs in nothing else."""
    first: dict[str, Recipe] = {}
    for run in runs:
        rest = replace(run.recipe, method=expression.PLAIN, seed=0)
        other = first.setdefault(rest.task, rest)
        if other != rest:
            raise ValueError(f"the explorer cannot tell two runs apart: {rest.difference(other)}; leave one out")
    seen: dict[tuple, Record] = {}
    for run, row in zip(runs, rows, strict=True):
        other = seen.setdefault(tuple(row[axis] for axis in named), run)
        if other is not run:
            why = run.recipe.difference(other.recipe) or "they are of one recipe"
            raise ValueError(f"the explorer cannot tell two runs apart: {why}; leave one out")


def _row(run: Record, named: Sequence[str]) -> dict[str, Json]:
    recipe = run.recipe
    acting = expression.settings(recipe.methods)
    return {
        "task": recipe.task,
        "method": recipe.names,
        **{name: plain(getattr(recipe, name)) if name in acting else None for name in named[2:-1]},
        "seed": recipe.seed,
        **run.columns,
        **({"stopped": run.stopped} if run.stopped else {}),
    }


def _values(axis: str, rows: list[dict[str, Json]]) -> list[Json]:
    """The axis's values in the runs: numbers from low to high ("inf" last), texts in their order."""
    seen = list(dict.fromkeys(row[axis] for row in rows if row[axis] is not None))
    return seen if any(_text(value) for value in seen) else sorted(seen, key=float)


def _text(value: object) -> bool:
    return isinstance(value, str) and value != "inf"


def plain(value: float | str) -> float | int | str:
    """A setting's value as the script and an address have it."""
    if isinstance(value, str) or value == math.inf:
        return value if isinstance(value, str) else "inf"
    return int(value) if value == int(value) else value


def _ranges(rows: list[dict[str, Json]]) -> dict[str, list[float]]:
    """One range a chart for all runs of a task: a control moves the curve and not the frame.

    It begins at 0, but where only positive numbers are there, far apart: then the axis is logarithmic.
    """
    found = {}
    for name in ("loss", "source_loss", "similarity", "distance", "score"):
        values = [value for row in rows for value in row.get(name, ()) if value is not None]
        if values:
            least, most = min(values), max(values)
            found[name] = [least if 0 < WIDE * least < most else min(0.0, least), most]
    return found


class Page(Scripted):
    """The explorer as HTML; see `Scripted`."""

    kind, link = "recall-explore", "explore"
    style, scripts = STYLE, (DRAWING, SCRIPT)

    def __repr__(self) -> str:
        return f"An explorer of {len(self.data['runs'])} recorded runs over {', '.join(self.data['axes'])}."
