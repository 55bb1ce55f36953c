# ---
# lesson: 3
# order: 1
# goal: Take the squares for each example, and the mean after that.
# minutes: 15
# difficulty: 2
# hints:
#   - |
#     Two operations are done to the gradients, a square and a mean. Which comes first? The gradient of a mean loss is
#     one gradient, already averaged. You need N, one for each example.
#   - |
#     You need one gradient for each example. For a softmax regression it can be written down: the derivative of
#     $\log p(y_n)$ with respect to the logits is $e_{y_n} - p_n$, with $e$ a one-hot row. Row $c$ of $W$ gets entry $c$
#     of this difference, times $x_n$. A loop with `torch.autograd.grad` of one example's loss is fine too.
#   - |
#     With `error` of shape `[N, C]`, `error[:, :, None] * x[:, None, :]` holds all the gradients, `[N, C, D]`.
#     Square it, then take `mean(0)`.
# explanation: |
#   The model is so small that its gradient fits on a line: logits $z = W x$ give
#   $\partial \log p(y) / \partial W = (e_y - p)\, x^T$. The squares come before the mean, for each example. The mean
#   gradient of a model that fits its data is nearly zero, and so is the square of it, whatever the examples say.
#
#   The sign of the gradient does not matter, as it is squared. The `[N, C, D]` tensor is not needed either: the
#   square of a product is the product of the squares, so `(error**2).T @ x**2 / len(x)` does it in one product.
# ---
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
    # solution
    p = torch.softmax(x @ weights.T, dim=1)
    error = torch.nn.functional.one_hot(y, len(weights)) - p
    gradients = error[:, :, None] * x[:, None, :]
    return (gradients**2).mean(0)
    # end
