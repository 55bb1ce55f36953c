"""What tests of the lab share: how a lab is waited for, and what stands in it."""

import time

import ipywidgets as widgets
import plotly.graph_objects as go

PATIENCE = 120.0


def until(lab, state):
    deadline = time.monotonic() + PATIENCE
    while lab.state != state:
        assert time.monotonic() < deadline, (lab.state, lab.status)
        time.sleep(0.005)
    lab.refresh()
    return lab


def parts(widget):
    """A widget, and all that it holds."""
    yield widget
    for child in getattr(widget, "children", ()):
        yield from parts(child)


def control(lab, name):
    """The slider, field or button of this name."""
    (found,) = shown(lab, name)
    return found


def shown(lab, name):
    """The controls of this name that are not hidden."""
    named = [part for part in parts(lab) if getattr(part, "description", None) == name]
    return [part for part in named if part.layout.display != "none"]


def said(lab):
    """The line that the lab says, apart from its status."""
    lines = [part.value for part in parts(lab) if isinstance(part, widgets.HTML)]
    return next((line for line in lines if 'role="status"' in line), "")


def curve(lab, name, axis="x"):
    """What is drawn under this name."""
    (figure,) = [part for part in parts(lab) if isinstance(part, go.FigureWidget)]
    (found,) = [trace for trace in figure.data if trace.name == name and trace.xaxis == axis]
    return found
