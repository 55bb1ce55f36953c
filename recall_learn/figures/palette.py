"""The figures' colours, and which name has which."""

from collections.abc import Iterable

# Okabe and Ito's palette without its black and its yellow: each hue shows on a white page and on a dark one.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
OWN = {"RecAdam": PALETTE[0], "plain": PALETTE[1]}
"""What has its colour in every figure, as in the lab: by how a name begins; of several the first has it."""
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
GREY = "#808080"


def colours(names: Iterable[str]) -> list[str]:
    """A colour for each name of a figure: what is in `OWN` has that, the others take the rest of the palette in order.

    Raises:
        ValueError: there are more names than a reader can tell apart, or none.
    """
    names = list(names)
    if not 1 <= len(names) <= len(PALETTE):
        raise ValueError(f"{len(names)} curves; a figure holds 1 to {len(PALETTE)} that a reader can tell apart")
    own = {}
    for start, colour in OWN.items():
        first = next((name for name in names if name.startswith(start)), None)
        if first is not None:
            own[first] = colour
    rest = (colour for colour in PALETTE if colour not in own.values())
    return [own[name] if name in own else next(rest) for name in names]
