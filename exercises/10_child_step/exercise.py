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
    raise NotImplementedError("not written yet")
