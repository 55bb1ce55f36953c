"""What a view is told of a session: what is new since it was told last, as messages of `recall_learn.lab.protocol`."""

import math
import time
from collections import deque
from collections.abc import Callable, Mapping

from recall_learn.lab import protocol
from recall_learn.lab.background import BESIDE, BUSY, CLOSED, FAILED, LOADING, MAIN, NEW, RUNNING, Background
from recall_learn.lab.live_text import ahead, apart, status
from recall_learn.lab.protocol import Message, plain
from recall_learn.lab.seats import Seat
from recall_learn.runs.recipe import knobs
from recall_learn.support.reading import Json

PACE = 8.0
"""Seconds over which the speed is taken."""
ROWS = 4000
"""At most so many records go into one message; of more, evenly chosen ones, and all that come after."""


class _Told:
    """What a view knows of one of the runs."""

    def __init__(self):
        self.run, self.rows, self.evaluations, self.changes, self.values = None, 0, 0, [], None


class Teller:
    """Sends what is new.

    Args:
        session: of whose runs.
        send: takes a message.
        facts: the place of each prompt among the facts of `begin`.
    """

    def __init__(self, session: Background, send: Callable[[Message], None], facts: Mapping[str, int]):
        self._session, self._send, self._facts = session, send, facts
        self._pace: deque[tuple[float, int]] = deque()
        self.again()

    def again(self) -> None:
        """All that there is is new: a view has just come."""
        self._told = {name: _Told() for name in self._session.seats}
        self._state: Message | None = None

    def tell(self, said: str = "") -> None:
        """Send what is new.

        Args:
            said: a sentence to be told with the state.
        """
        for side, (name, seat) in enumerate(self._session.seats.items()):
            self._rows(side, name, seat)
        for side, (name, seat) in enumerate(self._session.seats.items()):
            self._settings(side, self._told[name], seat)
        state = self._now(said)
        if state != self._state:
            self._state = state
            self._send(state)

    def _rows(self, side: int, name: str, seat: Seat) -> None:
        told, run = self._told[name], seat.run
        if told.run is not run:
            if told.rows:  # it went back to its checkpoint
                self._back(min(told.rows, seat.base))
            told.run = run
        records = run.history[told.rows :]  # it only grows, in another thread
        every = math.ceil(len(records) / ROWS)
        if records:
            told.rows += len(records)
            self._send({"type": "records", "side": side, "rows": protocol.rows(records[:: max(every, 1)])})
        for record in run.evaluations[told.evaluations :]:
            if record["step"] > told.rows:
                break
            told.evaluations += 1
            self._send({**protocol.evaluation(record, run.primary, self._facts), "side": side})

    def _back(self, step: int) -> None:
        """Both sides are told again what comes after this step."""
        self._send({"type": "truncate", "step": step})
        for told in self._told.values():
            told.rows = min(told.rows, step)
            kept = [each for each in (told.run.evaluations if told.run else []) if each["step"] <= step]
            told.evaluations = min(told.evaluations, len(kept))

    def _settings(self, side: int, told: _Told, seat: Seat) -> None:
        if seat.run.changes != told.changes:
            told.changes = list(seat.run.changes)
            self._send({"type": "changes", "side": side, "changes": told.changes})
        now = seat.now
        values: dict[str, Json] = {key: plain(getattr(now, key)) for key in knobs(now)}
        if values != told.values:
            told.values = values
            self._send({"type": "knobs", "side": side, "values": values})

    def _now(self, said: str) -> Message:
        session = self._session
        state, step = session.state, min(seat.done for seat in session.seats.values())
        speed = self._speed(step) if state == RUNNING else None
        if state not in BUSY:
            self._pace.clear()
        left = session.left if state == RUNNING else None
        if left is None and speed:
            left = (session.run.recipe.steps - step) / speed
        errors = [f"{seat.error}" for seat in session.seats.values() if seat.error]
        text = status(session) if state in (LOADING, FAILED, CLOSED) else said  # steps are told as numbers
        text = text or (ahead(session) if state == NEW else apart(session))
        return {
            "type": "state",
            "state": state,
            "step": step,
            "speed": speed and float(f"{speed:.3g}"),
            "left": left and float(f"{left:.3g}"),
            "text": text,
            "error": " ".join(errors),
        }

    def _speed(self, step: int) -> float | None:
        """Steps a second of both together, evaluations included; None while that is not known."""
        now, pace = time.monotonic(), self._pace
        if pace and pace[-1][1] > step:
            pace.clear()
        pace.append((now, step))
        while len(pace) > 2 and now - pace[1][0] > PACE and pace[1][1] < step:
            pace.popleft()
        (first, begun) = pace[0]
        return (step - begun) / (now - first) if step > begun and now - first > 0.5 else None


SIDES = {0: MAIN, 1: BESIDE}
"""A message's side, as the session calls it."""
