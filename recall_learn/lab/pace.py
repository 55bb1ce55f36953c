"""How long a run takes on this machine: what steps and evaluations of its like took in this process.

Nothing is trained to find out. Before the first run of its like nothing is known, and None says so.
"""

import math
import threading
from collections import deque
from collections.abc import Hashable, Iterable
from statistics import median

from recall_learn.runs.recipe import Recipe
from recall_learn.runs.record import Run

LAST = 25
"""The median is of so many: of steps, of evaluations."""


class Pace:
    """Seconds that steps and evaluations took, by what they depend on."""

    def __init__(self):
        self._lock, self._taken = threading.Lock(), {}

    def note(self, key: Hashable, seconds: float) -> None:
        """Something of this key took so long."""
        with self._lock:
            self._taken.setdefault(key, deque(maxlen=LAST)).append(seconds)

    def usual(self, key: Hashable) -> float | None:
        """What it usually takes; None while nobody knows."""
        with self._lock:
            return median(self._taken[key]) if key in self._taken else None

    def note_step(self, run: Run, step: int, device: str, seconds: float) -> None:
        """A step of a run took so long, with the evaluation and the checkpoint after it, if it is the time for them."""
        recipe = run.recipe
        if step % recipe.evaluate_every:
            self.note(of_step(recipe, device), seconds)
        elif (usual := self.usual(of_step(recipe, device))) is not None:
            self.note(of_evaluation(recipe, device), max(0.0, seconds - usual))

    def left(self, runs: Iterable[tuple[Recipe, int]], device: str) -> float | None:
        """Seconds that runs beside each other, which take turns, have still to train; None where that is not known.

        Args:
            runs: what each was begun with, and the steps that it has taken.
            device: "cpu" or "cuda".
        """
        total = 0.0
        for recipe, done in runs:
            step, evaluation, first = (self.usual(key(recipe, device)) for key in (of_step, of_evaluation, of_first))
            evaluation = first if evaluation is None else evaluation
            if step is None or evaluation is None:
                return None
            due = math.ceil(recipe.steps / recipe.evaluate_every) - done // recipe.evaluate_every
            total += (recipe.steps - done) * step + (due * evaluation if done < recipe.steps else 0.0)
        return total


PACE = Pace()
"""The process's."""


def of_step(recipe: Recipe, device: str) -> Hashable:
    """What the length of a step depends on."""
    return "step", device, *_model(recipe), recipe.batch_size, recipe.names


def of_evaluation(recipe: Recipe, device: str) -> Hashable:
    """What the length of an evaluation depends on, and of the checkpoint after it."""
    return "evaluation", device, *_model(recipe), recipe.probe


def of_first(recipe: Recipe, device: str) -> Hashable:
    """What the length of the evaluation before the first step depends on, which writes no checkpoint."""
    return "first", *of_evaluation(recipe, device)


def _model(recipe: Recipe) -> tuple[Hashable, ...]:
    return recipe.backbone, recipe.task, recipe.max_length, recipe.mixed_precision


def told(seconds: float) -> str:
    """A time that nobody knows to the second: "20 s", "4 min", "1 h 20 min"."""
    if seconds < 90:
        return f"{max(5 * round(seconds / 5), 5)} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"
