r"""The Fisher of any model.

Now the model is any `torch.nn.Module` that takes a batch of inputs and returns logits `[N, C]`. Write the diagonal of
its **empirical** Fisher information as a dictionary `name -> tensor`, with the names of `model.named_parameters()`:

$$F_i = \frac1N \sum_{n=1}^N \left( \frac{\partial \log p(y_n | x_n)}{\partial \theta_i} \right)^2 ,$$

with $p(\cdot | x_n)$ the softmax of the logits.

- Frozen weights (`requires_grad` is False) are left out. A weight that the model uses in two places has one name, and
  what is squared for each example is its whole derivative, over both places. Every weight that is not frozen is used in
  the forward pass, so none of the gradients is None.
- The model may have dropout. The Fisher belongs to the model as it answers in **eval mode**.
- The model is handed back as it was found: its weights, the mode of **each** of its modules (some may have been in
  eval mode before, others not), and whatever stood in `.grad`, be it None or the gradient of somebody's training step.

In eval mode the logits of an example do not depend on the rest of its batch.
"""

import torch


def fisher_of_model(model, x, y):
    """The empirical Fisher's diagonal, ``name -> tensor`` of the weight's shape.

    Args:
        model: a ``torch.nn.Module``; ``model(x)`` are logits, ``[N, C]``.
        x: inputs, the examples in the first dimension, ``[N, ...]``.
        y: labels from 0 to C - 1, ``[N]``.
    """
    raise NotImplementedError("not written yet")
