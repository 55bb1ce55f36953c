# ---
# lesson: 7
# order: 5
# goal: Build the whole optimizer, with groups, head, anchors and schedule.
# minutes: 45
# difficulty: 3
# hints:
#   - |
#     Make it work for one group and one tensor first, with `anneal` returning 1: that is Adam, and you can compare
#     with `torch.optim.Adam`. Then add the pull, then the head, then the gradients that are None.
#   - |
#     There are two counts. How often `step` was called belongs to the optimizer, and goes into `anneal`. How often a
#     tensor was updated belongs to that tensor: keep it in `self.state[p]` beside its averages, and correct the bias
#     with it.
#   - |
#     `self.anchors = {p: p.detach().clone() for ...}` in `__init__`: without `clone` an anchor is the same memory as
#     the weights. In `step`: a loop over `self.param_groups`, one over `group["params"]`, `continue` where `p.grad`
#     is None, and `p.sub_(...)` at the end.
# explanation: |
#   An optimizer is the pure function of one step, and memory. All that can go wrong beyond the formula is in the
#   memory. Anchors without `clone` move along with the weights: nothing ever pulls, nothing ever complains, and the run
#   is fine-tuning at a rate of $\lambda\eta$. A head that is recalled is pulled back to the random numbers it was
#   drawn from. A count that goes up once for every tensor makes $\lambda$ pass $t_0$ in the first steps of a model with
#   200 tensors.
#
#   The rate is read from the group at every step, because that is where schedulers write it. The library's
#   `recall_learn.RecAdam` has the same skeleton; it keeps the anchors out of the checkpoint, and saves a
#   fingerprint of them.
# ---
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
        # solution
        self.calls = 0
        recalled = [p for group in self.param_groups if group["recall"] for p in group["params"]]
        self.anchors = {p: p.detach().clone() for p in recalled}
        # end

    @torch.no_grad()
    def step(self):
        """Take one step, with the gradients that the parameters hold in ``p.grad``."""
        # solution
        self.calls += 1
        for group in self.param_groups:
            lr, gamma, (beta1, beta2) = group["lr"], group["gamma"], group["betas"]
            lam = group["anneal"](self.calls) if group["recall"] else 1.0
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                if not state:
                    state.update(t=0, m=torch.zeros_like(p), v=torch.zeros_like(p))
                state["t"] += 1
                state["m"].mul_(beta1).add_(p.grad, alpha=1 - beta1)
                state["v"].mul_(beta2).addcmul_(p.grad, p.grad, value=1 - beta2)
                m_hat = state["m"] / (1 - beta1 ** state["t"])
                v_hat = state["v"] / (1 - beta2 ** state["t"])
                step = lam * m_hat / (v_hat.sqrt() + group["eps"])
                if group["recall"]:
                    step += (1 - lam) * gamma * (p - self.anchors[p])
                p.sub_(lr * step)
        # end
