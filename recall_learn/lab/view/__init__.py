"""What a reader sees of the lab, in a notebook and in a page: one script and one style sheet.

The parts know no engine, no method and no task: all that they draw comes in messages (see
`recall_learn.lab.protocol`), and they send what a reader's hand does. Nothing is fetched, nothing is built.
"""

import re
from functools import cache
from pathlib import Path

PARTS = ("small.js", "session.js", "plot.js", "curve.js", "knobs.js", "tiles.js", "charts.js", "panel.js", "mount.js")
"""In this order they are one script."""
_HERE = Path(__file__).parent


def bare(text: str) -> str:
    """A script, or a style sheet, without what only a reader of the source needs: comments, and indents."""
    text = re.sub(r"[ \t]+// [^\"`\n]*$", "", text, flags=re.MULTILINE)
    return re.sub(r"^\s*(?://.*\n|/\*(?:.|\n)*?\*/\n)?", "", text, flags=re.MULTILINE)


@cache
def _parts() -> str:
    return bare("\n".join((_HERE / name).read_text(encoding="utf-8") for name in PARTS))


def script() -> str:
    """A classic script that defines ``RecallLab.mount(element, engine, options)``, for a page."""
    return f'(function () {{\n"use strict";\n{_parts()}\nglobalThis.RecallLab = {{ mount }};\n}})();\n'


def esm() -> str:
    """The same as an ES module with a default export, as anywidget wants it."""
    return f"{_parts()}\nexport default {{ render: ({{ model, el }}) => mount(el, engineOf(model)).close }};\n"


@cache
def style() -> str:
    """The style sheet of both."""
    return re.sub(r"\s*([{};])\s*|(?<=[,:])\s+", r"\1", bare((_HERE / "lab.css").read_text(encoding="utf-8")))
