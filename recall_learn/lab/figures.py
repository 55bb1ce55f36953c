"""The book's figures: plotly, one claim each, one look.

A builder takes plain numbers and returns a ``plotly.graph_objects.Figure``. It trains nothing and reads no file, so a
figure can be tested without drawing it.
"""

import textwrap
from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from recall_learn.annealing import Sigmoid

# Okabe and Ito's palette without its black and its yellow: each hue shows on a white page and on a dark one.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
GREY = "#808080"


def style(fig: go.Figure, claim: str, alt: str) -> go.Figure:
    """Give ``fig`` the book's look, its claim as the title, and its text alternative; returns ``fig``.

    Args:
        fig: the figure, changed in place.
        claim: the one thing that the figure shows, as a sentence.
        alt: what there is to see, for a reader who cannot see it: axes, curves, how they lie, the figures that matter.

    Raises:
        ValueError: ``claim`` or ``alt`` is empty.
    """
    for name, text in (("claim", claim), ("alt", alt)):
        if not text.strip():
            raise ValueError(f"{name} is empty; a figure states one claim and has a text alternative")
    fig.update_layout(
        title={
            "text": "<br>".join(textwrap.wrap(claim, 60)),
            "x": 0,
            "y": 0.98,
            "yanchor": "top",
            "font": {"size": 17},
        },
        meta={"claim": claim, "alt": alt},
        template="none",
        colorway=PALETTE,
        font={"family": "system-ui, sans-serif", "size": 14, "color": GREY},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        height=420,
        margin={"l": 64, "r": 16, "t": 88, "b": 64},
        legend={"orientation": "h", "x": 0, "y": 1, "yanchor": "bottom", "itemclick": "toggle"},
        hovermode="x unified",
    )
    fig.update_xaxes(automargin=True, title_standoff=8, gridcolor="rgba(128,128,128,0.25)", zeroline=False)
    fig.update_yaxes(automargin=True, gridcolor="rgba(128,128,128,0.25)", zeroline=False)
    return fig


def slider(
    name: str,
    labels: Sequence[str],
    curves: Sequence[Sequence[Sequence[float]]],
    active: int = 0,
    across: Sequence[Sequence[Sequence[float]]] | None = None,
) -> dict:
    """A slider that puts other values under the figure's curves; give a list of them to ``layout.sliders``.

    Args:
        name: what moves, shown before the value ("k = ").
        labels: the value's text at each of the slider's stops.
        curves: for each stop, for each of the figure's traces, its y values.
        active: the stop that the figure starts with.
        across: the same for the x values; None leaves them as they are.
    """
    # plain lists: plotly encodes arrays in the traces only, and would not decode them here
    updates = [{"y": [np.round(y, 6).tolist() for y in ys]} for ys in curves]
    if across is not None:
        for update, xs in zip(updates, across, strict=True):
            update["x"] = [np.round(x, 6).tolist() for x in xs]
    steps = [
        {"label": label, "method": "restyle", "args": [update]} for label, update in zip(labels, updates, strict=True)
    ]
    return {"active": active, "currentvalue": {"prefix": name}, "pad": {"t": 56}, "steps": steps}


def lambda_curve(
    ks: Sequence[float] = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5),
    t0s: Sequence[float] = (100, 250, 500, 1000),
    steps: int = 1500,
) -> go.Figure:
    """Lambda(t) of the sigmoid schedule: one curve for each ``t0``, a slider over ``k``.

    Args:
        ks: the rates that the slider stops at, per step.
        t0s: the steps at which both losses weigh the same, at most six.
        steps: the last t shown.
    """
    t = np.unique(np.linspace(1, steps, 301).round())
    curves = [[Sigmoid(k, t0)(t) for t0 in t0s] for k in ks]
    active = len(ks) // 2
    fig = go.Figure()
    for i, t0 in enumerate(t0s):
        line = {"color": PALETTE[i], "dash": DASHES[i], "width": 2.5}
        fig.add_scatter(x=t, y=curves[active][i], name=f"t<sub>0</sub> = {t0:g}", line=line)
    fig.update_layout(sliders=[slider("k = ", [f"{k:g}" for k in ks], curves, active)])
    fig.update_xaxes(title="t, the optimizer's updates (steps)")
    fig.update_yaxes(title="λ(t), weight of the task", range=[-0.02, 1.02])
    return style(
        fig,
        claim="k says how fast the task takes over, t0 says when",
        alt=f"Lambda against the optimizer's update count t from 1 to {steps}, one S-shaped curve for each t0 in "
        f"{', '.join(f'{t0:g}' for t0 in t0s)}. Each crosses one half at t = t0. A slider sets k from {min(ks):g}, "
        f"where the curves rise slowly and start well above zero, to {max(ks):g}, where they are steps.",
    )


