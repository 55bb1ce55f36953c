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
    raise NotImplementedError("not written yet")
