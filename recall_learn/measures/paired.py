r"""Is a gain over a few seeds more than luck? Sign flips, counted in full.

With :math:`d_i` the difference of two settings with seed i, "no difference" makes :math:`\pm d_i` equally likely, each
seed by itself. The p of the mean is the share of the :math:`2^n` patterns of signs whose mean is at least as far from 0
as that of the differences as they are:

.. math:: p = 2^{-n} \; \#\{s \in \{-1, 1\}^n : |s \cdot d| \ge |1 \cdot d|\}.

It is never under :math:`2 / 2^n`: 0.0625 with five seeds. Fisher, 1935, "The Design of Experiments".
"""

import numpy as np
from numpy.typing import ArrayLike

from recall_learn.support.checks import shown

MOST = 20
"""Differences; there are a million patterns of so many signs."""
ROUNDING = 1e-9
"""Of the sum of all sizes: so near, two sums are equal."""


def sign_flips(differences: ArrayLike) -> float:
    """The p of a mean difference, on both sides.

    Args:
        differences: one a seed, [n] with n from 1 to 20.

    Raises:
        ValueError: there are too few or too many, or one is no finite number.
    """
    d = np.asarray(differences, dtype=np.float64)
    if d.ndim != 1 or not 1 <= len(d) <= MOST:
        raise ValueError(f"differences has the shape {d.shape}; it has to be a list of 1 to {MOST} numbers")
    if not np.isfinite(d).all():
        raise ValueError(f"differences holds {shown(float(d[~np.isfinite(d)][0]))}; all have to be finite numbers")
    sums = np.zeros(1)
    for each in d:
        sums = np.concatenate([sums + each, sums - each])
    return float(np.mean(np.abs(sums) >= abs(d.sum()) - ROUNDING * np.abs(d).sum()))
