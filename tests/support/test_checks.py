"""Numbers that somebody gives: plain Python numbers afterwards, or one sentence."""

import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
import torch

from recall_learn.support.checks import number, one_line, shown, typed, whole


@pytest.mark.parametrize(
    "given", [3, np.int64(3), np.uint8(3), np.array(3), torch.tensor(3), torch.tensor(3, dtype=torch.int16)]
)
def test_a_whole_number_becomes_a_plain_one(given):
    made = whole("steps", given, 1)
    assert type(made) is int
    assert made == 3


@pytest.mark.parametrize(
    "given",
    [0.5, np.float32(0.5), np.float16(0.5), np.longdouble(0.5), np.array(0.5), torch.tensor(0.5), Fraction(1, 2)],
)
def test_a_number_becomes_a_plain_one(given):
    made = number("lr", given, lambda x: x > 0, "a number above 0")
    assert type(made) is float
    assert made == 0.5


def test_a_whole_number_is_a_number_too():
    assert type(number("lr", np.int64(2), lambda x: x > 0, "a number above 0")) is float


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (True, "steps is True; it has to be a whole number of at least 1"),
        (np.bool_(True), "steps is True; it has to be a whole number of at least 1"),
        (torch.tensor(True), "steps is True; it has to be a whole number of at least 1"),
        (3.0, "steps is 3.0; it has to be a whole number of at least 1"),
        (np.float64(3), "steps is 3.0; it has to be a whole number of at least 1"),
        ("3", "steps is '3'; it has to be a whole number of at least 1"),
        (None, "steps is None; it has to be a whole number of at least 1"),
        ([3], r"steps is \[3\]; it has to be a whole number of at least 1"),
        (np.array([3]), r"steps is array\(\[3\]\); it has to be a whole number of at least 1"),
        (0, "steps is 0; it has to be a whole number of at least 1"),
        (10, "steps is 10; it has to be a whole number of at most 9"),
        (10**400, "steps is an integer of 401 digits; it has to be a whole number of at most 9"),
    ],
)
def test_what_is_no_whole_number_is_refused_in_one_sentence(given, words):
    with pytest.raises(ValueError, match=f"^{words}$"):
        whole("steps", given, 1, 9)


def test_a_whole_number_fits_into_sixty_four_bits():
    assert whole("steps", 2**63 - 1, 1) == 2**63 - 1
    with pytest.raises(ValueError, match="at most 9223372036854775807"):
        whole("steps", 2**63, 1)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (math.nan, "lr is nan; it has to be a number above 0"),
        (np.float32("nan"), "lr is nan; it has to be a number above 0"),
        (torch.tensor(math.inf), "lr is inf; it has to be a number above 0"),
        (True, "lr is True; it has to be a number above 0"),
        ("0.5", "lr is '0.5'; it has to be a number above 0"),
        (1j, "lr is 1j; it has to be a number above 0"),
        (np.complex64(1), r"lr is \(1\+0j\); it has to be a number above 0"),
        (Decimal("0.5"), r"lr is Decimal\('0.5'\); it has to be a number above 0"),
        (torch.ones(1), r"lr is tensor\(\[1.\]\); it has to be a number above 0"),
        (-1, "lr is -1; it has to be a number above 0"),
        (10**400, "lr is an integer of 401 digits; it has to be a number above 0"),
        (Fraction(10**400), r"lr is Fraction\(1000+\.\.\.; it has to be a number above 0"),
    ],
)
def test_what_is_no_number_is_refused_in_one_sentence(given, words):
    with pytest.raises(ValueError, match=f"^{words}$"):
        number("lr", given, lambda x: x > 0, "a number above 0")


def test_an_infinity_may_be_allowed_and_nan_never():
    assert number("k", np.float32(math.inf), lambda x: x >= 0, "at least 0", infinite=True) == math.inf
    for given in (math.nan, -math.inf, 10**400):
        with pytest.raises(ValueError, match="k is "):
            number("k", given, lambda x: x >= 0, "at least 0", infinite=True)


def test_a_value_is_shown_on_one_line():
    assert "\n" not in shown(torch.zeros(50, 50))
    assert len(shown("x" * 1000)) < 100
    assert shown(-(10**5000)) == "an integer of 5001 digits"  # Python itself refuses to write it


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.1, "0.1"),
        (250.0, "250"),
        (1 / 3, repr(1 / 3)),
        (math.inf, "inf"),
        (2e-5, "2e-05"),
        (3, "3"),
        ("paper", "paper"),
    ],
)
def test_a_setting_is_written_as_one_types_it(value, text):
    assert typed(value) == text
    assert text == "paper" or float(text) == value


@pytest.mark.parametrize(("error", "line"), [(ValueError("two\n  lines "), "two lines"), (KeyError(), "KeyError")])
def test_an_error_is_one_line(error, line):
    assert one_line(error) == line
