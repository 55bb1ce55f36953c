# ---
# lesson: 10
# order: 3
# goal: Train a child and leave every other weight where it is, to the bit.
# minutes: 25
# difficulty: 3
# hints:
#   - |
#     There are two masks, and they do different things. One is on the gradient, and decides what the averages see. Is
#     a weight whose gradient is 0 at rest under AdamW?
#   - |
#     Two things move a weight without a gradient: the decay, and what is left in $m$ from earlier steps. So compute
#     the whole AdamW step, and take it for the child alone.
#   - |
#     First `g = torch.where(mask, g, 0)`, then AdamW's lines for `m`, `v` and `new`, and at last
#     `torch.where(mask, new, theta)`.
# explanation: |
#   A gradient of 0 is not a rest. AdamW's decay takes $\eta w \theta$ at every step, and $m$ carries on what it has
#   collected before the mask was there. So one mask is on the gradient and a second one on the step. Without the
#   second, a weight outside the child shrinks to 90 % in 1,000 steps at $\eta = 10^{-3}$ and $w = 0.1$: that is what
#   the released code does.
#
#   Without the first, the weights are right and the averages are not: $v$ fills up outside the child, and shows as
#   soon as somebody changes the child or removes the mask. A division by $p$ belongs to F. Here Adam would divide
#   it out of the step, so you would never see it in the weights of a run; only in $m$ and $v$.
# ---
r"""A step that leaves the rest alone.

Write one step of AdamW with the mask of Child-Tuning-D. `mask` is a bool tensor, True in the child. The mask acts on
the gradient **before** the averages, and there is no division by $p$. With $g$ the masked gradient, AdamW is

$$
\begin{aligned}
m_t &= \beta_1 m_{t-1} + (1 - \beta_1)\, g \\
\hat m_t &= m_t / (1 - \beta_1^t) \\
v_t &= \beta_2 v_{t-1} + (1 - \beta_2)\, g^2 \\
\hat v_t &= v_t / (1 - \beta_2^t) \\
\theta_t &= \theta_{t-1} - \eta w\, \theta_{t-1} - \eta\, \hat m_t / (\sqrt{\hat v_t} + \epsilon)
\end{aligned}
$$

with the learning rate $\eta$ and the weight decay $w$. The weights of the child make this step. The weights **outside**
it stay exactly where they are, to the bit, whatever the decay is, and whatever $m$ holds for them from steps before the
mask was there. The averages follow their two lines everywhere, inside and outside.

A check by hand, for a weight outside: $\theta = 2$, $m = 1$, $v = 1$, and any gradient. Then $\theta$ is still 2 after
the step, $m = 0.9$ and $v = 0.999$.
"""

import torch

BETA1, BETA2, EPS = 0.9, 0.999, 1e-8


def child_step(theta, g, m, v, t, mask, lr, decay):
    """The new weights and averages, a tuple ``(theta, m, v)``.

    Args:
        theta: the weights before this step, a tensor of any shape.
        g: the gradient at ``theta``, not masked yet, of the same shape.
        m: the average of the masked gradients before this step, of the same shape.
        v: the average of their squares before this step, of the same shape.
        t: the number of this step, from 1.
        mask: bool, of the same shape; True for the weights of the child.
        lr: the learning rate, eta.
        decay: the weight decay, w.
    """
    # solution
    g = torch.where(mask, g, 0)
    m = BETA1 * m + (1 - BETA1) * g
    v = BETA2 * v + (1 - BETA2) * g**2
    direction = m / (1 - BETA1**t) / ((v / (1 - BETA2**t)) ** 0.5 + EPS)
    new = theta - lr * decay * theta - lr * direction
    return torch.where(mask, new, theta), m, v
    # end
