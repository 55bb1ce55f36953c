"""What stands in a figure's or a lab's place on a page where nothing draws it.

nbconvert and GitHub know neither plotly's JSON nor a running kernel, and show what else an output has. So a figure is a
picture, too, and everything is plain text, which says what there would be to see. Where plotly's JSON is known it comes
before the picture, and the text comes last everywhere. The book's own pages need no picture (see `STATIC`).
"""

import json
import os
import textwrap
from contextlib import suppress
from typing import Any

import plotly.graph_objects as go
import plotly.io

from recall_learn.figures.digits import six_digits
from recall_learn.figures.picture import picture

PLOTLY_JSON = "application/vnd.plotly.v1+json"
SVG = "image/svg+xml"
STATIC = "RECALL_LEARN_STATIC"
"""Set to 1 where the book is built: its pages draw a figure from its JSON, and need neither a picture of it nor the
scripts of what is more than a figure."""
WIDTH = 100


def told(title: str, text: str, where: str) -> dict[str, str]:
    """Words for an output, by mime type.

    Args:
        title: what it is of, or the one thing that it shows.
        text: what there is to see.
        where: where it can be seen.
    """
    return {"text/plain": "\n".join(textwrap.fill(line, WIDTH) for line in (title, text, f"({where})"))}


def show(bundle: dict[str, object]) -> None:
    """Show an output in the cell that runs."""
    from IPython.display import display

    display(bundle, raw=True)


class Figure(go.Figure):
    """A plotly figure that is a picture and is told where plotly does not draw it.

    The words are the claim and the text alternative in ``layout.meta``. A figure with something in it that
    `recall_learn.figures.picture` does not draw has only them.
    """

    def _repr_mimebundle_(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        bundle = super()._repr_mimebundle_(*args, **kwargs)
        meta = self.layout.meta or {}
        if PLOTLY_JSON not in bundle or "claim" not in meta:
            return bundle
        words = told(meta["claim"], meta["alt"], "The figure itself is drawn in Jupyter, and in the book.")
        return words | self._picture() | bundle

    def _picture(self) -> dict[str, str]:
        if os.environ.get(STATIC) != "1":
            with suppress(ValueError):
                return {SVG: picture(six_digits(json.loads(self.to_json())))}
        return {}

    def _ipython_display_(self) -> None:
        bundle = self._repr_mimebundle_()
        if plotly.io.renderers.render_on_display and bundle:
            show(bundle)
        else:  # in a browser, as from a terminal
            super()._ipython_display_()
