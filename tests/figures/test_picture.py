"""A figure as SVG, against the figure's own numbers: each value stands at the pixel that the ticks say."""

import json
import math
import re
from xml.dom import minidom

import numpy as np
import plotly.io
import pytest

from recall_learn.figures.axes import axis, nice, number
from recall_learn.figures.beside import beside
from recall_learn.figures.contours import above
from recall_learn.figures.heat import heat
from recall_learn.figures.picture import WIDTH, picture
from recall_learn.figures.plots import bars, dragged, frontier, lambda_curve, landscape, over_time, style

CLAIM, ALT = "it rises & <b>stays</b>", "A line from 0 to 1."


def drawn(figure):
    return minidom.parseString(picture(json.loads(figure.to_json()))).documentElement


def ticks(svg, which):
    """(value, pixel) of the labels of an axis."""
    at = "x" if which == "x" else "y"
    shift = 0 if which == "x" else 14 * 0.35
    found = [t for t in svg.getElementsByTagName("text") if t.getAttribute("class") == which]
    return [(float(t.firstChild.data.replace("−", "-")), float(t.getAttribute(at)) - shift) for t in found]


def value_of(svg, which, log=False):
    """The function from pixel to value that the labels give."""
    values, pixels = np.array(ticks(svg, which)).T
    values = np.log10(values) if log else values
    slope, base = np.polyfit(pixels, values, 1)
    assert np.allclose(slope * pixels + base, values, atol=1e-2 * np.ptp(values))  # the labels agree with each other
    return lambda pixel: 10 ** (slope * pixel + base) if log else slope * pixel + base


def points(svg):
    return [(float(c.getAttribute("cx")), float(c.getAttribute("cy"))) for c in svg.getElementsByTagName("circle")]


@pytest.mark.parametrize("log", ["", "x", "y", "xy"])
def test_points_lie_where_the_ticks_say(log):
    xs, ys = [1, 30, 400, 1000], [0.02, 0.5, 3.0, 7.5]
    svg = drawn(over_time({"a": (xs, ys)}, "y", CLAIM, ALT, log=log))
    x, y = value_of(svg, "x", "x" in log), value_of(svg, "y", "y" in log)
    for (px, py), a, b in zip(points(svg), xs, ys, strict=True):
        assert x(px) == pytest.approx(a, rel=0.01, abs=3)
        assert y(py) == pytest.approx(b, rel=0.01, abs=0.03)


def test_the_line_goes_through_the_points_and_breaks_where_there_is_no_value():
    svg = drawn(over_time({"a": ([0, 1, 2, 3], [1.0, None, 2.0, 3.0])}, "y", CLAIM, ALT))
    assert len(points(svg)) == 3
    line = next(p for p in svg.getElementsByTagName("path") if p.getAttribute("clip-path"))
    starts = re.findall(r"([ML])([\d.]+) ([\d.]+)", line.getAttribute("d"))
    assert [pen for pen, *_ in starts] == ["M", "M", "L"]
    assert np.allclose([(float(x), float(y)) for _, x, y in starts], points(svg), atol=0.01)


def test_bars_stand_on_zero_and_whiskers_span_all_values():
    svg = drawn(bars({"a": {"one": [1.0, 2.0, 4.0], "two": 3.0}, "b": {"one": 2.5, "two": -1.0}}, "x", "y", CLAIM, ALT))
    y = value_of(svg, "y")
    boxes = [r for r in svg.getElementsByTagName("rect") if r.getAttribute("fill") in ("#0072B2", "#D55E00")][2:]
    ends = [
        sorted((float(y(top := float(r.getAttribute("y")))), float(y(top + float(r.getAttribute("height"))))))
        for r in boxes
    ]
    assert np.allclose(ends, [[0, 2], [0, 3], [0, 2.5], [-1, 0]], atol=0.03)
    (whisker,) = [p for p in svg.getElementsByTagName("path") if p.getAttribute("clip-path")]
    along = [float(y(float(at))) for at in re.findall(r"[ML][\d.]+ ([\d.]+)", whisker.getAttribute("d"))]
    assert (min(along), max(along)) == pytest.approx((1, 4), abs=0.03)


def _boxes(svg, y):
    """Lower and upper end of each bar, those in the legend left out."""
    tall = [(float(r.getAttribute("y")), float(r.getAttribute("height"))) for r in svg.getElementsByTagName("rect")
            if r.getAttribute("fill") == "#0072B2"][1:]  # fmt: skip
    return [sorted((float(y(top)), float(y(top + height)))) for top, height in tall]


def test_on_a_logarithmic_axis_bars_begin_at_a_stated_foot_or_are_points():
    groups = {"a": {"up": 8.0, "down": [0.1, 0.25, 0.5]}, "b": {"up": 3.0, "down": 1.0}}
    svg = drawn(bars(groups, "x", "y", CLAIM, ALT, log=True, foot=1))
    assert np.allclose(_boxes(svg, value_of(svg, "y", log=True)), [[1, 8], [0.25, 1]], rtol=0.02)
    svg = drawn(bars(groups, "x", "y", CLAIM, ALT, log=True))
    assert not _boxes(svg, value_of(svg, "y", log=True))
    assert np.allclose([value_of(svg, "y", log=True)(at) for _, at in points(svg)[1:]], [8, 0.25], rtol=0.02)


