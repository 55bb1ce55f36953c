"""Many runs in one figure: where each ends, the middle half of them along something, shares with intervals."""

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from recall_learn.figures.frame import SLIDER, slider, style
from recall_learn.figures.palette import DASHES, GREY, PALETTE, colours
from recall_learn.figures.still import Figure

SYMBOLS = ("circle", "x", "diamond", "square")
ROW, EDGES = 34, 40
"""Pixels of a line of `intervals`, and those that its axis takes."""

Points = tuple[Sequence[float], Sequence[float], Sequence[str]]
Band = tuple[Sequence[float], Sequence[float], Sequence[float]]


def ends(
    stops: Mapping[str, Mapping[str, Points]],
    name: str,
    x_title: str,
    y_title: str,
    claim: str,
    alt: str,
    marks: Mapping[str, tuple[float, float]] | None = None,
) -> go.Figure:
    """A point a run; a slider shows some of them in colour, and all of them stay in grey.

    Args:
        stops: ``the slider's value as a text -> kind of run -> (x, y, names of the runs)``; the same kinds, at most
            four, at every stop. The first stop has all runs.
        name: what the slider chooses, shown before the value ("setting: ").
        x_title: of x, with its unit.
        y_title: of y, with its unit.
        claim: as in `recall_learn.figures.frame.style`.
        alt: as there.
        marks: ``name -> point`` that do not move.

    Raises:
        ValueError: the kinds of two stops differ, or there are too many of them.
    """
    kinds = list(next(iter(stops.values())))
    for label, each in stops.items():
        if list(each) != kinds or len(kinds) > len(SYMBOLS):
            raise ValueError(f"stop {label!r} has the kinds {list(each)}; each needs {kinds}, at most {len(SYMBOLS)}")
    whole = next(iter(stops.values()))
    fig = Figure()
    grey = {"color": GREY, "size": 5, "opacity": 0.45}
    flat = [[value for kind in kinds for value in whole[kind][axis]] for axis in (0, 1)]
    fig.add_scatter(x=flat[0], y=flat[1], mode="markers", marker=grey, showlegend=False, hoverinfo="skip")
    for kind, symbol, color in zip(kinds, SYMBOLS, colours(kinds), strict=False):
        x, y, names = map(list, whole[kind])
        marker = {"color": color, "symbol": symbol, "size": 9}
        hover = "%{text}: %{x:.3f}, %{y:.3f}<extra></extra>"
        fig.add_scatter(x=x, y=y, text=names, name=kind, mode="markers", marker=marker, hovertemplate=hover)
    for mark, (x, y) in (marks or {}).items():
        star = {"size": 15, "symbol": "star", "color": "#ffffff", "line": {"color": "#000000", "width": 1.5}}
        fig.add_scatter(x=[x], y=[y], name=mark, mode="markers", marker=star)
    moved = slider(
        name,
        list(stops),
        [[list(stop[kind][1]) for kind in kinds] for stop in stops.values()],
        across=[[list(stop[kind][0]) for kind in kinds] for stop in stops.values()],
    )
    for step, stop in zip(moved["steps"], stops.values(), strict=True):
        step["args"][0]["text"] = [list(stop[kind][2]) for kind in kinds]
        step["args"].append(list(range(1, 1 + len(kinds))))
    fig.update_layout(sliders=[moved])
    fig.update_xaxes(title=x_title, range=_span([*flat[0], *(x for x, _ in (marks or {}).values())]))
    fig.update_yaxes(title=y_title, range=_span([*flat[1], *(y for _, y in (marks or {}).values())]))
    return style(fig, claim, alt).update_layout(hovermode="closest")


