"""The live lab's controls, as standard ipywidgets: what acts at once, and what wants a new run.

Those of a method's settings are made of what the method says of them. What does not act is not shown.
"""

import itertools
import math
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

import ipywidgets as widgets

from recall_learn.lab.background import BUSY, CLOSED, DONE, NEW
from recall_learn.methods import METHODS, expression
from recall_learn.methods.method import Method, Setting
from recall_learn.runs.given_fisher import HAS_TO_BE_GIVEN
from recall_learn.runs.recipe import Recipe, knobs
from recall_learn.tasks import glue
from recall_learn.tasks.task import WORLD
from recall_learn.world import tasks

WIDE = {"width": "330px"}
WORDS = {"description_width": "92px"}
FAR = 1e9
"""No slider reaches farther; a browser counts exactly up to a few million times that."""
LR = Setting("the highest learning rate", low=0, open_low=True, log=True, live=True, span=(1e-6, 1e-2))
NOTCHES = 20
"""A slider that is not logarithmic has so many."""
REACH = (1e-6, 1e6)
"""Of a slider whose setting says of no end where it is."""
NOTHING, PLAIN, OTHER = "nothing", expression.PLAIN_TITLE, "setting B"


def ladder(low: float, high: float, marks: Sequence[float] = (1, 2, 3, 5)) -> list[float]:
    """Numbers that are read easily, about evenly spaced on a logarithmic scale."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    steps = {float(f"{mark}e{decade}") for decade in decades for mark in marks}
    return sorted(value for value in steps if low <= value <= high)


def notches(about: Setting, value: float) -> list[float]:
    """Where a slider can stand: over the setting's span, and at its ends and at ``value``, as far as that is right.

    Args:
        about: the setting.
        value: what it is.
    """
    bounded = math.isfinite(about.high - about.low)
    low, high = about.span or ((about.low, about.high) if bounded else REACH)
    if about.log or not (about.span or bounded):
        found = ladder(low, high)
    else:
        found = [float(f"{low + (high - low) * i / NOTCHES:.6g}") for i in range(NOTCHES + 1)]
    return sorted({each for each in (*found, about.low, about.high, math.inf, value) if _right(about, each)})


def _right(about: Setting, value: float) -> bool:
    try:
        about.checked("", value)
    except ValueError:
        return False
    return True


def label(value: float) -> str:
    """A number as a slider shows it."""
    return "∞" if value == math.inf else f"{value:g}"


def caption(key: str, about: Setting) -> str:
    """What a control is called: "γ", "k, per step", "child-d.p"."""
    with suppress(KeyError):
        key = unicodedata.lookup(f"GREEK SMALL LETTER {key.upper()}")
    return f"{key}, {about.unit}" if about.unit else key


def made(kind: type[widgets.Widget], about: Setting, **traits: object) -> widgets.Widget:
    """A widget that tells what it sets to whoever points at it."""
    widget = kind(**traits)
    for name in ("tooltip", "description_tooltip"):  # ipywidgets 8 and 7
        if widget.has_trait(name):
            widget.set_trait(name, about.help)
            break
    return widget


def offered() -> tuple[str, ...]:
    """The methods that the lab offers: none, each that needs no file, and two that take each what the other leaves."""
    alone = [name for name, each in METHODS.items() if not each.needs & HAS_TO_BE_GIVEN]
    taking = [name for name in alone if METHODS[name].slot]
    pairs = (pair for pair in itertools.combinations(taking, 2) if METHODS[pair[0]].slot != METHODS[pair[1]].slot)
    return (expression.PLAIN, *alone, *map("+".join, pairs))


class Buttons:
    """Start, pause, step, reset, save, and the folder to save in.

    Args:
        acts: what each does, by its name.
        act: called with that when it is pressed.
    """

    LOOKS = (
        ("Start", "play", "Train, or go on"),
        ("Pause", "pause", "Stop after the step in progress"),
        ("Step", "step-forward", "Take one step"),
        ("Reset", "refresh", "Give this run up, and begin anew as the controls say"),
        ("Save run", "save", "Write the run and its checkpoints to the folder at the right"),
    )

    def __init__(self, acts: Mapping[str, Callable[[], object]], act: Callable[[Callable[[], object]], None]):
        self._buttons = {}
        for name, icon, tip in self.LOOKS:
            button = widgets.Button(description=name, icon=icon, tooltip=tip, layout={"width": "105px"})
            button.on_click(lambda _, name=name: act(acts[name]))
            self._buttons[name] = button
        self.place = widgets.Text(value="runs/lab", placeholder="a new folder", layout={"width": "160px"})
        self.box = widgets.HBox([*self._buttons.values(), self.place], layout={"flex_flow": "row wrap"})

    def enable(self, state: str, begun: bool) -> None:
        """Disable those that do nothing.

        Args:
            state: of the session.
            begun: whether there is anything of the run.
        """
        buttons = self._buttons
        buttons["Start"].disabled = buttons["Step"].disabled = state in (*BUSY, DONE, CLOSED)
        buttons["Pause"].disabled = state not in BUSY
        buttons["Save run"].disabled = not begun
        buttons["Reset"].disabled = state == CLOSED
        if state == NEW and not begun:
            buttons["Reset"].button_style = ""

    def ask_for_reset(self) -> None:
        """Something was moved that acts after Reset only."""
        self._buttons["Reset"].button_style = "warning"


class Controls:
    """Widgets of settings, each made when it is first needed, in a box that shows those that act.

    Args:
        make: makes the widget of a setting, of its name, what is known of it, and its value.
        moved: called with the setting's name and the new value when somebody has moved one.
    """

    def __init__(
        self, make: Callable[[str, Setting, float | str], widgets.Widget], moved: Callable[[str, float | str], None]
    ):
        self._make, self._moved, self._quiet = make, moved, True
        self._made: dict[tuple[str, Setting], widgets.Widget] = {}  # two methods may have settings of one name

    def show(self, settings: Mapping[str, Setting], values: Mapping[str, float | str]) -> list[widgets.Widget]:
        """All that were made, in the order of ``settings``; those that are none of these are hidden."""
        self._quiet = True
        try:
            for key, about in settings.items():
                if (key, about) not in self._made:
                    self._made[key, about] = control = self._make(key, about, values[key])
                    control.observe(lambda change, key=key: self._tell(key, change["new"]), names="value")
            self.acting = {key: self._made[key, about] for key, about in settings.items()}
            hidden = [each for each in self._made.values() if each not in self.acting.values()]
            for each in self._made.values():
                each.layout.display = "none" if each in hidden else None
            return [*self.acting.values(), *hidden]
        finally:
            self._quiet = False

    def put(self, key: str, **traits: object) -> None:
        """Change what a control shows, which moves nothing."""
        self._quiet = True
        try:
            for name, value in traits.items():
                setattr(self.acting[key], name, value)
        finally:
            self._quiet = False

    def _tell(self, key: str, value: float | str) -> None:
        if not self._quiet:
            self._moved(key, value)


class Knobs:
    """Sliders that act on a run from its next step on: of the live settings of its methods, and of lr.

    Args:
        recipe: where they stand at first.
        moved: called with the settings that somebody moved.
        name: shown before theirs ("B ").
    """

    def __init__(self, recipe: Recipe, moved: Callable[..., None], name: str = ""):
        self._name = name
        self._sliders = Controls(self._slider, lambda key, value: moved(**{key: float(value)}))
        # two a line, so that none stands alone
        self.box = widgets.HBox(layout={"flex_flow": "row wrap", "max_width": "700px"})
        self.show(recipe)

    def show(self, recipe: Recipe) -> None:
        """Put the sliders where the recipe has them, and show those that act in it."""
        known = {**expression.settings(recipe.methods), "lr": LR}
        acting = {key: known[key] for key in knobs(recipe)}
        values = {key: getattr(recipe, key) for key in acting}
        sliders = tuple(self._sliders.show(acting, values))
        if sliders != self.box.children:
            self.box.children = sliders
        for key, about in acting.items():
            if about.unit == "steps":
                most = max(recipe.steps, math.ceil(min(values[key], FAR)))
                self._sliders.put(key, max=most, value=min(round(values[key]), most))
                continue
            wanted = tuple((label(notch), notch) for notch in notches(about, values[key]))
            if wanted != tuple(self._sliders.acting[key].options):
                self._sliders.put(key, options=wanted)
            self._sliders.put(key, value=values[key])

    def _slider(self, key: str, about: Setting, value: float) -> widgets.Widget:
        looks = {"description": self._name + caption(key, about), "layout": WIDE, "style": WORDS}
        if about.unit == "steps":
            return made(widgets.IntSlider, about, min=0, max=1, **looks)
        return made(widgets.SelectionSlider, about, options=[(label(value), value)], **looks)


class Setup:
    """Backbone, task, method and what else a new run is begun with.

    Args:
        recipe: where they stand at first.
        beside: `NOTHING`, `PLAIN` or `OTHER`.
        backbones: those to choose from.
        moved: called when one was changed.
    """

    NAMES = ("backbone", "task", "method", "init", "warmup", "steps", "batch_size", "seed")
    LOOKS = {"layout": {"width": "240px"}, "style": WORDS}  # noqa: RUF012 read only

    def __init__(self, recipe: Recipe, beside: str, backbones: Sequence[str], moved: Callable[[], None]):
        self._quiet, self._moved, self.recipe, looks = True, moved, recipe, self.LOOKS
        self._seen: dict[str, Method] = {}  # the settings of a method that was chosen before
        self.backbone = widgets.Dropdown(options=list(backbones), description="backbone", **looks)
        self.task = widgets.Dropdown(description="task", **looks)
        self.method = widgets.Dropdown(options=offered(), description="method", **looks)
        self.init = widgets.Dropdown(options=("pretrained", "random"), description="start", **looks)
        self.warmup = widgets.BoundedFloatText(min=0, max=0.99, step=0.05, description="warm-up", **looks)
        self.steps = widgets.BoundedIntText(min=1, max=10**6, description="steps", **looks)
        self.batch_size = widgets.BoundedIntText(min=1, max=4096, description="batch", **looks)
        self.seed = widgets.BoundedIntText(min=0, max=2**32 - 1, description="seed", **looks)
        self.beside = widgets.Dropdown(options=(NOTHING, PLAIN, OTHER), description="beside it", **looks)
        self._usual = {name: getattr(self, name).max for name in ("warmup", "steps", "batch_size", "seed")}
        for control in (*(getattr(self, name) for name in self.NAMES), self.beside):
            control.observe(self._tell, names="value")
        self._fields = Controls(self._field, lambda key, value: self._tell({"owner": None}))
        self._row = widgets.HBox(layout={"flex_flow": "row wrap"})
        self.box = widgets.Accordion(children=[self._row])
        self.box.set_title(0, "A new run: backbone, task, method, start, seed (act after Reset)")
        self.show(recipe, beside)

    def show(self, recipe: Recipe, beside: str | None = None) -> None:
        """Put the controls where the recipe has them."""
        self._quiet = True
        try:
            if recipe.backbone != self.recipe.backbone:  # which may want other strengths
                self._seen = {}
            self.recipe, self.backbone.value = recipe, recipe.backbone
            self._offer_tasks(recipe.task)
            if recipe.names not in self.method.options:
                self.method.options = (*self.method.options, recipe.names)
            for name in self.NAMES[2:]:
                control, value = getattr(self, name), recipe.names if name == "method" else getattr(recipe, name)
                if name in self._usual:  # a bound would show, and begin, another value than the recipe's
                    control.max = max(self._usual[name], value)
                control.value = value
            self._remember(recipe.methods)
            self._offer_settings()
            self.beside.value = beside or self.beside.value
        finally:
            self._quiet = False

    def wanted(self, now: Recipe) -> Recipe:
        """The recipe that the controls ask for; what they do not show is as before.

        Args:
            now: the run's, with what the sliders have set.

        Raises:
            ValueError: the settings do not go together.
        """
        asked = {name: getattr(self, name).value for name in self.NAMES}
        if asked["steps"] != self.recipe.steps:
            asked["evaluate_every"] = max(1, round(self.recipe.evaluate_every * asked["steps"] / self.recipe.steps))
        self._remember(now.methods, live=True)
        fields = {key: field.value for key, field in self._fields.acting.items()}
        methods, asked["lr"] = expression.changed(self._chosen(), fields), now.lr
        self._remember(methods)
        if asked["backbone"] != self.recipe.backbone:  # its own rates and strengths, and what it can be asked
            methods = expression.changed((type(each)() for each in methods), fields)
            asked |= {"lr": None, "probe": "auto"}
        return replace(self.recipe, **{**asked, "method": expression.written(methods)})

    def _remember(self, methods: Iterable[Method], live: bool = False) -> None:
        """Keep their settings, or of those that are kept the ``live`` ones alone, for when they are chosen again."""
        for each in methods:
            values = {key: value for key, value in each.values().items() if not live or each.settings()[key].live}
            self._seen[each.name] = replace(self._seen.get(each.name, each), **values)

    def _chosen(self) -> tuple[Method, ...]:
        """The methods that are chosen, as they were when that was so before."""
        bare = (each.resolved(self.recipe.lr) for each in expression.parse(self.method.value, METHODS))
        return tuple(self._seen.get(each.name, each) for each in bare)

    def _offer_settings(self) -> None:
        """Show a field for each setting of the chosen methods that a run cannot change."""
        methods = self._chosen()
        settings = {key: about for key, about in expression.settings(methods).items() if not about.live}
        places = {key: methods[expression.owner(methods, key)] for key in settings}
        values = {key: getattr(method, key.rpartition(".")[2]) for key, method in places.items()}
        fields = self._fields.show(settings, values)
        for key, value in values.items():
            self._fields.put(key, value=value)
        first, rest = self.NAMES[:3], self.NAMES[3:]
        controls = [*(getattr(self, name) for name in first), *fields, *(getattr(self, name) for name in rest)]
        self._row.children = [*controls, self.beside]

    def _field(self, key: str, about: Setting, value: float | str) -> widgets.Widget:
        looks = {"description": caption(key, about), **self.LOOKS}
        if about.choices:
            return made(widgets.Dropdown, about, options=about.choices, **looks)
        return made(widgets.IntText if about.whole else widgets.FloatText, about, **looks)

    def _offer_tasks(self, chosen: str) -> None:
        small = self.backbone.value == "tiny"
        offered = tuple(f"{WORLD}{name}" for name in tasks.TASKS) if small else tuple(task.name for task in glue.TASKS)
        if self.backbone.value == self.recipe.backbone and self.recipe.task not in offered:
            offered = (*offered, self.recipe.task)
        if tuple(self.task.options) != offered:
            self.task.options = offered
        self.task.value = chosen if chosen in offered else offered[0]

    def _tell(self, change: Mapping[str, object]) -> None:
        if self._quiet:
            return
        self._quiet = True
        try:
            if change["owner"] is self.backbone:
                self._offer_tasks(self.task.value)
            if change["owner"] is self.method:
                self._offer_settings()
        finally:
            self._quiet = False
        self._moved()