def test_what_all_bars_are_compared_with_is_a_line_over_the_whole_width():
    level = {"plain": [4.0, 2.0, 9.0]}
    svg = drawn(bars({"a": {"one": 1.0, "two": 3.0}}, "x", "y", CLAIM, ALT, level=level))
    y, colour = value_of(svg, "y"), "#D55E00"
    lines = [each for each in svg.getElementsByTagName("line") if each.getAttribute("stroke") == colour]
    assert sorted(float(y(float(each.getAttribute("y1")))) for each in lines) == pytest.approx([2, 4, 9], abs=0.05)
    assert len({(each.getAttribute("x1"), each.getAttribute("x2")) for each in lines}) == 1
    assert "plain, range" in [text.firstChild.data for text in svg.getElementsByTagName("text")]


def test_a_heat_map_has_its_numbers_and_its_first_row_above():
    svg = drawn(heat({"1": [[0.1, 0.2], [0.3, -0.4]]}, ["up", "down"], ["a", "b"], CLAIM, ALT, scale=(-1, 1)))
    texts = {t.firstChild.data: float(t.getAttribute("y")) for t in svg.getElementsByTagName("text")}
    assert {"0.10", "0.20", "0.30", "−0.40"} <= set(texts)
    assert texts["0.10"] < texts["0.30"]
    assert texts["up"] < texts["down"]


def test_a_slider_is_told():
    svg = drawn(lambda_curve(ks=(0.001, 0.01, 0.1)))
    assert "Shown: k = 0.01. A slider goes from 0.001 to 0.1." in svg.toxml()


def test_what_is_said_is_text_within_the_picture_and_for_who_cannot_see_it():
    svg = drawn(over_time({"a <i>": ([0, 1], [0, 1]), "b": ([0, 1], [1, 0])}, "y", CLAIM, ALT))
    assert svg.getElementsByTagName("title")[0].firstChild.data == CLAIM
    assert svg.getElementsByTagName("desc")[0].firstChild.data == ALT
    assert "".join(n.data for n in svg.getElementsByTagName("text")[0].childNodes if n.nodeType == n.TEXT_NODE)
    assert not svg.getElementsByTagName("script")
    assert "http" not in svg.toxml().replace("http://www.w3.org/2000/svg", "")


def figures():
    z = [[a * a + b * b for a in range(-4, 5)] for b in range(-4, 5)]
    curve = ([0.1, 0.5, 2.0], [1.0, 2.0, 4.0])
    yield landscape(range(9), range(9), z, {"": {"way": ([1, 4], [1, 4])}}, "", ("a", "b", "c"), CLAIM, ALT)
    yield frontier({"m": {"1": ([1, 2], [3, 4]), "2": ([2, 3], [3, 5])}}, "x", "y", CLAIM, ALT, marks={"o": (1, 3)})
    yield dragged([0, 1], {"1": {"a": [0, 1]}, "2": {"a": [1, 2]}}, "k = ", "x", "y", CLAIM, ALT, log="")
    yield over_time({"a long name of a curve": curve, "b": curve}, "a long title of an axis " * 3, CLAIM * 4, ALT)
    yield bars({"a": {f"a category with a name, {i}": 1.0 for i in range(9)}}, "x", "y", CLAIM, ALT)


@pytest.mark.parametrize("figure", list(figures()))
def test_everything_lies_within_the_picture(figure):
    svg = drawn(figure)
    height = float(svg.getAttribute("height"))
    for each in svg.getElementsByTagName("text"):
        assert 0 <= float(each.getAttribute("x")) <= WIDTH
        assert 0 < float(each.getAttribute("y")) <= height
    for px, py in points(svg):
        assert 0 < px < WIDTH
        assert 0 < py < height


def test_a_contour_is_where_the_value_is_its_level():
    x = np.linspace(-2, 2, 81)
    rows, columns = np.meshgrid(x, x, indexing="ij")
    (ring,) = above(x, x, -(rows**2 + columns**2), -1.0)
    assert np.hypot(*np.array(ring).T) == pytest.approx(1, abs=1e-3)
    outer, inner = sorted(above(x, x, rows**2 + columns**2, 1.0), key=lambda loop: -np.abs(loop).max())
    assert np.abs(outer).max() == 2  # it closes along the border
    assert np.hypot(*np.array(inner).T) == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize(
    "change",
    [
        lambda f: f.add_pie(values=[1]),
        lambda f: f.add_scatter(x=[1], y=[1], fill="tozeroy"),
        lambda f: f.add_bar(x=[1], y=["a"], orientation="h"),
        lambda f: f.add_annotation(text="here", x=0, y=0),
        lambda f: f.add_vrect(x0=0, x1=1),
        lambda f: f.add_scatter(x=[1], y=[1], mode="markers", marker={"symbol": "hexagon"}),
    ],
)
def test_what_is_not_drawn_is_refused(change):
    figure = over_time({"a": ([0, 1], [0, 1])}, "y", CLAIM, ALT)
    change(figure)
    with pytest.raises(ValueError, match="a picture"):
        picture(json.loads(figure.to_json()))


