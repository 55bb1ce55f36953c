r"""One spring, or one for each task.

A model learned $n$ tasks one after another, and each left a spring: task $i$ ended at the weights $\theta_i$, with the
Fisher information $F_i$, one number a weight. What holds the model when the next task begins? There are two ways to
build the penalty from the same numbers:

- **separate** springs, as EWC was first published: $\frac{\gamma}{2} \sum_{i=1}^{n} \sum_k F_{i,k}\, (\theta_k -
  \theta_{i,k})^2$;
- one **merged** spring, online EWC: $\frac{\gamma}{2} \sum_k F^*_{n,k}\, (\theta_k - \theta_{n,k})^2$, with the running
  Fisher information $F^*_i = d\, F^*_{i-1} + F_i$ and $F^*_0 = 0$. It stands around the weights where the **last** task
  ended.

Return a dictionary:

- `"separate"` and `"merged"`: both penalties at the weights `theta`;
- `"tug"`: the gradient of the **separate** springs, a tensor `[weights]`, at the weights where the last task ended. (A
  gradient points uphill: the springs pull the other way.)

Before you write it: what is the gradient of the merged spring there? And three tasks with one weight and $F = 1$ each
ended at 0, 0.5 and 1. Which way do the separate springs tug, as the fourth task begins?
"""

import torch


def online_ewc(ended, fisher, theta, gamma, decay):
    """The dictionary ``separate``, ``merged``, ``tug``.

    Args:
        ended: where each task ended, in their order, a tensor ``[tasks, weights]``.
        fisher: of each task where it ended, a tensor ``[tasks, weights]``.
        theta: the weights at which both penalties are asked for, a tensor ``[weights]``.
        gamma: the strength.
        decay: d, from 0 to 1: the share of the running Fisher information that a new task leaves.
    """
    raise NotImplementedError("not written yet")
