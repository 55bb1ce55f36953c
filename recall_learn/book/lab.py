"""The lab on the book's pages: a directive, and the files that it needs.

::

    ```{recall-lab} recadam(k=0.05, t0=150)
    :task: world/cola
    :steps: 300
    :size: small
    ```

Options are those of a recipe. A page without a lab loads nothing of it.
"""

from pathlib import Path

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.util.docutils import SphinxDirective

from recall_learn.book.pages import web
from recall_learn.lab.browser import page
from recall_learn.runs.recipe import Recipe

WHOLE, NUMBERS, TEXTS = ("steps", "batch_size", "seed", "evaluate_every"), ("lr", "warmup"), ("task", "init", "probe")


class LabDirective(SphinxDirective):
    """A lab in this place."""

    required_arguments = 1
    final_argument_whitespace = True
    option_spec = {  # noqa: RUF012
        **dict.fromkeys(WHOLE, int),
        **dict.fromkeys(NUMBERS, float),
        **dict.fromkeys(TEXTS, directives.unchanged_required),
        "size": directives.unchanged_required,
        "beside": directives.unchanged_required,
    }

    def run(self) -> list[nodes.Node]:
        """The lab as raw HTML; what cannot be run is an error of the build."""
        given = dict(self.options)
        size, how = given.pop("size", "full"), given.pop("beside", page.protocol.PLAIN)
        try:
            recipe = Recipe(backbone="tiny", method=self.arguments[0], **{"task": "world/cola", **given})
            return [nodes.raw("", page.page(recipe, size, how=how), format="html")]
        except ValueError as error:
            raise self.error(str(error)) from None


def _add_to_page(app, _page, _template, context, _doctree) -> None:
    if page.MARK in context.get("body", ""):
        app.add_js_file(page.SCRIPT, loading_method="defer")
        app.recall_labs = True


def _write(app, exception) -> None:
    """The files, where a page has a lab; they take some seconds to make."""
    if exception is None and web(app) and getattr(app, "recall_labs", False):
        page.write(Path(app.outdir) / "_static")


def setup(app) -> None:
    """Add the directive, and the script to the pages that hold a lab."""
    app.add_directive("recall-lab", LabDirective)
    app.connect("html-page-context", _add_to_page)
    app.connect("build-finished", _write)
