"""The runs of a session that were left for another one: a view draws them as faint curves, also one that came later."""

import math
from collections import deque
from statistics import fmean

from recall_learn.lab import protocol
from recall_learn.lab.protocol import Message
from recall_learn.runs.recipe import Recipe
from recall_learn.runs.record import Run

KEPT = 5
"""So many runs; more curves cannot be told apart."""
POINTS = 100
"""At most so many steps of each."""


class Earlier:
    """The last runs that were left, as a view is told of them."""

    def __init__(self):
        self._kept: deque[tuple[tuple[str, int], Message]] = deque(maxlen=KEPT)

    def leave(self, run: Run) -> None:
        """Keep what a view draws of a run, where there is something to draw."""
        if len(run.history) > 1:
            self._kept.append((_kind(run.recipe), curves(run)))

    def like(self, recipe: Recipe) -> list[Message]:
        """Those on the same task and of as many steps as a new run, the last one last."""
        return [message for kind, message in self._kept if kind == _kind(recipe)]


def curves(run: Run) -> Message:
    """A run's records and evaluations as messages have them, of few steps; the loss is a mean over the last steps."""
    records, width = run.history, max(3, round(run.recipe.steps / 30))
    count = min(len(records), POINTS)
    ends = [math.ceil((i + 1) * len(records) / count) for i in range(count)]
    means = [fmean(each["loss"] for each in records[max(0, end - width) : end]) for end in ends]
    rows = protocol.rows(records[end - 1] | {"loss": mean} for end, mean in zip(ends, means, strict=True))
    found = [protocol.evaluation(record, run.primary, {}) for record in run.evaluations]
    return {"rows": rows, "evaluations": [{"step": each["step"], "values": each["values"]} for each in found]}


def _kind(recipe: Recipe) -> tuple[str, int]:
    return recipe.task, recipe.steps
