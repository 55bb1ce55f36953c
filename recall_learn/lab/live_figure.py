"""The live lab's figure: six small charts over the steps of a run that is still growing, and of one beside it.

Each look reads what is new and sends a few hundred numbers. The curve of the losses is thinned for display: at most
`MOST` points, each the mean of as many steps; the run itself keeps them all.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from recall_learn.figures.plots import AXIS, GREY, PALETTE
from recall_learn.runs import steering
from recall_learn.runs.recipe import Recipe
from recall_learn.runs.record import Run
from recall_learn.support import markup
from recall_learn.support.reading import Json

MOST = 200
TITLES = {
    "lambda": "λ(t), weight of the task",
    "loss": "target loss, nats",
    "distance": "distance to pretrained weights",
    "score": "dev score",
    "source_loss": "source loss, nats a hidden word",
    "facts": "share of the facts known",
    "similarity": "zero-shot STS-B (Spearman)",
    "recovery": "pretraining steps to come back",
}
FIXED = ("lambda", "loss", "distance", "score")
LOOKS = ({"color": PALETTE[0], "width": 2.5}, {"color": PALETTE[1], "width": 2, "dash": "dash"})

Curve = tuple[Sequence[float], Sequence[float]]
"""Steps and values."""


class Thinned:
    """A long column, shortened as it grows: means of 1, then 2, then 4, ... steps."""

    def __init__(self, most: int = MOST):
        self.most, self._of = most, None
        self.clear()

    def clear(self) -> None:
        """Begin anew."""
        self.seen, self.width, self._bins = 0, 1, []

    def read(self, history: Sequence[dict[str, float]], name: str) -> tuple[list[float], list[float]]:
        """Steps and values, what has come since the last reading included; of another list, all of it.

        A history only grows. A run that goes back to a checkpoint has a new one, which may soon be as long.
        """
        if history is not self._of:
            self.clear()
            self._of = history
        for record in history[self.seen :]:
            if self._bins and self._bins[-1][0] < self.width:
                last = self._bins[-1]
                self._bins[-1] = (last[0] + 1, last[1] + record["step"], last[2] + record[name])
            else:
                self._bins.append((1, record["step"], record[name]))
            self.seen += 1
            if len(self._bins) > self.most:
                pairs = zip(self._bins[::2], [*self._bins[1::2], (0, 0, 0)], strict=False)
                self._bins = [tuple(a + b for a, b in zip(*pair, strict=True)) for pair in pairs]
                self.width *= 2
        return [x / n for n, x, _ in self._bins], [y / n for n, _, y in self._bins]


def asked(evaluation: Mapping[str, Json]) -> list[str]:
    """What the last two charts show: the first two things that the evaluations ask about the pretraining."""
    return [name for name in ("source_loss", "facts", "similarity", "recovery") if name in evaluation][:2]


def measured(run: Run, name: str) -> tuple[list[int], list[float | None]]:
    """Steps and values of one chart that is drawn from the evaluations."""
    take = {"score": lambda e: e["metrics"][run.primary], "facts": lambda e: e["facts"]["known"]}.get(
        name, lambda e: e[name]
    )
    there = [e for e in run.evaluations if name == "score" or name in e]
    return [e["step"] for e in there], [take(e) for e in there]


def schedule(run: Run, steps: np.ndarray, skipped: Sequence[int] = ()) -> np.ndarray:
    """Lambda at these steps, by a run's recipe and its changes, those to come included; 1 where it has none.

    Its t counts updates, so not the steps that were ``skipped`` before.
    """
    t, lam = steps - np.searchsorted(skipped, steps), np.ones(len(steps))
    if not len(steps):
        return lam
    for first in (steps[0], *(change["step"] for change in steering.ahead(run, steps[0]))):
        now, here = steering.at(run.recipe, run.changes, first), steps >= first
        for method in now.methods:
            lam[here] = method.ahead(t[here]).get("lambda", lam[here])
    return lam


class _Figure(go.FigureWidget):
    """A figure that tells a tab that opens later what it has become; plotly's own tells what it was made as."""

    def get_state(self, key: object = None, drop_defaults: bool = False) -> dict[str, object]:
        """The state for the page, see ipywidgets."""
        state = super().get_state(key, drop_defaults)
        for name, own in (("_widget_data", "_data"), ("_widget_layout", "_layout")):
            if name in state and own in vars(self):  # the first state goes out before the figure is there
                state[name] = self.trait_metadata(name, "to_json")(vars(self)[own], self)
        return state


