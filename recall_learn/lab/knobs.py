"""The live lab's controls, as standard ipywidgets: what acts at once, and what wants a new run."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import ipywidgets as widgets

from recall_learn.lab.background import BUSY, CLOSED, DONE, NEW
from recall_learn.methods.recadam import ALGORITHMS
from recall_learn.runs.recipe import Recipe, knobs
from recall_learn.tasks import glue
from recall_learn.tasks.task import WORLD
from recall_learn.world import tasks

WIDE = {"width": "330px"}
WORDS = {"description_width": "92px"}
FAR = 1e9
"""No slider reaches farther; a browser counts exactly up to a few million times that."""
METHODS = ("recadam", "vanilla", "l2sp", "child-f", "child-d", "recadam+child-d")
NOTHING, PLAIN, OTHER = "nothing", "plain fine-tuning", "setting B"


def ladder(low: float, high: float, marks: Sequence[float] = (1, 2, 3, 5), extra: Sequence[float] = ()) -> list[float]:
    """Numbers that are read easily, about evenly spaced on a logarithmic scale, and ``extra`` in their places."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    steps = {float(f"{mark}e{decade}") for decade in decades for mark in marks}
    return sorted({value for value in steps if low <= value <= high} | {float(value) for value in extra})


def label(value: float) -> str:
    """A number as a slider shows it."""
    return "∞" if value == math.inf else f"{value:g}"


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

    def __init__(self, acts: Mapping[str, Callable[[], Any]], act: Callable[[Callable[[], Any]], None]):
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


class Knobs:
    """k, t0, gamma and lr: sliders that act on a run from its next step on.

    Args:
        recipe: where they stand at first.
        moved: called with the settings that somebody moved.
        name: shown before theirs ("B ").
    """

    def __init__(self, recipe: Recipe, moved: Callable[..., None], name: str = ""):
        self._moved, self._quiet = moved, True
        self.at: dict[str, float] = {"k": 0.1, "t0": 250.0}  # also while they do nothing
        self.k = self._scale(f"{name}k, per step")
        self.t0 = widgets.IntSlider(description=f"{name}t0, steps", min=0, max=1, layout=WIDE, style=WORDS)
        self.gamma = self._scale(f"{name}γ")
        self.lr = self._scale(f"{name}lr")
        for key in ("k", "t0", "gamma", "lr"):
            getattr(self, key).observe(lambda change, key=key: self._tell(key, change["new"]), names="value")
        two = {"flex_flow": "row wrap", "max_width": "700px"}  # a line, so that none stands alone
        self.box = widgets.HBox([self.k, self.t0, self.gamma, self.lr], layout=two)
        self.show(recipe)

    def show(self, recipe: Recipe) -> None:
        """Put the sliders where the recipe has them, and disable those that do nothing in it."""
        self._quiet = True
        self.at |= {name: getattr(recipe, name) for name in self.at if getattr(recipe, name) is not None}
        k, t0 = self.at["k"], self.at["t0"]
        try:
            gamma = 0.0 if recipe.gamma is None else recipe.gamma
            strengths = ladder(1e-3, 1e5, extra=[gamma, 5000, 1000, 100, 0.01])
            for slider, steps, value in (
                (self.k, [0.0, *ladder(1e-4, 1, extra=[k] if 0 < k < math.inf else []), math.inf], k),
                (self.gamma, [0.0, *(g for g in strengths if g > 0)], gamma),
                (self.lr, ladder(1e-6, 1e-2, extra=[recipe.lr]), recipe.lr),
            ):
                wanted = [(label(step), step) for step in steps]
                if tuple(wanted) != tuple(slider.options):
                    slider.options = wanted
                slider.value = value
            self.t0.max = max(recipe.steps, math.ceil(min(t0, FAR)))
            self.t0.value = min(round(t0), self.t0.max)
            able = knobs(recipe)
            for key in ("k", "t0", "gamma", "lr"):
                getattr(self, key).disabled = key not in able
        finally:
            self._quiet = False

    def _scale(self, name: str) -> widgets.SelectionSlider:
        return widgets.SelectionSlider(options=[("0", 0.0)], description=name, layout=WIDE, style=WORDS)

    def _tell(self, key: str, value: float) -> None:
        if not self._quiet:
            self._moved(**{key: float(value)})