def bands(
    x: Sequence[float | str],
    stops: Mapping[str, Mapping[str, Band]],
    name: str,
    x_title: str,
    y_title: str,
    claim: str,
    alt: str,
    log: bool = False,
) -> go.Figure:
    """Curves with a band around each, that a slider exchanges.

    Args:
        x: what all curves are drawn over; texts are taken as they are.
        stops: ``the slider's value as a text -> curve -> (lower edge, middle, upper edge)``; the same curves, at most
            six, at every stop. With one stop there is no slider.
        name: what the slider chooses.
        x_title: of x, with its unit.
        y_title: of the values, with their unit.
        claim: as in `recall_learn.figures.frame.style`.
        alt: as there.
        log: whether the y axis is logarithmic.

    Raises:
        ValueError: the curves of two stops differ, or there are too many.
    """
    curves = list(next(iter(stops.values())))
    for label, each in stops.items():
        if list(each) != curves or len(curves) > len(PALETTE):
            raise ValueError(f"stop {label!r} has the curves {list(each)}; each needs {curves}, at most {len(PALETTE)}")
    first = next(iter(stops.values()))
    fig = Figure()
    for curve, color, dash in zip(curves, colours(curves), DASHES, strict=False):
        low, middle, high = map(list, first[curve])
        edge = {"x": list(x), "mode": "lines", "line": {"width": 0}, "showlegend": False, "hoverinfo": "skip"}
        fig.add_scatter(y=low, **edge)
        fig.add_scatter(y=high, fill="tonexty", fillcolor=_faint(color), **edge)
        line = {"color": color, "dash": dash, "width": 2.5}
        fig.add_scatter(x=list(x), y=middle, name=curve, mode="lines+markers", line=line, marker={"size": 6})
    if len(stops) > 1:
        ys = [[list(stop[curve][at]) for curve in curves for at in (0, 2, 1)] for stop in stops.values()]
        fig.update_layout(sliders=[slider(name, list(stops), ys)])
    values = [v for stop in stops.values() for band in stop.values() for edge in band for v in edge]
    if log:
        positive = [value for value in values if value > 0]
        span = np.log10([min(positive) / 1.2, 1.2 * max(positive)]).tolist()
    else:
        span = _span(values)
    fig.update_xaxes(title=x_title, type="category" if any(isinstance(each, str) for each in x) else "linear")
    fig.update_yaxes(title=y_title, type="log" if log else "linear", range=span)
    return style(fig, claim, alt)


def intervals(
    lines: Mapping[str, tuple[float, float, float]],
    x_title: str,
    claim: str,
    alt: str,
    x_range: tuple[float, float] | None = None,
) -> go.Figure:
    """A dot and its interval on a line of its own.

    Args:
        lines: ``name -> (lower end, value, upper end)``, from above.
        x_title: of the values, with their unit.
        claim: as in `recall_learn.figures.frame.style`.
        alt: as there.
        x_range: of the axis; None takes what the intervals need.
    """
    low, middle, high = (np.array([line[at] for line in lines.values()], dtype=float) for at in (0, 1, 2))
    fig = Figure()
    bars = {"array": high - middle, "arrayminus": middle - low, "thickness": 2, "width": 5}
    hover = "%{y}: %{x:.3f}<extra></extra>"
    marker = {"size": 10, "color": PALETTE[0]}
    fig.add_scatter(x=middle, y=list(lines), error_x=bars, mode="markers", marker=marker, hovertemplate=hover)
    fig.update_xaxes(title=x_title, range=list(x_range or _span([*low, *high])))
    fig.update_yaxes(type="category", autorange="reversed")
    style(fig, claim, alt)
    margin = fig.layout.margin
    height = ROW * len(lines) + EDGES + margin.t + margin.b + SLIDER * len(fig.layout.sliders)
    return fig.update_layout(height=height, hovermode="closest", showlegend=False)


def _faint(color: str) -> str:
    return f"rgba({', '.join(str(int(color[i : i + 2], 16)) for i in (1, 3, 5))}, 0.2)"


def _span(values: Sequence[float]) -> list[float]:
    margin = 0.06 * (max(values) - min(values)) or 0.1
    return [min(values) - margin, max(values) + margin]
