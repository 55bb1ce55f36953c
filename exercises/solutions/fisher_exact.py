# ---
# lesson: 3
# order: 2
# goal: Let the model say all the labels, each as often as it would.
# minutes: 20
# difficulty: 2
# hints:
#   - |
#     A label that nobody gave has a gradient too: put it in the place of the true one. Write a loop over the $C$
#     labels, and think about one of them at a time.
#   - |
#     For the label $c$ the derivative with respect to the logits is $e_c - p_n$, whatever the data say. Square the
#     gradient of each example first. Then comes its weight $p(c | x_n)$, once.
#   - |
#     In the loop over the labels, with `error = eye[label] - p` and
#     `squares = (error[:, :, None] * x[:, None, :]) ** 2`, add `(p[:, label, None, None] * squares).mean(0)`.
# explanation: |
#   The labels of the data do not occur: the Fisher asks what the **model** expects to see. That is why it can be taken
#   on text that nobody has labelled.
#
#   The order counts. Weighted by the model's own $p$, the gradients of all labels cancel to zero, at any weights. So
#   the square has to come before the sum over the labels. And $p$ is the weight of a square, so it stays outside it.
#   Inside it would count as $p^2$, which favours the labels that the model is sure of.
#
#   Here the sum over the labels can be done on paper. It leaves $p_c (1 - p_c)$, the variance of a coin:
#   `(p * (1 - p)).T @ x**2 / len(x)`. This is also the diagonal of the Hessian of the mean log loss, as the logits of
#   this model are linear in the weights.
# ---
r"""Ask for every label.

Again a softmax regression with logits $z = W x$. Write the diagonal of its **exact** Fisher information: for each
weight, the mean over the examples of the expected squared derivative. The expectation is over all labels, with the
probabilities that the model itself gives them.

$$F_{cd} = \frac1N \sum_{n=1}^N \sum_{k=0}^{C-1} p(k | x_n)
  \left( \frac{\partial \log p(k | x_n)}{\partial W_{cd}} \right)^2$$

with $p(\cdot | x_n)$ the softmax of $W x_n$. The arguments are those of `fisher_empirical`, so that one function can
take the other's place. Which of them you need is a part of the question.

One worked number: with two labels, all weights zero and the single example $x = (2)$, both entries of $F$ are
$\tfrac12 (\tfrac12 \cdot 2)^2 + \tfrac12 (\tfrac12 \cdot 2)^2 = 1$.
"""

import torch


def fisher_exact(weights, x, y):
    """The exact Fisher's diagonal, ``[C, D]``.

    Args:
        weights: W, ``[C, D]``.
        x: inputs, ``[N, D]``.
        y: the data's labels, from 0 to C - 1, ``[N]``.
    """
    # solution
    p = torch.softmax(x @ weights.T, dim=1)
    eye = torch.eye(len(weights), dtype=p.dtype)
    fisher = torch.zeros_like(weights)
    for label in range(len(weights)):
        error = eye[label] - p
        gradients = error[:, :, None] * x[:, None, :]
        fisher = fisher + (p[:, label, None, None] * gradients**2).mean(0)
    return fisher
    # end
