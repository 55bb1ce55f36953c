"""What stands in a figure's or a lab's place on a page where nothing draws it.

nbconvert and GitHub know neither plotly's JSON nor a running kernel, and show what else an output has. So it has plain
text, too, which says what there would be to see. Text comes last everywhere: it takes no figure's place, nor that of
the picture that JupyterLab adds to a figure it has drawn.
"""

import textwrap
from typing import Any

import plotly.graph_objects as go
import plotly.io

PLOTLY_JSON = "application/vnd.plotly.v1+json"
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
    """A plotly figure that is told where it is not drawn, by the claim and the text alternative in ``layout.meta``."""

    def _repr_mimebundle_(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        bundle = super()._repr_mimebundle_(*args, **kwargs)
        meta = self.layout.meta or {}
        if PLOTLY_JSON not in bundle or "claim" not in meta:
            return bundle
        return told(meta["claim"], meta["alt"], "The figure itself is drawn in Jupyter, and in the book.") | bundle

    def _ipython_display_(self) -> None:
        bundle = self._repr_mimebundle_()
        if plotly.io.renderers.render_on_display and bundle:
            show(bundle)
        else:  # in a browser, as from a terminal
            super()._ipython_display_()
