"""The schedules against Python's own arithmetic, at every edge where a formula overflows or loses its meaning."""

import json
import math
from fractions import Fraction

import numpy as np
import pytest
import torch

from recall_learn.theory.annealing import Constant, Cosine, Linear, Sigmoid, as_dict, from_dict

EVERY = [
    Sigmoid(0.1, 250),
    Sigmoid(0, 250),
    Sigmoid(math.inf, 250),
    Sigmoid(1e308, 3),
    Linear(500),
    Linear(0),
    Linear(5e-324),
    Cosine(500),
    Cosine(0),
    Constant(0),
    Constant(0.3),
    Constant(1),
]
every_schedule = pytest.mark.parametrize("schedule", EVERY, ids=repr)


def naive_sigmoid(k, t0, t):
    return 1 / (1 + math.exp(-k * (t - t0)))


@pytest.mark.parametrize("k", [0.05, 0.1, 0.5, 1.0])
@pytest.mark.parametrize("t0", [0, 100, 250])
def test_sigmoid_is_the_papers_formula(k, t0):
    for t in range(0, 600, 7):
        assert Sigmoid(k, t0)(t) == pytest.approx(naive_sigmoid(k, t0, t), rel=1e-12)


def test_the_naive_sigmoid_overflows_where_ours_is_zero():
    with pytest.raises(OverflowError):
        naive_sigmoid(10, 250, 1)
    assert Sigmoid(10, 250)(1) == 0.0


def test_ten_to_ninety_percent_takes_4_39_over_k_steps():
    k, t0 = 0.05, 250
    half = 0.5 * 4.39 / k
    assert Sigmoid(k, t0)(t0 - half) == pytest.approx(0.1, abs=1e-3)
    assert Sigmoid(k, t0)(t0 + half) == pytest.approx(0.9, abs=1e-3)


def test_sigmoid_becomes_exactly_one_and_stays():
    schedule = Sigmoid(0.1, 250)
    assert schedule(250 + 300) < 1.0
    assert all(schedule(t) == 1.0 for t in range(250 + 370, 14_000, 11))


def test_sigmoid_is_its_own_complement():
    schedule = Sigmoid(0.2, 100)
    assert all(schedule(100 - d) + schedule(100 + d) == pytest.approx(1, abs=1e-15) for d in range(100))


def test_limits_in_k():
    assert [Sigmoid(0, 250)(t) for t in (-math.inf, 0, 250, 10**9, math.inf)] == [0.5] * 5
    assert [Sigmoid(math.inf, 250)(t) for t in (-math.inf, 0, 249.999, 250, 250.001, math.inf)] == [0, 0, 0, 0.5, 1, 1]


def test_linear_and_cosine_by_hand():
    assert [Linear(4)(t) for t in range(-1, 6)] == [0, 0, 0.25, 0.5, 0.75, 1, 1]
    by_hand = [0, 0, (1 - math.sqrt(0.5)) / 2, 0.5, (1 + math.sqrt(0.5)) / 2, 1, 1]
    assert [Cosine(4)(t) for t in range(-1, 6)] == pytest.approx(by_hand, abs=1e-15)
    assert Linear(4)(4) == Cosine(4)(4) == 1.0


def test_ramp_of_no_length_is_plain_fine_tuning():
    assert [Linear(0)(t) for t in (0, 1, 100)] == [1.0] * 3
    assert [Cosine(0)(t) for t in (0, 1, 100)] == [1.0] * 3


@every_schedule
def test_always_a_float_in_the_unit_interval_that_never_falls(schedule):
    steps = [-math.inf, -1e308, -1, 0, 1, 2, 249, 250, 251, 500, 10**6, 1e308, math.inf]
    with np.errstate(all="raise"):
        values = [schedule(t) for t in steps]
    assert all(type(value) is float for value in values)
    assert all(0.0 <= value <= 1.0 for value in values)
    assert values == sorted(values)


