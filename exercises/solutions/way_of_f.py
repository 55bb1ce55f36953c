# ---
# lesson: 10
# order: 5
# goal: Predict how far chance carries a masked weight.
# minutes: 20
# difficulty: 2
# hints:
#   - One step first. What values can $g M / p$ take, and with what probabilities?
#   - |
#     Its mean is $g$. Its mean square is $p \cdot (g / p)^2 = g^2 / p$, and the variance is that less the square of the
#     mean. The coins of different steps are independent: their variances add up, not their standard deviations.
#   - |
#     The variance of one step is $g^2 (1 - p) / p$, and that of $n$ steps $n$ times as large. Take the root, and the
#     learning rate stands before it: `lr * abs(g) * (n * (1 - p) / p) ** 0.5`.
# explanation: |
#   The mean way is that of plain SGD; what F adds is a spread of $\eta |g| \sqrt{n (1 - p) / p}$. The mean grows with
#   $n$ and the spread with its root. So the share of noise in the way, $\sqrt{(1 - p) / (p n)}$, falls: at $p = 0.2$ it
#   takes 400 steps until it is a tenth. In that sense F is a smaller batch: the same mean, more variance.
#
#   All of this needs SGD, and gradients that do not change. Under Adam the division by $p$ is divided out again, and
#   the mean way is about $\sqrt p$ of the plain one.
# ---
r"""How far the coins lead astray.

A weight has the gradient $g$ at every step. Plain SGD would take $n$ steps of $\eta g$. Under Child-Tuning-F a coin is
tossed for it at each step, and its way, counted downhill, is

$$\theta_0 - \theta_n = \eta \sum_{t=1}^{n} \frac{g\, M_t}{p}, \qquad M_t \sim \mathrm{Bernoulli}(p)$$

with independent coins. Write the mean and the standard deviation of this way over all tosses, without tossing any coin.

A check: for $g = 1$, $\eta = 1$, $n = 1$ and $p = 0.5$ the way is 0 or 2, so its mean is 1 and its standard deviation
is 1.
"""


def way_of_f(g, p, n, lr):
    """Mean and standard deviation of the way, a tuple of two tensors of the shape of ``g``.

    Args:
        g: the gradients, a tensor: one weight for each entry, of either sign or 0.
        p: the share that is kept, above 0 and at most 1.
        n: the number of steps.
        lr: the learning rate, eta.
    """
    # solution
    variance = g**2 * (1 - p) / p
    return n * lr * g, lr * (n * variance) ** 0.5
    # end