def test_a_figure_that_cannot_be_drawn_is_told_all_the_same(monkeypatch):
    monkeypatch.setattr(plotly.io.renderers, "default", "plotly_mimetype")
    figure = style(over_time({"a": ([0, 1], [0, 1])}, "y", CLAIM, ALT).add_pie(values=[1]), CLAIM, ALT)
    bundle = figure._repr_mimebundle_()
    assert "image/svg+xml" not in bundle
    assert ALT in bundle["text/plain"]


@pytest.mark.parametrize(
    ("value", "step", "text"),
    [(0, 1, "0"), (0.30000000000000004, 0.1, "0.3"), (-2.0, 0.5, "−2.0"), (1e-5, None, "10⁻⁵"), (5e-7, None, "5×10⁻⁷"),
     (20000, None, "20000"), (2e5, None, "2×10⁵"), (0.001, None, "0.001")],
)  # fmt: skip
def test_numbers_read_as_in_the_figure(value, step, text):
    assert number(value, step) == text


@pytest.mark.parametrize(("low", "high"), [(1e-8, 1), (0.6, 7), (0.9, 1.1), (3, 4000), (1e-4, 3e-4)])
def test_a_logarithmic_axis_has_some_ticks_and_not_too_many(low, high):
    made = axis({"type": "log"}, [low, high], (0.0, 300.0))
    assert 2 <= len(made.ticks) <= 12
    assert math.isnan(made.at(0))


@pytest.mark.parametrize(
    ("low", "high", "texts"),
    [
        (0.02, 1e4, ["0.1", "1", "10", "100", "1000", "10000"]),
        (1e-4, 2.0, ["10⁻⁴", "10⁻³", "10⁻²", "10⁻¹", "10⁰"]),
        (0.8, 60, ["1", "3", "10", "30"]),
        (0.6, 7, ["1", "2", "5"]),
        (2e-5, 2e-4, ["2×10⁻⁵", "5×10⁻⁵", "10⁻⁴", "2×10⁻⁴"]),
    ],
)
def test_a_logarithmic_axis_has_powers_or_round_parts_of_them_in_one_form(low, high, texts):
    assert [text for _, text in axis({"type": "log"}, [low, high], (0.0, 300.0)).ticks] == texts
    figure = over_time({"a": ([low, high], [low, high])}, "y", CLAIM, ALT, log="xy")
    for made in (figure.layout.xaxis, figure.layout.yaxis):
        shown = [text for at, text in zip(made.tickvals, made.ticktext, strict=True) if low / 1.1 <= at <= high * 1.1]
        assert shown == texts


def test_nice_steps():
    assert [nice(step) for step in (0.9, 1.0, 1.1, 3.0, 7.0, 0.02)] == pytest.approx([1, 1, 2, 5, 10, 0.02])


def named():
    ways = {"last": ([0.9], [0.5]), "first": ([0.2, 0.25, 0.3], [0.1, 0.15, 0.2]), "m third": ([0.3], [0.4])}
    alone = {"n": ([0.5], [0.9])}
    return frontier({"m": ways, "n": alone}, "x", "y", CLAIM, ALT, marks={"o": (0.5, 0.2)}, named=True)


def test_points_of_a_method_with_several_have_names_that_lie_on_nothing():
    fig = named()
    assert [trace.mode for trace in fig.data] == ["markers+text", "markers+text", "markers"]
    assert list(fig.data[0].text) == ["last", "first", "third"]
    assert list(fig.data[1].text) == [""]
    svg = drawn(fig)
    names = [t for t in svg.getElementsByTagName("text") if t.firstChild and t.firstChild.data in fig.data[0].text]
    assert len(names) == 3
    for name in names:
        x, y, wide = float(name.getAttribute("x")), float(name.getAttribute("y")), 5 * len(name.firstChild.data)
        start = x - {"start": 0, "middle": wide / 2, "end": wide}[name.getAttribute("text-anchor")]
        assert not [1 for px, py in points(svg) if start < px < start + wide and y - 9 < py < y]


def test_a_name_for_which_there_is_no_room_is_left_out():
    assert beside([(0.5, 0.5), (0.56, 0.5)], ["a", ""]) == ["top right", None]
    assert beside([(0.5, 0.5)], ["a name"]) == ["middle right"]
    assert beside([(0.99, 0.5)], ["a name"]) == ["middle left"]
    assert beside([(0.5, 0.5)], ["a name"], [((0.2, 0.5), (0.8, 0.5))]) == ["top right"]
    assert beside([(0.5, 0.5)], ["a name " * 20]) == [None]
    ring = [(0.5 + x / 250, 0.5 + y / 270) for x in (-18, 0, 18) for y in (-16, 0, 16)]
    assert beside([ring[4], *ring[:4], *ring[5:]], ["a name"]) == [None]
