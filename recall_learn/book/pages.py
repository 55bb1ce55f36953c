"""Mends what the theme assumes of a web server, for pages that are opened from disk."""

import re
from pathlib import Path

# The theme's style sheets load these fonts anyway. Under file:// a preload counts as a request to another host, fails,
# and leaves an error in the console.
FONT_PRELOAD = re.compile(r'<link rel="preload" as="font"[^>]*>\s*')


def _drop_font_preloads(app, exception) -> None:
    if exception is None and app.builder.format == "html":
        for page in Path(app.outdir).rglob("*.html"):
            text = page.read_text(encoding="utf8")
            mended = FONT_PRELOAD.sub("", text)
            if mended != text:
                page.write_text(mended, encoding="utf8")


def setup(app) -> None:
    """Go over the pages once they are written."""
    app.connect("build-finished", _drop_font_preloads)
