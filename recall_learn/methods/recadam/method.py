r"""RecAdam as a method: objective shifting and pretraining simulation, inside the optimizer.

:math:`\lambda(t) Loss_T + (1 - \lambda(t)) \frac{\gamma}{2} \|\theta - \theta^*\|^2`, with the second term decoupled
from the moments and :math:`\lambda(t) = 1 / (1 + e^{-k (t - t_0)})`. Chen et al., 2020, arXiv 2004.12651.
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Self

from recall_learn.methods.method import Acting, Groups, Method, Start, setting

if TYPE_CHECKING:
    from recall_learn.methods.recadam.optimizer import RecAdam
    from recall_learn.theory.annealing import Sigmoid

ALGORITHMS = ("paper", "released", "coupled")
WAY = 0.1
"""The usual ``lr * gamma``, the share of the way home that a step takes at most: 2e-5 times 5000 in the paper."""


@dataclass(frozen=True)
class RecAdamMethod(Method):
    """RecAdam, in place of AdamW."""

    name: ClassVar[str] = "recadam"
    slot: ClassVar[str] = "pull"

    k: float = setting(
        0.1, "rate of lambda's sigmoid, per step; inf is a jump", low=0, infinite=True, log=True, live=True
    )
    t0: float = setting(250.0, "the step at which lambda is 1/2", low=0, live=True)
    gamma: float | None = setting(
        None, "strength of the pull; by default 0.1 / the usual lr", low=0, log=True, live=True
    )
    algorithm: str = setting("paper", "which form of the algorithm", choices=ALGORITHMS)

    def resolved(self, usual_lr: float) -> Self:
        """Gamma is such that the usual rate goes a tenth of the way home in a step."""
        return self if self.gamma is not None else replace(self, gamma=float(f"{WAY / usual_lr:.12g}"))

    def check(self, lr: float) -> None:
        """The pull must not diverge."""
        if self.algorithm == "coupled":
            return
        pull = lr * self.gamma * (1 - self.schedule(1))  # lambda grows: no step pulls harder
        if pull > 2 - 1e-6:
            raise ValueError(
                f"lr * gamma is {lr * self.gamma:g}; the pull diverges at 2 and above: lower lr or gamma, to keep it "
                f"under 1"
            )

    @property
    def schedule(self) -> "Sigmoid":
        """Lambda."""
        from recall_learn.theory.annealing import Sigmoid

        return Sigmoid(self.k, self.t0)

    def begin(self, start: Start) -> "_Acting":
        """Put it to work."""
        return _Acting(self, start)


class _Acting(Acting):
    method: RecAdamMethod

    def optimizer(self, groups: Groups) -> "RecAdam":
        from recall_learn.methods.recadam.optimizer import RecAdam

        m, start = self.method, self.start
        self.made = RecAdam(
            groups, lr=start.lr, anneal=m.schedule, gamma=m.gamma, anchors=start.anchors, algorithm=m.algorithm
        )
        return self.made

    def change(self, method: RecAdamMethod) -> None:
        super().change(method)
        for group in self.made.param_groups:
            if group["recall"]:
                group["anneal"], group["gamma"] = method.schedule, method.gamma

    def record(self) -> dict[str, Any]:
        group = next(group for group in self.made.param_groups if group["recall"])
        lam = float(group["anneal"](group["t"] + 1))
        return {"lambda": lam, "pull": (1 - lam) * float(group["lr"]) * float(group["gamma"])}
