"""Pieces of SVG: elements, paths, and text with the little HTML that plotly reads."""

import math
import re
import textwrap
from collections.abc import Iterable, Sequence
from html import unescape

from recall_learn.support import markup

LETTER = 0.56
"""The width of a letter, in the font's size: what fonts without serifs need on average, and some more."""
LINE = 1.25
_TAG = re.compile(r"(</?(?:sub|sup|b|i)>|<br ?/?>)")
_SHIFTS = {"<sub>": 0.25, "<sup>": -0.4}


def element(name: str, inner: str = "", **attributes: object) -> str:
    """An element; ``_`` in an attribute's name stands for ``-``, and one that is None is left out."""
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{markup.html(_short(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    return f"<{name}{given}>{inner}</{name}>" if inner else f"<{name}{given}/>"


def text(words: str, x: float, y: float, size: float, **attributes: object) -> str:
    """One line, of which plotly's marks are drawn: lowered, raised, bold, slanted."""
    parts, shift, owed = [], 0.0, 0.0
    for part in _TAG.split(words):
        if _TAG.fullmatch(part):
            shift = _SHIFTS.get(part, shift) if not part.startswith("</") else 0.0
        elif part:
            shown = markup.html(unescape(part))
            smaller = size * 0.75 if shift else None
            lowered = size * shift - owed
            parts.append(element("tspan", shown, dy=lowered, font_size=smaller) if lowered or smaller else shown)
            owed = size * shift
    return element("text", "".join(parts), x=x, y=y, font_size=size, **attributes)


def bare(words: str) -> str:
    """The text without its marks."""
    return unescape(_TAG.sub("", words))


def wide(words: str, size: float) -> float:
    """How wide a line is, about."""
    return LETTER * size * len(bare(words))


def lines(words: str, size: float, room: float) -> list[str]:
    """The text in lines that fit; plotly's own breaks are spaces. A marked word stays whole."""
    whole = re.sub(r"<br ?/?>", " ", words)
    most = max(4, int(room / (LETTER * size)))
    if len(bare(whole)) <= most:
        return [whole]
    return textwrap.wrap(whole, most, break_long_words=False) or [""]


def path(points: Iterable[tuple[float, float]], closed: bool = False) -> str:
    """Lines from point to point, for ``d``; a point that is not finite breaks them."""
    drawn, pen = [], "M"
    for x, y in points:
        if math.isfinite(x) and math.isfinite(y):
            drawn.append(f"{pen}{_short(x)} {_short(y)}")
            pen = "L"
        else:
            pen = "M"
    return "".join(drawn) + ("Z" if closed and drawn else "")


def polygon(x: float, y: float, radii: Sequence[float], turned: float = -90.0) -> str:
    """A closed path around a centre, its corners at the same angle from each other."""
    corners = [
        (x + r * math.cos(angle), y + r * math.sin(angle))
        for i, r in enumerate(radii)
        for angle in [math.radians(turned + 360 * i / len(radii))]
    ]
    return path(corners, closed=True)


def _short(value: object) -> str:
    if not isinstance(value, float):
        return str(value)
    return f"{value:.2f}".rstrip("0").rstrip(".").replace("-0", "0" if value > -0.005 else "-0")
