r"""Two thin matrices, put away.

LoRA (Hu et al., 2022) leaves a layer's weight $W$, of shape `[out, in]`, as it was pretrained, and trains two matrices
beside it: $A$, `[r, in]`, and $B$, `[out, r]`. The layer's output is

$$h = W x + \frac{\alpha}{r} \, B A x.$$

The code that is to use the model has no such layers. You get its state, a dictionary of tensors. A layer `layer` with
matrices has `layer.weight`, `layer.lora_A` and `layer.lora_B`. Return the state of the plain model:

- a weight with two matrices is the one that gives the same output without them. The $r$ is that of its own matrices;
- all else, as biases and weights without matrices, is as it was; the matrices themselves are left out;
- the names come in the order of the state;
- nothing in the result shares memory with the state, and the state is not changed.

Predict first: all of a model's layers got matrices with $r = 8$. What rank does a merged weight have?
"""

import torch


def lora_merge(state, alpha):
    """The state of a plain model, ``name -> tensor``.

    Args:
        state: name -> tensor, with the matrices of some layers.
        alpha: the change of a weight is alpha / r times B A.
    """
    raise NotImplementedError("not written yet")
