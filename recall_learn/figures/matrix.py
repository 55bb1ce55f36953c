"""The matrix of a sequence, a row for each task that was learned, which a slider brings one by one."""

from collections.abc import Sequence

import plotly.graph_objects as go

from recall_learn.figures.digits import six_digits
from recall_learn.figures.frame import SLIDER, style
from recall_learn.figures.heat import EDGES, INK, RISES, ROW
from recall_learn.figures.still import Figure


def matrix(
    texts: Sequence[Sequence[str]],
    shades: Sequence[Sequence[float]],
    rows: Sequence[str],
    columns: Sequence[str],
    claim: str,
    alt: str,
    *,
    name: str = "after ",
) -> go.Figure:
    """A table whose rows come one by one, as far as the slider has gone; it begins at the last.

    Args:
        texts: what stands in the cells, [rows, columns].
        shades: how dark each is, from 0 to 1, [rows, columns].
        rows: what the rows are called, from above, which are the slider's stops, too.
        columns: what the columns are called.
        claim: as in `recall_learn.figures.frame.style`.
        alt: as there.
        name: what the slider moves, shown before the row.

    Raises:
        ValueError: there is no row, or texts or shades are not one a row and column.
    """
    for what, values in (("texts", texts), ("shades", shades)):
        shape = (len(values), *sorted({len(row) for row in values}))
        if not rows or shape != (len(rows), len(columns)):
            raise ValueError(
                f"{what} has the shape {shape}; it has to be {(len(rows), len(columns))}, at least one row"
            )
    z, shown = [[six_digits(list(map(float, row))) for row in shades], [list(row) for row in texts]]
    none, blank = [None] * len(columns), [""] * len(columns)

    def until(last: int) -> dict[str, list]:
        coming = len(rows) - last - 1
        return {"z": [*z[: last + 1], *[none] * coming], "text": [*shown[: last + 1], *[blank] * coming]}

    fig = Figure()
    fig.add_heatmap(
        **until(len(rows) - 1),
        x=list(columns),
        y=list(rows),
        zmin=0,
        zmax=1,
        colorscale=RISES,
        showscale=False,
        texttemplate="%{text}",
        textfont={"color": INK},
        hovertemplate="%{y}, %{x}: %{text}<extra></extra>",
        xgap=2,
        ygap=2,
    )
    steps = [
        {"label": row, "method": "restyle", "args": [{key: [value] for key, value in until(i).items()}]}
        for i, row in enumerate(rows)
    ]
    moved = {"active": len(rows) - 1, "currentvalue": {"prefix": name}, "pad": {"t": 56, "r": 12}, "steps": steps}
    fig.update_layout(sliders=[moved])
    fig.update_xaxes(type="category", showgrid=False)
    fig.update_yaxes(type="category", autorange="reversed", showgrid=False)
    style(fig, claim, alt)
    margin = fig.layout.margin
    return fig.update_layout(height=ROW * len(rows) + EDGES + margin.t + margin.b + SLIDER, hovermode="closest")
