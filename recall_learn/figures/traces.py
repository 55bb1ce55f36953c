"""What is drawn between the axes of a picture: lines, points, bars, cells, contours."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from recall_learn.figures import contours
from recall_learn.figures.axes import Axis, nice, values
from recall_learn.figures.beside import GAP, SIDES, SIZE
from recall_learn.figures.svg import LETTER, element, path, polygon, text
from recall_learn.support.reading import Json

TYPES = ("scatter", "bar", "heatmap", "contour")
DASHES = {"dash": (3, 3), "dot": (1, 1), "dashdot": (3, 1, 1, 1), "longdash": (5, 5), "longdashdot": (5, 2, 1, 2)}
"""Strokes and gaps, in widths of the line."""
WHISKER = "#1b1f23"
CLIP = "plot"
BARS = 0.8
"""Of the room of a category, for its bars."""


@dataclass(frozen=True)
class Look:
    """How a trace is drawn: as lines, as points, and in which colour."""

    color: str
    lines: bool
    points: bool
    dash: str | None
    width: float


def check(shown: Sequence[Mapping[str, Json]], layout: Mapping[str, Json]) -> None:
    """Refuse what is not drawn.

    Raises:
        ValueError: a trace, a shape or an arrangement of bars is of another kind.
    """
    for trace in shown:
        if trace.get("type") not in TYPES:
            raise ValueError(f"a trace is of type {trace.get('type')!r}; a picture draws {', '.join(TYPES)}")
        if trace.get("fill") not in (None, "none") or trace.get("orientation") == "h" or trace.get("yaxis", "y") != "y":
            raise ValueError(
                f"{trace.get('name')!r} is filled, lies, or has axes of its own; a picture draws none such"
            )
    if any(shape.get("type") != "line" for shape in layout.get("shapes") or ()):
        raise ValueError("there is a shape that is no line; a picture draws lines")
    if layout.get("annotations") or layout.get("barmode", "group") != "group":
        raise ValueError("there are annotations, or bars that are not side by side; a picture draws neither")


def look(trace: Mapping[str, Json], i: int, layout: Mapping[str, Json]) -> Look:
    """The look of the trace that is the ``i``-th of its figure."""
    line, marker = trace.get("line") or {}, trace.get("marker") or {}
    way = layout.get("colorway") or ("#0072B2",)
    color = line.get("color") or marker.get("color") or way[i % len(way)]
    mode = trace.get("mode") or "lines"
    color = color if isinstance(color, str) else way[i % len(way)]
    return Look(color, "lines" in mode, "markers" in mode, *_stroke(line))


def of_line(shape: Mapping[str, Json]) -> Look:
    """The look of a line of the layout."""
    line = shape.get("line") or {}
    return Look(line.get("color", "#808080"), True, False, *_stroke(line))


def _stroke(line: Mapping[str, Json]) -> tuple[str | None, float]:
    """The dashes of a line, and its width."""
    width = float(line.get("width", 2))
    gaps = DASHES.get(line.get("dash"))
    return " ".join(f"{width * part:g}" for part in gaps) if gaps else None, width


def spread(shown: Sequence[Mapping[str, Json]]) -> tuple[list, list]:
    """Everything that has to fit between the ends of either axis, ends of whiskers among it."""
    found: tuple[list, list] = ([], [])
    for trace in shown:
        for name, into in zip("xy", found, strict=True):
            at = values(trace.get(name)) if name == "x" else _tops(trace)
            into += [*at, *([trace["base"]] if name == "y" and trace.get("base") else [])]
            for low, high in whiskers(trace, name, at):
                into += [low, high]
    return found


def _tops(trace: Mapping[str, Json]) -> list:
    """The values of a trace; of bars that stand on a base, where they end."""
    foot = trace.get("base") or 0
    return [value if value is None or not foot else value + foot for value in values(trace.get("y"))]


def whiskers(trace: Mapping[str, Json], name: str, at: Sequence) -> list[tuple[float, float]]:
    """From where to where each point's line goes; none where there are no such lines."""
    error = trace.get(f"error_{name}") or {}
    if error.get("array") is None or error.get("visible") is False:
        return []
    above = values(error["array"])
    below = values(error["arrayminus"]) if error.get("arrayminus") is not None else above
    return [
        (value - (minus or 0.0), value + (plus or 0.0)) for value, plus, minus in zip(at, above, below, strict=True)
    ]


def sample(trace: Mapping[str, Json], look: Look, x: float, y: float, wide: float) -> list[str]:
    """What stands before the trace's name."""
    if trace["type"] == "bar":
        return [element("rect", x=x + wide / 4, y=y - 6, width=wide / 2, height=12, fill=look.color)]
    parts = []
    if look.lines:
        line = {"stroke": look.color, "stroke_width": look.width, "stroke_dasharray": look.dash}
        parts.append(element("path", d=f"M{x:g} {y:g}h{wide:g}", fill="none", **line))
    return parts + ([_point(trace, look, 0, x + wide / 2, y)] if look.points else [])


