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
    raise NotImplementedError("not written yet")
