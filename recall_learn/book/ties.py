"""What stays on one line of a page: a formula and its comma, a number and its exponent, words of a cell."""

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

# A cell of words is marked: on a telephone, where a table gives its columns next to nothing, it keeps room for two or
# three of them a line, and the table is moved sideways instead.
KEPT = r"<(?P<tag>script|style|pre|code|svg|title|textarea|noscript)\b.*?</(?P=tag)>|<!--.*?-->"
CELL = re.compile(
    rf"""(?P<kept>{KEPT})|<td(?P<marks>(?:\s(?:[^<>"']|"[^"]*"|'[^']*')*)?)>(?P<said>(?:(?!<td\b).)*?)</td>""",
    re.DOTALL,
)
CLASS = re.compile(r"""(?<=\s)class\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""")
NO_WORDS = re.compile(rf"{FORMULA}|<code\b.*?</code>|<[^>]*>|&#?\w+;")
WORDY, WORD, FEWEST, SHORTEST = "recall-words", re.compile(r"[^\W\d_]{2,}"), 3, 14

# The words between the tags; what is not set as text is one piece with its tags.
PIECE = re.compile(
    rf"""(?P<kept>{KEPT})"""
    r"""|(?P<mark><(?:[^<>"']|"[^"]*"|'[^']*')*>)|[^<]+|<""",
    re.DOTALL,
)
# A browser breaks 2e-05 after its hyphen.
LOOSE = re.compile(r"\b\d[\d.]*e-\d+[.,:;!?)’”]*")
SHARE = re.compile(r"(?<=\d) (?=%)")


def tied(text: str) -> str:
    """A page, or a part of one, tied at these places and its cells of words marked; once is as good as twice."""
    text = RANGED.sub(RANGE, TOUCHED.sub(TOGETHER, CELL.sub(_marked, text)))
    before = ""

    def piece(found: re.Match) -> str:
        nonlocal before
        if found["kept"] or found["mark"]:
            before = found["mark"] or ""
            return found[0]
        words = SHARE.sub("&nbsp;", found[0])
        return words if TIED in before or MATHS in before else LOOSE.sub(TOGETHER, words)

    return PIECE.sub(piece, text)


def _marked(found: re.Match) -> str:
    """A cell, marked if it holds so many words of letters."""
    if found["kept"]:
        return found[0]
    words, marks = WORD.findall(NO_WORDS.sub(" ", found["said"])), found["marks"]
    had = CLASS.search(marks)
    classes = next(filter(None, had.groups()), "").split() if had else []
    if WORDY in classes or len(words) < FEWEST or sum(map(len, words)) < SHORTEST:
        return found[0]
    made = f'class="{" ".join([*classes, WORDY])}"'
    marks = marks[: had.start()] + made + marks[had.end() :] if had else f"{marks} {made}"
    return f"<td{marks}>{found['said']}</td>"
