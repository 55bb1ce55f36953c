"""Numbers as somebody may give them: checked, and made plain Python numbers.

What counts as a number is Python's own ints, floats and fractions, numpy's scalars, and arrays and tensors without
dimensions; ``True`` and text do not, nor does an array of one element.
"""

import math
from collections.abc import Callable
from numbers import Integral, Real
from typing import Any

LARGEST = 2**63 - 1
"""Of the whole numbers; torch and numpy hold no larger ones."""
SHOWN = 80
"""Characters of a value that a message shows."""


def whole(name: str, value: object, least: int, most: int | None = None) -> int:
    """A whole number as a plain int.

    Args:
        name: of the argument, for the message.
        value: the number.
        least: the smallest that is right.
        most: the largest; None is `LARGEST`.

    Raises:
        ValueError: it is no whole number, or out of range.
    """
    value = _plain(value)
    if isinstance(value, bool) or not isinstance(value, Integral) or value < least:
        raise ValueError(f"{name} is {shown(value)}; it has to be a whole number of at least {least}")
    if value > (LARGEST if most is None else most):
        raise ValueError(
            f"{name} is {shown(value)}; it has to be a whole number of at most {LARGEST if most is None else most}"
        )
    return int(value)


def number(name: str, value: object, holds: Callable[[float], bool], right: str, *, infinite: bool = False) -> float:
    """A number as a plain float.

    Args:
        name: of the argument, for the message.
        value: the number.
        holds: whether such a float is right; nan never gets there.
        right: what would be, for the message: "a number above 0".
        infinite: whether infinities may be.

    Raises:
        ValueError: it is no number, nan, larger than a float can be, or ``holds`` is False.
    """
    value = _plain(value)
    made = _float(value)
    if math.isnan(made) or (math.isinf(made) and not infinite) or not holds(made):
        raise ValueError(f"{name} is {shown(value)}; it has to be {right}")
    return made


def shown(value: object) -> str:
    """A value as a message shows it: on one line, and not longer than `SHOWN` characters."""
    if isinstance(value, int) and abs(value) >= 10**30:
        return f"an integer of {_digits(abs(value))} digits"
    text = " ".join(repr(value).split())
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."


def is_number(text: str) -> bool:
    """Whether a text is written as a number, as Python reads one."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def typed(value: object) -> str:
    """A setting as somebody would type it: 0.1, 250, inf, paper; no digit of it is lost."""
    if not isinstance(value, float):
        return str(value)
    return repr(int(value)) if math.isfinite(value) and value == int(value) and abs(value) < 1e15 else repr(value)


def one_line(error: BaseException) -> str:
    """What an error says, on one line; its type's name where it says nothing."""
    return " ".join(str(error).split()) or type(error).__name__


def _plain(value: Any) -> Any:
    """What a numpy scalar, or an array or tensor without dimensions, holds."""
    return value.item() if getattr(value, "shape", None) == () and hasattr(value, "item") else value


def _float(value: Any) -> float:
    """As a float; nan for what is no number, or too large."""
    if isinstance(value, bool) or not isinstance(value, Real):
        return math.nan
    try:
        return float(value)
    except OverflowError:
        return math.nan


def _digits(value: int) -> int:
    try:
        return len(str(value))
    except ValueError:  # Python writes none of more than 4300 digits
        return int(math.log10(value)) + 1
