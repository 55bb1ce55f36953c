"""The figures' colours by night: brighter, and no two of them the same."""

import re

from recall_learn.book import pages
from recall_learn.figures.palette import PALETTE

RULE = re.compile(r'html\[data-theme=dark\][^{]*\[style\*="(fill|stroke): rgb\(([\d, ]+)\)"\] \{ \1: var\((--[\w-]+)\)')


def test_the_colours_of_a_figure_stay_apart_by_night():
    style = (pages.STATIC / "figures.css").read_text(encoding="utf-8")
    _, _, dark = pages.STYLE.read_text(encoding="utf-8").partition("html[data-theme=dark] {")
    hues = dict(re.findall(r"(--[\w-]+): (#\w{6});", dark.partition("}")[0]))
    for kind in ("fill", "stroke"):
        given = {rgb: hues[name] for found, rgb, name in RULE.findall(style) if found == kind}
        shown = [given.get(", ".join(str(int(each[i : i + 2], 16)) for i in (1, 3, 5)), each) for each in PALETTE]
        apart = [distance(one, other) for i, one in enumerate(shown) for other in shown[:i]]
        assert len(given) == 5
        assert min(apart) > 50


def distance(one, other):
    """Of two colours, #rrggbb, as points in the cube of red, green and blue."""
    parts = [[int(each[i : i + 2], 16) for i in (1, 3, 5)] for each in (one, other)]
    return sum((a - b) ** 2 for a, b in zip(*parts, strict=True)) ** 0.5
