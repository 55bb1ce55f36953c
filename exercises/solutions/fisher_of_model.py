# ---
# lesson: 3
# order: 4
# goal: Take a Fisher of any network, and leave the network as it was.
# minutes: 35
# difficulty: 3
# hints:
#   - |
#     A backward pass of the mean loss has already added the examples up. Which loop gives you one gradient for each
#     example? And what else in the model is still random?
#   - |
#     `torch.autograd.grad(loss, list_of_weights)` returns the gradients and leaves `.grad` alone. For a loop over the
#     examples, `x[n : n + 1]` is a batch of one.
#   - |
#     Before the loop, remember `[(module, module.training) for module in model.modules()]` and call `model.eval()`.
#     After it, give each module its own `training` back. `named_parameters()` names a shared weight once; keep those
#     with `requires_grad`.
# explanation: |
#   Squares for each example need gradients for each example. The plain way is a loop of batches of one; vectorised ways
#   (`torch.func.vmap`, or the outer products that make a linear layer's gradient) are faster and give the same numbers.
#
#   A weight that is used twice has one gradient, the sum over its uses. Autograd adds it up before you square. With
#   dropout on, each example would be judged by a different model, and two calls would disagree.
#
#   A measurement leaves no trace. Somebody may call it in the middle of a training: a model that comes back in eval
#   mode trains on without dropout, and a left-over `.grad` ends up in the next step. `model.train()` at the end is not
#   enough, as it also switches on the parts that were in eval mode for good.
# ---
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
    # solution
    weights = {name: p for name, p in model.named_parameters() if p.requires_grad}
    fisher = {name: torch.zeros_like(p) for name, p in weights.items()}
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    for n in range(len(x)):
        loss = torch.nn.functional.cross_entropy(model(x[n : n + 1]), y[n : n + 1])
        gradients = torch.autograd.grad(loss, list(weights.values()))
        for name, gradient in zip(weights, gradients, strict=True):
            fisher[name] += gradient**2
    for module, mode in modes:
        module.training = mode
    return {name: total / len(x) for name, total in fisher.items()}
    # end