class Setup:
    """Backbone, task, method and what else a new run is begun with.

    Args:
        recipe: where they stand at first.
        beside: `NOTHING`, `PLAIN` or `OTHER`.
        backbones: those to choose from.
        moved: called when one was changed.
    """

    NAMES = ("backbone", "task", "method", "algorithm", "init", "warmup", "steps", "batch_size", "seed")

    def __init__(self, recipe: Recipe, beside: str, backbones: Sequence[str], moved: Callable[[], None]):
        self._quiet, self._moved, self.recipe = True, moved, recipe
        number = {"layout": {"width": "240px"}, "style": WORDS}
        self.backbone = widgets.Dropdown(options=list(backbones), description="backbone", **number)
        self.task = widgets.Dropdown(description="task", **number)
        methods = METHODS if recipe.names in METHODS else (*METHODS, recipe.names)
        self.method = widgets.Dropdown(options=methods, description="method", **number)
        self.algorithm = widgets.Dropdown(options=ALGORITHMS, description="algorithm", **number)
        self.init = widgets.Dropdown(options=("pretrained", "random"), description="start", **number)
        self.warmup = widgets.BoundedFloatText(min=0, max=0.99, step=0.05, description="warm-up", **number)
        self.steps = widgets.BoundedIntText(min=1, max=10**6, description="steps", **number)
        self.batch_size = widgets.BoundedIntText(min=1, max=4096, description="batch", **number)
        self.seed = widgets.BoundedIntText(min=0, max=2**32 - 1, description="seed", **number)
        self.beside = widgets.Dropdown(options=(NOTHING, PLAIN, OTHER), description="beside it", **number)
        self._usual = {name: getattr(self, name).max for name in ("warmup", "steps", "batch_size", "seed")}
        controls = [*(getattr(self, name) for name in self.NAMES), self.beside]
        for control in controls:
            control.observe(self._tell, names="value")
        self.box = widgets.Accordion(children=[widgets.HBox(controls, layout={"flex_flow": "row wrap"})])
        self.box.set_title(0, "A new run: backbone, task, method, start, seed (act after Reset)")
        self.show(recipe, beside)

    def show(self, recipe: Recipe, beside: str | None = None) -> None:
        """Put the controls where the recipe has them."""
        self._quiet = True
        try:
            self.recipe, self.backbone.value = recipe, recipe.backbone
            self._offer_tasks(recipe.task)
            for name in self.NAMES[2:]:
                control, value = getattr(self, name), recipe.names if name == "method" else getattr(recipe, name)
                if value is None:  # what does not act stays where it is
                    continue
                if name in self._usual:  # a bound would show, and begin, another value than the recipe's
                    control.max = max(self._usual[name], value)
                control.value = value
            self.beside.value = beside or self.beside.value
        finally:
            self._quiet = False

    def wanted(self) -> Recipe:
        """The recipe that the controls ask for; what they do not show is as before.

        Raises:
            ValueError: the settings do not go together.
        """
        asked = {name: getattr(self, name).value for name in self.NAMES}
        method, algorithm = asked.pop("method"), asked.pop("algorithm")
        if asked["backbone"] != self.recipe.backbone:  # its own rates and strengths, and what it can be asked
            asked |= {"lr": None, "probe": "auto"}
        if asked["steps"] != self.recipe.steps:
            asked["evaluate_every"] = max(1, round(self.recipe.evaluate_every * asked["steps"] / self.recipe.steps))
        wanted = replace(self.recipe, method=method, **asked)
        if asked["backbone"] == self.recipe.backbone:
            wanted = replace(self.recipe.with_methods(method), **asked)
        return wanted if wanted.algorithm is None else replace(wanted, algorithm=algorithm)

    def _offer_tasks(self, chosen: str) -> None:
        small = self.backbone.value == "tiny"
        offered = tuple(f"{WORLD}{name}" for name in tasks.TASKS) if small else tuple(task.name for task in glue.TASKS)
        if self.backbone.value == self.recipe.backbone and self.recipe.task not in offered:
            offered = (*offered, self.recipe.task)
        if tuple(self.task.options) != offered:
            self.task.options = offered
        self.task.value = chosen if chosen in offered else offered[0]

    def _tell(self, change: dict[str, Any]) -> None:
        if self._quiet:
            return
        if change["owner"] is self.backbone:
            self._quiet = True
            self._offer_tasks(self.task.value)
            self._quiet = False
        self._moved()
