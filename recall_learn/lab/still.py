"""What stands in a figure's or a lab's place on a page where nothing draws it.

nbconvert and GitHub show an output's HTML or its text, and know neither plotly's JSON nor a running kernel. So both are
in the output too: a few words that say what there would be to see. Where plotly draws, and in a running notebook, its
own form comes first.
"""

from typing import Any

import plotly.graph_objects as go
import plotly.io

from recall_learn.markup import html

PLOTLY_JSON = "application/vnd.plotly.v1+json"


def told(title: str, text: str, where: str) -> dict[str, str]:
    """Words for an output, by mime type.

    Args:
        title: what it is of, or the one thing that it shows.
        text: what there is to see.
        where: where it can be seen.
    """
    page = f"<p><b>{html(title)}</b></p><p>{html(text)} <i>({html(where)})</i></p>"
    return {"text/html": page, "text/plain": f"{title}: {text} ({where})"}


def show(bundle: dict[str, Any]) -> None:
    """Show an output in the cell that runs."""
    from IPython.display import display

    display(bundle, raw=True)


class Figure(go.Figure):
    """A plotly figure that is told where it is not drawn, by the claim and the text alternative in ``layout.meta``."""

    def _repr_mimebundle_(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        bundle = super()._repr_mimebundle_(*args, **kwargs)
        meta = self.layout.meta or {}
        if PLOTLY_JSON in bundle and "claim" in meta:
            words = told(meta["claim"], meta["alt"], "The figure itself is drawn in Jupyter, and in the book.")
            return words | bundle  # what the renderer has of its own stays, such as Colab's HTML
        return bundle

    def _ipython_display_(self) -> None:
        bundle = self._repr_mimebundle_()
        if plotly.io.renderers.render_on_display and bundle:
            show(bundle)
        else:  # in a browser, as from a terminal
            super()._ipython_display_()
