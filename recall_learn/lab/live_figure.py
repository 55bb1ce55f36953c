"""The live lab's figure: six small charts over the steps of a run that is still growing, and of one beside it.

Each refresh reads what is new and sends a few hundred numbers. The curve of the losses is thinned for display: at most
`MOST` points, each the mean of as many steps; the run itself keeps them all.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from recall_learn import glue
from recall_learn.annealing import Sigmoid
from recall_learn.lab.figures import GREY, PALETTE
from recall_learn.recipe import Recipe
from recall_learn.runs import Run

MOST = 200
TITLES = {
    "lambda": "λ(t), weight of the task",
    "loss": "target loss, nats",
    "distance": "distance to the pretrained weights",
    "score": "dev score",
    "source_loss": "source loss, nats a hidden word",
    "facts": "share of the facts known",
    "similarity": "zero-shot STS-B (Spearman)",
    "recovery": "pretraining steps to come back",
}
LOOKS = ({"color": PALETTE[0], "width": 2.5}, {"color": PALETTE[1], "width": 2, "dash": "dash"})


class Thinned:
    """A long column, shortened as it grows: means of 1, then 2, then 4, ... steps."""

    def __init__(self, most: int = MOST):
        self.most = most
        self.clear()

    def clear(self) -> None:
        """Begin anew."""
        self.seen, self.width, self._bins = 0, 1, []

    def read(self, history: Sequence[dict[str, Any]], name: str) -> tuple[list[float], list[float]]:
        """Steps and values, what has come since the last reading included."""
        if len(history) < self.seen:  # it went back to a checkpoint
            self.clear()
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


def panels(evaluation: dict[str, Any] | None) -> list[str]:
    """The charts of a run: those of every run, and one for each thing that its evaluations ask."""
    asked = [name for name in ("source_loss", "facts", "similarity", "recovery") if name in (evaluation or {})]
    return ["lambda", "loss", "distance", "score", *asked]


def measured(run: Run, name: str) -> tuple[list[int], list[float | None]]:
    """Steps and values of one chart that is drawn from the evaluations."""
    primary = glue.named(run.recipe.task).primary
    take = {"score": lambda e: e["metrics"][primary], "facts": lambda e: e["facts"]["known"]}.get(
        name, lambda e: e[name]
    )
    there = [e for e in run.evaluations if name not in TITLES or name in e or name == "score"]
    return [e["step"] for e in there], [take(e) for e in there]


def schedule(recipe: Recipe, t: np.ndarray) -> np.ndarray:
    """Lambda of a recipe; 1 where it has none."""
    return Sigmoid(recipe.k, recipe.t0)(t) if recipe.pull == "recadam" else np.ones(len(t))


class LiveFigure:
    """The figure as a widget, and what is drawn in it.

    Args:
        recipe: of the run.
        names: of the run, and of the one beside it where there is one.
        shown: the charts, see `panels`.
    """

    def __init__(self, recipe: Recipe, names: Sequence[str], shown: Sequence[str]):
        self.shown, self.names, self.steps = list(shown), list(names), recipe.steps
        columns = 3
        rows = -(-len(self.shown) // columns)
        figure = make_subplots(
            rows=rows,
            cols=columns,
            subplot_titles=[TITLES[name] for name in self.shown],
            vertical_spacing=0.16,
            horizontal_spacing=0.07,
        )
        self._place, self._traces, self._thin = {}, {}, [Thinned() for _ in self.names]
        for i, chart in enumerate(self.shown):
            self._place[chart] = {"row": i // columns + 1, "col": i % columns + 1}
            self._add_chart(figure, chart)
        figure.update_layout(
            template="none",
            height=120 + 230 * rows,
            margin={"l": 48, "r": 16, "t": 64, "b": 40},
            font={"family": "system-ui, sans-serif", "size": 12, "color": GREY},
            paper_bgcolor="rgba(0,0,0,0)",
            plot_bgcolor="rgba(0,0,0,0)",
            legend={"orientation": "h", "x": 0, "y": 1.06, "yanchor": "bottom"},
            hovermode="x",
        )
        figure.update_annotations(font_size=13)
        figure.update_xaxes(range=[0, self.steps], gridcolor="rgba(128,128,128,0.25)", zeroline=False)
        figure.update_yaxes(gridcolor="rgba(128,128,128,0.25)", zeroline=False, exponentformat="power")
        figure.update_yaxes(range=[-0.04, 1.04], **self._place["lambda"])
        if "facts" in self.shown:
            figure.update_yaxes(range=[-0.04, 1.04], **self._place["facts"])
        self.widget = go.FigureWidget(figure)

    def _add_chart(self, figure: go.Figure, chart: str) -> None:
        for which, name in enumerate(self.names):
            look = {"line": LOOKS[which], "legendgroup": name, "showlegend": chart == "loss", "name": name}
            marks = "lines" if chart in ("lambda", "loss") else "lines+markers"
            self._add(figure, chart, f"{chart} {which}", mode=marks, **look)
        if chart == "lambda":
            ahead = {**LOOKS[0], "width": 1.5}
            self._add(figure, chart, "ahead", mode="lines", line=ahead, showlegend=False, name="from here on")
            ghost = {"color": GREY, "width": 1.5, "dash": "dot"}
            self._add(figure, chart, "ghost", mode="lines", line=ghost, name="without the last change", showlegend=True)
            mark = {"color": PALETTE[0], "size": 11}
            self._add(figure, chart, "now", mode="markers", marker=mark, showlegend=False, name="now")

    def _add(self, figure: go.Figure, chart: str, key: str, **look: Any) -> None:
        self._traces[key] = len(figure.data)
        figure.add_scatter(x=[], y=[], **look, **self._place[chart])

    def draw(self, key: str, x: Sequence[float], y: Sequence[float]) -> None:
        """Put values under one curve; arrays, which are sent as they are."""
        trace = self.widget.data[self._traces[key]]
        trace.x, trace.y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)

    def show_runs(self, runs: Sequence[Run]) -> None:
        """Draw what the runs have recorded."""
        with self.widget.batch_update():
            for which, run in enumerate(runs):
                self.draw(f"loss {which}", *self._thin[which].read(run.history, "loss"))
                for chart in self.shown[2:]:
                    x, y = measured(run, chart)
                    self.draw(f"{chart} {which}", x, [np.nan if value is None else value for value in y])

    def show_lambda(self, runs: Sequence[Run], nows: Sequence[Recipe], former: tuple[int, Recipe] | None) -> None:
        """Draw lambda: what was, from the records; what will be, from the settings; what would have been.

        Args:
            runs: the run, and the one beside it.
            nows: their recipes as they stand.
            former: the step of the last change, and the recipe before it.
        """
        with self.widget.batch_update():
            for which, (run, recipe) in enumerate(zip(runs, nows, strict=True)):
                past = run.history[:: max(1, len(run.history) // MOST)]
                x, y = [r["step"] for r in past], [r["lambda"] for r in past]
                t = self._ahead(len(run.history))
                if which == 0:
                    self.draw("lambda 0", x, y)
                    self.draw("ahead", t, schedule(recipe, t))
                    at = len(run.history) or 1
                    self.draw("now", [at], [y[-1] if y else schedule(recipe, np.array([at]))[0]])
                else:
                    self.draw("lambda 1", [*x, *t], [*y, *schedule(recipe, t)])
            t = self._ahead(former[0] - 1) if former else np.array([])
            self.draw("ghost", t, schedule(former[1], t) if former else t)

    def _ahead(self, done: int) -> np.ndarray:
        return np.unique(np.linspace(done + 1, self.steps, 120).round()) if done < self.steps else np.array([])