def drawn(
    shown: Sequence[Mapping[str, Json]], looks: Sequence[Look], x: Axis, y: Axis, layout: Mapping[str, Json]
) -> list[str]:
    """All traces and the layout's lines, in the order in which plotly draws them."""
    (left, right), (bottom, top) = x.ends, y.ends
    box = element("rect", x=left, y=top, width=right - left, height=bottom - top)
    parts = [element("clipPath", box, id=CLIP)]
    bars = [i for i, trace in enumerate(shown) if trace["type"] == "bar"]
    for i, (trace, look) in enumerate(zip(shown, looks, strict=True)):
        if trace["type"] == "contour":
            parts += _contour(trace, x, y)
        elif trace["type"] == "heatmap":
            parts += _cells(trace, x, y)
        elif trace["type"] == "bar":
            parts += _bars(trace, look, bars.index(i), len(bars), x, y)
    parts += [_shape(shape, x, y) for shape in layout.get("shapes") or ()]
    for trace, look in zip(shown, looks, strict=True):
        if trace["type"] == "scatter":
            parts += _scatter(trace, look, x, y)
    return parts


def _scatter(trace: Mapping[str, Json], look: Look, x: Axis, y: Axis) -> list[str]:
    xs, ys = values(trace.get("x")), values(trace.get("y"))
    at = [(x.at(a), y.at(b)) for a, b in zip(xs, ys, strict=True)]
    parts = []
    for (px, _), (low, high) in zip(at, whiskers(trace, "y", ys), strict=False):
        parts += _whisker([(px, y.at(low)), (px, y.at(high))], look.color, trace["error_y"])
    for (_, py), (low, high) in zip(at, whiskers(trace, "x", xs), strict=False):
        parts += _whisker([(x.at(low), py), (x.at(high), py)], look.color, trace["error_x"])
    if look.lines:
        stroke = {"stroke": look.color, "stroke_width": look.width, "stroke_dasharray": look.dash}
        parts.append(
            element("path", d=path(at), fill="none", stroke_linejoin="round", clip_path=f"url(#{CLIP})", **stroke)
        )
    if look.points:
        inside = [(i, px, py) for i, (px, py) in enumerate(at) if x.within(px) and y.within(py)]
        parts += [_point(trace, look, i, px, py) for i, px, py in inside]
    if "text" in (trace.get("mode") or ""):
        parts += [_name(trace, i, px, py) for i, (px, py) in enumerate(at)]
    return parts


def _name(trace: Mapping[str, Json], i: int, x: float, y: float) -> str:
    """What stands beside a point."""
    side, size = _of(trace.get("textposition"), i), (trace.get("textfont") or {}).get("size", SIZE)
    right, below = SIDES[side]
    anchor = ("end", "middle", "start")[right + 1]
    return text(
        _of(trace["text"], i), x + right * GAP, y + below * (GAP + size / 2) + 0.35 * size, size, text_anchor=anchor
    )


def _whisker(ends: list[tuple[float, float]], color: str, error: Mapping[str, Json]) -> list[str]:
    """A line with a cap at either end; nothing where both are one."""
    (x1, y1), (x2, y2) = ends
    if not all(map(math.isfinite, (x1, y1, x2, y2))) or math.dist(*ends) < 0.1:
        return []
    cap = error.get("width", 4)
    across, along = (0, cap) if y1 == y2 else (cap, 0)
    caps = "".join(path([(a - across, b - along), (a + across, b + along)]) for a, b in ends)
    d = path(ends) + caps
    width = error.get("thickness", 2)
    return [element("path", d=d, stroke=color, stroke_width=width, fill="none", clip_path=f"url(#{CLIP})")]


def _point(trace: Mapping[str, Json], look: Look, i: int, x: float, y: float) -> str:
    marker = trace.get("marker") or {}
    symbol, size, color = (_of(marker.get(key), i) for key in ("symbol", "size", "color"))
    radius, outline = (size or 6) / 2, marker.get("line") or {}
    drawn = {"fill": color or look.color, "stroke": outline.get("color"), "stroke_width": outline.get("width")}
    if symbol in (None, "circle"):
        return element("circle", cx=x, cy=y, r=radius, **drawn)
    if symbol == "star":
        d = polygon(x, y, [1.4 * radius, 0.55 * radius] * 5)
    elif symbol == "diamond":
        d = polygon(x, y, [1.3 * radius] * 4)
    elif symbol == "square":
        d = polygon(x, y, [1.41 * radius] * 4, turned=-45)
    elif symbol == "x":
        arms = [
            (1, 0),
            (3, 2),
            (2, 3),
            (0, 1),
            (-2, 3),
            (-3, 2),
            (-1, 0),
            (-3, -2),
            (-2, -3),
            (0, -1),
            (2, -3),
            (3, -2),
        ]
        d = path([(x + a * radius / 3, y + b * radius / 3) for a, b in arms], closed=True)
    else:
        raise ValueError(f"a point is a {symbol!r}; a picture has circle, star, diamond, square and x")
    return element("path", d=d, **drawn)


