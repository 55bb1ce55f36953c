r"""Where EWC ends.

The old task has left its anchors $a$ and the diagonal of its Fisher, $F$. The loss of the new task is a bowl with
the Hessian $B$ and its minimum at $b$. You train with EWC to the end, on

$$
\begin{aligned}
Loss(\theta) = {} & \tfrac12 (\theta - b)^\top B\, (\theta - b) \\
& + \tfrac12\, strength \sum_i F_i\, (\theta_i - a_i)^2 .
\end{aligned}
$$

Return the $\theta$ at which you arrive: the minimum, exactly, in one step. It is a new tensor, also where you arrive at
$b$ or $a$.

$B$ is symmetric and positive definite, and it does have entries off its diagonal. Some of the $F_i$ may be 0, and so
may the strength.
"""

import torch


def quadratic_minimum(hessian, minimum, fisher, anchors, strength):
    """The weights where EWC ends, ``[D]``.

    Args:
        hessian: B, the Hessian of the new task's loss, ``[D, D]``.
        minimum: b, where that loss is smallest, ``[D]``.
        fisher: F, the diagonal of the old task's Fisher, ``[D]``, at least 0.
        anchors: a, the weights at the end of the old task, ``[D]``.
        strength: a number, at least 0.
    """
    raise NotImplementedError("not written yet")
