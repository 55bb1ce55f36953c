"""Figures of many runs: what their sliders put where, and what they refuse."""

import numpy as np
import pytest
from small import refused

from recall_learn.figures.many_runs import bands, ends, intervals

GOOD, FAILED = ([1.0, 2.0], [0.8, 0.9], ["a, seed 0", "b, seed 0"]), ([9.0], [0.5], ["b, seed 1"])
NONE = ([], [], [])
STOPS = {"all": {"good": GOOD, "failed": FAILED}, "a": {"good": ([1.0], [0.8], ["a, seed 0"]), "failed": NONE}}


def test_every_run_stays_in_grey_and_the_slider_colours_some():
    fig = ends(STOPS, "setting: ", "x", "y", "They end.", "Points.", marks={"start": (11.0, 0.4)})
    assert (list(fig.data[0].x), list(fig.data[0].y)) == ([1.0, 2.0, 9.0], [0.8, 0.9, 0.5])
    assert [trace.name for trace in fig.data[1:]] == ["good", "failed", "start"]
    assert fig.data[1].marker.symbol != fig.data[2].marker.symbol
    (slider,) = fig.layout.sliders
    update, which = slider.steps[1].args
    assert list(which) == [1, 2]
    assert update == {"x": [[1.0], []], "y": [[0.8], []], "text": [["a, seed 0"], []]}
    assert fig.layout.xaxis.range[0] < 1 < 11 < fig.layout.xaxis.range[1]
    assert fig.layout.yaxis.range[0] < 0.4 < 0.9 < fig.layout.yaxis.range[1]


def band(middle):
    return [value - 1 for value in middle], middle, [value + 1 for value in middle]


def test_a_band_lies_between_its_edges_at_every_stop():
    stops = {"one": {"good": band([2.0, 3.0]), "failed": band([5.0, 4.0])}}
    stops["two"] = {"good": band([6.0, 7.0]), "failed": band([9.0, 8.0])}
    fig = bands([0, 1], stops, "part: ", "x", "y", "It falls.", "Bands.")
    assert [trace.fill for trace in fig.data] == [None, "tonexty", None] * 2
    assert [trace.name for trace in fig.data if trace.showlegend is not False] == ["good", "failed"]
    for at, label in enumerate(stops):
        low, high, middle = np.array(fig.layout.sliders[0].steps[at].args[0]["y"][:3])
        assert (low < middle).all()
        assert (middle < high).all()
        assert middle.tolist() == stops[label]["good"][1]
    assert not bands([0, 1], {"one": stops["one"]}, "", "x", "y", "c", "a").layout.sliders


def test_texts_that_look_like_numbers_stay_where_they_are_put():
    stops = {"": {"good": band([2.0, 3.0, 1.0])}}
    assert bands(["none", "3", "3, 2"], stops, "", "x", "y", "c", "a").layout.xaxis.type == "category"
    assert bands([0, 1, 2], stops, "", "x", "y", "c", "a").layout.xaxis.type == "linear"


def test_a_logarithmic_axis_holds_all_stops():
    stops = {"one": {"good": ([1e-5], [1e-4], [1e-3])}, "two": {"good": ([0.0], [1.0], [10.0])}}
    low, high = bands([0], stops, "", "x", "y", "c", "a", log=True).layout.yaxis.range
    assert low < -5
    assert high > 1


def test_an_interval_reaches_to_both_of_its_ends():
    fig = intervals({"plain": (0.0, 0.1, 0.4), "warm-up": (0.2, 0.5, 0.6)}, "share", "It fails.", "Dots.")
    (trace,) = fig.data
    assert list(trace.y) == ["plain", "warm-up"]
    np.testing.assert_allclose(trace.x + trace.error_x.array, [0.4, 0.6])
    np.testing.assert_allclose(trace.x - trace.error_x.arrayminus, [0.0, 0.2])
    assert fig.layout.yaxis.autorange == "reversed"
    assert fig.layout.xaxis.range[0] < 0 < 0.6 < fig.layout.xaxis.range[1]
    assert tuple(intervals({"a": (0, 0, 1)}, "x", "c", "a", x_range=(-0.1, 1.1)).layout.xaxis.range) == (-0.1, 1.1)


def test_stops_that_differ_are_refused():
    with pytest.raises(ValueError, match="each needs"):
        ends({"all": {"good": GOOD}, "a": {"failed": FAILED}}, "", "x", "y", "c", "a")
    refused(
        lambda: bands([0], {"one": {"a": band([1.0])}, "two": {"b": band([1.0])}}, "", "x", "y", "c", "a"),
        ValueError,
        "stop 'two' has the curves ['b']",
    )
