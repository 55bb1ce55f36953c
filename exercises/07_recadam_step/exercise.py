r"""One step of RecAdam.

Write line 12 of Algorithm 1, in the form that the lesson and the library call `"paper"`, as a pure function: it does
not change its arguments, and returns a tuple of three, `(theta, m, v)`: $\theta_t$, $m_t$ and $v_t$. The
averages are Adam's, of the task's gradient alone:

$$
\begin{aligned}
m_t &= \beta_1 m_{t-1} + (1 - \beta_1)\, \nabla L_t \\
\hat m_t &= m_t / (1 - \beta_1^t) \\
v_t &= \beta_2 v_{t-1} + (1 - \beta_2)\, (\nabla L_t)^2 \\
\hat v_t &= v_t / (1 - \beta_2^t) \\
\theta_t &= \theta_{t-1} - \lambda\, \eta\, \hat m_t / (\sqrt{\hat v_t} + \epsilon) \\
&\quad - (1 - \lambda)\, \eta\gamma\, (\theta_{t-1} - \theta^*)
\end{aligned}
$$

Both parts of the step are taken at $\theta_{t-1}$. A check by hand: one weight $\theta = 2$ with $\theta^* = 1$,
$g = 5$, $m = v = 0$, $t = 1$, $\eta = 0.1$, $\lambda = 0.25$ and $\gamma = 4$ gives
$2 - 0.025 - 0.3 = 1.675$.
"""

BETA1, BETA2, EPS = 0.9, 0.999, 1e-8


def recadam_step(theta, anchor, g, m, v, t, lr, lam, gamma):
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
    """
    raise NotImplementedError("not written yet")
