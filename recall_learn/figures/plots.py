"""The book's figures: plotly, one claim each, one look.

A builder takes plain numbers and returns a ``plotly.graph_objects.Figure``. It trains nothing and reads no file, so a
figure can be tested without drawing it.
"""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from recall_learn.figures import traces
from recall_learn.figures.beside import SIZE, beside
from recall_learn.figures.frame import slider, style
from recall_learn.figures.palette import DASHES, GREY, PALETTE, colours
from recall_learn.figures.still import Figure
from recall_learn.theory.annealing import Sigmoid

SYMBOLS = ("star", "x", "diamond", "square")
ROOM = 0.3
"""Of the width, left free at the right for the names of points."""
POINTS = ("circle", "diamond", "square", "x", "star", "circle")


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
    fig = Figure()
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
    fig = Figure()
    for (name, (steps, values)), look in zip(curves.items(), _looks(curves), strict=True):
        fig.add_scatter(x=list(steps), y=list(values), name=name, mode="lines+markers", **look)
    fig.update_xaxes(title=x_title, type="log" if "x" in log else "linear")
    fig.update_yaxes(title=y_title, type="log" if "y" in log else "linear")
    return style(fig, claim, alt)


def dragged(
    x: Sequence[float],
    stops: Mapping[str, Mapping[str, Sequence[float]]],
    name: str,
    x_title: str,
    y_title: str,
    claim: str,
    alt: str,
    fixed: Mapping[str, Sequence[float]] | None = None,
    active: int = 0,
    log: str = "",
    y_range: tuple[float, float] | None = None,
) -> go.Figure:
    """Curves over one x that a slider moves, beside curves that stay where they are.

    Args:
        x: what all curves are drawn over.
        stops: ``the slider's value as a text -> curve -> values``; the same curves at every stop.
        name: what the slider sets, shown before the value ("k = ").
        x_title: of x, with its unit.
        y_title: of the values, with their unit.
        claim: as in `style`.
        alt: as in `style`; say what the slider does to the curves.
        fixed: ``curve -> values`` that do not move; at most six curves together.
        active: the stop that the figure starts with.
        log: the axes that are logarithmic, "x", "y" or "xy".
        y_range: of the y axis, in the values' unit; None takes what all stops need.

    Raises:
        ValueError: the curves of two stops differ, or there are too many.
    """
    fixed, moving = dict(fixed or {}), list(next(iter(stops.values())))
    for label, curves in stops.items():
        if list(curves) != moving:
            raise ValueError(f"stop {label!r} has curves {list(curves)}; each needs {moving}")
    shown = {**list(stops.values())[active], **fixed}
    fig = Figure()
    for (curve, values), look in zip(shown.items(), _looks(shown), strict=True):
        fig.add_scatter(x=list(x), y=list(values), name=curve, mode="lines", line=look["line"])
    still = [list(values) for values in fixed.values()]
    ys = [[*(list(curves[curve]) for curve in moving), *still] for curves in stops.values()]
    fig.update_layout(sliders=[slider(name, list(stops), ys, active)])
    low, high = y_range or _span(values for at_stop in ys for values in at_stop)
    if "y" in log:
        positive = [v for at_stop in ys for values in at_stop for v in values if v > 0]
        low, high = np.log10(y_range or (min(positive) / 1.2, 1.2 * max(positive)))
    fig.update_xaxes(title=x_title, type="log" if "x" in log else "linear")
    fig.update_yaxes(title=y_title, type="log" if "y" in log else "linear", range=[low, high])
    return style(fig, claim, alt)


