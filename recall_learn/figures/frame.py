"""What every figure of the book has: one look, its claim as the title, and, where something moves, a slider."""

import textwrap
from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from recall_learn.figures import traces
from recall_learn.figures.axes import numbers, on_log
from recall_learn.figures.digits import six_digits
from recall_learn.figures.palette import GREY, PALETTE
from recall_learn.support import markup

PLOT, SLIDER = 300, 78
"""Pixels that the curves have in a notebook, and those that a slider takes below them."""
# Marks that are not seen: where two axes meet, the first numbers of both would lie over each other.
CLEAR = {"ticks": "outside", "ticklen": 6, "tickcolor": "rgba(0,0,0,0)"}
# Numbers in full up to five zeros, and powers from there on and on logarithmic axes. Plotly's own way is SI's letters:
# "100µ" for a ten-thousandth.
AXIS = {"gridcolor": "rgba(128,128,128,0.25)", "zeroline": False, "exponentformat": "power", "minexponent": 5, **CLEAR}


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
    lines = textwrap.wrap(claim, 60)
    margin = {"l": 64, "r": 16, "t": 66 + 22 * len(lines), "b": 64}
    fig.update_layout(
        title={
            "text": "<br>".join(map(markup.plotly, lines)),
            "x": 0,
            "y": 0.98,
            "yanchor": "top",
            # plotly hangs a single line below the anchor, but puts the first of several on it, half out of the figure
            "pad": {"t": 12 if len(lines) > 1 else 0},
            "font": {"size": 17},
        },
        meta={"claim": claim, "alt": alt},
        template="none",
        colorway=PALETTE,
        font={"family": "system-ui, sans-serif", "size": 14, "color": GREY},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        height=PLOT + margin["t"] + margin["b"] + SLIDER * len(fig.layout.sliders),
        margin=margin,
        legend={"orientation": "h", "x": 0, "y": 1, "yanchor": "bottom", "itemclick": "toggle", "font": {"size": 13}},
        hovermode="x unified",
    )
    fig.update_xaxes(automargin=True, title_standoff=8, **AXIS)
    fig.update_yaxes(automargin=True, title_standoff=8, **AXIS)
    _ticks(fig)
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
    updates = [{"y": six_digits(ys)} for ys in curves]
    if across is not None:
        for update, xs in zip(updates, across, strict=True):
            update["x"] = six_digits(xs)
    steps = [
        {"label": label, "method": "restyle", "args": [update]} for label, update in zip(labels, updates, strict=True)
    ]
    # the last label is centred on the slider's end: half of it needs room, a letter being about 8 wide
    pad = {"t": 56, "r": max(0, 4 * len(labels[-1]) - 12)}
    return {"active": active, "currentvalue": {"prefix": name}, "pad": pad, "steps": steps}


def _ticks(fig: go.Figure) -> None:
    """Numbers on the logarithmic axes: plotly's own are of two sizes, and skip the decades' names."""
    found = traces.spread([trace.to_plotly_json() for trace in fig.data])
    for axis, shown in zip((fig.layout.xaxis, fig.layout.yaxis), found, strict=True):
        if axis.type != "log":
            continue
        positive = [float(value) for value in shown if value is not None and value > 0] or [1.0]
        low, high = sorted(axis.range or np.log10([min(positive), max(positive)]).tolist())
        at = on_log(low, high) if high > low else on_log(low - 1, high + 1)
        axis.update(tickvals=at, ticktext=numbers(at))
