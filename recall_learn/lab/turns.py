"""Several runs in one process: they take turns, a step each, and each keeps its own random state.

Dropout and torch's other draws come from one random state for the whole process. A run that another one interrupts
would draw other numbers, and could not be taken again. So a run holds the turn while it draws, and whoever takes the
turn next puts its own random state in place first; one that nobody waits for keeps its turn. What another cell draws
while all runs wait does no harm. What it draws while one trains comes out of that run's numbers, and the run cannot be
taken again.

They also hand on the cores. OpenMP counts the workers of all threads of a process, and where these are more than the
cores it lets them sleep between two operations: a step then takes half as long again. So a thread that lets another one
train gives its workers up first, see `recall_learn.support.process_wide.rest`, and calls them up again when it goes
on, see `spread` there.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from recall_learn.support.process_wide import rest, spread
from recall_learn.support.random_state import random_state, set_random_state


class Turns:
    """A lock that is handed on in the order of asking, with the holder's random state."""

    def __init__(self):
        self._changed = threading.Condition()
        self._queue: deque[object] = deque()

    @contextmanager
    def taken(self) -> Iterator["Turn"]:
        """Wait for the turn, and hold it."""
        turn = Turn(self)
        turn.take()
        try:
            yield turn
        finally:
            turn.give()

    @property
    def wanted(self) -> bool:
        """Whether somebody waits for the turn."""
        return len(self._queue) > 1

    def _enter(self, turn: object) -> None:
        with self._changed:
            self._queue.append(turn)
            try:
                self._changed.wait_for(lambda: self._queue[0] is turn)
            except BaseException:  # interrupted while it waited
                self._queue.remove(turn)
                self._changed.notify_all()
                raise

    def _leave(self, turn: object) -> None:
        with self._changed:
            self._queue.remove(turn)
            self._changed.notify_all()


class Turn:
    """One run's place; it has the turn from `take` to `give`."""

    def __init__(self, turns: Turns):
        self._turns, self._state = turns, None
        self.held = False

    def take(self) -> None:
        """Wait for the turn; the random state is then what it was when this run last gave it."""
        self._turns._enter(self)
        self.held = True
        if self._state is not None:
            set_random_state(self._state)
            with suppress(OSError, ValueError, IndexError):  # no /proc: the workers come by themselves
                spread()

    def give(self) -> None:
        """Let the next one go on."""
        if self.held:
            with suppress(RuntimeError):  # of a GPU that has failed: it does not even tell its random state
                self._state = random_state()
            self.held = False
            rest()
            self._turns._leave(self)

    def pass_on(self, until: Callable[[], None] | None = None) -> None:
        """Let the others take theirs, wait for ``until`` to return, and take it again."""
        self.give()
        if until is not None:
            until()
        self.take()


TURNS = Turns()
"""The process's."""
