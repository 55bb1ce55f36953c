# ---
# lesson: 6
# order: 2
# goal: Choose k and t0 from what lambda has to be at the first and the last step.
# minutes: 25
# difficulty: 2
# hints:
#   - |
#     Turn each of the two wishes into a condition on $k$ and $t_0$: solve $\lambda(1) \le a$ for $k (t_0 - 1)$, and
#     $\lambda(T) \ge 1 - b$ for $k (T - t_0)$.
#   - |
#     $t_0$ appears with a plus in one of them and with a minus in the other. What is left if you add the two? That is
#     a bound on $k$ which no choice of $t_0$ gets around.
#   - |
#     With $A = \ln\frac{1 - a}{a}$ and $B = \ln\frac{1 - b}{b}$ the sum is $k (T - 1) \ge A + B$. Take the equality.
#     Then both wishes hold with equality too, and $k (t_0 - 1) = A$ gives $t_0$.
# explanation: |
#   The logit $\ln\frac{p}{1 - p}$ makes a straight line of the sigmoid: it is $k (t - t_0)$. The two wishes are the
#   line's height at both ends of the run, $-A$ and $B$, and $k$ is its slope: a rise of $A + B$ over $T - 1$ steps.
#   From step 1 to step T there is one step less than T.
#
#   $t_0$ is where the line crosses zero, so it divides the run as $A$ to $B$. It is the middle only for $a = b$.
#   Whoever asks for less of the task at the start has to shift later.
#
#   A $k$ below this bound has to break one of the two wishes, wherever its $t_0$ is. That is what "a slow shift is also
#   an early one" means. The 4.39 of the width is the same sum for $a = b = 0.1$.
# ---
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
    # solution
    first, last = np.log((1 - a) / a), np.log((1 - b) / b)
    k = (first + last) / (steps - 1)
    return k, 1 + first / k
    # end
