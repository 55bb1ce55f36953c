import json

import numpy as np
import plotly.graph_objects as go
import pytest

from recall_learn.figures.palette import OWN, PALETTE, colours
from recall_learn.figures.plots import (
    bars,
    dragged,
    frontier,
    lambda_curve,
    landscape,
    over_time,
    slider,
    style,
)
from recall_learn.theory.annealing import Sigmoid


@pytest.mark.parametrize(("claim", "alt"), [("", "a line"), ("it rises", " ")])
def test_a_figure_without_claim_or_text_alternative_is_refused(claim, alt):
    with pytest.raises(ValueError, match="is empty"):
        style(go.Figure(), claim, alt)


def test_the_claim_is_the_title_and_wraps():
    claim = "a long claim " * 9
    fig = style(go.Figure(), claim, "nothing to see")
    assert fig.layout.title.text.replace("<br>", " ").split() == claim.split()
    assert max(map(len, fig.layout.title.text.split("<br>"))) <= 60
    assert fig.layout.meta == {"claim": claim, "alt": "nothing to see"}
    one = style(go.Figure(), "it rises", "a line")
    assert fig.layout.margin.t > one.layout.margin.t  # room for each line


def test_the_page_shows_through_a_figure():
    fig = style(go.Figure(), "it rises", "a line")
    assert fig.layout.paper_bgcolor == fig.layout.plot_bgcolor == "rgba(0,0,0,0)"


@pytest.mark.parametrize("log", ["", "x", "y", "xy"])
def test_no_axis_has_si_letters(log):
    figures = [
        lambda_curve(),
        over_time({"a": ([1e-4, 1], [1e-4, 1])}, "y", "it rises", "a line", log=log),
        dragged([1e-4, 1], {"1": {"a": [1e-4, 1]}}, "k = ", "x", "y", "it rises", "a line", log=log),
        bars({"a": {"one": 1e-4}}, "x", "y", "it is small", "a bar", log="y" in log),
    ]
    for fig in figures:
        axes = [*fig.select_xaxes(), *fig.select_yaxes()]
        assert len(axes) == 2
        assert [axis.exponentformat for axis in axes] == ["power", "power"]


@pytest.mark.parametrize("groups", [{"a": {"one": 0.2, "two": 30}}, {"a": {"one": 3}, "b": {"one": [0.5, 1, 4]}}])
def test_no_bar_on_a_logarithmic_axis_begins_where_the_axis_happens_to(groups):
    """A bar of plotly's without a base begins there at the axis' lower end, so that its length says nothing."""
    for foot in (None, 1.0):
        fig = bars(groups, "x", "y", "it rises", "bars", log=True, foot=foot)
        assert fig.layout.yaxis.type == "log"
        for trace, values in zip(fig.data, groups.values(), strict=True):
            assert trace.type == ("scatter" if foot is None else "bar")
            assert trace.type == "scatter" or trace.base == foot
            medians = [float(np.median(value)) for value in values.values()]
            assert [y + (foot or 0) for y in trace.y] == pytest.approx(medians)
    assert len({trace.marker.symbol for trace in bars(groups, "x", "y", "c", "a", log=True).data}) == len(groups)


def contrast(a, b):
    """WCAG's contrast ratio of two colours, #rrggbb."""

    def luminance(colour):
        c = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
        return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4) @ [0.2126, 0.7152, 0.0722]

    low, high = sorted((luminance(a), luminance(b)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("page", ["#ffffff", "#121212"])
@pytest.mark.parametrize("colour", PALETTE)
def test_every_curve_shows_on_a_light_and_on_a_dark_page(colour, page):
    assert contrast(colour, page) > 2


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["RecAdam, fast", "plain fine-tuning"], [0, 1]),
        (["plain", "half the rate", "RecAdam"], [1, 2, 0]),
        (["plain fine-tuning", "plain, half the rate", "EWC"], [1, 0, 2]),
        (["EWC", "L2-SP"], [0, 1]),
    ],
)
def test_plain_fine_tuning_and_recadam_have_one_colour_each_in_every_figure(names, expected):
    assert colours(names) == [PALETTE[at] for at in expected]
    assert {start: colours([start]) for start in OWN} == {start: [colour] for start, colour in OWN.items()}


@pytest.mark.parametrize("page", ["#ffffff", "#121212"])
def test_a_mark_shows_wherever_it_lies(page):
    """By its fill or by its outline, on the page and on each grey that a landscape lays over it."""
    shade, marks = np.linspace(0, 255, 52), {"here": (0, 0), "there": (1, 1)}
    fig = landscape(
        [0, 1], [0, 1], np.eye(2), {"": {"a": ([0, 1], [0, 1])}}, "", ("x", "y", "z"), "it falls", "a way", marks
    )
    ground = int(page[1:3], 16) + fig.data[0].opacity * (shade - int(page[1:3], 16))
    greys = [page, *("#" + f"{round(value):02x}" * 3 for value in ground)]
    made = fig.data[-2:]
    assert [mark.name for mark in made] == ["here", "there"]
    assert len({mark.marker.symbol for mark in made}) == 2
    for mark in made:
        assert min(max(contrast(c, grey) for c in (mark.marker.color, mark.marker.line.color)) for grey in greys) > 4.5


def test_marks_that_a_reader_cannot_tell_apart_are_refused():
    with pytest.raises(ValueError, match="5 marks"):
        frontier({"a": {"one": ([0], [0])}}, "x", "y", "it falls", "a way", {str(i): (i, i) for i in range(5)})


def test_a_slider_holds_plain_numbers_for_every_curve():
    made = slider("k = ", ["1", "2"], [np.ones((2, 3)), np.zeros((2, 3))], active=1)
    assert json.loads(json.dumps(made)) == made
    assert made["active"] == 1
    assert made["steps"][1]["args"] == [{"y": [[0.0] * 3] * 2}]


def test_a_slider_needs_curves_for_every_label():
    with pytest.raises(ValueError, match="zip"):
        slider("k = ", ["1", "2"], [np.ones((2, 3))])


def test_lambda_curve_shows_the_librarys_schedule():
    fig = lambda_curve(ks=[0.01, 0.1], t0s=[100, 250], steps=500)
    steps = fig.layout.sliders[0].steps
    assert [step.label for step in steps] == ["0.01", "0.1"]
    for trace, t0, y in zip(fig.data, (100, 250), steps[1].args[0]["y"], strict=True):
        np.testing.assert_allclose(trace.y, Sigmoid(0.1, t0)(np.asarray(trace.x)))
        np.testing.assert_allclose(y, trace.y, atol=1e-6)
