"""Figures on the book's pages: drawn in the reader's browser, by files that lie beside the page.

A figure reaches the page as its own JSON. ``static/figures.js`` draws it with plotly.js, puts the claim above it and
plotly's sliders below it as HTML, where they wrap on a phone and take the keyboard. A page without a figure loads
neither. Each figure has a number, which links to it. What is more than a figure, such as the explorer of recorded runs,
has a script of its own.
"""

import os
import re
import shutil
from itertools import count
from pathlib import Path

import plotly
from docutils import nodes

from recall_learn.book.pages import web
from recall_learn.figures.digits import six_digits
from recall_learn.figures.still import PLOTLY_JSON
from recall_learn.figures.still import STATIC as BUILT
from recall_learn.lab import chart, explorer
from recall_learn.support import markup

MARK = 'class="recall-figure"'
STATIC = Path(__file__).parent / "static"
SCRIPTS = (Path(plotly.__file__).parent / "package_data" / "plotly.min.js", STATIC / "figures.js")
STYLES = (STATIC / "figures.css",)
DRAWN = (explorer.Page, chart.Page)
"""What has a script of its own, loaded on the pages that show it."""


def figure_html(figure: dict) -> str:
    """One figure as HTML: its JSON for ``figures.js``, and its text alternative for whoever runs no scripts.

    Args:
        figure: plotly's JSON; ``recall_learn.figures.frame.style`` put ``claim`` and ``alt`` in ``layout.meta``.
    """
    meta = figure.get("layout", {}).get("meta") or {}
    claim, alt = markup.html(meta.get("claim", "")), markup.html(meta.get("alt", ""))
    shown = {key: six_digits(figure[key]) for key in ("data", "layout", "frames") if key in figure}
    return (
        f'<figure {MARK}><figcaption>{claim}</figcaption><div class="recall-plot" role="img" aria-label="{alt}"></div>'
        f"<noscript><p>{alt} (The figure itself needs JavaScript.)</p></noscript>"
        f'<script type="application/json">{markup.script(shown)}</script></figure>'
    )


def numbered(body: str, page: str) -> str:
    """Each figure of a page with its number, by which it can be named and linked: 7.2 is the second of lesson 7.

    Args:
        body: the page's HTML.
        page: its name; a lesson's begins with the lesson's number.
    """
    lesson, numbers = re.match(r"(\d+)_", page), count(1)
    before = f"{int(lesson[1])}." if lesson else ""

    def one(_: re.Match) -> str:
        number = next(numbers)
        link = f'<a class="recall-number" href="#figure-{number}">Figure {before}{number}</a>'
        return f'<figure id="figure-{number}" {MARK}>{link}'

    return re.sub(f"<figure {MARK}>", one, body)


class PlotlyRenderer:
    """How myst-nb draws a cell's plotly output; registered as an entry point in ``pyproject.toml``."""

    mime_priority_overrides = (("html", PLOTLY_JSON, 1), ("epub", PLOTLY_JSON, 1))

    @staticmethod
    def handle_mime(renderer, data, inline):
        """The figure as a raw HTML node, or None where the output is something else."""
        if inline or data.mime_type != PLOTLY_JSON:
            return None
        meta = data.content.get("layout", {}).get("meta") or {}
        if not meta.get("alt"):
            renderer.logger.warning(
                "a figure has no text alternative; give it one with recall_learn.figures.frame.style(fig, claim, alt)",
                subtype="figure",
                line=data.line,
            )
        return [nodes.raw("", figure_html(data.content), format="html")]


def _copy_static(app) -> None:
    if web(app):
        target = Path(app.outdir) / "_static"
        target.mkdir(parents=True, exist_ok=True)
        for file in {*SCRIPTS, *STYLES, *(file for each in DRAWN for file in (each.style, *each.scripts))}:
            shutil.copy(file, target)


def _add_to_page(app, page, _template, context, _doctree) -> None:
    body = context.get("body", "")
    if MARK in body:
        context["body"] = numbered(body, page)
        for file in SCRIPTS:
            app.add_js_file(file.name, loading_method="defer")
        for file in STYLES:
            app.add_css_file(file.name)
    there = [each for each in DRAWN if f'class="{each.kind}"' in body]
    for script in dict.fromkeys(script for each in there for script in each.scripts):
        app.add_js_file(script.name, loading_method="defer")
    for each in there:
        app.add_css_file(each.style.name)


def setup(app) -> None:
    """Serve the scripts, and load them on the pages that hold a figure."""
    # one output per figure, as JSON, however plotly reads the kernel's surroundings
    os.environ["PLOTLY_RENDERER"] = "plotly_mimetype"
    os.environ[BUILT] = "1"
    app.connect("builder-inited", _copy_static)
    app.connect("html-page-context", _add_to_page)
