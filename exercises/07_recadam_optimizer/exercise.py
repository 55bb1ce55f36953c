r"""RecAdam as a torch optimizer.

Write the class around the step. With $t$ the number of the `step()` call, from 1, and $\lambda = \lambda(t)$,

$$
\begin{aligned}
\theta_t = \theta_{t-1} &- \lambda\, \eta\, \hat m / (\sqrt{\hat v} + \epsilon) \\
&- (1 - \lambda)\, \eta\gamma\, (\theta_{t-1} - \theta^*)
\end{aligned}
$$

for every tensor of a recalled group, with $\hat m$ and $\hat v$ Adam's averages of the task's gradients alone.

- Parameters come as torch optimizers take them: tensors, or groups (dictionaries). A group with `"recall": False` is
  the head. It is plain Adam: no $\lambda$, no pull.
- The anchors $\theta^*$ are the weights at the moment when the optimizer is made. What happens to the weights
  later, also before the first step, does not change them.
- `anneal(t)` gives $\lambda(t)$, with $t$ the number of this call of `step()`: it goes up at every call, also where
  nobody has a gradient. All groups have the same `anneal`: ask it once a step or once a group, as you like.
- Where `p.grad` is None, the tensor is left alone in this step: no move, no pull, and its averages stay. So the bias
  correction counts the updates of each tensor by itself, as torch's Adam does.
- `lr`, `gamma`, `betas` and `eps` are read from the group at each step: a group may have its own, and they may change
  in the middle of a run, as a scheduler changes `group["lr"]`. `step` leaves them as it finds them.
- The gradients are left as they are, as torch's own optimizers leave them: `step` neither changes `p.grad` nor sets it
  to None.

The settings are in the groups already, by `super().__init__`: `self.param_groups` is a list of dictionaries, and each
has `"params"`, `"recall"` (True if nothing was said), `"lr"` and so on. `self.state[p]` is a dictionary for each
parameter, empty at first. Weights are changed in place.
"""

import torch


class RecAdamOptimizer(torch.optim.Optimizer):
    """RecAdam, Algorithm 1 line 12, with the pull at the old weights.

    Args:
        params: parameters, or groups of them; a group with ``recall=False`` is plain Adam.
        lr: the learning rate, eta.
        gamma: the strength of the pull.
        anneal: lambda, a function of the number of the step, from 1.
        betas: how much of the two averages is kept.
        eps: added to the root of v_hat.
    """

    def __init__(self, params, lr, gamma, anneal, betas=(0.9, 0.999), eps=1e-8):
        settings = {"lr": lr, "gamma": gamma, "anneal": anneal, "betas": betas, "eps": eps, "recall": True}
        super().__init__(params, settings)
        raise NotImplementedError("not written yet")

    @torch.no_grad()
    def step(self):
        """Take one step, with the gradients that the parameters hold in ``p.grad``."""
        raise NotImplementedError("not written yet")
