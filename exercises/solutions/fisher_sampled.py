# ---
# lesson: 3
# order: 3
# goal: Draw the labels from the model, and be right on average.
# minutes: 20
# difficulty: 3
# hints:
#   - |
#     The model says with what probability it would give each label. Drawing from a table of probabilities is one
#     call: look at `torch.multinomial`, and at its arguments `replacement` and `generator`.
#   - |
#     After the draws you have `labels` of shape `[N, draws]`. Each of them is treated as if it were the true label:
#     its score with respect to the logits is $e_k - p_n$. There are $N \cdot draws$ gradients, so there are as many
#     squares.
#   - |
#     `score = one_hot(labels, C) - p[:, None, :]` has the shape `[N, draws, C]`. Then
#     `score[..., None] * x[:, None, None, :]` holds all the gradients, `[N, draws, C, D]`. Square them, then take the
#     mean over the first two axes.
# explanation: |
#   A drawn label stands in for the sum over all of them. For a vocabulary of thousands of words that sum would cost
#   thousands of backward passes; one draw costs one, and in the mean over the draws it gives the same.
#
#   Only draws from the model itself do. The favourite label misses the large squares, which belong to the labels that
#   the model finds unlikely. Labels that are drawn evenly come too often where they are unlikely. And if the draws are
#   averaged before the square, the scores cancel: their expected value is zero, and what is left is a share of
#   $1 / draws$.
#
#   The generator is an argument so that somebody else can repeat your numbers.
# ---
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
    # solution
    p = torch.softmax(x @ weights.T, dim=1)
    labels = torch.multinomial(p, draws, replacement=True, generator=generator)
    error = torch.nn.functional.one_hot(labels, len(weights)) - p[:, None, :]
    gradients = error[:, :, :, None] * x[:, None, None, :]
    return (gradients**2).mean((0, 1))
    # end
