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
    raise NotImplementedError("not written yet")
