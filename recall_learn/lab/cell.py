"""The notebook's cell that shows a widget: asked for leave, and told that it was run again."""

import weakref
from typing import Any

_SHOWN: dict[str, "weakref.ref[Any]"] = {}
"""What each cell shows."""


def allow_widgets() -> None:
    """Colab shows widgets that are not ipywidgets' own, such as plotly's figure, only where this was asked for."""
    try:
        from google.colab import output
    except ImportError:
        return
    output.enable_custom_widget_manager()


def end_former(lab: Any) -> None:
    """A cell that is run again makes a new lab: the one it made before ends, so that nothing trains unseen."""
    try:
        from IPython import get_ipython

        parent = get_ipython().kernel.get_parent()
        cell = parent["metadata"].get("cellId") or parent["content"]["code"]
    except (ImportError, AttributeError, KeyError, TypeError):
        return  # not in a notebook
    former = _SHOWN.get(cell, lambda: None)()
    if former is not None:
        former.close()
    _SHOWN[cell] = weakref.ref(lab)
