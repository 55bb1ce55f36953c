"""The live lab: slide k and t0 while a model is being fine-tuned, and watch what it learns and what it forgets.

::

    from recall_learn.lab.live import Lab

    lab = Lab()
    lab

A run trains in the background, and beside it, on the same batches from the same start, plain fine-tuning or a second
setting. ``lab.run`` is the run as it stands, in any cell, at any time. What the buttons and sliders do, another cell or
a script can do, too::

    lab.step(20)
    lab.wait()
    lab.set(k=1.0, t0=100)
    lab.start()

A method raises what a button says in the lab. Widgets are ipywidgets and a plotly figure.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import ipywidgets as widgets

from recall_learn.figures.still import show, told
from recall_learn.lab import background
from recall_learn.lab.background import BESIDE, BUSY, MAIN, Background
from recall_learn.lab.cell import allow_widgets, nobody_watches, remember, shown_here, watch
from recall_learn.lab.knobs import NOTHING, OTHER, PLAIN, Buttons, Knobs, Setup
from recall_learn.lab.live_figure import FIXED, LiveFigure, asked
from recall_learn.lab.live_text import lost, name_of, opened, plain, status
from recall_learn.lab.presets import Preset, check_arguments, choices, default_recipe, expected, presets, stored
from recall_learn.lab.words import sentence
from recall_learn.methods import expression
from recall_learn.runs.recipe import Recipe
from recall_learn.runs.record import Run
from recall_learn.support.checks import number, one_line, shown, whole
from recall_learn.support.files import from_home
from recall_learn.support.markup import html

GESTURE = 1.0
"""Moves that follow one another within so many seconds are one change."""
PATIENCE = 60.0
"""Seconds to wait for the last step of a run that was given up."""


class Lab(widgets.VBox):
    """The lab, to be shown in a notebook's cell. Running that cell again ends the lab that it showed before.

    Args:
        recipe: what to begin with; None takes the largest that this machine runs at a pace that one can watch.
        beside: "plain fine-tuning", "setting B" or "nothing".
        data_folder: the folder of data sets, see `recall_learn.tasks.loading.load`.
        device: auto, cpu or cuda.
        folder: a folder that "Save run" wrote: its session goes on from its last checkpoint, and what was set after it
            acts again at its step, unless that setting is moved before.

    Raises:
        ValueError: ``beside`` is none of the three, ``recipe`` is no recipe or given beside a ``folder``, or what is in
            ``folder`` is damaged. The lab that the cell showed before goes on then.
        FileNotFoundError: there is no run in ``folder``, or no ``data_folder``.
    """

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
        self._former: tuple[int, Run] | None = None
        self._ticking: asyncio.Task | None = None
        self._moved_at = 0.0
        self._drawn: list[tuple] | None = None
        self._shown: list[Recipe] = []
        try:  # whatever is wrong is found before the former lab ends
            if folder is not None:
                self._open(folder, former)
            else:
                recipe, line = (recipe, "") if recipe is not None else default_recipe()
                self._build(recipe, beside)
                self._begin(recipe)
                self.say(line)
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
        """What the lab says of where it is, or what stopped it, as HTML."""
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
        """Wait until nothing trains, for that long at most, and return the state. The figure stands still meanwhile.

        An interrupt of the kernel ends the waiting and not the training; `pause` ends that.

        Raises:
            ValueError: ``seconds`` is no number of at least 0.
        """
        deadline = time.monotonic()
        deadline += number("seconds", seconds, lambda x: x >= 0, "a number of at least 0", infinite=True)
        while self.state in BUSY and time.monotonic() < deadline:
            time.sleep(0.01)
        self.refresh()
        return self.state

    def set(self, which: str = MAIN, **settings: float) -> None:
        """Change lr or a live setting of its methods from the next step on; the sliders follow.

        Args:
            which: "run", or "beside" for the other one's.
            settings: the new values, those between two notches of a slider, too.

        Raises:
            ValueError: a setting does not act in this method, a value is refused, or nothing trains beside it. Nothing
                has changed then.
        """
        if which not in tuple(self._session.seats):
            raise ValueError(f"which is {shown(which)}; it has to be one of {', '.join(self._session.seats)}")
        self._turn(which, settings)

    def reset(self) -> None:
        """Give the run up, and begin anew as the controls say.

        Raises:
            ValueError: what they say does not go together, or the lab was closed.
        """
        if self.state == background.CLOSED:
            raise ValueError("this lab was closed; run its cell again")
        self._begin(self._wanted())
        self.say("")

    def save(self, folder: str | Path) -> None:
        """Write runs and checkpoints to a new folder; ``Lab(folder=...)`` goes on with them.

        Raises:
            ValueError: the folder is there and not empty, or there is nothing to save yet.
            OSError: it cannot be written; nothing is left of it then.
        """
        place = self._session.save(folder)
        self.say(f"Saved in {place}. Lab(folder={str(place)!r}) goes on with it.", passing=True)

    def preset(self, name: str) -> None:
        """Begin the story of this name, and start it.

        Raises:
            ValueError: there is none.
        """
        known = {each.name: each for each in presets(self._setup.recipe)}
        if name not in tuple(known):
            raise ValueError(f"preset is {shown(name)}; it has to be one of {', '.join(known)}")
        self._tell_story(known[name])

    def close(self) -> None:
        """End the runs and take the widgets down."""
        if getattr(self, "_session", None) is not None:
            self._session.close()
        parts = list(self.children)
        for part in parts:  # a box leaves its children open, and a tab that opens later would load them
            parts += getattr(part, "children", ())
            part.close()
        super().close()

    def _repr_mimebundle_(self, **options: object) -> dict[str, object]:
        words = told("The live lab", plain(self._session), "It is alive in a notebook in which you run this cell.")
        if nobody_watches():  # on a page the widget comes first, and is nothing without a network
            show(words)
        return super()._repr_mimebundle_(**options) | words

    def refresh(self) -> None:
        """Draw what is new; the lab does this by itself while it trains."""
        session = self._session
        seats = list(session.seats.values())
        runs, nows = [seat.run for seat in seats], [seat.now for seat in seats]
        if nows != self._shown:  # by a recorded change, or by going back to a checkpoint
            self._shown = nows
            self._knobs.show(nows[0])
            self._others.show(nows[-1])
        first = runs[0].evaluations[0] if runs[0].evaluations else None
        if first and [*FIXED, *asked(first)] != self._figure.charts:
            self._draw_anew(asked(first))
        seen = [(run, len(run.history), len(run.evaluations), run.changes) for run in runs]
        if seen != self._drawn:
            self._drawn = seen
            self._figure.show(runs, self._former)
            self._facts.value = lost(runs, self._names)
        self._status.value = status(session)
        self._buttons.enable(self.state, begun=bool(self.run.history))

    def say(self, text: str, passing: bool = False) -> None:
        """Put a line above the figure; a passing one goes with the next button."""
        self._passing = passing
        self._message.value = f'<p role="status" style="margin:2px 0;max-width:60em">{html(text)}</p>' if text else ""

    def _open(self, folder: str | Path, instead_of: "Lab | None" = None) -> None:
        """Go on with a session that was saved, or is another lab's still."""
        folder = from_home("folder", folder)
        recipe, beside, other = stored(folder)
        try:
            if not self.children:
                self._build(recipe, beside)
            self._begin(recipe, other, folder, instead_of and instead_of._session)
        except (LookupError, TypeError, AttributeError, ArithmeticError) as error:
            why = f"{type(error).__name__}: {error}"
            raise ValueError(f"{folder} is damaged or holds no recorded run ({why}); use another folder") from error
        self.say(opened(folder, self._session.seats[MAIN]), passing=True)

    def _build(self, recipe: Recipe, beside: str) -> None:
        self._knobs = Knobs(recipe, lambda **moved: self._set(MAIN, moved))
        self._others = Knobs(recipe, lambda **moved: self._set(BESIDE, moved), "B: ")
        self._setup = Setup(recipe, beside, choices(recipe), self._setup_moved)
        acts = {"Start": self.start, "Pause": self.pause, "Step": self.step, "Reset": self.reset}
        self._buttons = Buttons({**acts, "Save run": lambda: self.save(self._buttons.place.value)}, self._act)
        self._status, self._message, self._facts = widgets.HTML(), widgets.HTML(), widgets.HTML()
        self._stories = widgets.HBox(layout={"flex_flow": "row wrap"})
        self._figure = LiveFigure()
        top = [self._stories, self._buttons.box, self._status, self._message, self._knobs.box, self._others.box]
        self.children = [*top, self._figure.widget, self._facts, self._setup.box]

    def _begin(
        self,
        recipe: Recipe,
        other: Recipe | None = None,
        folder: Path | None = None,
        instead_of: Background | None = None,
    ) -> None:
        """A new session in place of the old; nothing trains yet."""
        stories, how = presets(recipe), self._setup.beside.value
        plain = replace(recipe, method=expression.PLAIN)
        beside = {NOTHING: None, PLAIN: other or plain, OTHER: other or recipe}[how]
        options = {"data_folder": self.data_folder, "device": self.device}
        session = Background(recipe, beside, folder=folder, instead_of=instead_of, **options)
        if self._session is not None:
            self._session.close()
        self._session, self._former, self._drawn = session, None, None
        self._setup.show(recipe, how)
        self._knobs.show(session.seats[MAIN].now)
        self._others.show(session.seats[BESIDE].now if beside else recipe)
        self._others.box.layout.display = "flex" if how == OTHER else "none"
        self._names = [("A" if how == OTHER else name_of(recipe)), *({NOTHING: [], PLAIN: [PLAIN], OTHER: ["B"]}[how])]
        self._stories.children = [self._story_button(each) for each in stories]
        first = session.run.evaluations[0] if session.run.evaluations else expected(recipe)
        self._draw_anew(asked(first))
        self.refresh()

    def _draw_anew(self, last: list[str]) -> None:
        runs = [seat.run for seat in self._session.seats.values()]
        self._drawn = None
        self._figure.begin(runs[0].recipe, self._names, last)
        self._figure.show_lambda(runs, self._former)

    def _story_button(self, preset: Preset) -> widgets.Button:
        button = widgets.Button(description=preset.name, tooltip=preset.story, layout={"width": "auto"})
        button.on_click(lambda _: self._act(lambda: self._tell_story(preset)))
        return button

    def _tell_story(self, preset: Preset) -> None:
        self._begin(preset.recipe)
        self.start()
        self.say(preset.story)

    def _set(self, name: str, moved: dict[str, float]) -> None:
        """A knob was moved."""
        if name not in self._session.seats:
            return
        try:
            self._turn(name, moved)
        except ValueError as error:
            self.say(f"Refused: {error}".replace("--", ""))  # there they are options, here sliders
            (self._knobs if name == MAIN else self._others).show(self._session.seats[name].now)

    def _turn(self, name: str, asked: dict[str, float]) -> None:
        """These settings act from the next step on."""
        seat = self._session.seats[name]
        before = Run(seat.recipe, changes=seat.run.changes)
        step = self._session.set(name, **asked)
        now = seat.now
        (self._knobs if name == MAIN else self._others).show(now)
        if name == MAIN and step:
            self._note(step, before)
        self.say(" ".join(advice for each in now.methods if (advice := each.advice(now.lr))))
        if seat.wish:
            self.say("This run has taken its last step. What you set acts in a new one: press Reset.")
            self._buttons.ask_for_reset()
        elif not step:
            self._setup.recipe = self._session.seats[MAIN].recipe
        self._figure.show_lambda([each.run for each in self._session.seats.values()], self._former)

    def _note(self, step: int, before: Run) -> None:
        """Remember what a change changed; what is dragged moves often, and is one change."""
        now = time.monotonic()
        if self._former is None or (step != self._former[0] and now - self._moved_at > GESTURE):
            self._former = (step, before)
        self._moved_at = now

    def _setup_moved(self) -> None:
        """What a new run begins with was changed: at once where none has begun, else after Reset."""
        try:
            wanted = self._wanted()
        except ValueError as error:
            self.say(f"These do not go together: {error}")
            return
        if self.state == background.NEW and not self.run.history:
            self.say("")
            self._act(lambda: self._begin(wanted))
        else:
            self.say("This acts in a new run: press Reset. (The run that is there goes on as it was begun.)")
            self._buttons.ask_for_reset()

    def _wanted(self) -> Recipe:
        """What the controls ask for, the knobs among them."""
        return self._setup.wanted(self._session.seats[MAIN].now)

    def _act(self, do: Callable[[], object]) -> None:
        """Do what a button asks for; what goes wrong is said in the lab."""
        try:
            do()
        except (ValueError, OSError, RuntimeError) as error:
            self.say(sentence(one_line(error)), passing=True)
        self.refresh()
        self._ticking = watch(self, self._ticking)

    def _went(self) -> None:
        """The run was told to go or to stop: what was said of the moment before is no longer so."""
        if self._passing:
            self.say("")
        self.refresh()
        self._ticking = watch(self, self._ticking)
