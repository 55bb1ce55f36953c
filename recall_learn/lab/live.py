"""The live lab: drag lambda while a model is being fine-tuned, and watch what it learns and what it forgets.

::

    from recall_learn.lab.live import Lab

    lab = Lab()
    lab

A run trains in the background, and beside it, on the same batches from the same start, plain fine-tuning or a second
setting. ``lab.run`` is the run as it stands, in any cell, at any time. What the view does, another cell or a script can
do, too::

    lab.step(20)
    lab.wait()
    lab.set(k=1.0, t0=100)
    lab.start()

A method raises what the view is told. The view is `recall_learn.lab.view`, and speaks with it in the messages of
`recall_learn.lab.protocol`; it draws nothing that is not there, and answers no message.
"""

import asyncio
import os
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import anywidget

from recall_learn.figures.still import STATIC, show, told
from recall_learn.lab import background, protocol, view
from recall_learn.lab.background import BESIDE, BUSY, MAIN, Background
from recall_learn.lab.browser import page as browser
from recall_learn.lab.cell import allow_widgets, nobody_watches, remember, shown_here, watch
from recall_learn.lab.earlier import Earlier
from recall_learn.lab.live_text import opened, status
from recall_learn.lab.presets import check_arguments, choices, default_recipe, presets, stored, watched
from recall_learn.lab.protocol import NOTHING, OTHER, PLAIN, Message, given, plain
from recall_learn.lab.replies import reply
from recall_learn.lab.setup import Setup
from recall_learn.lab.teller import Teller
from recall_learn.methods import expression
from recall_learn.runs.recipe import Recipe, knobs
from recall_learn.runs.record import Run, load
from recall_learn.support.checks import number, shown, whole
from recall_learn.support.files import from_home
from recall_learn.support.reading import Json

PATIENCE = 60.0
"""Seconds to wait for the last step of a run that was given up."""
CAN = ("save", "open", "seed")


