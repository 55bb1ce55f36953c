# ---
# lesson: 7
# order: 4
# goal: Send the spring through Adam's moments, the form that RecAdam was never compared with.
# minutes: 15
# difficulty: 2
# hints:
#   - This is Adam on a different loss. What is the gradient of that loss?
#   - |
#     The loss is $\lambda f + (1 - \lambda) \frac\gamma2 \|\theta - \theta^*\|^2$. Its gradient is all that changes:
#     from the averages on, everything is Adam, with the whole learning rate.
#   - |
#     `g = lam * g + (1 - lam) * gamma * (theta - anchor)` is the first line. Then write plain Adam. Neither `lam` nor
#     `gamma` comes again.
# explanation: |
#   One line more than Adam, and a different method. What goes through the averages is divided by its own size: at
#   $\lambda = 0$ every weight sets out for home at one learning rate a step, whether $\gamma$ is 0.01 or 100. And
#   where task and spring act at once, the pull is divided by the size of the task's gradient too.
#
#   It is the honest minimiser of the mixed loss, and it remembers: $v$ has seen the spring, and forgets it in about
#   1000 steps. The learning rate is in the step already, so it is not in the pull here. With it, the spring would
#   be weaker by a factor of $\eta$, and nothing would complain.
# ---
r"""The spring inside the moments.

Line 6 of Algorithm 1 has another optimizer beside RecAdam: Adam on the mixed loss. Write one step of it, as a pure
function. The lesson calls it the **coupled** form.

$$
\begin{aligned}
g_t &= \lambda\, \nabla L_t + (1 - \lambda)\, \gamma\, (\theta_{t-1} - \theta^*) \\
m_t &= \beta_1 m_{t-1} + (1 - \beta_1)\, g_t \\
\hat m_t &= m_t / (1 - \beta_1^t) \\
v_t &= \beta_2 v_{t-1} + (1 - \beta_2)\, g_t^2 \\
\hat v_t &= v_t / (1 - \beta_2^t) \\
\theta_t &= \theta_{t-1} - \eta\, \hat m_t / (\sqrt{\hat v_t} + \epsilon)
\end{aligned}
$$

Some of the numbers are as small as $\epsilon$, so its place shows. A check by hand: one weight $\theta = 2$ with
$\theta^* = 1$, $\nabla L = 5$, $m = v = 0$, $t = 1$, $\eta = 0.1$, $\lambda = 0.25$ and $\gamma = 4$ has
$g_1 = 4.25$, and so $\theta = 1.9$, $m = 0.425$.
"""

BETA1, BETA2, EPS = 0.9, 0.999, 1e-8


def coupled_step(theta, anchor, g, m, v, t, lr, lam, gamma):
    """The new weights and averages, a tuple ``(theta, m, v)``.

    Args:
        theta: the weights before this step, a tensor of any shape.
        anchor: the pretrained weights theta*, of the same shape.
        g: the gradient of the task alone at ``theta``, of the same shape.
        m: the first average before this step, of the same shape.
        v: the second average before this step, of the same shape.
        t: the number of this step, from 1.
        lr: the learning rate, eta.
        lam: lambda(t), a number from 0 to 1.
        gamma: the strength of the pull.
    """
    # solution
    g = lam * g + (1 - lam) * gamma * (theta - anchor)
    m = BETA1 * m + (1 - BETA1) * g
    v = BETA2 * v + (1 - BETA2) * g**2
    m_hat = m / (1 - BETA1**t)
    v_hat = v / (1 - BETA2**t)
    return theta - lr * m_hat / (v_hat**0.5 + EPS), m, v
    # end
