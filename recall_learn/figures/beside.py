"""Where the name of a point can stand, so that it lies on no other point and on no other name."""

from collections.abc import Sequence

from recall_learn.figures.svg import wide

NARROW = (250.0, 270.0)
"""Width and height of a plot on a telephone, in pixels; where names fit there, they fit in any wider one."""
SIZE, GAP, DISC = 12, 6, 5
"""Of the letters, from a point to its name, and the radius of a point."""
SIDES = {
    "middle right": (1, 0), "top right": (1, -1), "bottom right": (1, 1), "middle left": (-1, 0), "top left": (-1, -1),
    "bottom left": (-1, 1), "top center": (0, -1), "bottom center": (0, 1),
}  # fmt: skip
"""Plotly's word for each side: where the name is, to the right and below."""

Point = tuple[float, float]
Box = tuple[float, float, float, float]


def beside(
    points: Sequence[Point], names: Sequence[str], lines: Sequence[tuple[Point, Point]] = ()
) -> list[str | None]:
    """The side of each point on which its name stands; none where there is no room for it, or no name.

    Args:
        points: shares of the plot's width and of its height, from the upper left corner; those at the end may have no
            name.
        names: of the points; an empty one takes no room.
        lines: the ends of lines, upright or level, that no name may cross.
    """
    at = [_pixels(point) for point in points]
    taken = [(x - DISC, y - DISC, x + DISC, y + DISC) for x, y in at]
    for line in lines:
        (x0, y0), (x1, y1) = map(_pixels, line)
        taken.append((min(x0, x1) - 1, min(y0, y1) - 1, max(x0, x1) + 1, max(y0, y1) + 1))
    found: list[str | None] = []
    for i, name in enumerate(names):
        around = taken[:i] + taken[i + 1 :]  # a name may be near its own point
        boxes = {side: _box(at[i], name, side) for side in SIDES} if name else {}
        free = (side for side, box in boxes.items() if _inside(box) and not any(_meet(box, each) for each in around))
        side = next(free, None)
        found.append(side)
        if side:
            taken.append(boxes[side])
    return found


def _pixels(point: Point) -> Point:
    return point[0] * NARROW[0], point[1] * NARROW[1]


def _box(point: tuple[float, float], name: str, side: str) -> Box:
    """Left, top, right and lower end of the name."""
    (x, y), (right, below) = point, SIDES[side]
    half, high = wide(name, SIZE) / 2, 0.42 * SIZE
    gap = GAP if not right or not below else GAP / 2  # plotly's own distances
    x += right * (gap + half)
    y += below * (gap + high)
    return x - half, y - high, x + half, y + high


def _inside(box: Box) -> bool:
    return box[0] >= 0 and box[1] >= 0 and box[2] <= NARROW[0] and box[3] <= NARROW[1]


def _meet(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