def landscape(
    x: Sequence[float],
    y: Sequence[float],
    z: Sequence[Sequence[float]],
    paths: Mapping[str, Mapping[str, tuple[Sequence[float], Sequence[float]]]],
    name: str,
    titles: tuple[str, str, str],
    claim: str,
    alt: str,
    marks: Mapping[str, tuple[float, float]] | None = None,
    active: int = 0,
    levels: tuple[float, float, float] | None = None,
) -> go.Figure:
    """Contours of a loss over two weights, and ways through it that a slider exchanges.

    Args:
        x: values of the first weight.
        y: values of the second.
        z: the loss, ``z[row][column]`` at ``(x[column], y[row])``.
        paths: ``the slider's value as a text -> path -> (first weights, second weights)``; the same paths at every
            stop. With one stop there is no slider.
        name: what the slider sets.
        titles: of the two weights, and of the loss.
        claim: as in `style`.
        alt: as in `style`.
        marks: ``name -> point`` that do not move, at most four.
        active: the stop that the figure starts with.
        levels: first contour, last contour, and the distance between two; None lets plotly choose.
    """
    fig = Figure()
    lines = dict(zip(("start", "end", "size"), levels, strict=True)) if levels else {}
    fig.add_contour(
        x=list(x), y=list(y), z=np.round(z, 5).tolist(), colorscale="Greys", reversescale=True, opacity=0.55,
        showscale=False, contours=lines, name=titles[2], hovertemplate="%{z:.3f}<extra>%{fullData.name}</extra>",
        autocontour=levels is None,
    )  # fmt: skip
    names = list(next(iter(paths.values())))
    start = list(paths.values())[active]
    for path, look in zip(names, _looks(names), strict=True):
        fig.add_scatter(x=list(start[path][0]), y=list(start[path][1]), name=path, mode="lines+markers", **look)
        fig.data[-1].marker.size = 4
    _mark(fig, marks)
    if len(paths) > 1:
        which = list(range(1, 1 + len(names)))
        moved = slider(
            name,
            list(paths),
            [[stop[path][1] for path in names] for stop in paths.values()],
            active,
            across=[[stop[path][0] for path in names] for stop in paths.values()],
        )
        for step in moved["steps"]:
            step["args"].append(which)
        fig.update_layout(sliders=[moved])
    fig.update_xaxes(title=titles[0], range=[min(x), max(x)])
    fig.update_yaxes(title=titles[1], range=[min(y), max(y)])
    return style(fig, claim, alt).update_layout(hovermode="closest")


def bars(
    groups: Mapping[str, Mapping[str, float | Sequence[float]]],
    x_title: str,
    y_title: str,
    claim: str,
    alt: str,
    log: bool = False,
    foot: float | None = None,
    level: Mapping[str, Sequence[float]] | None = None,
) -> go.Figure:
    """Bars side by side, a colour for each group.

    Args:
        groups: ``group -> label -> value``, or several values, of which the bar is the median and its line the whole
            range; at most six groups, ``level`` among them.
        x_title: what the labels are.
        y_title: what is measured, and its unit.
        claim: as in `style`.
        alt: as in `style`.
        log: whether the y axis is logarithmic. A bar's length says nothing there without a ``foot``: so there are
            points.
        foot: where the bars begin, as 1 for ratios; by default 0.
        level: ``name -> values`` that all bars are compared with, as lines over the whole width: their median, and
            thin ones at the ends of their range.
    """
    fig = Figure()
    looks = _looks([*groups, *(level or {})])
    for i, ((group, values), look) in enumerate(zip(groups.items(), looks, strict=False)):
        middle, spread = _middles(values.values())
        colour = look["line"]["color"]
        drawn = {"x": list(values), "name": group, "error_y": spread}
        if log and foot is None:
            point = {"color": colour, "symbol": POINTS[i], "size": 12 - 2 * min(i, 3)}  # one under another shows
            fig.add_scatter(y=middle, mode="markers", marker=point, **drawn)
        else:
            fig.add_bar(y=[m - (foot or 0) for m in middle], base=foot, marker={"color": colour}, **drawn)
    if foot:
        fig.add_hline(foot, line={"color": GREY, "width": 1.5})
    for (name, values), look in zip((level or {}).items(), looks[len(groups) :], strict=True):
        _level(fig, name, values, look["line"]["color"])
    fig.update_xaxes(title=x_title, type="category")
    fig.update_yaxes(title=y_title, type="log" if log else "linear")
    return style(fig, claim, alt).update_layout(hovermode="closest", barmode="group")


def frontier(
    settings: Mapping[str, Mapping[str, tuple[Sequence[float], Sequence[float]]]],
    x_title: str,
    y_title: str,
    claim: str,
    alt: str,
    marks: Mapping[str, tuple[float, float]] | None = None,
    named: bool = False,
) -> go.Figure:
    """What was gained against what was kept at the end, a point a setting: its median, and bars over all its seeds.

    Args:
        settings: ``method -> setting -> (gained, kept)``, one number a seed; at most six methods. The settings of a
            method are joined in their order.
        x_title: what was gained.
        y_title: what was kept.
        claim: as in `style`.
        alt: as in `style`.
        marks: as in `landscape`.
        named: the settings have no order: points are not joined, and each of several has its name beside it, without
            the method's, where there is room.
    """
    fig = Figure()
    for (method, points), look in zip(settings.items(), _looks(settings), strict=True):
        (x, across), (y, along) = (_middles(each, 1) for each in zip(*points.values(), strict=True))
        hover = "%{fullData.name}, %{customdata}: %{x:.3f}, %{y:.3f}<extra></extra>"
        fig.add_scatter(
            x=x, y=y, error_x=across, error_y=along, name=method, mode="lines+markers",
            customdata=list(points), hovertemplate=hover, **look,
        )  # fmt: skip
    _mark(fig, marks)
    if named:
        _name(fig, {method: list(points) for method, points in settings.items()})
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
    fig = Figure()
    for (name, (_, gained, kept)), look in zip(paths.items(), _looks(paths), strict=True):
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


