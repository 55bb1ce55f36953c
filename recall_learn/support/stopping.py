"""Ctrl-C and SIGTERM as a request: whoever trains ends after the step in progress."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

STOPS = {signal.SIGINT: "Ctrl-C", signal.SIGTERM: "SIGTERM"}
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

    former = {number: signal.signal(number, hear) for number in STOPS}
    try:
        yield
    finally:
        put_back()