def over_time(
    curves: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    y_title: str,
    claim: str,
    alt: str,
    x_title: str = "t, the optimizer's updates (steps)",
    log: str = "",
) -> go.Figure:
    """One quantity along training, a curve for each run; a click on a name hides its curve.

    Args:
        curves: ``name -> (steps, values)``; at most six.
        y_title: what is measured, and its unit.
        claim: as in `style`.
        alt: as in `style`.
        x_title: what it is measured along, where that is not training.
        log: the axes that are logarithmic, "x", "y" or "xy".
    """
    fig = go.Figure()
    for (name, (steps, values)), look in zip(curves.items(), _looks(len(curves)), strict=True):
        fig.add_scatter(x=list(steps), y=list(values), name=name, mode="lines+markers", **look)
    fig.update_xaxes(title=x_title, type="log" if "x" in log else "linear")
    fig.update_yaxes(title=y_title, type="log" if "y" in log else "linear")
    return style(fig, claim, alt)


def frontier(
    settings: Mapping[str, Mapping[str, tuple[Sequence[float], Sequence[float]]]],
    x_title: str,
    y_title: str,
    claim: str,
    alt: str,
) -> go.Figure:
    """What was gained against what was kept at the end, a point a setting: its median, and bars over all its seeds.

    Args:
        settings: ``method -> setting -> (gained, kept)``, one number a seed; at most six methods. The settings of a
            method are joined in their order.
        x_title: what was gained.
        y_title: what was kept.
        claim: as in `style`.
        alt: as in `style`.
    """
    fig = go.Figure()
    for (method, points), look in zip(settings.items(), _looks(len(settings)), strict=True):
        axes = []
        for values in zip(*points.values(), strict=True):
            middle = [float(np.median(v)) for v in values]
            above = [max(v) - m for v, m in zip(values, middle, strict=True)]
            below = [m - min(v) for v, m in zip(values, middle, strict=True)]
            axes.append((middle, {"array": above, "arrayminus": below, "thickness": 1, "width": 3}))
        (x, across), (y, along) = axes
        hover = f"{method}, %{{text}}: %{{x:.3f}}, %{{y:.3f}}<extra></extra>"
        fig.add_scatter(
            x=x, y=y, error_x=across, error_y=along, name=method, mode="lines+markers",
            text=list(points), hovertemplate=hover, **look,
        )  # fmt: skip
    fig.update_xaxes(title=x_title)
    fig.update_yaxes(title=y_title)
    return style(fig, claim, alt).update_layout(hovermode="closest")


def tradeoff(
    paths: Mapping[str, tuple[Sequence[float], Sequence[float], Sequence[float]]],
    x_title: str,
    y_title: str,
    claim: str,
    alt: str,
) -> go.Figure:
    """What was gained against what was kept: each run's way through the plane, as far as the slider's step.

    Args:
        paths: ``name -> (steps, gained, kept)``; at most six.
        x_title: what was gained.
        y_title: what was kept.
        claim: as in `style`.
        alt: as in `style`.
    """
    steps = sorted({step for path in paths.values() for step in path[0]})
    fig = go.Figure()
    for (name, (_, gained, kept)), look in zip(paths.items(), _looks(len(paths)), strict=True):
        fig.add_scatter(x=list(gained), y=list(kept), name=name, mode="lines+markers", **look)
    passed = [[sum(step <= stop for step in path[0]) for path in paths.values()] for stop in steps]
    gained = [[path[1][:n] for path, n in zip(paths.values(), counts, strict=True)] for counts in passed]
    kept = [[path[2][:n] for path, n in zip(paths.values(), counts, strict=True)] for counts in passed]
    moved = slider("step ", [f"{step}" for step in steps], kept, len(steps) - 1, across=gained)
    fig.update_layout(sliders=[moved])
    fig.update_xaxes(title=x_title, range=_span(path[1] for path in paths.values()))
    fig.update_yaxes(title=y_title, range=_span(path[2] for path in paths.values()))
    fig = style(fig, claim, alt)
    return fig.update_layout(hovermode="closest")


def _looks(count: int) -> list[dict]:
    if not 1 <= count <= len(PALETTE):
        raise ValueError(f"{count} curves; a figure holds 1 to {len(PALETTE)} that a reader can tell apart")
    return [
        {"line": {"color": color, "dash": dash, "width": 2.5}, "marker": {"size": 7}}
        for color, dash, _ in zip(PALETTE, DASHES, range(count), strict=False)
    ]


def _span(values) -> list[float]:
    # fixed axes, so that the slider moves the curves and not the frame
    flat = [value for series in values for value in series]
    margin = 0.06 * (max(flat) - min(flat)) or 0.1
    return [min(flat) - margin, max(flat) + margin]
