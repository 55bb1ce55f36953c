r"""How far would a number go with other seeds? The bootstrap: draw the seeds anew from those that there are.

Of n runs, n are drawn with replacement, many times, and the statistic T (a share, a median) is taken of each draw. The
interval holds the middle 95 % of what comes out,

.. math:: [q_{0.025}(T(x^{*})), \; q_{0.975}(T(x^{*}))], \qquad x^{*}_i = x_{J_i}, \; J_i \sim U\{1, \dots, n\}.

It knows no seed that was not run: where all n runs are alike it has no width at all. Efron, 1979, "Bootstrap Methods:
Another Look at the Jackknife".
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from recall_learn.support.checks import number, shown, whole

Statistic = Callable[[np.ndarray], float]


def interval(
    values: ArrayLike, statistic: Statistic = np.mean, *, draws: int = 2000, level: float = 0.95, seed: int = 0
) -> tuple[float, float]:
    """The interval of a statistic over seeds, by percentiles of the bootstrap.

    Args:
        values: one a seed, [n]; or [n, k] with what belongs to the same seed in a row, which stays together.
        statistic: of values of that shape, a number; ``np.mean`` of 0 and 1 is a share.
        draws: how many times the seeds are drawn.
        level: the share of the draws that the interval holds, above 0 and below 1.
        seed: of the draws; the global generators are left alone.

    Returns:
        The lower and the upper end, in the statistic's unit.

    Raises:
        ValueError: there are no values, or one is no finite number, or ``draws`` or ``level`` is out of range.
    """
    x = np.asarray(values, dtype=np.float64)
    if x.ndim == 0 or not len(x):
        raise ValueError(f"values has the shape {x.shape}; it has to hold a value a seed, one at least")
    if not np.isfinite(x).all():
        raise ValueError(f"values holds {shown(float(x[~np.isfinite(x)][0]))}; all have to be finite numbers")
    count = whole("draws", draws, 1)
    rest = 1 - number("level", level, lambda share: 0 < share < 1, "a number above 0 and below 1")
    picked = np.random.default_rng(seed).integers(len(x), size=(count, len(x)))
    found = [float(statistic(x[rows])) for rows in picked]
    low, high = np.quantile(found, [rest / 2, 1 - rest / 2])
    return float(low), float(high)
