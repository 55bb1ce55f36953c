# ---
# lesson: 15
# order: 2
# goal: Say what two kinds of springs hold after several tasks, and where one of them pulls without need.
# minutes: 20
# difficulty: 2
# hints:
#   - |
#     The separate springs are as many as the tasks: each has its own weights and its own Fisher information. The merged
#     spring is one: what are its anchors after the last task, and what is its stiffness?
#   - |
#     Let one vector `running` go through the tasks: `running = decay * running + each`, starting from 0. The anchors of
#     the merged spring are `ended[-1]`, for the stiffness of all tasks.
#   - |
#     The gradient of $\frac{\gamma}{2} F (\theta - a)^2$ is $\gamma F (\theta - a)$. Add it up over the tasks, with
#     $\theta$ put to `ended[-1]`. The last task's own spring gives 0 there.
# explanation: |
#   The two questions: where the last task ended, the merged spring has the gradient 0. The separate ones have
#   $\gamma (1 + 0.5 + 0) = 1.5\,\gamma$ there. They pull against that gradient: back, towards the first tasks.
#
#   If training came to rest, all pulls balance where the last task ended: its own loss pulls there against the springs
#   of the tasks before. In the question: the springs pull with $1.5\,\gamma$, and the last task's loss with as much
#   against them. Then the next task comes, and that loss is gone. Its own spring, which stands for it, is slack there
#   and pulls with 0. But the other springs still pull with $1.5\,\gamma$. So the first tasks win over those in the
#   middle. That is the double count of lesson 4, seen as a force. The merged spring is slack where the
#   last task ended: it holds what was found, and pulls at nothing.
#
#   Both kinds resist a step from there with the same stiffness, if nothing decays. Their second derivatives are equal:
#   $\gamma \sum_i F_i$. They differ in the tug alone. How much the tug matters, only runs can show: the lesson has
#   some, in which the first spring is that of the pretraining.
#
#   Memory differs, too: the separate springs keep two numbers a weight for each task, the merged one two for all.
# ---
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
    # solution
    running = torch.zeros_like(theta)
    for each in fisher:
        running = decay * running + each
    last = ended[-1]
    return {
        "separate": gamma / 2 * (fisher * (theta - ended) ** 2).sum(),
        "merged": gamma / 2 * (running * (theta - last) ** 2).sum(),
        "tug": gamma * (fisher * (last - ended)).sum(0),
    }
    # end
