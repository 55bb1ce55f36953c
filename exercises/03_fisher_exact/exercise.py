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
    raise NotImplementedError("not written yet")
