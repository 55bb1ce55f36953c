"""What a view asks of a lab: each message by its type; what is wrong with one is told in a sentence."""

from collections.abc import Callable, Mapping
from typing import Protocol

from recall_learn.lab.teller import SIDES
from recall_learn.lab.words import sentence
from recall_learn.runs.record import Run
from recall_learn.support.checks import one_line, shown
from recall_learn.support.reading import Json


class Obeys(Protocol):
    """What `reply` asks of a lab, see `recall_learn.lab.live.Lab`."""

    hello: Callable[[], None]
    start: Callable[[], None]
    pause: Callable[[], None]
    step: Callable[[int], None]
    reset: Callable[..., None]
    again: Callable[[], None]
    set: Callable[..., None]
    preset: Callable[[str], None]
    save: Callable[[str], None]
    replay: Callable[[Run], None]
    cancel: Callable[[], None]
    close: Callable[[], None]
    refuse: Callable[[str, str], None]


def reply(lab: Obeys, message: Mapping[str, Json]) -> None:
    """Do what a view asks. It may be any nonsense: a notebook that somebody sent can have its own view."""
    kind = message.get("type") if isinstance(message, Mapping) else None
    side = SIDES.get(message.get("side", 0)) if kind == "set" else SIDES[0]
    try:
        if not isinstance(kind, str) or kind not in ACTS or side is None:
            raise ValueError(f"the view asks for {shown(message)}, which no lab knows")
        ACTS[kind](lab, message)
    except (ValueError, OSError, RuntimeError, TypeError, KeyError, AttributeError) as error:
        text = (
            sentence(one_line(error)) if isinstance(error, ValueError | OSError) else f"{type(error).__name__}: {error}"
        )
        lab.refuse(side or SIDES[0], text.replace("--", ""))


def _set(lab: Obeys, message: Mapping[str, Json]) -> None:
    lab.set(SIDES[message.get("side", 0)], **message["values"])


def _reset(lab: Obeys, message: Mapping[str, Json]) -> None:
    lab.reset(**message.get("setup", {}))
    if message.get("start"):
        lab.start()


def _open(lab: Obeys, message: Mapping[str, Json]) -> None:
    try:
        run = Run.from_json(message["text"])
    except ValueError as error:
        raise ValueError(f"this file is no recorded run ({error}); open one that Save or recall-learn wrote") from error
    lab.replay(run)


ACTS: dict[str, Callable[[Obeys, Mapping[str, Json]], None]] = {
    "hello": lambda lab, message: lab.hello(),
    "start": lambda lab, message: lab.start(),
    "pause": lambda lab, message: lab.pause(),
    "step": lambda lab, message: lab.step(message.get("steps", 1)),
    "reset": _reset,
    "again": lambda lab, message: lab.again(),
    "set": _set,
    "preset": lambda lab, message: lab.preset(message["name"]),
    "save": lambda lab, message: lab.save(message.get("name") or "runs/lab"),
    "open": _open,
    "cancel": lambda lab, message: lab.cancel(),
    "close": lambda lab, message: lab.close(),
}
