"""A heat map with its numbers in it, and a slider where it changes."""

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from recall_learn.figures.digits import six_digits
from recall_learn.figures.frame import SLIDER, style
from recall_learn.figures.still import Figure

# opaque and light, so that the numbers in the cells can be read on a white page and on a dark one
INK = "#1b1f23"
RISES = [[0, "#f4f6f8"], [1, "#6fb1df"]]
BOTH_WAYS = [[0, "#eb9a55"], [0.5, "#f4f6f8"], [1, "#6fb1df"]]
ROW, EDGES = 34, 40
"""Pixels of a row of cells, and those that the columns' names take."""


def heat(
    stops: Mapping[str, Sequence[Sequence[float]]],
    rows: Sequence[str],
    columns: Sequence[str],
    claim: str,
    alt: str,
    *,
    name: str = "",
    scale: tuple[float, float] = (0.0, 1.0),
    x_title: str = "",
    digits: int = 2,
) -> go.Figure:
    """A value for each row and column, at one or more stops of a slider.

    Args:
        stops: ``label -> values [rows, columns]``; of more than one a slider goes through them, and begins at the last.
        rows: what the rows are called, from above.
        columns: what the columns are called.
        claim: as in `recall_learn.figures.frame.style`.
        alt: as there.
        name: what the slider moves, shown before the label ("step ").
        scale: the values of both ends of the colours; around 0 they go both ways.
        x_title: what the columns are.
        digits: after the point, of the numbers in the cells.

    Raises:
        ValueError: there is no stop, or its values are not one a row and column.
    """
    if not stops:
        raise ValueError("stops is empty; there is nothing to show")
    for label, values in stops.items():
        if np.shape(values) != (len(rows), len(columns)):
            raise ValueError(
                f"stops[{label!r}] has the shape {np.shape(values)}; it has to be ({len(rows)}, {len(columns)}), a "
                f"value for each row and column"
            )
    tables = [_without_minus_0(values, digits) for values in stops.values()]
    fig = Figure()
    fig.add_heatmap(
        z=tables[-1],
        x=list(columns),
        y=list(rows),
        zmin=scale[0],
        zmax=scale[1],
        colorscale=BOTH_WAYS if scale[0] < 0 < scale[1] else RISES,
        showscale=False,
        texttemplate=f"%{{z:.{digits}f}}",
        textfont={"color": INK, "size": 12},  # else plotly shrinks it until nobody can read it
        hovertemplate=f"%{{y}}, %{{x}}: %{{z:.{digits + 1}f}}<extra></extra>",
        xgap=2,
        ygap=2,
    )
    if len(stops) > 1:
        steps = [
            {"label": label, "method": "restyle", "args": [{"z": [six_digits(table)]}]}
            for label, table in zip(stops, tables, strict=True)
        ]
        moved = {"active": len(stops) - 1, "currentvalue": {"prefix": name}, "pad": {"t": 56, "r": 12}, "steps": steps}
        fig.update_layout(sliders=[moved])
    fig.update_xaxes(title=x_title, type="category")
    fig.update_yaxes(type="category", autorange="reversed")
    style(fig, claim, alt)
    margin = fig.layout.margin
    height = ROW * len(rows) + EDGES + margin.t + margin.b + SLIDER * len(fig.layout.sliders)
    return (
        fig.update_layout(height=height, hovermode="closest").update_xaxes(showgrid=False).update_yaxes(showgrid=False)
    )


def _without_minus_0(values: Sequence[Sequence[float]], digits: int) -> list[list[float]]:
    """The values, those that would be shown as -0.00 as 0."""
    array = np.asarray(values, dtype=float)
    return np.where(np.abs(array) < 0.5 * 10.0**-digits, 0.0, array).tolist()
