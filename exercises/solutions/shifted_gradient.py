# ---
# lesson: 6
# order: 4
# goal: Weigh task and spring against each other, in one gradient.
# minutes: 15
# difficulty: 1
# hints:
#   - The gradient of a sum is the sum of the gradients, and a constant factor stays in front. What are the two parts?
#   - |
#     The spring for a single weight is $\frac12 \gamma (\theta - \theta^*)^2$. Its derivative has a 2 that meets the
#     one half. Where is it zero?
#   - |
#     For each name: `lam * gradients[name] + (1 - lam) * gamma * (weights[name] - anchors[name])`. The head has no
#     anchor: it keeps its own gradient as it is.
# explanation: |
#   The derivative of the spring points from home to the weight, so a step against it goes home. It is zero at
#   $\theta^*$, and not at 0: a pull to zero is weight decay, a different method with a different aim.
#
#   A descent on this gradient, through plain SGD, ends where the two parts balance, at the minimum of the whole
#   objective. Adam divides it by its own recent size, the spring's part included. RecAdam takes the spring out of this
#   sum and applies it beside Adam ([lesson 7](07_recadam.md)). Line 6 of the paper's Algorithm 1 has both forms, and
#   this is the first.
#
#   The head is new, and in the released code it has neither spring nor $\lambda$. So it learns from the first
#   step on, while the encoder is still held.
# ---
r"""One gradient for two losses.

Objective shifting minimises, at the moment when the task has the weight $\lambda$,

$$Loss = \lambda\, Loss_T + (1 - \lambda)\, Loss_S, \qquad
Loss_S = \tfrac12\, \gamma \sum_i (\theta_i - \theta^*_i)^2$$

Backpropagation has given you the gradient of $Loss_T$ for every weight of the model. Write the gradient of $Loss$.

All weights come as dictionaries, name -> tensor. What has no entry in `anchors` is the new head. It knows of no
$\lambda$ and of no spring: its gradient stays that of $Loss_T$, as in the released code. Return a dictionary with a
gradient for each name in `gradients`.
"""


def shifted_gradient(gradients, weights, anchors, lam, gamma):
    """The gradient of the shifted objective, name -> tensor.

    Args:
        gradients: of the task's loss, name -> tensor.
        weights: theta, with the names and shapes of the gradients.
        anchors: theta*, the pretrained weights, for all names but those of the head.
        lam: lambda, from 0 to 1.
        gamma: the stiffness of the spring.
    """
    # solution
    shifted = dict(gradients)
    for name, anchor in anchors.items():
        shifted[name] = lam * gradients[name] + (1 - lam) * gamma * (weights[name] - anchor)
    return shifted
    # end