def _of(given: object, i: int):
    return given[i % len(given)] if isinstance(given, list | tuple) else given


def _bars(trace: Mapping[str, Json], look: Look, which: int, count: int, x: Axis, y: Axis) -> list[str]:
    xs, ys = values(trace.get("x")), _tops(trace)
    slot = abs(x.pixel(1) - x.pixel(0)) * BARS / count
    bottom, top = y.ends
    ground = y.at(trace.get("base") or 0)
    ground = ground if math.isfinite(ground) else bottom
    ground = min(max(ground, top), bottom)
    parts, ranges = [], whiskers(trace, "y", ys)
    for i, (label, value) in enumerate(zip(xs, ys, strict=True)):
        at, left = y.at(value), x.at(label) + slot * (which - count / 2)
        if math.isfinite(at):
            at = min(max(at, top), bottom)
            box = {"x": left + 0.5, "width": slot - 1, "y": min(at, ground), "height": abs(ground - at)}
            parts.append(element("rect", fill=look.color, **box))
        if ranges:
            middle, (low, high) = left + slot / 2, ranges[i]
            parts += _whisker([(middle, y.at(low)), (middle, y.at(high))], WHISKER, trace["error_y"])
    return parts


def _shape(shape: Mapping[str, Json], x: Axis, y: Axis) -> str:
    """A line, each of whose ends is in values, or in shares of the plot."""
    ends = {}
    for name, along in (("x", x), ("y", y)):
        for end in ("0", "1"):
            value = shape[name + end]
            within = "domain" in shape.get(f"{name}ref", "") or shape.get(f"{name}ref") == "paper"
            ends[f"{name}{int(end) + 1}"] = (
                along.ends[0] + value * (along.ends[1] - along.ends[0]) if within else along.at(value)
            )
    look = of_line(shape)
    return element("line", stroke=look.color, stroke_width=look.width, stroke_dasharray=look.dash, **ends)


def _cells(trace: Mapping[str, Json], x: Axis, y: Axis) -> list[str]:
    z = np.asarray(values(trace["z"]), dtype=float)
    low, high = trace.get("zmin", np.nanmin(z)), trace.get("zmax", np.nanmax(z))
    wide, tall = abs(x.pixel(1) - x.pixel(0)), abs(y.pixel(1) - y.pixel(0))
    form = (trace.get("texttemplate") or "").removeprefix("%{z:").removesuffix("}")
    parts = []
    for label, row in zip(values(trace["y"]), z, strict=True):
        for name, value in zip(values(trace["x"]), row, strict=True):
            if not math.isfinite(value):
                continue
            color = _shade(trace["colorscale"], (value - low) / (high - low), trace.get("reversescale"))
            px, py = x.at(name), y.at(label)
            parts.append(
                element("rect", x=px - wide / 2 + 1, y=py - tall / 2 + 1, width=wide - 2, height=tall - 2, fill=color)
            )
            if form:
                said = f"{value:{form}}".replace("-", "−")
                size = min(14.0, (wide - 4) / (LETTER * len(said)))
                parts.append(text(said, px, py + 0.35 * size, size, text_anchor="middle"))
    return parts


def _contour(trace: Mapping[str, Json], x: Axis, y: Axis) -> list[str]:
    """Regions from low to high, each over those under it."""
    z = np.asarray(values(trace["z"]), dtype=float)
    given = trace.get("contours") or {}
    low, high = float(z.min()), float(z.max())
    size = given.get("size") or nice((high - low) / 15)
    start = given.get("start", math.ceil(low / size) * size)
    end = given.get("end", math.floor(high / size) * size)
    count = round((end - start) / size)
    parts = []
    for i in range(-1, count + 1):
        level = start + i * size if i >= 0 else -math.inf
        loops = contours.above(values(trace["x"]), values(trace["y"]), z, max(level, low))
        d = "".join(path([(x.at(a), y.at(b)) for a, b in loop], closed=True) for loop in loops)
        color = _shade(trace["colorscale"], (i + 1) / (count + 1), trace.get("reversescale"))
        parts.append(element("path", d=d, fill=color, fill_rule="evenodd", stroke="#444", stroke_width=0.6))
    inner = "".join(parts)
    return [element("g", inner, opacity=trace.get("opacity"), clip_path=f"url(#{CLIP})")]


def _shade(scale: Sequence[Sequence], share: float, turned: bool | None) -> str:
    """The colour of a share of the scale."""
    share = min(max(1 - share if turned else share, 0.0), 1.0)
    stops = [stop for stop, _ in scale]
    return "#" + "".join(
        f"{round(float(np.interp(share, stops, channel))):02x}"
        for channel in zip(*(map(_rgb, (c for _, c in scale))), strict=True)
    )


def _rgb(color: str) -> tuple[int, ...]:
    if color.startswith("#"):
        return tuple(int(color[i : i + 2], 16) for i in (1, 3, 5))
    return tuple(int(part) for part in color[color.index("(") + 1 : -1].split(",")[:3])
