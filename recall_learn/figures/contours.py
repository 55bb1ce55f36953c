"""Contours of values on a grid, as closed loops."""

from collections.abc import Sequence

import numpy as np

Loop = list[tuple[float, float]]
# The edges of a cell that a contour joins, by which corners are above: 1, 2, 4, 8 from below left, against the clock.
# Edges: 0 below, 1 right, 2 above, 3 left. A contour has what is above to its left.
JOINED = {
    1: ((0, 3),), 2: ((1, 0),), 3: ((1, 3),), 4: ((2, 1),), 5: ((0, 3), (2, 1)), 6: ((2, 0),), 7: ((2, 3),),
    8: ((3, 2),), 9: ((0, 2),), 10: ((1, 0), (3, 2)), 11: ((1, 2),), 12: ((3, 1),), 13: ((0, 1),), 14: ((3, 0),),
}  # fmt: skip


def above(x: Sequence[float], y: Sequence[float], z: Sequence[Sequence[float]], level: float) -> list[Loop]:
    """The region in which ``z`` is above ``level``: its outlines, along the grid's border, too.

    Args:
        x: of the columns.
        y: of the rows.
        z: ``z[row][column]`` at ``(x[column], y[row])``, linear in between.
        level: no contour runs through a point that has just this value; such a point counts as above.
    """
    # a rim without width, below every level, closes what runs into the border
    rim = np.pad(np.asarray(z, dtype=float), 1, constant_values=-np.inf)
    across, along = np.pad(np.asarray(x, float), 1, mode="edge"), np.pad(np.asarray(y, float), 1, mode="edge")
    high = rim >= level
    case = high[:-1, :-1] * 1 + high[:-1, 1:] * 2 + high[1:, 1:] * 4 + high[1:, :-1] * 8
    follows = {}
    for row, column in zip(*np.nonzero((case > 0) & (case < 15)), strict=True):
        # an edge by its lower left end and its direction, the same from both cells that share it
        edges = ((row, column, 0), (row, column + 1, 1), (row + 1, column, 0), (row, column, 1))
        for start, end in JOINED[int(case[row, column])]:
            follows[edges[start]] = edges[end]
    return [[_crossing(edge, across, along, rim, level) for edge in loop] for loop in _loops(follows)]


def _loops(follows: dict) -> list[list]:
    loops = []
    while follows:
        edge, after = follows.popitem()
        loop = [edge]
        while after in follows:
            loop.append(after)
            after = follows.pop(after)
        loops.append(loop)
    return loops


def _crossing(edge: tuple[int, int, int], x: np.ndarray, y: np.ndarray, z: np.ndarray, level: float):
    row, column, up = edge
    other = (row + up, column + 1 - up)
    low, high = z[row, column], z[other]
    share = np.isinf(low) * 1.0 if np.isinf(low) or np.isinf(high) else (level - low) / (high - low)
    return (
        float(x[column] + share * (x[other[1]] - x[column])),
        float(y[row] + share * (y[other[0]] - y[row])),
    )
