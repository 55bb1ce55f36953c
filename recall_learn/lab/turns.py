"""Several runs in one process: they take turns, a step each.

What a run draws is its own, see `recall_learn.support.random_state`, so it is the same whoever trains beside it. The
turns are for the cores: two runs that compute at once on as many cores as each wants are slower than one after the
other. OpenMP counts the workers of all threads of a process, and where these are more than the cores it lets them sleep
between two operations: a step then takes half as long again. So a thread that lets another one train gives its workers
up first, see `recall_learn.support.process_wide.rest`, and calls them up again when it goes on, see `spread` there.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from recall_learn.support.process_wide import rest, spread


class Closed(Exception):
    """Whoever waited was given up."""


class Turns:
    """A lock that is handed on in the order of asking."""

    def __init__(self):
        self._changed = threading.Condition()
        self._queue: deque[object] = deque()

    @contextmanager
    def taken(self, given_up: Callable[[], bool] = lambda: False) -> Iterator["Turn"]:
        """Wait for the turn, and hold it.

        Args:
            given_up: whether nobody wants it any more; looked at whenever something changes, see `look`.

        Raises:
            Closed: it was given up while it waited.
        """
        turn = Turn(self, given_up)
        turn.take()
        try:
            yield turn
        finally:
            turn.give()

    @property
    def wanted(self) -> bool:
        """Whether somebody waits for the turn."""
        return len(self._queue) > 1

    def look(self) -> None:
        """Have those that wait look again whether they were given up."""
        with self._changed:
            self._changed.notify_all()

    def _enter(self, turn: "Turn") -> None:
        with self._changed:
            self._queue.append(turn)
            try:
                self._changed.wait_for(lambda: self._queue[0] is turn or turn.given_up())
                if turn.given_up():
                    raise Closed
            except BaseException:  # given up, or interrupted while it waited
                self._queue.remove(turn)
                self._changed.notify_all()
                raise

    def _leave(self, turn: object) -> None:
        with self._changed:
            self._queue.remove(turn)
            self._changed.notify_all()


class Turn:
    """One run's place; it has the turn from `take` to `give`."""

    def __init__(self, turns: Turns, given_up: Callable[[], bool]):
        self._turns, self.given_up, self._had = turns, given_up, False
        self.held = False

    def take(self) -> None:
        """Wait for the turn.

        Raises:
            Closed: it was given up while it waited.
        """
        self._turns._enter(self)
        self.held = True
        if self._had:
            with suppress(OSError, ValueError, IndexError):  # no /proc: the workers come by themselves
                spread()

    def give(self) -> None:
        """Let the next one go on."""
        if self.held:
            self.held, self._had = False, True
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
