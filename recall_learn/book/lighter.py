"""Leaves out of the theme's style sheets what no page of the book uses: of half a megabyte, most.

A rule stays when each class that its selector asks for is on a page, or could be put there by a script. What is inside
``:not(...)`` and its like asks for nothing.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from recall_learn.book.pages import web

SHEETS = (
    "styles/bootstrap.css",
    "styles/pydata-sphinx-theme.css",
    "vendor/fontawesome/*/css/all.min.css",
    "sphinx-design.min.css",
    "mystnb.*.css",
)
"""Of other projects, and large; under ``_static``."""
SCRIPTS = ("*.js", "scripts/*.js")
WHOLE = ("@font-face", "@keyframes", "@-webkit-keyframes", "@page", "@property")
"""What has no selectors inside."""

# strings and addresses are skipped, for there may be braces in them
MARKS = re.compile(r'"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\'|url\([^)"\']*\)|[{};]')
COMMENT = re.compile(r"/\*(?!!).*?\*/", re.DOTALL)
LICENCE = re.compile(r"/\*!.*?\*/", re.DOTALL)
CLASS = re.compile(r"\.(-?[A-Za-z_](?:[\w-]|\\.)*)")
INSIDE = re.compile(r"\([^()]*\)")
CLASSES = re.compile(r'class="([^"]*)"')
WORD = re.compile(r"[\w-]+")


def lighter(css: str, known: set[str]) -> str:
    """A style sheet without the rules that ask for a class that is not known.

    Args:
        css: the text of the sheet.
        known: classes; one that ends with a hyphen stands for all that begin with it.
    """
    licences = "".join(LICENCE.findall(css))
    return licences + "".join(_kept(LICENCE.sub("", COMMENT.sub("", css)), known))


def _kept(css: str, known: set[str]) -> Iterator[str]:
    for head, body in _rules(css):
        if body is None:
            yield head
        elif head.startswith(WHOLE):
            yield f"{head}{{{body}}}"
        elif head.startswith("@"):
            inside = "".join(_kept(body, known))
            if inside:
                yield f"{head}{{{inside}}}"
        else:
            selectors = [each for each in _selectors(head) if all(_is_known(name, known) for name in _classes(each))]
            if selectors:
                yield f"{','.join(selectors)}{{{body}}}"


def _rules(css: str) -> Iterator[tuple[str, str | None]]:
    """What stands before the braces and what stands in them; a statement without braces has None."""
    start = inside = depth = 0
    head = ""
    for mark in MARKS.finditer(css):
        if mark[0] == "{":
            if depth == 0:
                head, inside = css[start : mark.start()].strip(), mark.end()
            depth += 1
        elif mark[0] == "}":
            depth -= 1
            if depth == 0:
                yield head, css[inside : mark.start()].strip()
                start = mark.end()
        elif mark[0] == ";" and depth == 0:
            yield css[start : mark.end()].strip(), None
            start = mark.end()


def _selectors(head: str) -> list[str]:
    """A list of selectors, parted at the commas that are in no parentheses."""
    parts, depth = [""], 0
    for letter in head:
        depth += (letter == "(") - (letter == ")")
        if letter == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    return [part.strip() for part in parts]


def _classes(selector: str) -> list[str]:
    while INSIDE.search(selector):
        selector = INSIDE.sub("", selector)
    return [name.replace("\\", "") for name in CLASS.findall(selector)]


def _is_known(name: str, known: set[str]) -> bool:
    return name in known or any(name[: place + 1] in known for place, letter in enumerate(name) if letter == "-")


def classes(pages: Iterable[str], scripts: Iterable[str]) -> set[str]:
    """The classes that pages have, and every word of the scripts, which might put it there."""
    on_pages = {name for page in pages for names in CLASSES.findall(page) for name in names.split()}
    in_scripts = {word for script in scripts for word in WORD.findall(script)}
    return {name.removesuffix("-") for name in on_pages} | in_scripts - {"-"}


def _lighten(app, exception) -> None:
    if exception is not None or not web(app):
        return
    out = Path(app.outdir)
    static = out / "_static"
    pages = (page.read_text(encoding="utf8") for page in out.rglob("*.html"))
    scripts = (file.read_text(encoding="utf8") for kind in SCRIPTS for file in static.glob(kind) if _own(file))
    known = classes(pages, scripts)
    for sheet in (file for kind in SHEETS for file in static.glob(kind)):
        sheet.write_text(lighter(sheet.read_text(encoding="utf8"), known), encoding="utf8")


def _own(script: Path) -> bool:
    """Whether a script may put the theme's classes on a page: plotly, which is large, does not."""
    return not script.name.startswith("plotly")


def setup(app) -> None:
    """Go over the sheets once all pages are written, and ours have been made from them."""
    app.connect("build-finished", _lighten, priority=950)
