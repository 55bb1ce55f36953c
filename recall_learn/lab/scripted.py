"""HTML that a script draws from data: in a notebook, in what nbconvert makes of it, on a page of the book."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from recall_learn.figures.still import STATIC
from recall_learn.support import markup
from recall_learn.support.reading import Json

DRAWING = Path(__file__).with_name("drawing.js")
"""What the scripts share."""


def alone() -> bool:
    """Whether what is shown has to bring its own script and style; the book's pages load them once, as files."""
    return os.environ.get(STATIC) != "1"


class Scripted:
    """A line that says what it is, in whose place its script draws it.

    Args:
        data: what the script reads; packed on its way, for a grid has a thousand runs.
        whole: with script and style, for a place that loads neither, such as a notebook.

    Attributes:
        kind: its class in HTML, by which its script finds it.
        link: its id where it is the page's own, whose address is its state.
        style: its style sheet.
        scripts: what draws it, in the order in which they are loaded.
    """

    kind: ClassVar[str] = ""
    link: ClassVar[str] = ""
    style: ClassVar[Path]
    scripts: ClassVar[tuple[Path, ...]]

    def __init__(self, data: Mapping[str, Json], whole: bool = False):
        self.data, self.whole = data, whole

    def _repr_html_(self) -> str:
        place = "" if self.whole else f' id="{self.link}"'  # there the page's address is the state
        html = (
            f'<div class="{self.kind}"{place}><p>{markup.html(self)} It needs JavaScript, in a notebook that you '
            f'trust or in the book.</p><script type="application/gzip">{markup.packed(self.data)}</script></div>'
        )
        if not self.whole:
            return html
        scripts = "".join(f"<script>{file.read_text(encoding='utf-8')}</script>" for file in self.scripts)
        return f"{html}<style>{self.style.read_text(encoding='utf-8')}</style>{scripts}"
