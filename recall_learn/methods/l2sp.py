r"""L2-SP: :math:`\frac{\alpha}{2} \|\theta - \theta^*\|^2 + \frac{\beta}{2} \|head\|^2` beside the loss.

Every pretrained weight is held to its starting point alike, and the new head to zero. Li et al., 2018.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from recall_learn.methods.method import Acting, Method, Start, setting

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class L2SP(Method):
    """AdamW, and the same spring on each pretrained weight."""

    name: ClassVar[str] = "l2sp"
    slot: ClassVar[str] = "pull"

    gamma: float = setting(0.01, "alpha, how firmly the pretrained weights are held", low=0, log=True, live=True)
    beta: float = setting(0.01, "how firmly the head is held to zero", low=0, log=True, live=True)

    def begin(self, start: Start) -> "_Acting":
        """Put it to work."""
        return _Acting(self, start)


class _Acting(Acting):
    method: L2SP

    def __init__(self, method: L2SP, start: Start):
        from recall_learn.theory.anchors import trainable

        super().__init__(method, start)
        self.head = {name: p for name, p in trainable(start.model).items() if name not in start.anchors}
        self.change(method)

    def change(self, method: L2SP) -> None:
        from recall_learn.theory.laplace import l2sp

        super().change(method)
        head = {"head": self.head, "beta": method.beta} if self.head else {}
        self.penalty = l2sp(self.start.anchors, method.gamma, **head)

    def terms(self, inputs: Mapping[str, Any], outputs: Any) -> "dict[str, Tensor]":
        return {"penalty": self.penalty(self.start.model)}
