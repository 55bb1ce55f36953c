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
    raise NotImplementedError("not written yet")