def _looks(names: Iterable[str]) -> list[dict]:
    return [
        {"line": {"color": colour, "dash": dash, "width": 2.5}, "marker": {"size": 7}}
        for colour, dash in zip(colours(names), DASHES, strict=False)
    ]


def _middles(several: Iterable[float | Sequence[float]], thickness: float = 1.5) -> tuple[list[float], dict | None]:
    """The median of each, and lines to both ends of their ranges where there are any."""
    several = [np.atleast_1d(np.asarray(values, dtype=float)) for values in several]
    middle = [float(np.median(each)) for each in several]
    if all(len(each) == 1 for each in several):
        return middle, None
    above = [float(each.max()) - m for each, m in zip(several, middle, strict=True)]
    below = [m - float(each.min()) for each, m in zip(several, middle, strict=True)]
    return middle, {"array": above, "arrayminus": below, "thickness": thickness, "width": 3}


def _level(fig: go.Figure, name: str, values: Sequence[float], colour: str) -> None:
    """A line over the whole width at the median, with its name in the legend, and thin ones at both ends."""
    name += ", range" if len(values) > 1 else ""
    fig.add_hline(float(np.median(values)), name=name, showlegend=True, line={"color": colour, "dash": "dash"})
    for end in {min(values), max(values)} if len(values) > 1 else ():
        fig.add_hline(float(end), line={"color": colour, "dash": "dot", "width": 1})


def _name(fig: go.Figure, settings: Mapping[str, Sequence[str]]) -> None:
    """The names of the points of each method that has several, beside them; the figure's first traces are theirs."""
    drawn = [trace.to_plotly_json() for trace in fig.data]
    (left, right), (low, high) = (_span([values]) for values in traces.spread(drawn))
    right += ROOM * (right - left)

    def share(x, y):
        return (x - left) / (right - left), (high - y) / (high - low)

    names, points, lines = [], [], []
    for trace in drawn:
        at = list(zip(trace["x"], trace["y"], strict=True))
        points += [share(*each) for each in at]
        for (x, y), across, along in zip(
            at, *(traces.whiskers(trace, name, trace[name]) for name in "xy"), strict=False
        ):
            lines += [(share(across[0], y), share(across[1], y)), (share(x, along[0]), share(x, along[1]))]
    for method, each in settings.items():
        mine = [" ".join(word for word in setting.split() if word != method) for setting in each]
        names.append(mine if len(each) > 1 else [""])
    placed = iter(beside(points, [name for each in names for name in each], lines))
    for trace, mine in zip(fig.data, names, strict=False):
        sides = [next(placed) for _ in mine]
        trace.update(
            mode="markers+text", textfont={"size": SIZE}, cliponaxis=False,
            text=[name if side else "" for name, side in zip(mine, sides, strict=True)],
            textposition=[side or "middle right" for side in sides],
        )  # fmt: skip
    fig.update_xaxes(range=[left, right])
    fig.update_yaxes(range=[low, high])


def _mark(fig: go.Figure, marks: Mapping[str, tuple[float, float]] | None) -> None:
    """Points that stand for themselves: white, outlined in black, so that each shows on any ground."""
    marks = marks or {}
    if len(marks) > len(SYMBOLS):
        raise ValueError(f"{len(marks)} marks; a figure holds {len(SYMBOLS)} that a reader can tell apart")
    for (name, (x, y)), symbol in zip(marks.items(), SYMBOLS, strict=False):
        marker = {"size": 15, "symbol": symbol, "color": "#ffffff", "line": {"color": "#000000", "width": 1.5}}
        fig.add_scatter(x=[x], y=[y], name=name, mode="markers", marker=marker)


def _span(values) -> list[float]:
    # fixed axes, so that the slider moves the curves and not the frame
    flat = [value for series in values for value in series]
    margin = 0.06 * (max(flat) - min(flat)) or 0.1
    return [min(flat) - margin, max(flat) + margin]
