"""The matrix of a sequence: its rows come with the slider, and nothing of a row before."""

import numpy as np
import pytest
from small import refused

from recall_learn.figures.matrix import matrix

ROWS, COLUMNS = ["start", "cola", "rte"], ["cola", "rte", "facts"]
TEXTS = [["0.02", "0.50", "100%"], ["0.80", "0.51", "99%"], ["0.60", "0.90", "80%"]]
SHADES = [[0.0, 0.0, 1.0], [0.8, 1 / 3, 0.99], [0.6, 0.9, 0.8]]


def test_each_stop_has_the_rows_up_to_its_own():
    fig = matrix(TEXTS, SHADES, ROWS, COLUMNS, "It fades.", "Three rows.")
    (slider,) = fig.layout.sliders
    assert [step.label for step in slider.steps] == ROWS
    assert slider.active == 2
    for stop, step in enumerate(slider.steps):
        (z,), (text,) = step.args[0]["z"], step.args[0]["text"]
        for i in range(3):
            assert [list(text[i]), list(z[i])] == (
                [TEXTS[i], pytest.approx(SHADES[i], rel=1e-5)] if i <= stop else [[""] * 3, [None] * 3]
            )
    assert np.shape(fig.data[0].z) == (3, 3)
    assert [list(row) for row in fig.data[0].text] == TEXTS
    assert fig.data[0].texttemplate == "%{text}"
    assert (fig.data[0].zmin, fig.data[0].zmax, fig.layout.yaxis.autorange) == (0, 1, "reversed")
    assert (fig.layout.meta["claim"], fig.layout.meta["alt"]) == ("It fades.", "Three rows.")


def test_a_row_more_makes_it_higher():
    more = matrix([*TEXTS, TEXTS[0]], [*SHADES, SHADES[0]], [*ROWS, "sst2"], COLUMNS, "c", "a")
    assert more.layout.height > matrix(TEXTS, SHADES, ROWS, COLUMNS, "c", "a").layout.height


@pytest.mark.parametrize(
    ("texts", "shades", "rows", "says"),
    [
        ([], [], [], "texts has the shape (0,); it has to be (0, 3), at least one row"),
        (TEXTS[:2], SHADES, ROWS, "texts has the shape (2, 3); it has to be (3, 3)"),
        (TEXTS, [[0.1]] * 3, ROWS, "shades has the shape (3, 1); it has to be (3, 3)"),
        (TEXTS, [*SHADES[:2], [0.1]], ROWS, "shades has the shape (3, 1, 3)"),
    ],
)
def test_what_does_not_fit_is_one_sentence(texts, shades, rows, says):
    refused(lambda: matrix(texts, shades, rows, COLUMNS, "c", "a"), ValueError, says)