@every_schedule
def test_arrays_keep_their_kind_and_agree_with_numbers(schedule):
    steps = [0, 1, 249, 250, 251, 1000]
    expected = np.array([schedule(t) for t in steps])
    assert np.array_equal(schedule(steps), expected)
    assert isinstance(schedule(steps), np.ndarray)
    assert np.array_equal(schedule(np.array(steps)), expected)
    assert np.array_equal(schedule(np.array(steps).reshape(2, 3)), expected.reshape(2, 3))
    tensor = schedule(torch.tensor(steps, dtype=torch.float64))
    assert tensor.dtype == torch.float64
    assert np.array_equal(tensor.numpy(), expected)
    assert torch.equal(schedule(torch.tensor(steps)), torch.tensor(expected, dtype=torch.float32))
    assert schedule(torch.tensor(steps).bfloat16()).dtype == torch.bfloat16
    assert schedule(torch.tensor(7)).shape == ()
    assert schedule([]).shape == (0,)


def test_numpy_scalars_are_numbers():
    assert type(Sigmoid(0.1, 250)(np.int64(100))) is float
    assert type(Sigmoid(np.float32(0.5), np.int64(250)).t0) is float
    assert Linear(Fraction(1, 2))(0.25) == 0.5


@every_schedule
def test_to_json_and_back(schedule):
    assert from_dict(json.loads(json.dumps(as_dict(schedule)))) == schedule


def test_as_dict_is_plain():
    assert as_dict(Sigmoid(0.1, 250)) == {"shape": "sigmoid", "k": 0.1, "t0": 250.0}
    assert as_dict(Sigmoid(math.inf, np.float64(3))) == {"shape": "sigmoid", "k": math.inf, "t0": 3.0}
    assert type(as_dict(Sigmoid(math.inf, np.float64(3)))["t0"]) is float
    assert as_dict(Constant(1)) == {"shape": "constant", "value": 1.0}


@pytest.mark.parametrize("wrong", [-1, -math.inf, math.nan, "250", None, True, [1], 1j, np.array([1.0, 2.0])])
@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda wrong: Sigmoid(wrong, 1), "k"),
        (lambda wrong: Sigmoid(1, wrong), "t0"),
        (Linear, "t0"),
        (Cosine, "t0"),
        (Constant, "value"),
    ],
    ids=["Sigmoid.k", "Sigmoid.t0", "Linear.t0", "Cosine.t0", "Constant.value"],
)
def test_bad_arguments_are_named(make, name, wrong):
    with pytest.raises(ValueError, match=rf"{name} is .*; it has to be a"):
        make(wrong)


@pytest.mark.parametrize("make", [lambda t0: Sigmoid(1, t0), Linear, Cosine])
def test_an_infinite_t0_is_refused(make):
    with pytest.raises(ValueError, match="t0 is inf; it has to be a finite number"):
        make(math.inf)


def test_a_constant_above_one_is_refused():
    with pytest.raises(ValueError, match=r"value is 1.5; it has to be a number in \[0, 1\]"):
        Constant(1.5)


@pytest.mark.parametrize("wrong", ["3", None, True, math.nan, [1, math.nan], 1j, torch.tensor([True]), ["a"]])
@every_schedule
def test_a_step_that_is_no_number_is_refused(schedule, wrong):
    with pytest.raises(ValueError, match="t is "):
        schedule(wrong)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "shape is None; it must be one of sigmoid, linear, cosine, constant"),
        ({"shape": "step"}, "shape is 'step'"),
        ({"shape": ["linear"]}, "shape is"),
        ({"shape": "sigmoid", "k": 1}, "must have exactly"),
        ({"shape": "linear", "t0": 1, "k": 1}, "must have exactly"),
        ({"shape": "constant", "value": 2}, "value is 2"),
        ("sigmoid", "values is 'sigmoid'"),
    ],
)
def test_from_dict_refuses(values, message):
    with pytest.raises(ValueError, match=message):
        from_dict(values)


@pytest.mark.parametrize("wrong", [Sigmoid, None, lambda t: 0.5, "sigmoid"])
def test_as_dict_refuses(wrong):
    with pytest.raises(ValueError, match="it must be a Sigmoid, Linear, Cosine or Constant"):
        as_dict(wrong)


def test_schedules_are_values():
    assert Sigmoid(0.1, 250) == Sigmoid(0.1, 250.0)
    assert len({Linear(3), Linear(3.0), Cosine(3)}) == 2
    with pytest.raises(AttributeError):
        Sigmoid(0.1, 250).k = 1
