"""exp, log, tanh, sine, cosine and Phi of the kernel over their ranges, against numpy and scipy in double precision."""

import numpy as np
import pytest
from scipy import special
from wasm_model import WasmModel


@pytest.fixture(scope="module")
def call():
    return WasmModel().call


def _values(call, name, points):
    return np.array([call(name, float(x)) for x in points])


def test_exponential_is_right_to_an_ulp(call):
    points = np.linspace(-87, 88, 4001, dtype=np.float32)
    right = np.exp(points.astype(np.float64))
    assert np.max(np.abs(_values(call, "try_exponential", points) - right) / right) < 1.2e-7
    assert call("try_exponential", -1e30) < 1.7e-38
    assert call("try_exponential", 1e30) > 1.6e38


def test_phi_is_right_to_what_its_comment_says(call):
    points = np.concatenate([np.linspace(-8, 8, 8001), np.geomspace(1e-20, 1, 200)]).astype(np.float32)
    assert np.max(np.abs(_values(call, "try_share_below", points) - special.ndtr(points.astype(np.float64)))) < 2.4e-7


@pytest.mark.parametrize("name", ["try_exponential", "try_share_below"])
def test_what_is_no_number_stays_none(call, name):
    assert np.isnan(call(name, float("nan")))


@pytest.mark.parametrize(
    ("name", "right", "points", "most"),
    [
        ("exp", np.exp, np.linspace(-700, 700, 2001), 4e-16),
        ("log", np.log, np.concatenate([np.geomspace(1e-300, 1e300, 2001), np.linspace(0.5, 2, 500)]), 5e-16),
    ],
)
def test_double_functions_are_right_to_a_few_ulp(call, name, right, points, most):
    wanted = right(points)
    assert np.max(np.abs(_values(call, f"try_{name}", points) - wanted) / np.maximum(np.abs(wanted), 1e-3)) < most


@pytest.mark.parametrize(
    ("name", "right", "points"),
    [
        ("tanh", np.tanh, np.linspace(-30, 30, 2001)),
        ("cosine", lambda x: np.cos(2 * np.pi * x), np.arange(0, 1, 1 / 2048)),
        ("sine", lambda x: np.sin(2 * np.pi * x), np.arange(0, 1, 1 / 2048)),
    ],
)
def test_bounded_functions_are_right_to_1e_15(call, name, right, points):
    assert np.max(np.abs(_values(call, f"try_{name}", points) - right(points))) < 1e-15


def test_exp_and_log_at_the_ends(call):
    assert call("try_exp", -np.inf) == 0
    assert call("try_exp", 0.0) == 1
    assert call("try_log", 1.0) == 0


def test_lambda_is_that_of_the_schedule(call):
    from recall_learn import Sigmoid

    for k, t0 in [(0.05, 150.0), (0.0, 3.0), (5.0, 0.0), (np.inf, 40.0), (1e-4, 1000.0)]:
        for t in (1, 39, 40, 41, 150, 300):
            assert call("sigmoid", k, t0, float(t)) == pytest.approx(Sigmoid(k, t0)(t), rel=1e-14, abs=1e-300)
