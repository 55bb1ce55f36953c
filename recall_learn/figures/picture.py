"""A figure as a picture that needs no script: SVG, made from plotly's JSON.

For what the book's figures are made of: lines, points, bars, heat maps and contours on two axes. It shows what the
figure shows before anybody touches it, and says where a slider stands. Everything is in attributes, so that nothing is
lost where style sheets are taken out. For a screen plotly is better; this is for paper, e-readers, and pages on which
no script runs.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise

from recall_learn.figures import traces
from recall_learn.figures.axes import Axis, axis
from recall_learn.figures.svg import LINE, element, lines, text, wide
from recall_learn.support import markup
from recall_learn.support.reading import Json

WIDTH, HEIGHT = 500, 300
"""Of the picture, and of the plot in it where the figure asks for no other."""
INK, GRID, GROUND = "#1b1f23", "#d8dbde", "#ffffff"
FONT = "system-ui, Helvetica, Arial, sans-serif"
SIZE, CLAIM, SMALL = 15.0, 17.0, 14.0
EDGE = 8.0
SAMPLE = 34.0


def picture(figure: Mapping[str, Json], claimed: bool = True) -> str:
    """The figure as the text of an SVG.

    Args:
        figure: plotly's JSON.
        claimed: whether its claim stands above it; else the page has to say it.

    Raises:
        ValueError: there is something in the figure that is not drawn here; the message names it.
    """
    shown = [trace for trace in figure["data"] if trace.get("visible", True) is True]
    layout = figure.get("layout", {})
    traces.check(shown, layout)
    looks = [traces.look(trace, i, layout) for i, trace in enumerate(shown)]
    meta = layout.get("meta") or {}
    parts: list[str] = []
    y = EDGE
    if claimed:
        y = _block(parts, meta.get("claim") or _title(layout), y, CLAIM, font_weight="bold")
    y = _legend(parts, shown, looks, layout, y)
    y = _plot(parts, shown, looks, layout, y)
    for each in layout.get("sliders") or ():
        y = _block(parts, _stop(each), y + 4, SMALL)
    told = element("title", markup.html(meta["claim"])) if meta.get("claim") else ""
    told += element("desc", markup.html(meta["alt"])) if meta.get("alt") else ""
    ground = element("rect", width=WIDTH, height=y + EDGE, fill=GROUND)
    return element(
        "svg", told + ground + "".join(parts), xmlns="http://www.w3.org/2000/svg", viewBox=f"0 0 {WIDTH} {y + EDGE:g}",
        width=WIDTH, height=y + EDGE, role="img", font_family=FONT, fill=INK,
    )  # fmt: skip


def _title(layout: Mapping[str, Json]) -> str:
    title = layout.get("title") or ""
    return title if isinstance(title, str) else title.get("text") or ""


def _block(parts: list[str], words: str, y: float, size: float, **attributes: object) -> float:
    """Lines of text over the whole width; where what comes next begins."""
    room = (WIDTH - 2 * EDGE) / (1.1 if "font_weight" in attributes else 1)
    for line in lines(words, size, room) if words else ():
        parts.append(text(line, EDGE, y + size, size, **attributes))
        y += LINE * size
    return y + (4 if words else 0)


def _stop(slider: Mapping[str, Json]) -> str:
    """Where a slider stands, and where it goes."""
    labels = [str(step["label"]) for step in slider["steps"]]
    name = (slider.get("currentvalue") or {}).get("prefix") or ""
    return f"Shown: {name}{labels[slider.get('active') or 0]}. A slider goes from {labels[0]} to {labels[-1]}."


def _legend(
    parts: list[str], shown: Sequence[Mapping], looks: Sequence[traces.Look], layout: Mapping, y: float
) -> float:
    named = [(t, look) for t, look in zip(shown, looks, strict=True) if t["type"] in ("scatter", "bar")]
    lines = [shape for shape in layout.get("shapes") or () if shape.get("showlegend")]
    named += [({"type": "scatter", "name": each.get("name")}, traces.of_line(each)) for each in lines]
    if len(shown) + len(lines) < 2:
        return y
    x, y = EDGE, y + 4
    for trace, look in named:
        name = str(trace.get("name") or "")
        room = SAMPLE + 8 + wide(name, SMALL)
        if x > EDGE and x + room > WIDTH - EDGE:
            x, y = EDGE, y + LINE * SMALL + 3
        parts += traces.sample(trace, look, x, y + SMALL * 0.7, SAMPLE)
        parts.append(text(name, x + SAMPLE + 6, y + SMALL, SMALL))
        x += room + 14
    return y + LINE * SMALL + 6


def _plot(parts: list[str], shown: Sequence[Mapping], looks: Sequence[traces.Look], layout: Mapping, y: float) -> float:
    """Both axes and all that lies between them; where what comes next begins."""
    x_layout, y_layout = layout.get("xaxis") or {}, layout.get("yaxis") or {}
    along, up = traces.spread(shown)
    up += [shape["y0"] for shape in layout.get("shapes") or () if shape.get("yref") == "y"]
    base = any(trace["type"] == "bar" for trace in shown)
    high = _height(layout)
    # the labels of the y axis say how much room they need before anything has its pixel
    labels = [label for _, label in axis(y_layout, up, (high, 0.0), base).ticks]
    titles = lines(_title(y_layout), SIZE, high + 40) if _title(y_layout) else []
    left = EDGE + len(titles) * LINE * SIZE + 14 + max((wide(label, SMALL) for label in labels), default=0)
    across = axis(x_layout, along, (left, WIDTH - 2 * EDGE))
    top = y + 10
    if y_layout.get("scaleanchor") == "x":
        per = (across.ends[1] - across.ends[0]) / abs(across.span[1] - across.span[0])
        span = axis(y_layout, up, (high, 0.0), base).span
        high = per * abs(span[1] - span[0]) * y_layout.get("scaleratio", 1)
    upward = axis(y_layout, up, (top + high, top), base)
    for i, line in enumerate(titles):
        turn = f"rotate(-90 {EDGE + SIZE * (1 + LINE * i):g} {top + high / 2:g})"
        at = EDGE + SIZE * (1 + LINE * i)
        parts.append(text(line, at, top + high / 2, SIZE, transform=turn, text_anchor="middle"))
    bottom = _ticks(parts, across, upward, x_layout, y_layout)
    parts += traces.drawn(shown, looks, across, upward, layout)
    if _title(x_layout):
        for line in lines(_title(x_layout), SIZE, WIDTH - left):
            middle = min(sum(across.ends) / 2, WIDTH - EDGE - wide(line, SIZE) / 2)
            parts.append(text(line, middle, bottom + SIZE, SIZE, text_anchor="middle"))
            bottom += LINE * SIZE
    return bottom + 6


def _height(layout: Mapping[str, Json]) -> float:
    """Of the plot: what the figure's height leaves of it."""
    margin, sliders = layout.get("margin") or {}, layout.get("sliders") or ()
    if not layout.get("height"):
        return HEIGHT
    return max(80.0, layout["height"] - margin.get("t", 100) - margin.get("b", 80) - 78 * len(sliders))


