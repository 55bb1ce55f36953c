# ---
# lesson: 6
# order: 3
# goal: Say how much of the training the task gets under a schedule.
# minutes: 15
# difficulty: 2
# hints:
#   - |
#     A step late in the run moves the weights less than an early one. What does a plain mean of $\lambda(t)$ say of
#     them?
#   - |
#     It is a weighted mean of $\lambda(t)$, with the learning rates as weights. The highest rate $\eta$ cancels, so the
#     multipliers are enough. What is the multiplier of the first step, and what is that of the last?
#   - |
#     `t = np.arange(1, steps + 1)`, `rate = steps - t + 1`, and then
#     `np.average(Sigmoid(k, t0)(t), weights=rate)`.
# explanation: |
#   The shift comes early, when the learning rate is high. So it costs the task more of the movement than of the steps:
#   for a switch at $t_0 = T/10$ a tenth of the steps, and 19 % of the movement, as $1 - 0.9^2 = 0.19$.
#
#   This is a share of what plain fine-tuning **could** move, with the same gradients at every step. It says how loud
#   the task is, not how far it gets. But it is the number to look at before you compare settings: two schedules with
#   the same mean of $\lambda$ differ in it, and so do two runs with the same schedule and different decays.
#
#   Count from 1, and check the end: the last step has the rate $\eta / T$, a small one and not zero. A schedule whose
#   last step has rate 0 has trained one step less than it says.
# ---
r"""What the task still gets.

The learning rate falls linearly over the $T$ steps of a run, and $\lambda$ rises. Early steps are long, and the task
has little of them. What share of plain fine-tuning's movement is left for the task? Write

$$\frac{\sum_{t=1}^{T} \lambda(t)\, \eta_t}{\sum_{t=1}^{T} \eta_t}, \qquad
\lambda(t) = \frac{1}{1 + e^{-k (t - t_0)}}, \qquad \eta_t = \eta\, \frac{T - t + 1}{T}$$

There is no warm-up: step 1 has the whole rate, and the last one $\eta / T$. By hand, for $T = 4$, $t_0 = 2$ and
$k = \infty$: $\lambda$ is 0, 1/2, 1, 1 and the rates are as 4, 3, 2, 1, so the share is
$(0 + 1.5 + 2 + 1) / 10 = 0.45$.

`Sigmoid(k, t0)` of the library is $\lambda$: call it with a step, or with an array of steps.
"""

import numpy as np

from recall_learn import Sigmoid


def task_share(k, t0, steps):
    """The task's share of the sum of all learning rates, from 0 to 1.

    Args:
        k: rate of the shift, per step, at least 0 and perhaps infinite.
        t0: the step at which lambda is 1/2; it may lie between two steps, or after the last.
        steps: T, the number of steps.
    """
    # solution
    t = np.arange(1, steps + 1)
    rate = (steps - t + 1) / steps
    return np.sum(Sigmoid(k, t0)(t) * rate) / np.sum(rate)
    # end
