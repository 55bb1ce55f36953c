"""What stays on one line of a page: a formula and its comma, a number and its exponent, a percentage."""

import re

from recall_learn.book import formulas

# What touches a formula goes with it to the next line: MathJax makes a box of it, and a line may break after a box.
MATHS = f'class="{formulas.CLASSES}"'
FORMULA = f"<span {MATHS}>[^<]*</span>"
TOUCHED = re.compile(rf'(?<!together">)(?<!together">\()(?:\({FORMULA}[^\s<]*|{FORMULA}[^\s<]+)')
TIED = 'class="recall-together"'
TOGETHER = rf"<span {TIED}>\g<0></span>"

# A range in a cell, "0.922 (0.914 to 0.930)", breaks before its bracket; a telephone, which has no room for that, at
# its end as well, but leaves no "to" alone.
RANGED = re.compile(r"(<td[^>]*>(?:<p>)?[^<(]*)(\([^\s<>()]+) (to [^\s<>()]+\))")
RANGE = r'\1<span class="recall-range">\2&nbsp;\3</span>'

# The words between the tags; what is not set as text is one piece with its tags.
PIECE = re.compile(
    r"""(?P<kept><(?P<tag>script|style|pre|code|svg|title|textarea|noscript)\b.*?</(?P=tag)>|<!--.*?-->)"""
    r"""|(?P<mark><(?:[^<>"']|"[^"]*"|'[^']*')*>)|[^<]+|<""",
    re.DOTALL,
)
# A browser breaks 2e-05 after its hyphen.
LOOSE = re.compile(r"\b\d[\d.]*e-\d+[.,:;!?)’”]*")
SHARE = re.compile(r"(?<=\d) (?=%)")


def tied(text: str) -> str:
    """A page, or a part of one, whose lines break at none of these places. What is tied already stays as it is."""
    text = RANGED.sub(RANGE, TOUCHED.sub(TOGETHER, text))
    before = ""

    def piece(found: re.Match) -> str:
        nonlocal before
        if found["kept"] or found["mark"]:
            before = found["mark"] or ""
            return found[0]
        words = SHARE.sub("&nbsp;", found[0])
        return words if TIED in before or MATHS in before else LOOSE.sub(TOGETHER, words)

    return PIECE.sub(piece, text)
