"""Small still pictures for the first page: SVG of a few kilobytes, without a script.

A picture has no colour of its own: its shapes carry classes (``s0`` is a line in the first hue, ``f1`` a surface in the
second, ``soft`` what stands back), and ``static/front.css`` gives them colours, by day, by night and on paper.
"""

import math
from collections.abc import Iterable, Sequence

from recall_learn.support import markup

Points = Iterable[tuple[float, float]]
SOFT = "soft"
"""In the place of a hue's number: a line or a surface that stands back."""
HUES = {0: "#0072b2", 1: "#d55e00", 2: "#00916b", 3: "#b3609a", SOFT: "#d5d0c5", "ink": "#1d222b"}
"""Where a picture stands alone; those of the pages are in ``static/book.css``."""


class Picture:
    """A frame of its own data, filled shape by shape; what is added later lies above.

    Args:
        alt: what there is to see, for whoever cannot see it; the numbers that matter.
        x: the ends of the horizontal axis.
        y: those of the vertical one, the lower end first; it may fall.
        log: whether the axes are logarithmic.
        size: width and height, in pixels.
        room: left free at the left, at the top, at the right and below, for texts.

    Raises:
        ValueError: ``alt`` is empty, or an axis has no length.
    """

    def __init__(
        self,
        alt: str,
        x: tuple[float, float] = (0, 1),
        y: tuple[float, float] = (0, 1),
        log: tuple[bool, bool] = (False, False),
        size: tuple[int, int] = (240, 120),
        room: tuple[int, int, int, int] = (4, 6, 4, 6),
    ):
        if not alt:
            raise ValueError("alt is empty; it has to say what there is to see")
        ends = tuple(_scaled(axis, falls) for axis, falls in zip((x, y), log, strict=True))
        if any(low == high for low, high in ends):
            raise ValueError(f"the axes go from {x[0]} to {x[1]} and from {y[0]} to {y[1]}; both have to have a length")
        self.alt, self.size = alt, size
        self._ends, self._log, self._room = ends, log, room
        self._parts: list[str] = []

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Where a point of the data is, in pixels from the upper left corner."""
        left, top, right, below = self._room
        (x0, x1), (y0, y1) = self._ends
        (across,), (up,) = _scaled((x,), self._log[0]), _scaled((y,), self._log[1])
        wide, high = self.size[0] - left - right, self.size[1] - top - below
        return left + wide * (across - x0) / (x1 - x0), top + high * (y1 - up) / (y1 - y0)

    def line(self, points: Points, hue: int | str = 0, width: float = 2, dash: str = "", closed: bool = False) -> None:
        """A line through points; those that are no number, or outside a logarithm, end it."""
        text, drawing = "", False
        for x, y in points:
            there = (
                math.isfinite(x) and math.isfinite(y) and (y > 0 or not self._log[1]) and (x > 0 or not self._log[0])
            )
            text += f"{'L' if drawing else 'M'}{_pair(self.at(x, y))}" if there else ""
            drawing = there
        dashed = f' stroke-dasharray="{dash}"' if dash else ""
        self._add(f'<path class="s{hue}" stroke-width="{width:g}"{dashed} d="{text}{"Z" if closed else ""}"/>')

    def dots(self, points: Points, hue: int | str = 0, radius: float = 3) -> None:
        """A disc on each point."""
        for x, y in points:
            across, down = self.at(x, y)
            self._add(f'<circle class="f{hue}" cx="{_short(across)}" cy="{_short(down)}" r="{radius:g}"/>')

    def box(self, x: tuple[float, float], y: tuple[float, float], hue: int | str = 0, strength: float = 1) -> None:
        """A filled rectangle between two places on each axis."""
        (left, top), (right, below) = self.at(x[0], y[0]), self.at(x[1], y[1])
        left, right, top, below = min(left, right), max(left, right), min(top, below), max(top, below)
        faint = f' fill-opacity="{strength:.2f}"' if strength < 1 else ""
        place = " ".join(
            f'{name}="{_short(value)}"'
            for name, value in (("x", left), ("y", top), ("width", right - left), ("height", below - top))
        )
        self._add(f'<rect class="f{hue}" {place}{faint}/>')

    def lights(
        self, on: Sequence[bool], columns: int, corner: tuple[float, float], step: float, hue: int | str = 0
    ) -> None:
        """A grid of small squares, those that are off soft; ``corner`` and ``step`` are in pixels."""
        side, (left, top) = step - 1.2, corner
        rows = [on[i : i + columns] for i in range(0, len(on), columns)]
        lines = "".join(
            f"M{_pair((left, top + row * step + side / 2))}h{_short(len(each) * step)}" for row, each in enumerate(rows)
        )
        self._add(
            f'<path class="s{hue}" stroke-width="{_short(side)}" stroke-dasharray="{_short(side)} 1.2" d="{lines}"/>'
        )
        square = f"h{_short(side)}v{_short(side)}h-{_short(side)}z"
        out = (divmod(i, columns) for i, lit in enumerate(on) if not lit)
        off = "".join(f"M{_pair((left + column * step, top + row * step))}{square}" for row, column in out)
        if off:
            self._add(f'<path class="f{SOFT}" d="{off}"/>')

    def text(self, words: str, at: tuple[float, float], side: str = "start", hue: int | str = "") -> None:
        """A few words; ``at`` is in pixels, where they start, end or have their middle."""
        kind = f' class="t{hue}"' if hue != "" else ""
        place = f'x="{_short(at[0])}" y="{_short(at[1])}"'
        anchor = f' text-anchor="{side}"' if side != "start" else ""
        self._add(f"<text{kind} {place}{anchor}>{markup.html(words)}</text>")

    def svg(self) -> str:
        """The picture."""
        wide, high = self.size
        return (
            f'<svg class="recall-small" viewBox="0 0 {wide} {high}" width="{wide}" height="{high}" role="img" '
            f'aria-label="{markup.html(self.alt)}" focusable="false">{"".join(self._parts)}</svg>'
        )

    def _add(self, part: str) -> None:
        self._parts.append(part)


def alone(svg: str) -> str:
    """A picture as a file of its own, with colours: for the EPUB. It may have come through a parser of HTML."""
    kinds = "".join(f".s{hue}{{stroke:{colour}}}.f{hue},.t{hue}{{fill:{colour}}}" for hue, colour in HUES.items())
    style = f"<style>path[class^=s]{{fill:none}}text{{font:500 12px sans-serif}}{kinds}</style>"
    head, _, rest = svg.partition(">")
    head = head.replace("viewbox=", "viewBox=").replace("<svg", '<svg xmlns="http://www.w3.org/2000/svg"', 1)
    return f"{head}>{style}{rest}"


def _scaled(values: Iterable[float], logarithmic: bool) -> tuple[float, ...]:
    return tuple(math.log10(value) if logarithmic else value for value in values)


def _short(value: float) -> str:
    return f"{round(value, 1) + 0.0:g}"


def _pair(at: tuple[float, float]) -> str:
    return f"{_short(at[0])} {_short(at[1])}"
