# ---
# lesson: 6
# order: 1
# goal: Write lambda(t) with both its limits, and let it never overflow.
# minutes: 15
# difficulty: 2
# hints:
#   - |
#     Write the formula as it stands, and try k = 1, t0 = 1000 at t = 1. Which number gets too large? And what is
#     `np.inf * 0`, which the exponent at $t_0$ becomes for a step?
#   - |
#     Let $x = k (t - t_0)$. For $x \ge 0$ the formula is harmless. For $x < 0$ multiply top and bottom by $e^x$: no
#     exponent is positive then. `np.where` computes **both** of its branches everywhere, so the one that is not chosen
#     must not overflow either.
#   - |
#     `small = np.exp(-np.abs(x))` is never above 1, and `np.where(x < 0, small, 1) / (1 + small)` is both cases. For
#     an infinite `k`, `np.heaviside(t - t0, 0.5)` is the step with its half in the middle.
# explanation: |
#   $e^{710}$ is larger than any number in double precision, and $k = 1$, $t_0 = 1000$, both in the published grid, ask
#   for $e^{999}$ at the first step. `math.exp` stops the training there. NumPy goes on with infinity and a warning, and
#   $1 / \infty$ happens to be right; the other form, $e^x / (1 + e^x)$, is $\infty / \infty$ late in the run.
#
#   The two limits are the methods on both sides: $k = 0$ is one half for ever, the objective of multi-task learning,
#   and $k = \infty$ is plain fine-tuning from $t_0$ on. At $t_0$ itself all curves meet in 1/2, the step too. In
#   floating point $\infty \cdot 0$ is no number, so the limit has to be written down.
# ---
r"""The shift, for every k.

Write the schedule of objective shifting, the weight of the task at step $t$:

$$\lambda(t) = \frac{1}{1 + e^{-k (t - t_0)}}$$

- $t$ is a number or a NumPy array of any shape; the result is a number or an array of the same shape.
- $k$ is at least 0. `k = 0` is 1/2 for every $t$. `k = np.inf` is a step: 0 before $t_0$, exactly 1/2 at $t_0$, and 1
  after it.
- Nothing may overflow, however steep the shift is and however far $t$ is from $t_0$: no OverflowError, and no
  RuntimeWarning about it either. To switch the warning off is no answer. (Use no library's sigmoid: this is about how
  it is made.)
"""

import numpy as np


def sigmoid(t, k, t0):
    """Lambda at step t, a number or an array as t is.

    Args:
        t: the steps, a number or an array.
        k: rate of the shift, per step, from 0 to `np.inf`.
        t0: the step at which both losses weigh the same.
    """
    # solution
    late = np.asarray(t, dtype=float) - t0
    if np.isinf(k):
        return np.heaviside(late, 0.5)
    x = k * late
    small = np.exp(-np.abs(x))
    return np.where(x < 0, small, 1.0) / (1.0 + small)
    # end
