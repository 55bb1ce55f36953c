r"""The shift, for every k.

At step $t$ the task has the weight $\lambda(t)$, and the source what is left, $1 - \lambda(t)$:

$$\lambda(t) = \frac{1}{1 + e^{-k (t - t_0)}}$$

Long before $t_0$ the first is tiny, long after it the second. A float may then be 0 for either, and no longer tell by
how much one of them outweighs the other. Logarithms can. Return two things, in this order,

$$\ln \lambda(t), \qquad \ln(1 - \lambda(t)),$$

with all their digits: for $k = 1$ and $t_0 = 1000$ they are $-999$ and 0 at $t = 1$, and at $t = 1040$ they are
$-4.248 \cdot 10^{-18}$ (not 0) and $-40$.

- $t$ is a number, a list of numbers or a NumPy array of any shape; each result is a number or an array of that shape.
- $k$ is at least 0. For `k = 0` both are $\ln \frac12$ at every $t$. `k = np.inf` is a step: at $t_0$ both are
  $\ln \frac12$, before it they are $-\infty$ and 0, after it 0 and $-\infty$.
- Only the numbers are judged. A NumPy warning costs nothing, and to silence it does not repair a wrong number.
"""

import numpy as np


def sigmoid(t, k, t0):
    """The logarithms of lambda and of 1 - lambda at step t.

    Args:
        t: the steps, a number, a list of numbers or an array.
        k: rate of the shift, per step, from 0 to `np.inf`.
        t0: the step at which both losses weigh the same.
    """
    raise NotImplementedError("not written yet")
