r"""Elastic weight consolidation: :math:`\frac{\gamma}{2} \sum_i F_i (\theta_i - \theta^*_i)^2` beside the loss.

F is the Fisher information of what was learned before, at theta*. Kirkpatrick et al., 2017, equation 3.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from recall_learn.methods.method import Acting, Method, Start, setting

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class EWC(Method):
    """AdamW, and a spring on each weight as stiff as its Fisher information."""

    name: ClassVar[str] = "ewc"
    slot: ClassVar[str] = "pull"
    needs: ClassVar[frozenset[str]] = frozenset({"fisher"})

    gamma: float = setting(1000.0, "strength: a factor of the Fisher information", low=0, log=True, live=True)

    def begin(self, start: Start) -> "_Acting":
        """Put it to work."""
        return _Acting(self, start)


class _Acting(Acting):
    method: EWC

    def __init__(self, method: EWC, start: Start):
        super().__init__(method, start)
        fisher = start.fisher("source")
        self.fisher = {name: fisher[name] for name in start.anchors}
        self.change(method)

    def change(self, method: EWC) -> None:
        super().change(method)
        from recall_learn.theory.laplace import ewc

        self.penalty = ewc(self.start.anchors, self.fisher, method.gamma)

    def terms(self, inputs: Mapping[str, Any], outputs: Any) -> "dict[str, Tensor]":
        return {"penalty": self.penalty(self.start.model)}
