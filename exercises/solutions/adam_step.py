# ---
# lesson: 7
# order: 1
# goal: Write one step of Adam, with epsilon and bias correction where they belong.
# minutes: 15
# difficulty: 2
# hints:
#   - Write one line for each of the first four formulas, with new names on the left. Only then take the step.
#   - |
#     Two pairs are needed, and they are not the same. $\hat m$ and $\hat v$ are for this step alone. $m$ and $v$, not
#     corrected, are what you give back.
#   - |
#     The denominator is `v_hat**0.5 + EPS`: the root first. The correction of $m$ is
#     `m_hat = m / (1 - BETA1**t)`, and that of $v$ is made alike.
# explanation: |
#   Five lines of the algorithm, five lines of code. The order inside the denominator matters more than it looks:
#   beside the root, $\epsilon = 10^{-8}$ is small against any gradient that is larger than $10^{-8}$. Inside the root
#   it acts as $\sqrt\epsilon = 10^{-4}$, and every weight with gradients under $10^{-4}$ nearly stops. With a tiny
#   learning rate nobody sees that in the loss.
#
#   Without the correction the first step would be 3.16 learning rates long. And what you give back is not corrected:
#   the averages of the next step are made from $m$ and $v$, not from $\hat m$ and $\hat v$.
# ---
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
    # solution
    m = BETA1 * m + (1 - BETA1) * g
    v = BETA2 * v + (1 - BETA2) * g**2
    m_hat = m / (1 - BETA1**t)
    v_hat = v / (1 - BETA2**t)
    return theta - lr * m_hat / (v_hat**0.5 + EPS), m, v
    # end
