"""One of the runs of a session in the background: how far it is, and what it has read."""

import math
import threading
from collections.abc import Callable, Hashable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from recall_learn.lab.turns import Closed
from recall_learn.runs import checkpoints, steering
from recall_learn.runs import record as runs
from recall_learn.runs.recipe import Recipe
from recall_learn.runs.record import Run
from recall_learn.support.shelf import Shelf

T = TypeVar("T")

SHELF = Shelf()
"""What the runs of this process have read: a new one begins at once."""

EVALUATION = "evaluation"
"""The kind of what the shelf holds of evaluations before a first step."""


@dataclass
class Seat:
    """One of the runs.

    Attributes:
        recipe: what it was begun with.
        run: what it has recorded so far, and its changes, those to come as well.
        base: the step that it goes on after when it is begun: its checkpoint's, or 0.
        had: how many steps its folder told of.
        at: the step that it takes, or waits to take; 0 until it is loaded.
        called: whether it was told to train; it begins when the one before it is loaded.
        taking: whether it takes that step, or has leave to.
        loads: whether it has begun to load; before that it leaves at once when it is given up.
        making: what it makes for the shelf while it loads, "" where that was there.
        since: the moment at which it got that leave; 0 before it ever did.
        error: why it failed, in a sentence; "" if it did not.
        wish: what was set after its last step, for a new run.
    """

    recipe: Recipe
    run: Run
    folder: Path
    base: int = 0
    had: int = 0
    at: int = 0
    called: bool = False
    taking: bool = False
    loads: bool = False
    making: str = ""
    since: float = 0.0
    error: str = ""
    thread: threading.Thread | None = None
    wish: Recipe | None = None

    @property
    def next(self) -> int:
        """The first step that is not begun: what is set now acts from there on."""
        return self.at + self.taking if self.thread and self.at else self.base + 1

    @property
    def now(self) -> Recipe:
        """The recipe that this step is taken with; after the last one, what a new run would begin with."""
        return self.wish or steering.at(self.recipe, self.run.changes, math.inf if self.ended else self.next)

    @property
    def ended(self) -> bool:
        """Whether it has taken its last step."""
        return self.run.final is not None

    @property
    def done(self) -> int:
        """Steps that it has taken."""
        return self.at - 1 if self.thread and self.at else len(self.run.history)


def opened(recipe: Recipe, folder: Path) -> Seat:
    """A run that is to begin, or that goes on from its folder: there it is back at its checkpoint already."""
    if not (folder / "run.json").exists():
        return Seat(recipe, Run(recipe), folder)
    run = runs.load(folder / "run.json")
    other = recipe.difference(run.recipe)
    if other:
        raise ValueError(f"{folder} holds another recipe's run: {other}; choose another folder")
    base, had = checkpoints.reached(folder), len(run.history)
    if run.final is None:
        run.truncate(base)
    return Seat(recipe, run, folder, base, had)


class Looking(Shelf):
    """The process's shelf, for a run that may be given up while it loads.

    Args:
        given_up: whether it was.
        making: a context by the kind of what is not there, in which it is made.
    """

    def __init__(self, given_up: Callable[[], bool], making: Callable[[str], AbstractContextManager[None]]):
        self._given_up, self._making = given_up, making

    def get(self, kind: str, key: Hashable, make: Callable[[], T]) -> T:
        """As `Shelf.get`.

        Raises:
            Closed: the session was given up.
        """
        self._look()
        value = SHELF.get(kind, key, lambda: self._made(kind, make))
        self._look()
        return value

    def _made(self, kind: str, make: Callable[[], T]) -> T:
        with self._making(kind):
            return make()

    def _look(self) -> None:
        if self._given_up():
            raise Closed
