"""The heat map: a number in each cell, at each stop of its slider."""

import pytest
from small import refused

from recall_learn.figures.heat import BOTH_WAYS, RISES, heat

ROWS, COLUMNS = ["length", "depth"], ["embeddings", "layer 1", "layer 2"]
FIRST, LAST = [[0.5, 0.6, 0.7], [0.1, 0.2, 1 / 3]], [[0.4, 0.5, 0.6], [0.0, 0.1, 0.2]]


def drawn(**more):
    return heat({"0": FIRST, "300": LAST}, ROWS, COLUMNS, "It falls.", "Two rows.", **more)


def test_the_slider_goes_from_the_last_stop_to_the_others():
    fig = drawn(name="step ")
    assert [list(row) for row in fig.data[0].z] == LAST
    (slider,) = fig.layout.sliders
    assert (slider.active, slider.currentvalue.prefix) == (1, "step ")
    assert [step.label for step in slider.steps] == ["0", "300"]
    assert [step.args[0]["z"][0] for step in slider.steps] == [
        [[0.5, 0.6, 0.7], [0.1, 0.2, 0.333333]],
        LAST,
    ]
    assert fig.layout.yaxis.autorange == "reversed"  # the first row is above
    assert (fig.layout.meta["claim"], fig.layout.meta["alt"]) == ("It falls.", "Two rows.")


def test_one_stop_has_no_slider_and_colours_go_both_ways_around_0():
    one = heat({"": FIRST}, ROWS, COLUMNS, "One.", "One.")
    assert not one.layout.sliders
    assert [list(each) for each in one.data[0].colorscale] == RISES
    assert [list(each) for each in drawn(scale=(-0.2, 0.2)).data[0].colorscale] == BOTH_WAYS
    assert one.layout.height < drawn().layout.height


@pytest.mark.parametrize(
    ("stops", "says"),
    [({}, "stops is empty"), ({"1": [[1.0, 2.0]]}, r"stops['1'] has the shape (1, 2); it has to be (2, 3)")],
)
def test_what_does_not_fit_is_one_sentence(stops, says):
    refused(lambda: heat(stops, ROWS, COLUMNS, "c", "a"), ValueError, says)


def test_what_rounds_to_0_has_no_sign():
    fig = heat({"": [[-0.004, 0.004, -0.005]]}, ["a"], ["x", "y", "z"], "a claim", "an alternative text", scale=(-1, 1))
    assert [list(row) for row in fig.data[0].z] == [[0.0, 0.0, -0.005]]
    assert [f"{value:.2f}" for value in fig.data[0].z[0]][:2] == ["0.00", "0.00"]
