# ---
# lesson: 6
# order: 1
# goal: Write both weights of the shift in logarithms, with all their digits, for every k.
# minutes: 15
# difficulty: 2
# hints:
#   - |
#     Do not take the logarithm of a finished $\lambda$: in floats it is 0 long before $t_0$, and 1 long after it. Take
#     the logarithm on paper. With $x = k (t - t_0)$ it is $\ln \lambda = -\ln(1 + e^{-x})$. And $\ln(1 - \lambda)$?
#   - |
#     $1 - \lambda$ at $x$ is $\lambda$ at $-x$. For $x < 0$ the exponential is too large: $\ln(1 + e^{-x}) = -x +
#     \ln(1 + e^{x})$ has the small one. And `np.log1p(s)` is $\ln(1 + s)$ for an $s$ that vanishes beside 1.
#   - |
#     With `small = np.log1p(np.exp(-np.abs(x)))` the two are `np.minimum(x, 0) - small` and
#     `np.minimum(-x, 0) - small`. At $t_0$ an infinite $k$ makes $\infty \cdot 0$, which is no number: x has to be 0
#     there.
# explanation: |
#   With $\lambda$ itself one can be right by luck: $e^{999}$ is infinity in double precision, and $1 / \infty$ is 0,
#   where $10^{-434}$ would be right. The logarithm shows what was lost: $\ln 0$ is $-\infty$, and $\ln \lambda$ is
#   $-999$. At the other end `1 - lam` is 0 from $37 / k$ steps after $t_0$ on, as $1 + 10^{-17}$ is 1 in a float.
#
#   The cure is the same at both ends: only $e^{-|x|}$, which never overflows, and never a small number added to 1, but
#   `log1p`. The two results differ by $x$, the log-odds of task and source: a straight line in $t$, which is what makes
#   $\lambda$ a sigmoid.
#
#   The two limits are the methods on both sides: $k = 0$ is one half for ever, the objective of multi-task learning,
#   and $k = \infty$ is plain fine-tuning from $t_0$ on. At $t_0$ itself all curves meet in 1/2, the step too. In
#   floating point $\infty \cdot 0$ is no number, so the limit has to be written down.
# ---
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
    # solution
    late = np.asarray(t, dtype=float) - t0
    x = np.multiply(k, late, out=np.zeros_like(late), where=late != 0)  # 0 at t0, where inf * 0 is no number
    small = np.log1p(np.exp(-np.abs(x)))
    return np.minimum(x, 0) - small, np.minimum(-x, 0) - small
    # end
