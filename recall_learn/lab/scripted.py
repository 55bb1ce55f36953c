"""HTML that a script draws from data: in a notebook, in what nbconvert makes of it, on a page of the book."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from recall_learn.support import markup
from recall_learn.support.reading import Json

STATIC = "RECALL_LEARN_STATIC"
"""Set to 1 where the book is built: its pages load script and style once, as files."""


def alone() -> bool:
    """Whether what is shown has to bring its own script and style."""
    return os.environ.get(STATIC) != "1"


class Scripted:
    """A line that says what it is, in whose place its script draws it.

    Args:
        data: what the script reads.
        whole: with script and style, for a place that loads neither, such as a notebook.

    Attributes:
        kind: its class in HTML, by which its script finds it.
        link: its id where it is the page's own, whose address is its state.
        files: its style and its script.
    """

    kind: ClassVar[str] = ""
    link: ClassVar[str] = ""
    files: ClassVar[tuple[Path, Path]]

    def __init__(self, data: Mapping[str, Json], whole: bool = False):
        self.data, self.whole = data, whole

    def _repr_html_(self) -> str:
        place = "" if self.whole else f' id="{self.link}"'  # there the page's address is the state
        html = (
            f'<div class="{self.kind}"{place}><p>{markup.html(self)} It needs JavaScript, in a notebook that you '
            f'trust or in the book.</p><script type="application/json">{markup.script(self.data)}</script></div>'
        )
        if not self.whole:
            return html
        style, script = (file.read_text(encoding="utf-8") for file in self.files)
        return f"{html}<style>{style}</style><script>{script}</script>"
