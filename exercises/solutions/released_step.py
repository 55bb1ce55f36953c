# ---
# lesson: 7
# order: 3
# goal: Write the step as the authors' code takes it, and see how large each difference is.
# minutes: 20
# difficulty: 3
# hints:
#   - There are three steps, one after the other. Each starts where the one before it has ended.
#   - |
#     For the first: both corrections can be put into one factor of the step,
#     $\eta \sqrt{1 - \beta_2^t} / (1 - \beta_1^t)$. Then $m$ and $v$ stand in the fraction as they are.
#   - |
#     Three assignments to `theta`: less `lam * rate * m / (v**0.5 + EPS)`, then less
#     `lr * (1 - lam) * gamma * (theta - anchor)`, then less `lr * weight_decay * theta`.
# explanation: |
#   Three places, three sizes. The place of the pull changes one pull by $\eta\gamma(1 - \lambda)$ of Adam's step: a
#   tenth of it, at the published settings. The place of the decay changes a decay of $\eta w$ by a part of itself,
#   which is nothing. The place of $\epsilon$ depends on the weight. Before the correction it acts as
#   $\epsilon / \sqrt{1 - \beta_2^t}$, 32 times as large at the first step, and a weight with gradients near $10^{-8}$
#   hardly starts.
#
#   None of this is wrong. But to reproduce a published number one needs the code's step, and to compare with the
#   paper's algorithm one needs the paper's. Say which one you ran.
# ---
r"""The step that the authors released.

The authors' code is not Algorithm 1. Write one step of what it does, as a pure function. The averages are Adam's, of
the task's gradient alone, as in the paper. Then it takes three steps, one after the other:

1. Adam's, times $\lambda$. Its $\epsilon$ is added to $\sqrt{v_t}$, **before** the bias correction:

   $$\theta' = \theta_{t-1} - \lambda\, \eta\, \frac{\sqrt{1 - \beta_2^t}}{1 - \beta_1^t}
     \cdot \frac{m_t}{\sqrt{v_t} + \epsilon}$$

2. The pull, at the weights that Adam has moved:

   $$\theta'' = \theta' - (1 - \lambda)\, \eta\gamma\, (\theta' - \theta^*)$$

3. Weight decay of strength $w$, last, and not scaled by $\lambda$:

   $$\theta_t = \theta'' - \eta w\, \theta''$$

Some of the gradients are as small as $\epsilon$, so its place shows.
"""

BETA1, BETA2, EPS = 0.9, 0.999, 1e-8


def released_step(theta, anchor, g, m, v, t, lr, lam, gamma, weight_decay):
    """The new weights and averages, a tuple ``(theta, m, v)``.

    Args:
        theta: the weights before this step, a tensor of any shape.
        anchor: the pretrained weights theta*, of the same shape.
        g: the task's gradient at ``theta``, of the same shape.
        m: the average of the gradients before this step, of the same shape.
        v: the average of their squares before this step, of the same shape.
        t: the number of this step, from 1.
        lr: the learning rate, eta.
        lam: lambda(t), a number from 0 to 1.
        gamma: the strength of the pull.
        weight_decay: the strength of the decay, w.
    """
    # solution
    m = BETA1 * m + (1 - BETA1) * g
    v = BETA2 * v + (1 - BETA2) * g**2
    rate = lr * (1 - BETA2**t) ** 0.5 / (1 - BETA1**t)
    theta = theta - lam * rate * m / (v**0.5 + EPS)
    theta = theta - lr * (1 - lam) * gamma * (theta - anchor)
    theta = theta - lr * weight_decay * theta
    return theta, m, v
    # end
