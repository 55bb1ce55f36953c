# ---
# lesson: 11
# order: 5
# page: false
# goal: Put the two thin matrices of LoRA into the weights, so that a plain model loads them.
# minutes: 15
# difficulty: 2
# hints:
#   - |
#     Which names have a partner? `layer.weight` belongs to `layer.lora_A` and `layer.lora_B`, and most weights have
#     neither.
#   - |
#     The shapes say the order: B is [out, r], A is [r, in], and the weight [out, in]. And r is different from layer to
#     layer.
#   - |
#     `weight + (alpha / len(a)) * (b @ a)` is a new tensor. For a name without partners give a clone.
# explanation: |
#   The prediction: the rank of the merged weight is as high as before, but that of the *change* is r at most. With r =
#   8 a layer of BERT-base changes by $2 \cdot 768 \cdot 8 = 12{,}288$ numbers in the place of 589,824, one in 48.
#
#   The output of a merged layer is the same, for $W x + \frac{\alpha}{r} B (A x) = (W + \frac{\alpha}{r} B A) x$. So
#   whoever says that LoRA forgets nothing, as the old weights are still there, speaks of the model with the matrices
#   off. The merged model is the one that is used.
#
#   Merging in place (`weight += ...`) has two prices. It writes over $\theta^*$, which may be the only copy. And it
#   cannot be undone to the bit: in half precision $(w + c) - c$ is not $w$. A second merge of the same matrices doubles
#   the change, which is the slip that makes an evaluation in the middle of a run spoil its rest.
# ---
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
    # solution
    merged = {}
    for name, weight in state.items():
        layer = name.removesuffix(".weight")
        if name.endswith((".lora_A", ".lora_B")):
            continue
        if layer != name and f"{layer}.lora_A" in state:
            a, b = state[f"{layer}.lora_A"], state[f"{layer}.lora_B"]
            merged[name] = torch.addmm(weight, b, a, alpha=alpha / len(a))
        else:
            merged[name] = weight.clone()
    return merged
    # end