class LiveFigure:
    """The figure as a widget. It is made once, with six charts and two runs; `begin` says what they are of.

    Each chart has a curve of the run and one of the run beside it; that of lambda also has what is ahead, what would
    have been without the last change, and now.
    """

    def __init__(self):
        figure = make_subplots(
            rows=2, cols=3, subplot_titles=list("abcdef"), vertical_spacing=0.17, horizontal_spacing=0.07
        )
        self._traces: dict[str, int] = {}
        for place, chart in enumerate((*FIXED, "5", "6")):
            for which, look in enumerate(LOOKS):
                marks = "lines" if chart in ("lambda", "loss") else "lines+markers"
                shown = {"legendgroup": which, "showlegend": chart == "loss"}
                self._add(figure, place, f"{chart} {which}", mode=marks, line=look, **shown)
        ahead, ghost = {**LOOKS[0], "width": 1.5}, {"color": GREY, "width": 1.5, "dash": "dot"}
        self._add(figure, 0, "ahead", mode="lines", line=ahead, showlegend=False, name="from here on")
        self._add(figure, 0, "ghost", mode="lines", line=ghost, name="without the last change")
        now = {"color": PALETTE[0], "size": 11}
        self._add(figure, 0, "now", mode="markers", marker=now, showlegend=False, name="now")
        figure.update_layout(
            template="none",
            autosize=True,
            height=530,
            margin={"l": 48, "r": 16, "t": 64, "b": 40},
            font={"family": "system-ui, sans-serif", "size": 12, "color": GREY},
            paper_bgcolor="rgba(0,0,0,0)",
            plot_bgcolor="rgba(0,0,0,0)",
            legend={"orientation": "h", "x": 0, "y": 1.06, "yanchor": "bottom"},
            hovermode="x",
        )
        figure.update_annotations(font_size=13)
        figure.update_xaxes(**AXIS)
        figure.update_yaxes(rangemode="tozero", **AXIS)
        figure.update_yaxes(range=[-0.04, 1.04], row=1, col=1)
        self.widget = _Figure(figure)
        self.widget._config = {**self.widget._config, "responsive": True, "displayModeBar": False}
        self._thin = [Thinned() for _ in LOOKS]
        self._drawn: dict[str, Curve] = {}
        self.charts: list[str] = list(FIXED)

    def _add(self, figure: go.Figure, place: int, key: str, **look: object) -> None:
        self._traces[key] = len(figure.data)
        figure.add_scatter(x=[], y=[], row=place // 3 + 1, col=place % 3 + 1, **look)

    def begin(self, recipe: Recipe, names: Sequence[str], last: Sequence[str]) -> None:
        """Name the charts and the curves for a new run, and empty them.

        Args:
            recipe: of the run.
            names: of the run, and of the one beside it where there is one.
            last: what the last two charts show, see `asked`.
        """
        self.charts, self.steps = [*FIXED, *last], recipe.steps
        for thin in self._thin:
            thin.clear()
        layout = self.widget.layout
        with self.widget.batch_update():
            for place in range(6):
                number = "" if place == 0 else str(place + 1)
                there = place < len(self.charts)
                layout.annotations[place].text = TITLES[self.charts[place]] if there else ""
                room = 0.03 * self.steps  # for whole dots at the first and the last step
                layout[f"xaxis{number}"].update(range=[-room, self.steps + room], visible=there)
                layout[f"yaxis{number}"].visible = there
            for key, index in self._traces.items():
                trace = self.widget.data[index]
                trace.x, trace.y = self._drawn[key] = np.array([]), np.array([])
                if key[-1] in "01":
                    name = "".join(names[int(key[-1]) :][:1])
                    trace.name, trace.visible = markup.plotly(name), bool(name)

    def show(self, runs: Sequence[Run], former: tuple[int, Run] | None) -> None:
        """Draw what the runs have recorded, and lambda.

        Args:
            runs: the run, and the one beside it.
            former: the step of the last change, and a run with the recipe and the changes before it.
        """
        self._draw(self._recorded(runs) | self._lambda(runs, former))

    def show_lambda(self, runs: Sequence[Run], former: tuple[int, Run] | None) -> None:
        """Draw lambda alone; see `show`."""
        self._draw(self._lambda(runs, former))

    def _draw(self, curves: Mapping[str, Curve]) -> None:
        """Send those that are new in one message, as arrays, which travel as they are."""
        new = {}
        for key, values in curves.items():
            x, y = (np.asarray(each, dtype=np.float64) for each in values)
            before = self._drawn[key]
            if not (np.array_equal(x, before[0]) and np.array_equal(y, before[1], equal_nan=True)):
                new[key] = (x, y)
        if new:  # by plotly_update, as they are arrays already: an assignment has each looked at by a validator
            x, y = zip(*new.values(), strict=True)
            self.widget.plotly_update({"x": [*x], "y": [*y]}, trace_indexes=[self._traces[key] for key in new])
            self._drawn |= new

    def _recorded(self, runs: Sequence[Run]) -> dict[str, Curve]:
        curves = {}
        for which, run in enumerate(runs):
            curves[f"loss {which}"] = self._thin[which].read(run.history, "loss")
            for chart, key in zip(self.charts[2:], ("distance", "score", "5", "6"), strict=False):
                x, y = measured(run, chart)
                curves[f"{key} {which}"] = x, [np.nan if value is None else value for value in y]
        return curves

    def _lambda(self, runs: Sequence[Run], former: tuple[int, Run] | None) -> dict[str, Curve]:
        """What was, from the records; what will be, from the settings; what would have been."""
        curves = {}
        for which, run in enumerate(runs):
            past = run.history[:: max(1, len(run.history) // MOST)]
            x, y = [r["step"] for r in past], [r["lambda"] for r in past]
            steps = self._ahead(len(run.history))
            ahead = schedule(run, steps, run.skipped)
            if which == 0:
                at = len(run.history) or 1
                now = y[-1] if y else schedule(run, np.array([at]))[0]
                curves |= {"lambda 0": (x, y), "ahead": (steps, ahead), "now": ([at], [now])}
            else:
                curves["lambda 1"] = [*x, *steps], [*y, *ahead]
        steps = self._ahead(former[0] - 1) if former else np.array([])
        curves["ghost"] = steps, schedule(former[1], steps, runs[0].skipped) if former else steps
        return curves

    def _ahead(self, done: int) -> np.ndarray:
        return np.unique(np.linspace(done + 1, self.steps, 120).round()) if done < self.steps else np.array([])
