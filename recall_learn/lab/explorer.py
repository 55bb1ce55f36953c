"""The explorer: k, t0, gamma, task, method and seed as controls, and the recorded run that they name.

::

    explore(grids.load("runs/grid-world.jsonl"), grids.load("runs/grid-cola.jsonl"))

It is HTML with a script, ``explorer.js``: in a notebook, in what nbconvert makes of it, on a page of the book. It never
shows another run than the one that is set: where none was recorded it says so, and which there are.
"""

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from recall_learn.runs.grids import Record, Records
from recall_learn.runs.recipe import Recipe
from recall_learn.support import markup

AXES = ("task", "method", "k", "t0", "gamma", "seed")
SCRIPT, STYLE = Path(__file__).with_name("explorer.js"), Path(__file__).with_name("explorer.css")
METRICS = {"matthews_correlation": "Matthews correlation", "pearson": "Pearson's correlation", "f1": "F1"}
METHODS = {
    "vanilla": "plain fine-tuning", "recadam": "RecAdam", "l2sp": "L2-SP", "ewc": "EWC",
    "child-f": "Child-Tuning-F", "child-d": "Child-Tuning-D", "recadam+child-d": "RecAdam and Child-Tuning-D",
}  # fmt: skip
STATIC = "RECALL_LEARN_STATIC"
"""Set to 1 where the book is built: its pages load script and style once, as files."""


def explore(*records: Records, **start: Any) -> "Page":
    """The explorer of these runs, as an object that a notebook's cell shows.

    Args:
        records: runs of `AXES`; those of one task have the same number of steps.
        start: settings that it begins with, such as ``task="world/rte"``; else those of the first run.

    Raises:
        ValueError: there are no runs, those of a task differ in their steps or in more than `AXES`, or no run has the
            settings of ``start``.
    """
    return Page(payload(*records, **start), whole=os.environ.get(STATIC) != "1")


def payload(*records: Records, **start: Any) -> dict[str, Any]:
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
    unknown = sorted(set(start) - set(AXES))
    if unknown:
        raise ValueError(f"start has {unknown[0]!r}; the explorer has {', '.join(AXES)}")
    first = next((run for each in records for run in each.find(**start)), None)
    if first is None:
        raise ValueError(f"no recorded run has {start}; choose settings of one that is there")
    rows = [_row(run) for run in runs]
    scores = {run.recipe.task: each.primary(run) for each in records for run in each.runs}
    _check_apart(runs, rows)
    axes = {axis: _values(axis, rows) for axis in AXES}
    begin = {axis: _row(first)[axis] for axis in AXES}
    return {
        "axes": axes,
        "start": {axis: next(iter(axes[axis]), None) if begin[axis] is None else begin[axis] for axis in AXES},
        "lacks": {row["method"]: [axis for axis in AXES if row[axis] is None] for row in rows},
        "steps": {task: length for task, (length,) in steps.items()},
        "runs": rows,
        "metrics": {task: METRICS.get(scores[task], scores[task]) for task in by_task},
        "kept": {task: _kept(each) for task, each in by_task.items()},
        "names": METHODS | {task: f"{task}, {each[0].recipe.backbone}" for task, each in by_task.items()},
        "ranges": {task: _ranges([row for row in rows if row["task"] == task]) for task in by_task},
    }


def _kept(runs: Sequence[Record]) -> str:
    """What was measured of what the backbone was pretrained for."""
    measured = {name for run in runs for name in run.columns}
    return "similarity" if "similarity" in measured and "source_loss" not in measured else "source_loss"


def _check_apart(runs: Sequence[Record], rows: Sequence[dict[str, Any]]) -> None:
    """Two runs that the controls cannot tell apart would hide each other, and a twin differs in nothing else."""
    first: dict[str, Recipe] = {}
    for run in runs:
        rest = replace(run.recipe, method="vanilla", seed=0)
        other = first.setdefault(rest.task, rest)
        if other != rest:
            raise ValueError(f"the explorer cannot tell two runs apart: {rest.difference(other)}; leave one out")
    seen: dict[tuple, Record] = {}
    for run, row in zip(runs, rows, strict=True):
        other = seen.setdefault(tuple(row[axis] for axis in AXES), run)
        if other is not run:
            raise ValueError(
                f"the explorer cannot tell two runs apart: {run.recipe.difference(other.recipe)}; leave one out"
            )


def _row(run: Record) -> dict[str, Any]:
    recipe = run.recipe
    return {
        "task": recipe.task,
        "method": recipe.names,
        **{name: _plain(getattr(recipe, name)) for name in ("k", "t0", "gamma")},
        "seed": recipe.seed,
        **run.columns,
        **({"stopped": run.stopped} if run.stopped else {}),
    }


def _values(axis: str, rows: list[dict[str, Any]]) -> list[Any]:
    """The axis's values in the runs: numbers from low to high ("inf" last), tasks and methods in their order."""
    seen = list(dict.fromkeys(row[axis] for row in rows if row[axis] is not None))
    return seen if axis in ("task", "method") else sorted(seen, key=float)


def _plain(value: float | None) -> float | int | str | None:
    if value is None or value == math.inf:
        return value and "inf"
    return int(value) if value == int(value) else value


def _ranges(rows: list[dict[str, Any]]) -> dict[str, list[float]]:
    """One range a chart for all runs of a task: a control moves the curve and not the frame."""
    found = {}
    for name in ("loss", "source_loss", "similarity", "distance", "score"):
        values = [value for row in rows for value in row.get(name, ()) if value is not None]
        if values:
            found[name] = [min(0.0, *values), max(values)]
    return found


class Page:
    """The explorer as HTML: a line that says what it is, in whose place its script draws it.

    Args:
        data: what `payload` made.
        whole: with its script and its style, for a place that loads neither, such as a notebook.
    """

    def __init__(self, data: Mapping[str, Any], whole: bool = False):
        self.data, self.whole = data, whole

    def __repr__(self) -> str:
        return f"An explorer of {len(self.data['runs'])} recorded runs over {', '.join(AXES)}."

    def _repr_html_(self) -> str:
        place = "" if self.whole else ' id="explore"'  # there the page's address is the state
        html = (
            f'<div class="recall-explore"{place}><p>{markup.html(self)} It needs JavaScript, in a notebook that you '
            f'trust or in the book.</p><script type="application/json">{markup.script(self.data)}</script></div>'
        )
        if not self.whole:
            return html
        style, script = (file.read_text(encoding="utf-8") for file in (STYLE, SCRIPT))
        return f"{html}<style>{style}</style><script>{script}</script>"
