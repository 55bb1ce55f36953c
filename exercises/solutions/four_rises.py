# ---
# lesson: 2
# order: 3
# goal: See what each step from the Hessian to one gamma says of the same displacement.
# minutes: 25
# difficulty: 2
# hints:
#   - |
#     All four have the form $\tfrac12 d^\top A d$. Only the matrix $A$ changes. Write down the four matrices first.
#   - |
#     $F$ is the mean of the outer products $g_n g_n^\top$, so $N F$ is their sum, `gradients.T @ gradients`. Its
#     diagonal is the sum of the squared gradients, not the square of their sum.
#   - |
#     With `nf = gradients.T @ gradients` the forms are `d @ hessian @ d / 2`, `d @ nf @ d / 2`,
#     `(nf.diagonal() * d**2).sum() / 2`, and for the last one `nf.diagonal().mean() * (d**2).sum() / 2`.
# explanation: |
#   Four numbers for one question, what the source loss will rise by. From form to form less is kept: a matrix, its
#   stand-in by first derivatives, a number for each weight, one number. The step to the diagonal loses what the
#   weights do **together**, and the last one whether important weights moved more or less than others.
#
#   Keep apart what is a mean and what is a sum. $F$ is a mean over the examples, $N F$ their sum, and $H$ is a sum from
#   the start. $\bar F$ is a mean over the **weights**, for it stands in for each of them, and $\sum_i d_i^2$ has them
#   all.
#
#   The forms need not be ordered: a diagonal may say more or less than the full matrix. And the gradients are squared
#   one by one. At a minimum their mean is nearly zero, whatever the examples say.
# ---
r"""The chain, for one displacement.

Recall & Learn goes from the Hessian to a single number, and lesson 2 says what each step drops. Three of these steps
are taken here; they lead through four forms. Now follow one displacement $d = \theta - \theta^*$ down the chain: by how
many nats does each form say that $Loss_S$ rises?

| key | the rise is | |
| --- | --- | --- |
| `"hessian"` | $\tfrac12 d^\top H d$ | Laplace |
| `"fisher"` | $\tfrac12 N d^\top F d$ | $H$ replaced by $N$ times the Fisher information, the prior dropped |
| `"diagonal"` | $\tfrac12 N \sum_i F_{ii} d_i^2$ | EWC |
| `"gamma"` | $\tfrac12 \gamma \sum_i d_i^2$ with $\gamma = N \bar F$ | RecAdam's one number |

Here $F = \frac1N \sum_n g_n g_n^\top$ is the empirical Fisher information, with $g_n$ the gradient of
$-\log p(y_n \mid x_n, \theta)$ at $\theta^*$, one for each of the $N$ examples. $\bar F$ is the mean of all $F_{ii}$.
$H$ is the Hessian of $Loss_S$ itself, a sum over the examples with the prior in it: it comes ready, and needs no $N$.
The check also asks at points that are no minimum: where the loss bends downwards along $d$, the `"hessian"` rise is
negative. Return it as it is.
"""

import torch


def four_rises(gradients, hessian, d):
    """The rise of Loss_S as each form says it: a dictionary of "hessian", "fisher", "diagonal", "gamma", in nats.

    Args:
        gradients: of -log p(y_n | x_n) at theta*, one row for each example, ``[N, D]`` for D weights.
        hessian: H, ``[D, D]``.
        d: the displacement theta - theta*, ``[D]``.
    """
    # solution
    count = len(gradients)
    fisher = torch.einsum("ni,nj->ij", gradients, gradients) / count
    diagonal = fisher.diagonal()
    gamma = count * diagonal.mean()
    return {
        "hessian": 0.5 * d @ hessian @ d,
        "fisher": 0.5 * count * d @ fisher @ d,
        "diagonal": 0.5 * count * (diagonal * d**2).sum(),
        "gamma": 0.5 * gamma * (d**2).sum(),
    }
    # end
