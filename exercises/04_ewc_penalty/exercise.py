r"""Springs to the old weights.

Write the penalty of elastic weight consolidation, which is added to the loss of the new task:

$$penalty = \tfrac12\, strength \sum_i F_i\, (\theta_i - \theta^*_i)^2 .$$

The sum goes over all entries of all tensors that have an anchor. `weights` may hold more names than `anchors`: the new
head, which has no old place. Such weights are left alone. `fisher` has the names and shapes of `anchors`. The names of
`weights` may come in a different order.

The result is one number, a torch scalar that is **differentiable in the weights**, also where the strength is 0:
`penalty.backward()` has to bring their gradient. The weights you get have `requires_grad`.

One worked number: a weight of 3 with the anchor 1 and $F = 0.5$, at strength 4, costs $\tfrac12 \cdot 4 \cdot 0.5
\cdot 2^2 = 4$.
"""

def ewc_penalty(weights, anchors, fisher, strength):
    """EWC's penalty, a differentiable scalar.

    Args:
        weights: theta, ``name -> tensor``, the head among them.
        anchors: theta*, ``name -> tensor``, the weights at the end of the old task.
        fisher: F, ``name -> tensor``, the Fisher's diagonal there.
        strength: a number, at least 0.
    """
    raise NotImplementedError("not written yet")
