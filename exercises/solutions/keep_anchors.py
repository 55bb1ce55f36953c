# ---
# lesson: 5
# order: 1
# goal: Keep the pretrained weights where training cannot move them.
# minutes: 10
# difficulty: 1
# hints:
#   - Take the names and weights from `model.named_parameters()`. What is the difference between a name that begins with
#     `head` and one that merely contains it?
#   - |
#     An anchor has to be cut loose twice. Its **memory** has to be its own, or the optimizer moves it along with the
#     weight. And it has to leave the **graph**, or a gradient flows through it. Which method does which?
#   - |
#     `detach()` leaves the graph and shares the memory. `clone()` has memory of its own and stays in the graph. You
#     need both, for each `name` with `not name.startswith(head)`.
# explanation: |
#   Optimizers change weights in place. An anchor that shares the weight's memory is always exactly where the weight is:
#   the distance is 0, the pull is 0, and nothing complains. `detach()`, `.data` and `state_dict()` all share it.
#
#   A clone that stays in the graph is as quiet. The gradient of $\frac12 \gamma (\theta - \theta^*)^2$ then reaches the
#   weight along two paths, $\gamma d$ through $\theta$ and $-\gamma d$ through $\theta^*$, and they cancel.
#
#   The head has no pretrained weights, so it has no anchors. Ask for the beginning of the name: many encoders have a
#   part of their own with "head" or "score" in its name. In a real model a name does not always tell: a pooler that the
#   checkpoint lacks is as new as the head, and `recall_groups` asks what was loaded. To see whether your anchors hold,
#   print the distance after one step: it must not be 0.
# ---
r"""Anchors that hold.

RecAdam pulls each weight back to its **anchor** $\theta^*$, its value before the fine-tuning. Take the anchors from a
model, before the first step:

- a dictionary, name -> tensor, of all parameters, with the names of `model.named_parameters()`, and of nothing else
  (a model's buffers are not trained, so they need no anchor);
- the parameters of the new head are left out: their names begin with `head`, just as it is written, such as
  `"classifier."` or `"cls.score."` (but `"encoder.classifier.weight"`, with the same word in the middle, and
  `"classifier_norm.weight"`, without the dot, belong to the encoder);
- an anchor keeps its numbers, whatever an optimizer does to the model afterwards;
- an anchor asks for no gradient: its `requires_grad` is False. The model itself stays as it is: its weights, their
  gradients, their dtype, its mode.

The check takes your anchors, moves all weights of the model, and then looks at the anchors.
"""


def keep_anchors(model, head):
    """The anchors of the encoder, name -> tensor.

    Args:
        model: a `torch.nn.Module` with its pretrained weights and a new head.
        head: what the names of the head's parameters begin with, a string.
    """
    # solution
    return {name: weight.detach().clone() for name, weight in model.named_parameters() if not name.startswith(head)}
    # end
