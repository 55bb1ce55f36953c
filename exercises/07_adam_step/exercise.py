r"""One step of Adam.

Write one step of Adam as a pure function: it takes the weights and the two averages of the step before, and gives
back the new ones. Nothing is changed in place.

$$
\begin{aligned}
m_t &= \beta_1 m_{t-1} + (1 - \beta_1)\, g_t \\
v_t &= \beta_2 v_{t-1} + (1 - \beta_2)\, g_t^2 \\
\hat m_t &= m_t / (1 - \beta_1^t), \qquad \hat v_t = v_t / (1 - \beta_2^t) \\
\theta_t &= \theta_{t-1} - \eta\, \hat m_t / (\sqrt{\hat v_t} + \epsilon)
\end{aligned}
$$

$t$ is the number of this step, and the first is 1. Some of the gradients are as small as $\epsilon$, so its place
shows. A check by hand: one weight $\theta = 2$, $g = 5$, $m = v = 0$, $t = 1$, $\eta = 0.1$ gives $\theta = 1.9$,
$m = 0.5$ and $v = 0.025$.
"""

BETA1, BETA2, EPS = 0.9, 0.999, 1e-8


def adam_step(theta, g, m, v, t, lr):
    """The new weights and averages, a tuple ``(theta, m, v)``.

    Args:
        theta: the weights before this step, a tensor of any shape.
        g: the gradient at these weights, of the same shape.
        m: the average of the gradients before this step, of the same shape.
        v: the average of their squares before this step, of the same shape.
        t: the number of this step, from 1.
        lr: the learning rate, eta.
    """
    raise NotImplementedError("not written yet")
