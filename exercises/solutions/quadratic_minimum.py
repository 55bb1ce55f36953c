# ---
# lesson: 4
# order: 3
# goal: Find where EWC ends, without training.
# minutes: 20
# difficulty: 2
# hints:
#   - |
#     At the minimum the slopes of both parts cancel. Write down the gradient of each part: the one of task B is
#     $B (\theta - b)$.
#   - |
#     $B (\theta - b) + s F \odot (\theta - a) = 0$, with $s$ the strength and $\odot$ the product weight by weight.
#     Bring everything with $\theta$ to the left side. What is the matrix there, and what is left on the right?
#   - |
#     `torch.linalg.solve(matrix, right)`. The matrix is B with $s F_i$ added on its **diagonal**:
#     `torch.diag(s * F)`. A vector that is added to a matrix lands in every row.
# explanation: |
#   The end is a weighted mean of the two minima, $\theta = (B + s\,\mathrm{diag} F)^{-1} (B b + s F \odot a)$, with the
#   matrices $B$ and $s\,\mathrm{diag} F$ in the place of two numbers. Strength 0 ends at $b$, an infinite strength at
#   $a$, wherever $F_i > 0$.
#
#   The matrix B couples the weights. A spring that holds the first one moves the second as well, even where that has
#   no spring: along the valley of B the two move together. So a mean taken for each weight alone, with the diagonal
#   of B, is wrong as soon as B's valley does not lie along an axis. "Turn the valley" in the lesson shows the same
#   for the old task.
#
#   A real loss is no bowl, but near its minimum it is almost one. If the training with EWC ends near there, this
#   formula says where, without a single step of it.
# ---
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
    # solution
    springs = strength * fisher
    matrix = hessian + torch.diag(springs)
    return torch.linalg.solve(matrix, hessian @ minimum + springs * anchors)
    # end
