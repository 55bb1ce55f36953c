"""AdamW but for one thing: the bias of its moments, which begin at 0, is not corrected."""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor
from torch.optim import Optimizer


class UncorrectedAdam(Optimizer):
    r"""Adam as BERT's first code had it, :math:`\theta \leftarrow \theta - \eta\, m / (\sqrt v + \epsilon)`.

    Args:
        params: parameters as every torch optimizer takes them.
        lr: learning rate.
        betas: decay rates of the two moments.
        eps: added to the root of the second moment.
        weight_decay: decoupled, as in ``torch.optim.AdamW``.

    Raises:
        RuntimeError: a gradient is sparse.

    What it keeps of each parameter has the names of AdamW's: ``step``, ``exp_avg``, ``exp_avg_sq``.
    """

    def __init__(
        self,
        params: Iterable,
        lr: float = 2e-5,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ):
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Callable[[], Tensor] | None = None) -> Tensor | None:
        """Take one step; returns the closure's loss, if one is given."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                if p.grad.is_sparse:
                    raise RuntimeError("UncorrectedAdam needs dense gradients; build the embedding with sparse=False")
                state = self.state[p]
                if not state:
                    state |= {"step": torch.tensor(0.0), "exp_avg": torch.zeros_like(p)}
                    state["exp_avg_sq"] = torch.zeros_like(p)
                state["step"] += 1
                rest = (group["lr"], group["betas"], group["eps"], group["weight_decay"])
                update(p, p.grad, state["exp_avg"], state["exp_avg_sq"], *rest)
        return loss


def update(
    p: Tensor, g: Tensor, m: Tensor, v: Tensor, lr: float, betas: tuple[float, float], eps: float, weight_decay: float
) -> None:
    """One step of one parameter, in place; m and v are its moments."""
    m.lerp_(g, 1 - betas[0])
    v.mul_(betas[1]).addcmul_(g, g, value=1 - betas[1])
    p.mul_(1 - lr * weight_decay)
    p.addcdiv_(m, v.sqrt().add_(eps), value=-lr)
