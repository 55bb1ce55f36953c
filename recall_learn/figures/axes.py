"""An axis of a picture: its range, its ticks, and the pixel of each value, from plotly's JSON."""

import base64
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from recall_learn.support.reading import Json

SUPERSCRIPT = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")
FULL = 5
"""Numbers are written in full up to this many zeros."""
ROOM = 0.05
"""Of the values' span, left at both ends."""


@dataclass(frozen=True)
class Axis:
    """Where values lie.

    Attributes:
        kind: "linear", "log" or "category".
        span: what both ends stand for: values, their logarithms to the base 10, or numbers of categories.
        ends: the pixels of both.
        names: the categories.
        ticks: pixel and text of each.
    """

    kind: str
    span: tuple[float, float]
    ends: tuple[float, float]
    names: tuple[str, ...] = ()
    ticks: tuple[tuple[float, str], ...] = ()

    def at(self, value: object) -> float:
        """The pixel of a value; NaN where it has none, as 0 on a logarithmic axis."""
        if self.kind == "category":
            return self.pixel(self.names.index(str(value)))
        value = math.nan if value is None else float(value)
        if self.kind == "log":
            value = math.log10(value) if value > 0 else math.nan
        return self.pixel(value)

    def pixel(self, place: float) -> float:
        """The pixel of a place in the unit of ``span``."""
        (low, high), (start, end) = self.span, self.ends
        return start + (place - low) / (high - low) * (end - start)

    def within(self, pixel: float) -> bool:
        """Whether it is between the ends, give or take the rounding."""
        return min(self.ends) - 0.01 <= pixel <= max(self.ends) + 0.01


def values(data: object) -> list:
    """A trace's values as a list; plotly may have packed them into bytes."""
    if isinstance(data, Mapping) and "bdata" in data:
        array = np.frombuffer(base64.b64decode(data["bdata"]), dtype=data["dtype"])
        shape = data.get("shape")
        return (array.reshape([int(n) for n in str(shape).split(",")]) if shape else array).tolist()
    return [] if data is None else np.asarray(data, dtype=object).tolist()


def axis(given: Mapping[str, Json], shown: Sequence[object], ends: tuple[float, float], base: bool = False) -> Axis:
    """The axis of a figure.

    Args:
        given: what plotly's layout says of it.
        shown: everything that is drawn along it.
        ends: the pixels of its low and of its high end.
        base: bars stand on it: where it is linear, 0 is on it.
    """
    kind = given.get("type") or ("category" if any(isinstance(value, str) for value in shown) else "linear")
    kind = "linear" if kind == "-" else kind
    names = tuple(dict.fromkeys(map(str, shown))) if kind == "category" else ()
    bare = Axis(kind, _span(kind, given, shown, names, base), ends, names)
    ticks = [(bare.pixel(place), text) for place, text in _ticks(bare, given)]
    return Axis(kind, bare.span, ends, names, tuple((pixel, text) for pixel, text in ticks if bare.within(pixel)))


def _span(kind: str, given: Mapping, shown: Sequence, names: Sequence[str], base: bool) -> tuple[float, float]:
    if given.get("range"):
        low, high = given["range"]
    elif kind == "category":
        low, high = -0.5, len(names) - 0.5
    else:
        found = [float(value) for value in shown if value is not None and math.isfinite(value)]
        if kind == "log":
            found = [math.log10(value) for value in found if value > 0]
        found = [*(found or [0.0, 1.0]), *([0.0] if base and kind == "linear" else [])]
        low, high = min(found), max(found)
        room = ROOM * (high - low) or 0.5
        low, high = (low - room * (not base or low < 0)), high + room
    return (high, low) if given.get("autorange") == "reversed" else (low, high)


def _ticks(axis: Axis, given: Mapping[str, Json]) -> Iterable[tuple[float, str]]:
    """Place and text of each; those beyond the ends among them."""
    low, high = sorted(axis.span)
    if given.get("tickvals") is not None:
        at = values(given["tickvals"])
        texts = given.get("ticktext") or [number(value) for value in at]
        places = [math.log10(value) for value in at] if axis.kind == "log" else at
        return zip(places, texts, strict=True)
    if axis.kind == "category":
        return enumerate(axis.names)
    step = given.get("dtick")
    if axis.kind == "log":
        at = on_log(low, high)
        return zip(map(math.log10, at), numbers(at), strict=True)
    wide = abs(axis.ends[1] - axis.ends[0])
    step = step if isinstance(step, int | float) else nice((high - low) / max(2, wide / 60))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [(i * step, number(i * step, step)) for i in range(first, last + 1)]


def on_log(low: float, high: float) -> list[float]:
    """What to write on a logarithmic axis: powers of ten where there are enough of them, else parts of them, too.

    Args:
        low: the logarithm to the base 10 of the least value.
        high: that of the largest.
    """
    wide = high - low
    if wide < 0.5:
        by = nice((10**high - 10**low) / 4)
        return [i * by for i in range(max(1, math.floor(10**low / by)), math.ceil(10**high / by) + 1)]
    parts = (1,) if wide > 2.7 else (1, 3) if wide > 1.2 else (1, 2, 5)
    every = max(1, math.ceil(wide / 8))
    decades = [decade for decade in range(math.floor(low), math.ceil(high) + 1) if decade % every == 0]
    found = [float(f"{part}e{decade}") for decade in decades for part in parts]
    return [value for value in found if low - 0.1 * wide <= math.log10(value) <= high + 0.1 * wide]


def nice(step: float) -> float:
    """The least of 1, 2 and 5 times a power of ten that is not under ``step``."""
    power = 10.0 ** math.floor(math.log10(step))
    return next(part * power for part in (1, 2, 5, 10) if part * power >= step * (1 - 1e-9))


def numbers(values: Sequence[float]) -> list[str]:
    """Numbers of one logarithmic axis, in one form: in full where all are short, else each with a power of ten."""
    full = all(1e-3 <= abs(value) < 10**FULL for value in values)
    return [number(value) if full else number(value, full=0) for value in values]


def number(value: float, step: float | None = None, full: int = FULL) -> str:
    """A number as an axis has it: in full, or with a power of ten.

    Args:
        value: the number.
        step: from it to the next; it says how many digits matter.
        full: from this many zeros on there is a power of ten.
    """
    if value == 0:
        return "0"
    power = math.floor(math.log10(abs(value)) + 1e-9)
    if abs(power) >= full:
        part = f"{value / 10.0**power:.6g}"
        text = f"10{str(power).translate(SUPERSCRIPT)}"
        text = text if part == "1" else f"{part}×{text}"
    elif step is None:
        text = np.format_float_positional(float(f"{value:.6g}"), trim="-")
    else:
        text = f"{value:.{max(0, -math.floor(math.log10(step) + 1e-9))}f}"
    return text.replace("-", "−")
