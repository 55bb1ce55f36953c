# ---
# lesson: 4
# order: 1
# goal: Write the penalty whose gradient is a spring for each weight.
# minutes: 15
# difficulty: 2
# hints:
#   - |
#     Go through the names in `anchors`, and add up one number for each. Which names of `weights` never come up then?
#   - |
#     For one tensor: `fisher[name] * (weights[name] - anchors[name]) ** 2`, summed over all its entries. The
#     gradient reaches the weights as long as you compute with the tensors themselves: no `.detach()`, `.item()`
#     or `float()` on the way.
# explanation: |
#   The penalty is a spring for each weight: it pulls with $strength \cdot F_i (\theta_i - \theta^*_i)$, back to where
#   the old task ended. The $\tfrac12$ is what makes the pull come out without a 2. Without it you would have to halve
#   the strength that Bayes' rule asks for, and every one that somebody else has tuned.
#
#   It is a sum. As a mean it would be weaker in a larger model, by the number of its weights.
#
#   The optimizer sees only the gradient. A penalty whose graph is cut has the right value, appears in your log, and
#   holds nothing. The new head has no old place to go back to. A spring to zero there would be weight decay.
# ---
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
    # solution
    total = 0.0
    for name, anchor in anchors.items():
        total = total + (fisher[name] * (weights[name] - anchor) ** 2).sum()
    return 0.5 * strength * total
    # end