class Lab(anywidget.AnyWidget):
    """The lab, to be shown in a notebook's cell. Running that cell again ends the lab that it showed before.

    Args:
        recipe: what to begin with; None takes the largest that this machine runs at a pace that one can watch.
        beside: "plain fine-tuning", "setting B" or "nothing".
        data_folder: the folder of data sets, see `recall_learn.tasks.loading.load`.
        device: auto, cpu or cuda.
        folder: a folder that `save` wrote: its session goes on from its last checkpoint, and what was set after it
            acts again at its step, unless that setting is moved before.

    Raises:
        ValueError: ``beside`` is none of the three, ``recipe`` is no recipe or given beside a ``folder``, or what is in
            ``folder`` is damaged. The lab that the cell showed before goes on then.
        FileNotFoundError: there is no run in ``folder``, or no ``data_folder``.
    """

    _esm, _css = view.esm(), view.style()

    def __init__(
        self,
        recipe: Recipe | None = None,
        beside: str = PLAIN,
        *,
        data_folder: str | Path | None = None,
        device: str = "auto",
        folder: str | Path | None = None,
    ):
        check_arguments(recipe, beside, data_folder, device, folder)
        former = shown_here()
        super().__init__()
        allow_widgets()
        self.data_folder, self.device = data_folder, device
        self._session: Background | None = None
        self._ticking: asyncio.Task | None = None
        self._lock, self._number, self._said, self._earlier = threading.RLock(), 0, "", Earlier()
        self._compared: Run | None = None
        self.on_msg(lambda widget, content, buffers: reply(self, content))
        try:  # whatever is wrong is found before the former lab ends
            if folder is not None:
                self._open(folder, former)
            else:
                recipe, line = (recipe, "") if recipe is not None else default_recipe()
                self._begin(watched(recipe, data_folder), beside, note=line)
        except BaseException:
            self.close()
            raise
        if former is not None:
            former.close()
            if folder is not None and former._session.holds(self._session.folder):
                former._session.close(wait=PATIENCE)
                self._open(folder)  # it came further meanwhile
        remember(self)

    @property
    def run(self) -> Run:
        """The run as far as it has come; it grows while it trains."""
        return self._session.run

    @property
    def beside(self) -> Run | None:
        """The run beside it, or None."""
        seat = self._session.seats.get(BESIDE)
        return seat.run if seat else None

    @property
    def recipe(self) -> Recipe:
        """The run's recipe as it stands, with all that was set; ``lab.run.recipe`` is what it was begun with."""
        return self._session.seats[MAIN].now

    @property
    def state(self) -> str:
        """One of new, loading, running, paused, done, failed, closed."""
        return self._session.state

    @property
    def status(self) -> str:
        """What the lab says of where it is, or what stopped it."""
        return status(self._session)

    def start(self) -> None:
        """Train, or go on; after a failure from the last checkpoint.

        Raises:
            ValueError: the lab was closed, or another one trains in its folder.
        """
        self._session.start()
        self._went()

    def pause(self) -> None:
        """Stop after the step in progress."""
        self._session.pause()
        self._went()

    def step(self, steps: int = 1) -> None:
        """Take so many steps, and pause.

        Raises:
            ValueError: as `start`, or ``steps`` is no whole number above 0.
        """
        self._session.take(whole("steps", steps, 1))
        self._went()

    def wait(self, seconds: float = float("inf")) -> str:
        """Wait until nothing trains, for that long at most, and return the state. The view goes on drawing.

        An interrupt of the kernel ends the waiting and not the training; `pause` ends that.

        Raises:
            ValueError: ``seconds`` is no number of at least 0.
        """
        deadline = time.monotonic()
        deadline += number("seconds", seconds, lambda x: x >= 0, "a number of at least 0", infinite=True)
        looked = time.monotonic()
        while self.state in BUSY and time.monotonic() < deadline:
            time.sleep(0.01)
            if time.monotonic() - looked > 0.2:
                self.refresh()
                looked = time.monotonic()
        self.refresh()
        return self.state

    def set(self, which: str = MAIN, **settings: float) -> None:
        """Change lr or a live setting of its methods from the next step on; the view follows.

        Args:
            which: "run", or "beside" for the other one's.
            settings: the new values; any that the setting can have, those between two notches, too.

        Raises:
            ValueError: a setting does not act in this method, a value is refused, or nothing trains beside it. Nothing
                has changed then.
        """
        if which not in tuple(self._session.seats):
            raise ValueError(f"which is {shown(which)}; it has to be one of {', '.join(self._session.seats)}")
        seat = self._session.seats[which]
        self._session.set(which, **{name: given(value) for name, value in settings.items()})
        self._said = " ".join(advice for each in seat.now.methods if (advice := each.advice(seat.now.lr)))
        if seat.wish:
            self._said = "This run has taken its last step. What you set acts in a new one: press Reset."
        self.refresh()

    def reset(self, **asked: Json) -> None:
        """Give the run up, and begin anew with what is set now. Nothing trains yet.

        Args:
            asked: what is to be different: ``seed``, ``task``, ``method``, ``steps``, ``batch_size``, ``beside`` and so
                on, and the methods' settings. Another number of steps moves the evaluations with it.

        Raises:
            ValueError: it is unknown, does not go together, is too large to be watched, or the lab was closed.
        """
        if self.state == background.CLOSED:
            raise ValueError("this lab was closed; run its cell again")
        beside = asked.get("beside", self._how)
        if beside not in (NOTHING, PLAIN, OTHER):
            raise ValueError(f"beside is {shown(beside)}; it has to be {PLAIN!r}, {OTHER!r} or {NOTHING!r}")
        recipe = self._setup.wanted(self.recipe, {name: given(value) for name, value in asked.items()})
        other = self._session.seats[BESIDE].now if beside == self._how == OTHER else None
        if other is not None:  # what is asked for is for both, but for the settings of the methods
            other = replace(recipe, method=other.method, lr=other.lr) if other.names == recipe.names else None
        self._begin(watched(recipe, self.data_folder), beside, other)

    def again(self) -> None:
        """The same with the next seed, from the start: another draw of chance."""
        self.reset(seed=self.run.recipe.seed + 1)
        self.start()

    def cancel(self) -> None:
        """Give up what is loading; the lab is as it was before Start."""
        if self.state == background.LOADING:
            note = self._note
            self._begin(self.run.recipe, self._how, self._other(), note=note)

    def save(self, folder: str | Path) -> None:
        """Write runs and checkpoints to a new folder; ``Lab(folder=...)`` goes on with them.

        Raises:
            ValueError: the folder is there and not empty, or there is nothing to save yet.
            OSError: it cannot be written; nothing is left of it then.
        """
        place = self._session.save(folder)
        self._said = f"Saved in {place}. Lab(folder={str(place)!r}) goes on with it."
        self._tell({"type": "saved", "name": str(place)})
        self.refresh()

    def replay(self, run: Run | str | Path) -> None:
        """Take a recorded run again, with all that was changed in it; the view is told how far the losses differ.

        Args:
            run: the run, or its run.json.

        Raises:
            ValueError: the file is damaged or not a recorded run.
            OSError: it cannot be read.
        """
        run = run if isinstance(run, Run) else load(run)
        self._begin(run.recipe, self._how if self._how != OTHER else PLAIN)
        self.run.changes, self._compared = [dict(change) for change in run.changes], run
        self.start()

    def preset(self, name: str) -> None:
        """Begin the story of this name, and start it.

        Raises:
            ValueError: there is none.
        """
        known = {each.name: each for each in self._presets}
        if name not in tuple(known):
            raise ValueError(f"preset is {shown(name)}; it has to be one of {', '.join(known)}")
        self._begin(known[name].recipe, PLAIN if self._how == OTHER else self._how, note=known[name].story)
        self.start()

    def close(self) -> None:
        """End the runs, and take the widget down."""
        if getattr(self, "_session", None) is not None:
            self._session.close()
            self._said = ""
            self.refresh()
        super().close()

    def refresh(self) -> None:
        """Tell the view what is new; the lab does this by itself while it trains."""
        with self._lock:
            self._teller.tell(self._said)
            self._compare()

    def say(self, text: str) -> None:
        """Tell the reader a sentence."""
        self._said = text
        self.refresh()

    def refuse(self, which: str, text: str) -> None:
        """Tell the view that nothing has changed, why, and where the knobs of a run stand."""
        seat = self._session.seats.get(which)
        values = {key: plain(getattr(seat.now, key)) for key in knobs(seat.now)} if seat else {}
        self._tell({"type": "refused", "text": text, "values": values})

    def hello(self) -> None:
        """A view has come: tell it everything."""
        with self._lock:
            self._teller.again()
            self._tell(self._opening())
            self.refresh()

    def open(self) -> None:
        """Tell the notebook of the widget; not where the book is built: its pages would load what shows widgets."""
        if os.environ.get(STATIC) != "1":
            super().open()

    def _repr_mimebundle_(self, **options: Json) -> dict[str, Json]:
        words = told("The live lab", status(self._session), "It is alive in a notebook in which you run this cell.")
        if os.environ.get(STATIC) == "1":
            return _page(self.run.recipe, self._other(), self._how) or words
        if nobody_watches():  # on a page the widget comes first, and is nothing without a network
            show(words)
        bundle = super()._repr_mimebundle_(**options)
        return (bundle[0] if isinstance(bundle, tuple) else bundle or {}) | words

    def _open(self, folder: str | Path, instead_of: "Lab | None" = None) -> None:
        """Go on with a session that was saved, or is another lab's still."""
        folder = from_home("folder", folder)
        recipe, how, other = stored(folder)
        try:
            self._begin(recipe, how, other, folder, instead_of and instead_of._session)
        except (LookupError, TypeError, AttributeError, ArithmeticError) as error:
            why = f"{type(error).__name__}: {error}"
            raise ValueError(f"{folder} is damaged or holds no recorded run ({why}); use another folder") from error
        self._said = opened(folder, self._session.seats[MAIN])

    def _begin(
        self,
        recipe: Recipe,
        how: str,
        other: Recipe | None = None,
        folder: Path | None = None,
        instead_of: Background | None = None,
        note: str = "",
    ) -> None:
        """A new session in place of the old; nothing trains yet."""
        plainly = replace(recipe, method=expression.PLAIN)
        beside = {NOTHING: None, PLAIN: other or plainly, OTHER: other or recipe}[how]
        stories, where = presets(recipe), {"data_folder": self.data_folder, "device": self.device}
        session = Background(recipe, beside, folder=folder, instead_of=instead_of, **where)
        with self._lock:
            if self._session is not None:
                self._earlier.leave(self.run)
                self._session.close()
            else:
                self._setup = Setup(recipe)
            self._session, self._how, self._note, self._said, self._compared = session, how, note, "", None
            self._number, self._presets = self._number + 1, stories
            opening = self._opening()
            places = {fact["prompt"]: place for place, fact in enumerate(opening["facts"] or ())}
            self._teller = Teller(session, self._tell, places)
            self._tell(opening)
            self.refresh()

    def _opening(self) -> Message:
        recipe = self._session.seats[MAIN].recipe
        return protocol.begin(
            recipe,
            self._other(),
            self._how,
            number=self._number,
            note=self._note,
            can=CAN,
            backbones=choices(recipe),
            presets=[{"name": each.name, "story": each.story} for each in self._presets],
            earlier=self._earlier.like(recipe),
        )

    def _other(self) -> Recipe | None:
        seat = self._session.seats.get(BESIDE)
        return seat.recipe if seat else None

    def _tell(self, message: Mapping[str, Json]) -> None:
        if self.comm is not None:
            self.send(message)

    def _compare(self) -> None:
        if self._compared is None or not self.run.history or self.state in BUSY:
            return
        message = protocol.compared(self._compared, self.run)
        if message["steps"] == min(len(self._compared.history), self.run.recipe.steps):
            self._compared = None
            self._tell(message)

    def _went(self) -> None:
        """The run was told to go or to stop: what was said of the moment before is no longer so."""
        self._said = ""
        self.refresh()
        self._ticking = watch(self, self._ticking)


def _page(recipe: Recipe, beside: Recipe | None, how: str) -> dict[str, str] | None:
    """The lab of a page of the book, which trains by itself; None where the page cannot run this."""
    with suppress(ValueError):
        return {"text/html": browser.page(recipe, beside=beside if how == OTHER else None, how=how)}
    return None
