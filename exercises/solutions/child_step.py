# ---
# lesson: 10
# order: 3
# goal: Train a child and leave every other weight where it is, to the bit.
# minutes: 25
# difficulty: 3
# hints:
#   - |
#     Three things would move a weight outside the child: its gradient, its momentum from before, and weight decay. A
#     mask on the gradient stops one of them.
#   - |
#     Mask the gradient, take the whole step of AdamW for all weights, and then undo it where the mask is False.
#   - |
#     `g = g * mask` at the top, and at the bottom `torch.where(mask, moved, theta)`, with `theta` as it came in.
# explanation: |
#   The mask acts twice. On the gradient, so that the averages see what the child learns and nothing else. And on the
#   result, because a gradient of 0 does not keep a weight where it is: decay shrinks it, and a momentum from before the
#   mask goes on. `torch.where` gives back the old weight to the bit.
#
#   The released code masks the gradient alone, so its "frozen" weights shrink by $\eta w$ at every step: a thousand
#   steps at $10^{-3}$ and $w = 0.1$ take a tenth of them. D does not divide by $p$: its mask is no lottery, and no
#   mean is to be kept.
# ---
r"""To the bit.

Write one step of AdamW under the fixed mask of Child-Tuning-D, as a pure function. With the masked gradient
$\tilde g = g \odot M$, the step of AdamW is

$$
\begin{aligned}
m_t &= \beta_1 m_{t-1} + (1 - \beta_1)\, \tilde g, \qquad \hat m_t = m_t / (1 - \beta_1^t) \\
v_t &= \beta_2 v_{t-1} + (1 - \beta_2)\, \tilde g^2, \qquad \hat v_t = v_t / (1 - \beta_2^t) \\
\theta' &= \theta_{t-1} - \eta\, \hat m_t / (\sqrt{\hat v_t} + \epsilon) - \eta w\, \theta_{t-1}
\end{aligned}
$$

The new weights are $\theta'$ in the child. Outside it they are **exactly** the old ones, whatever the decay $w$ and the
averages are: those may not be 0 there, if the mask came in the middle of a run. The averages are as above for all
weights, also outside the child, where $\tilde g = 0$.
"""

import torch

BETA1, BETA2, EPS = 0.9, 0.999, 1e-8


def child_step(theta, g, m, v, mask, t, lr, weight_decay):
    """The new weights and averages, a tuple ``(theta, m, v)``.

    Args:
        theta: the weights before this step, a tensor of any shape.
        g: the gradient, of the same shape and not yet masked.
        m: the average of the gradients before this step, of the same shape.
        v: the average of their squares before this step, of the same shape.
        mask: the child, a bool tensor of the same shape: True where the weight trains.
        t: the number of this step, from 1.
        lr: the learning rate, eta.
        weight_decay: the strength of the decay, w.
    """
    # solution
    g = g * mask
    m = BETA1 * m + (1 - BETA1) * g
    v = BETA2 * v + (1 - BETA2) * g**2
    step = m / (1 - BETA1**t) / ((v / (1 - BETA2**t)) ** 0.5 + EPS)
    moved = theta - lr * step - lr * weight_decay * theta
    return torch.where(mask, moved, theta), m, v
    # end
