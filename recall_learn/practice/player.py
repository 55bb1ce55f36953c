"""Playing a case with a learner's function or class: the one place where an answer is called.

In a notebook it is called in the kernel's own process. An answer's file is played in a process of its own, in which
`serve` waits for arguments and gives back values; all that is judged stays with whoever asks.
"""

import inspect
import random
import time
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch

from recall_learn.practice import compare, source, wire
from recall_learn.practice.exercise import Exercise, read
from recall_learn.practice.fence import limit_memory
from recall_learn.practice.guard import call
from recall_learn.practice.report import Complaint, NotWritten
from recall_learn.practice.values import plain

SECONDS = 10.0
"""Seconds of one processor that a whole look may take."""
LEAST = 0.5
"""Seconds that a call gets when no more are left."""


class Here:
    """An answer in this process."""

    def __init__(self, exercise: Exercise, entry: object):
        self.exercise, self.entry, self.check = exercise, entry, exercise.check
        self.left = getattr(self.check, "SECONDS", SECONDS)
        play = getattr(self.check, "play", None)
        self.play = play or (lambda entry, *arguments: entry(*arguments))
        self.names = list(inspect.signature(play).parameters)[1:] if play else self.exercise.arguments

    def signature(self) -> None:
        """Refuse what cannot be called as the statement says.

        Raises:
            Complaint: it is no function, or takes other arguments.
        """
        name, entry, wanted = self.exercise.name, self.exercise.entry, self.exercise.arguments
        if not callable(self.entry):
            raise Complaint(
                f"check wants the function itself, and got {compare.named(self.entry)}: "
                f'check("{name}", {entry}), without brackets after it'
            )
        try:
            found = call(inspect.signature, (self.entry,), LEAST)
        except Complaint:  # of something compiled there is none
            return
        try:
            found.bind(*wanted)
        except TypeError:
            mine = ", ".join(found.parameters) or "nothing"
            raise Complaint(f"it takes ({mine}), and is called with ({', '.join(wanted)})") from None

    def ask(self, request: bytes) -> tuple[object, str]:
        """What comes of one call, plain, and a complaint of an argument that the answer has changed, or "".

        Args:
            request: ``arguments``, a ``seed`` for random numbers and torch's ``state`` of them, packed.

        Raises:
            Complaint: the answer raised, or took too long.
            NotWritten: it is a stub.
        """
        asked, before = (wire.unpack(request, self.check) for _ in range(2))
        began = time.process_time()
        got = call(self._seeded, (asked,), max(self.left, LEAST))
        self.left -= time.process_time() - began
        allowed = getattr(self.check, "MAY_CHANGE", ())
        for name, old, new in zip(self.names, before["arguments"], asked["arguments"], strict=False):
            what = compare.changed(old, new)
            if what and name not in allowed:
                return got, (
                    f"your function changes its argument `{name}` in place ({what}); whoever called it still needs it "
                    "as it was. Work on a copy, or write the result to something new"
                )
        return got, ""

    def _seeded(self, asked: dict[str, Any]) -> Any:
        random.seed(asked["seed"])
        np.random.seed(asked["seed"])  # noqa: NPY002
        torch.set_rng_state(asked["state"])
        return plain(self.play(self.entry, *asked["arguments"]))


def serve(requests: BinaryIO, replies: BinaryIO) -> None:
    """Load the answer that the first request names, and answer those after it until there are no more."""
    player = None
    while (request := wire.receive(requests)) is not None:
        try:
            if player is None:
                player, value = _begun(**wire.unpack(request)), (None, "")
            else:
                value = player.ask(request)
            reply = _packed(value)
        except NotWritten:
            reply = {"open": True}
        except (Complaint, KeyboardInterrupt) as complaint:
            reply = {"complaint": str(complaint) or "it raised KeyboardInterrupt."}
        except Exception as error:
            reply = {"complaint": f"its check stumbles over it: {type(error).__name__}: {error}"}
        wire.send(replies, reply if isinstance(reply, bytes) else wire.pack(reply))


def _packed(asked: tuple[Any, str]) -> bytes:
    reply = wire.pack({"value": asked[0], "changes": asked[1]})
    if len(reply) > wire.LARGEST:
        raise Complaint(f"your result has {len(reply) / 1e6:.0f} MB; the cases are small, and so are the right results")
    return reply


def _begun(solution: str, answer: str) -> Here:
    exercise = read(Path(solution))
    limit_memory()
    player = Here(exercise, source.load(exercise, Path(answer)))
    player.signature()
    return player
