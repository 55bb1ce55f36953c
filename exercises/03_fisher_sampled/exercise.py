r"""Let the model draw the labels.

The exact Fisher asks for every label. With many labels that is expensive, and a few draws will do. For the softmax
regression with logits $z = W x$: draw, for each example on its own, `draws` labels $y_{n1}, \ldots, y_{nm}$ from the
model's $p(\cdot | x_n)$, with replacement. Then

$$F_{cd} = \frac{1}{N m} \sum_{n=1}^N \sum_{j=1}^m
  \left( \frac{\partial \log p(y_{nj} | x_n)}{\partial W_{cd}} \right)^2 , \qquad m = draws .$$

All randomness comes from `generator`, a `torch.Generator`, as it is handed to you: do not seed it, and leave torch's
global generator alone. Called with a generator in the same state, your function gives the same answer; with one in
another state, it draws other labels. Each draw moves the generator on by itself: leave it there, so that the next call
draws other labels. In which order or by which method you draw is up to you.

You may write the gradients down or let autograd take them, also in a loop: $N \cdot draws$ is at most 2,000.
"""

import torch


def fisher_sampled(weights, x, draws, generator):
    """The sampled Fisher's diagonal, ``[C, D]``.

    Args:
        weights: W, ``[C, D]``.
        x: inputs, ``[N, D]``.
        draws: how many labels are drawn for each example, at least 1.
        generator: a ``torch.Generator``, on the CPU.
    """
    raise NotImplementedError("not written yet")
