"""What tests of the lab share: a view that notes what it is told and asks as a reader does; how one waits for a lab."""

import json
import time

PATIENCE = 120.0


def until(lab, state):
    deadline = time.monotonic() + PATIENCE
    while lab.state != state:
        assert time.monotonic() < deadline, (lab.state, lab.status)
        time.sleep(0.005)
    lab.refresh()
    return lab


class View:
    """Stands where the JavaScript does."""

    def __init__(self, lab):
        self.lab, self.told = lab, []
        lab.send = lambda message: self.told.append(json.loads(json.dumps(message, allow_nan=False)))
        self.ask("hello")

    def ask(self, kind, **more):
        """Send a message, and return what came back."""
        before = len(self.told)
        self.lab._handle_custom_msg({"type": kind, **more}, [])
        return self.told[before:]

    def set(self, side=0, **values):
        return self.ask("set", side=side, values=values)

    def all(self, kind, side=None):
        """The messages of a type since the last begin."""
        last = max(i for i, message in enumerate(self.told) if message["type"] == "begin")
        found = [message for message in self.told[last:] if message["type"] == kind]
        return [message for message in found if side is None or message["side"] == side]

    def last(self, kind, side=None):
        return self.all(kind, side)[-1]

    def rows(self, side=0):
        """The records as the view has them."""
        rows = {}
        last = max(i for i, message in enumerate(self.told) if message["type"] == "begin")
        for message in self.told[last:]:
            if message["type"] == "truncate":
                rows = {step: row for step, row in rows.items() if step <= message["step"]}
            if message["type"] == "records" and message["side"] == side:
                rows |= {row[0]: row for row in message["rows"]}
        return [rows[step] for step in sorted(rows)]

    @property
    def knobs(self):
        return self.last("knobs", 0)["values"]

    @property
    def text(self):
        return self.last("state")["text"]
