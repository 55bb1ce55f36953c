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
    raise NotImplementedError("not written yet")
