"""The notebook's cell that shows a lab: asked for leave, told that it was run again, drawn while something trains."""

import asyncio
import time
import weakref
from typing import Protocol

from recall_learn.lab.background import BUSY
from recall_learn.support.environment import choose_device

FRAME = 0.18
"""At least so many seconds lie from one look at the runs to the next, and at most about two."""
SHARE = {"cpu": 0.02, "cuda": 0.1}
"""The share of the time that drawing may take: a slow machine draws less often, and a GPU trains on meanwhile."""
_SHOWN: dict[str, "weakref.ref[object]"] = {}
"""What each cell shows."""


class Drawn(Protocol):
    """What `watch` asks of a lab."""

    device: str

    @property
    def state(self) -> str:
        """Whether it trains."""

    def refresh(self) -> None:
        """Draw what has changed."""

    def say(self, text: str) -> None:
        """Show a sentence."""


def allow_widgets() -> None:
    """Colab shows widgets that are not ipywidgets' own, such as plotly's figure, only where this was asked for."""
    try:
        from google.colab import output
    except ImportError:
        return
    output.enable_custom_widget_manager()


def shown_here() -> object:
    """The lab that this cell made before, or None: it ends when the cell has made a new one."""
    return _SHOWN.get(_cell(), lambda: None)()


def remember(lab: object) -> None:
    """This cell shows this lab now."""
    cell = _cell()
    if cell:
        _SHOWN[cell] = weakref.ref(lab)


def nobody_watches() -> bool:
    """Whether the cell is run by a program that cannot answer, such as nbconvert: what is shown will be a page."""
    return _asked("allow_stdin") is False


def _cell() -> str:
    """The cell that runs, "" where there is none, as in a script."""
    return _asked("cellId", "metadata") or _asked("code") or ""


def _asked(what: str, part: str = "content") -> bool | str | None:
    """Something of the message that made this cell run, or None."""
    try:
        from IPython import get_ipython

        return get_ipython().kernel.get_parent()[part].get(what)
    except (ImportError, AttributeError, KeyError, TypeError):
        return None


def watch(lab: Drawn, former: asyncio.Task | None = None) -> asyncio.Task | None:
    """Look at the runs from the kernel's own loop, as long as something trains.

    Args:
        lab: what is drawn.
        former: what this returned before; while it looks there is no second one.

    Returns:
        what looks; None where there is no loop, as in a script: there ``refresh`` draws.
    """
    if former is not None and not former.done():
        return former
    try:
        return asyncio.get_running_loop().create_task(_look(weakref.ref(lab)))
    except RuntimeError:
        return None


async def _look(reference: "weakref.ref[Drawn]") -> None:
    while True:
        lab = reference()
        if lab is None:
            return
        started = time.perf_counter()
        busy = lab.state in BUSY
        try:
            lab.refresh()
        except Exception as error:  # the run goes on; a task would keep this to itself
            lab.say(f"The figure could not be drawn: {type(error).__name__}: {error}. The run goes on; see lab.run.")
        if not busy:
            return
        share = SHARE[choose_device(lab.device).type]
        del lab
        spent = time.perf_counter() - started
        await asyncio.sleep(max(FRAME - spent, min(spent / share, 2.0)))
