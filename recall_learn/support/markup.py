"""Text on its way to a page: shown as text, whatever is in it.

A name, a path, an error or an answer may come from a file that somebody else wrote. Whatever the package shows in a
widget, a page, a report or a figure goes through here, each by the language that it is put into.
"""

import base64
import gzip
import json
import re
from html import escape

_MARKDOWN = re.compile(r"([\\`*_\[\]|~$])")


def html(text: object) -> str:
    """For HTML, between tags and in a quoted attribute."""
    return escape(str(text))


def markdown(text: object) -> str:
    """For one line of Markdown, such as a table's cell: neither its marks nor HTML's mean anything."""
    return _MARKDOWN.sub(r"\\\1", escape(" ".join(str(text).split()), quote=False))


def code(text: object) -> str:
    """For one line of Markdown, as code."""
    shown = " ".join(str(text).split()).replace("|", "\\|")  # a table's cell ends there even within code
    ticks = "`" * (1 + max(map(len, re.findall("`+", shown)), default=0))
    space = " " if "`" in shown else ""
    return f"{ticks}{space}{shown}{space}{ticks}"


def plotly(text: object) -> str:
    """For a title or a name in a figure, where plotly reads a little HTML."""
    return escape(str(text), quote=False)


def script(data: object) -> str:
    """JSON for the inside of a ``<script>``: no ``</script>``, ``<!--`` or ``<script`` in it can be one."""
    text = json.dumps(data, separators=(",", ":"))  # ASCII: no U+2028, which ends a line of JavaScript
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def packed(data: object) -> str:
    """JSON for the inside of a ``<script>``, made small: gzip's bytes in base64, which has no ``<``."""
    text = json.dumps(data, separators=(",", ":")).encode()
    return base64.b64encode(gzip.compress(text, mtime=0)).decode()