def _ticks(parts: list[str], across: Axis, upward: Axis, x_layout: Mapping, y_layout: Mapping) -> float:
    """Grid, frame and the ticks' labels; where the labels under the plot end."""
    (left, right), (bottom, top) = across.ends, upward.ends
    grid = {"stroke": GRID, "stroke_width": 1}
    for pixel, label in upward.ticks:
        if upward.kind != "category":
            parts.append(element("line", x1=left, x2=right, y1=pixel, y2=pixel, **grid))
        parts.append(text(label, left - 6, pixel + SMALL * 0.35, SMALL, text_anchor="end", class_="y"))
    room = min((abs(b - a) for (a, _), (b, _) in pairwise(across.ticks)), default=right - left)
    wrapped = [lines(label, SMALL, room - 4) for _, label in across.ticks]
    slanted = any(wide(line, SMALL) > room - 2 for label in wrapped for line in label)
    lowest, last = bottom, -1.0
    for (pixel, label), rows in zip(across.ticks, wrapped, strict=True):
        if across.kind != "category":
            parts.append(element("line", x1=pixel, x2=pixel, y1=bottom, y2=top, **grid))
            half = wide(label, SMALL) / 2
            if pixel - half < last:
                continue
            last = pixel + half + 4
            rows, slanted = [label], False
        if slanted:
            turn = f"rotate(-40 {pixel:g} {bottom + 14:g})"
            parts.append(text(label, pixel, bottom + 14, SMALL, text_anchor="end", transform=turn, class_="x"))
            lowest = max(lowest, bottom + 18 + 0.65 * wide(label, SMALL))
            continue
        for i, line in enumerate(rows):
            at = bottom + 4 + SMALL * (1 + LINE * i)
            parts.append(text(line, pixel, at, SMALL, text_anchor="middle", class_="x"))
            lowest = max(lowest, at + 6)
    parts.append(element("path", d=f"M{left:g} {top:g}V{bottom:g}H{right:g}", stroke=INK, fill="none"))
    return lowest
