r"""Square, then average.

A softmax regression has logits $z = W x$. Write the diagonal of its **empirical** Fisher information: for each weight,
the mean over the examples of the squared derivative of $\log p(y_n | x_n)$, with the labels $y_n$ of the data. Derive
it by hand, or let autograd do it.

$$F_{cd} = \frac1N \sum_n \left( \frac{\partial \log p(y_n | x_n)}{\partial W_{cd}} \right)^2$$
"""

import torch


def fisher_empirical(weights, x, y):
    """The empirical Fisher's diagonal, ``[C, D]``.

    Args:
        weights: W, ``[C, D]``.
        x: inputs, ``[N, D]``.
        y: labels, whole numbers from 0 to C - 1, an integer tensor ``[N]``.
    """
    raise NotImplementedError("not written yet")
