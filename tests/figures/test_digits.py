"""Numbers on a page: six significant digits, whatever holds them."""

import json

import numpy as np

from recall_learn.figures.digits import six_digits


def test_every_number_has_six_digits_and_nothing_else_changes():
    given = {"y": np.array([1 / 3, 1e-12 / 7]), "x": (1, 2.5), "name": "a curve", "deep": [{"z": [2 / 3]}], "no": None}
    made = six_digits(given)
    assert made == {
        "y": [0.333333, 1.42857e-13],
        "x": [1, 2.5],
        "name": "a curve",
        "deep": [{"z": [0.666667]}],
        "no": None,
    }
    assert json.loads(json.dumps(made)) == made
