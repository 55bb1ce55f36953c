"""RecAdam as a method: its settings, and how the optimizer is made of them."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Self

from recall_learn.methods.method import PLAIN_COSTS, Acting, Groups, Method, setting
from recall_learn.methods.recadam import ALGORITHMS

if TYPE_CHECKING:
    import numpy as np

    from recall_learn.methods.recadam.optimizer import RecAdam
    from recall_learn.theory.annealing import Sigmoid

WAY = 0.1
"""The usual ``lr * gamma``, the share of the way home that a step takes at most: 2e-5 times 5000 in the paper."""


class _Acting(Acting):
    method: "RecAdamMethod"

    def optimizer(self, groups: Groups) -> "RecAdam":
        from recall_learn.methods.recadam.optimizer import RecAdam

        m, start = self.method, self.start
        self.made = RecAdam(
            groups, lr=start.lr, anneal=m.schedule, gamma=m.gamma, anchors=start.anchors, algorithm=m.algorithm
        )
        return self.made

    def change(self, method: "RecAdamMethod") -> None:
        super().change(method)
        for group in self.made.param_groups:
            if group["recall"]:
                group["anneal"], group["gamma"] = method.schedule, method.gamma

    def found(self) -> dict[str, float]:
        from recall_learn.theory.annealing import Sigmoid

        group = next(group for group in self.made.param_groups if group["recall"])
        curve = group["anneal"]
        shape = {"k": curve.k, "t0": curve.t0} if isinstance(curve, Sigmoid) else {}
        return {**shape, "gamma": float(group["gamma"])}

    def record(self) -> dict[str, float]:
        recalled = (group for group in self.made.param_groups if group["recall"])
        group = max(recalled, key=lambda group: float(group["lr"]))  # as lr is noted, where layers have their own
        lam = float(group["anneal"](int(group["t"]) + 1))
        return {"lambda": lam, "pull": (1 - lam) * float(group["lr"]) * float(group["gamma"])}


@dataclass(frozen=True)
class RecAdamMethod(Method):
    r"""Objective shifting and pretraining simulation, inside the optimizer.

    The task's loss fades in while a spring to the pretrained weights fades out:

    .. math::
        \lambda(t)\, Loss_T + (1 - \lambda(t))\, \frac{\gamma}{2} \|\theta - \theta^*\|^2, \qquad
        \lambda(t) = \frac{1}{1 + e^{-k (t - t_0)}}

    The spring's gradient stays out of Adam's moments: a step takes the share :math:`(1 - \lambda)\, \eta\, \gamma` of
    the way home. What is new, the head, follows the task alone.
    """

    name: ClassVar[str] = "recadam"
    title: ClassVar[str] = "RecAdam"
    paper: ClassVar[str] = "Chen et al., 2020, Recall and Learn, arXiv 2004.12651"
    lesson: ClassVar[str] = "07_recadam"
    slot: ClassVar[str] = "pull"
    acts_on_pretrained: ClassVar[bool] = True
    in_page: ClassVar[bool] = True
    family: ClassVar[str] = "a pull to theta*"
    carries: ClassVar[str] = "its anchors, which may be the last task's weights"
    costs: ClassVar[frozenset[str]] = PLAIN_COSTS | {"copy"}
    acting: ClassVar[type[Acting]] = _Acting

    k: float = setting(
        0.1,
        "rate of lambda's sigmoid, per step; inf is a jump",
        low=0,
        infinite=True,
        log=True,
        live=True,
        unit="per step",
        span=(1e-4, 1),
    )
    t0: float = setting(250.0, "the step at which lambda is 1/2", low=0, live=True, unit="steps")
    gamma: float | None = setting(
        None, "strength of the pull; by default 0.1 / lr", low=0, log=True, live=True, span=(1e-3, 1e5)
    )
    algorithm: str = setting("paper", "the form of the algorithm", choices=ALGORITHMS)

    def resolved(self, lr: float) -> Self:
        """Gamma is such that a step takes a tenth of the way home at most, as in the paper."""
        return self if self.gamma is not None else replace(self, gamma=float(f"{WAY / lr:.12g}"))

    def check(self, lr: float) -> None:
        """The pull must not diverge."""
        if self.algorithm == "coupled" or self.gamma is None or lr * self.gamma < 1:
            return
        pull = lr * self.gamma * (1 - self.schedule(1))  # lambda grows: no step pulls harder
        if pull > 2 - 1e-6:
            raise ValueError(
                f"(1 - lambda) * lr * gamma is {float(f'{pull:.3g}'):g} at the first step; the pull diverges at 2 and "
                f"above: lower lr or gamma, to keep it under 1"
            )

    def advice(self, lr: float) -> str:
        """Whether it overshoots."""
        strong = self.gamma is not None and lr * self.gamma > 1
        return f"lr * gamma is {lr * self.gamma:.3g}: above 1 each step overshoots home." if strong else ""

    def ahead(self, steps: "np.ndarray") -> "dict[str, np.ndarray]":
        """Lambda."""
        return {"lambda": self.schedule(steps)}

    @property
    def schedule(self) -> "Sigmoid":
        """Lambda as a function of the step."""
        from recall_learn.theory.annealing import Sigmoid

        return Sigmoid(self.k, self.t0)
