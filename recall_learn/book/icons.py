"""Leaves out of the theme's icon font what no style sheet of the book asks for: of some 1,400 icons, a dozen stay.

The licence keeps the font's name for the whole, so what is left has a name of its own. The licence stays beside it.
"""

import io
import re
from collections.abc import Iterable
from pathlib import Path

from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont

from recall_learn.book.pages import web

FONTS = "vendor/fontawesome/*/webfonts/fa-solid-900.woff2"
"""Under ``_static``."""
NAME = "Book Icons"
NAMED = (1, 3, 4, 6, 16)
"""The records of a font's name table that say its name: family, identifier, full name, PostScript's, typographic."""
ICON = re.compile(r"\\(f[0-9a-f]{3})\b")


def asked(sheets: Iterable[str]) -> set[int]:
    """The code points of the icons that style sheets put on a page: each is an escape such as f0c9."""
    return {int(code, 16) for sheet in sheets for code in ICON.findall(sheet)}


def fewer(font: bytes, icons: set[int]) -> bytes:
    """An icon font with some of its icons, as WOFF2.

    Args:
        font: the bytes of the whole.
        icons: their code points; those that the font does not have are left out.
    """
    opened = TTFont(io.BytesIO(font))
    subsetter = Subsetter(Options(name_IDs=["*"], notdef_outline=True))
    subsetter.populate(unicodes=icons)
    subsetter.subset(opened)
    for record in opened["name"].names:
        if record.nameID in NAMED:
            record.string = NAME.replace(" ", "") if record.nameID == 6 else NAME
    opened.flavor = "woff2"
    made = io.BytesIO()
    opened.save(made)
    return made.getvalue()


def _spare(app, exception) -> None:
    if exception is not None or not web(app):
        return
    static = Path(app.outdir) / "_static"
    icons = asked(sheet.read_text(encoding="utf8") for sheet in static.rglob("*.css"))
    for font in static.glob(FONTS):
        font.write_bytes(fewer(font.read_bytes(), icons))


def setup(app) -> None:
    """Go over the font once the sheets are as light as they will be."""
    app.connect("build-finished", _spare, priority=960)
