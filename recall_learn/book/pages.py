"""Mends what the theme assumes of a web server, for pages that are opened from disk."""

import re
from pathlib import Path

# The theme's style sheets load these fonts anyway. Under file:// a preload counts as a request to another host, fails,
# and leaves an error in the console.
FONT_PRELOAD = re.compile(r'<link rel="preload" as="font"[^>]*>\s*')

# The icons come twice, as a font by a style sheet and as 1.5 MB of script. The font will do.
ICON_SCRIPT = re.compile(r"<script [^>]*fontawesome/[^>]*/all\.min\.js[^>]*></script>\s*")

# What a cell prints as Markdown links a lesson by its source. (A notebook has its own links, see `notebooks`.)
LINK = re.compile(r'(<a [^>]*href="\w+)\.md(?=["#])')


def mended(text: str) -> str:
    """A page without what it does not need, its links to lessons leading to pages."""
    return LINK.sub(r"\1.html", ICON_SCRIPT.sub("", FONT_PRELOAD.sub("", text)))


def _mend(app, exception) -> None:
    if exception is None and app.builder.format == "html":
        for page in Path(app.outdir).rglob("*.html"):
            text = page.read_text(encoding="utf8")
            if mended(text) != text:
                page.write_text(mended(text), encoding="utf8")


def setup(app) -> None:
    """Go over the pages once they are written."""
    app.connect("build-finished", _mend)
