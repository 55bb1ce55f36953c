r"""The slowest shift that fits.

You have $T$ steps, counted from 1. At the first the task may have at most a weight of $a$, at the last it has to have
at least $1 - b$:

$$\lambda(1) \le a, \qquad \lambda(T) \ge 1 - b, \qquad \lambda(t) = \frac{1}{1 + e^{-k (t - t_0)}}$$

$a$ and $b$ are numbers between 0 and 1/2, and not the same in general. Which is the **smallest** $k$ that can fulfil
both wishes, and with which $t_0$? There is a closed form. Return `(k, t0)`; $t_0$ need not be a whole number.
"""

import numpy as np


def slowest_shift(a, b, steps):
    """The smallest k that fits, and its t0.

    Args:
        a: the largest weight of the task allowed at step 1, between 0 and 1/2.
        b: what the source may still have at the last step, between 0 and 1/2.
        steps: T, the number of steps, at least 2.
    """
    raise NotImplementedError("not written yet")
