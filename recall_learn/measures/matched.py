r"""Two runs at equal score: what each had lost when it first scored so much, and not after so many steps.

A run is looked at in steps :math:`t_0 < t_1 < \dots`, with scores :math:`s_i` and whatever else was measured,
:math:`v_i`. It first scores :math:`s` at the first look :math:`j` with :math:`s_j \ge s`. Between that look and the one
before, both are taken to change along straight lines:

.. math:: v(s) = v_{j-1} + \frac{s - s_{j-1}}{s_j - s_{j-1}} (v_j - v_{j-1}),

and with :math:`t` in place of :math:`v` the step. If :math:`j = 0` it is the first look itself. What comes after that
look does not count, so a score that falls again later, or falls before it rises, is no trouble.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from recall_learn.support.checks import number, shown


class Reached(NamedTuple):
    """Where a run first has a score.

    Attributes:
        step: the step, between two looks.
        value: what else was measured, there.
    """

    step: float
    value: float


def at_score(steps: ArrayLike, scores: ArrayLike, values: ArrayLike, wanted: float) -> Reached | None:
    """The step at which a run first scores so much, and what else was measured there.

    Args:
        steps: of the looks, [n], rising.
        scores: at each of them, [n]; higher is better.
        values: what else was measured, such as the source loss, [n].
        wanted: the score.

    Returns:
        Step and value; None if no look has such a score.

    Raises:
        ValueError: there are no looks, the three have different lengths, the steps do not rise, or a number is not
            finite.
    """
    t, s, v = (_line(name, each) for name, each in (("steps", steps), ("scores", scores), ("values", values)))
    if not len(t) == len(s) == len(v):
        raise ValueError(f"steps, scores and values have {len(t)}, {len(s)} and {len(v)} numbers; each needs as many")
    if (np.diff(t) <= 0).any():
        raise ValueError(f"steps is {shown(t.tolist())}; it has to rise")
    enough = np.flatnonzero(s >= number("wanted", wanted, np.isfinite, "a finite score"))
    if not len(enough):
        return None
    j = int(enough[0])
    if j == 0:
        return Reached(float(t[0]), float(v[0]))
    share = (wanted - s[j - 1]) / (s[j] - s[j - 1])  # the look before is below, so this is above 0 and at most 1
    return Reached(*(float(each[j - 1] + share * (each[j] - each[j - 1])) for each in (t, v)))


def _line(name: str, given: ArrayLike) -> np.ndarray:
    found = np.asarray(given, dtype=np.float64)
    if found.ndim != 1 or not len(found):
        raise ValueError(f"{name} has the shape {found.shape}; it has to be a list of numbers, one a look")
    if not np.isfinite(found).all():
        raise ValueError(f"{name} holds {shown(float(found[~np.isfinite(found)][0]))}; all have to be finite numbers")
    return found
