# ---
# lesson: 5
# order: 3
# goal: Work out whether a random start ever comes home.
# minutes: 20
# difficulty: 2
# hints:
#   - |
#     One step multiplies the offset by a factor. Write that factor for a single step first: which three numbers make
#     its $c_t$, and which two of them change from step to step?
#   - |
#     Let `t = np.arange(1, t0 + 1)`. Then `Sigmoid(k, t0)(t)` is all the $\lambda(t)$ at once, and `np.where` chooses
#     between the two lines of $\eta_t$. Where there is no warm-up, see that nothing is divided by zero.
#   - |
#     With `rate` of shape `[t0]` the answer is `np.prod(1 - lr * rate * gamma * (1 - Sigmoid(k, t0)(t)))`. The `rate`
#     is `(t - 1) / warmup` while `t <= warmup`, and `(steps - t + 1) / (steps - warmup)` after it.
# explanation: |
#   The factors multiply, because each step takes its share of what the steps before it have left. Adding the shares
#   up is right only while their sum is small. The sum in an exponential is nearly right for small shares, as
#   $\ln(1 - c) \approx -c$; with 0.1 a step and a hundred steps it says 1.9e-4 in place of 1.3e-4.
#
#   The two settings in the statement differ in nothing but the warm-up. It makes the rate small exactly while
#   $1 - \lambda$ is large, and three quarters of the random offset are still there when the task takes over. Nothing
#   complains: the run trains, from weights that are mostly random. Whoever starts at random has to work out this
#   product first.
# ---
r"""What is left of a random start.

RecAdam may start from **random** weights $\theta_0$ and let the pull bring them home to $\theta^*$. Leave the task
aside. Then each step multiplies the offset $\theta - \theta^*$ by $1 - c_t$, and after step $t_0$ this share of it is
left:

$$\prod_{t=1}^{t_0} (1 - c_t), \qquad c_t = \eta_t\, (1 - \lambda(t))\, \gamma, \qquad
\lambda(t) = \frac{1}{1 + e^{-k (t - t_0)}}$$

The learning rate $\eta_t$ rises linearly over the first $W$ of all $T$ steps, and falls linearly after them:

$$\eta_t = \begin{cases} \eta\, (t - 1) / W & t \le W \\ \eta\, (T - t + 1) / (T - W) & t > W \end{cases}$$

So the first step has the rate 0 if there is a warm-up, and the whole $\eta$ if there is none ($W = 0$). If $c_t$ is
above 1, the step goes past home and its factor is negative; the share may then be negative, too. At $t_0 = 0$ no step
is taken, and the share is 1.

With the published settings, $\eta$ = 2e-5, $\gamma$ = 5000, $T$ = 13,400 and $k$ = 0.05, at $t_0$ = 100, the share is
1.3e-4 for $W$ = 0, and 0.75 for $W$ = 1,340. (Derived from those settings; not a figure of the paper. Its BERT-base
runs had no warm-up.)

`Sigmoid(k, t0)` of the library is $\lambda$: call it with a step, or with an array of steps.
"""

import numpy as np

from recall_learn import Sigmoid


def offset_left(k, t0, warmup, steps, lr, gamma):
    """The share of the offset that is left after step t0.

    Args:
        k: rate of the shift, per step, at least 0 and finite.
        t0: the step at which lambda is 1/2, a whole number, at least 0.
        warmup: W, the number of steps in which the rate rises; 0 if there are none.
        steps: T, the number of all steps, larger than t0 and than W.
        lr: eta, the highest learning rate.
        gamma: the stiffness of the spring.
    """
    # solution
    t = np.arange(1, t0 + 1)
    rising = (t - 1) / max(warmup, 1)
    falling = (steps - t + 1) / (steps - warmup)
    rate = lr * np.where(t <= warmup, rising, falling)
    return np.prod(1 - rate * (1 - Sigmoid(k, t0)(t)) * gamma)
    # end
