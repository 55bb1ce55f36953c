"""Ctrl-C, SIGTERM, and a terminal that is closed: as a request to whoever trains, else as the end of a command."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

STOPS = {signal.SIGINT: "Ctrl-C", signal.SIGTERM: "SIGTERM"} | (
    {signal.SIGHUP: "SIGHUP"} if hasattr(signal, "SIGHUP") else {}
)
"""The signals, and what a record says of them."""


@contextmanager
def stoppable(ask: Callable[[str], None]) -> Iterator[None]:
    """While the block lasts, the first of these signals is a request, and the second does what it did before.

    Beside the main thread, which alone hears signals, nothing is changed.

    Args:
        ask: called with the signal's word in `STOPS`.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def put_back():
        for number, handler in former.items():
            signal.signal(number, handler)

    def hear(number, frame):
        ask(STOPS[number])
        put_back()
        if STOPS[number] == "SIGHUP":  # a terminal that is gone would make an error of whatever is still printed
            nowhere = os.open(os.devnull, os.O_WRONLY)
            for stream in terminals:
                os.dup2(nowhere, stream)

    terminals = [stream for stream in (1, 2) if os.isatty(stream)]
    # nohup has a program ignore SIGHUP
    heard = [n for n in STOPS if not (STOPS[n] == "SIGHUP" and signal.getsignal(n) == signal.SIG_IGN)]
    former = {number: signal.signal(number, hear) for number in heard}
    try:
        yield
    finally:
        put_back()


class Terminated(KeyboardInterrupt):
    """SIGTERM, or SIGHUP as a terminal is closed: what ends at Ctrl-C ends at this, too."""

    def __init__(self, number: int):
        super().__init__()
        self.number = number


@contextmanager
def terminable() -> Iterator[None]:
    """SIGTERM and SIGHUP raise `Terminated`, where this process had nothing else in mind for them."""

    def end(number, frame):
        raise Terminated(number)

    own = [number for number in STOPS if signal.getsignal(number) == signal.SIG_DFL]
    own = own if threading.current_thread() is threading.main_thread() else []
    for number in own:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number in own:
            signal.signal(number, signal.SIG_DFL)
