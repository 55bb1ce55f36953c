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
    raise NotImplementedError("not written yet")
