"""Settings that are whole numbers: taken as such, refused in words, written as they are read."""

import math
from dataclasses import dataclass
from typing import ClassVar

import pytest

from recall_learn.methods.expression import parse, written
from recall_learn.methods.method import Method, setting


@dataclass(frozen=True)
class Counting(Method):
    name: ClassVar[str] = "counting"

    layers: int = setting(2, "how many", low=0, whole=True)
    part: int = setting(1, "which", low=0, high=4, open_low=True, whole=True)


def test_a_whole_number_is_an_int_however_it_was_given():
    (made,) = parse("counting(layers=3, part=4.0)", {"counting": Counting})
    assert made == Counting(3, 4)
    assert [type(value) for value in made.values().values()] == [int, int]
    assert written([made]) == "counting(layers=3, part=4)"


@pytest.mark.parametrize("value", [2.5, -1, math.inf, math.nan, True, "2", 2.0**54])
def test_what_is_no_whole_number_is_refused(value):
    with pytest.raises(ValueError, match=r"^layers is .*; it has to be a whole number of at least 0$"):
        Counting(layers=value)


def test_the_range_of_a_whole_number_is_said():
    with pytest.raises(ValueError, match=r"^part is 0; it has to be a whole number in \(0, 4\]$"):
        Counting(part=0)
