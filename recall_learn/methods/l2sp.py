"""L2-SP: every pretrained weight is held to its starting point alike, and the new head to zero."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from recall_learn.methods.method import PLAIN_COSTS, Acting, Method, Start, setting

if TYPE_CHECKING:
    from torch import Tensor


class _Acting(Acting):
    method: "L2SP"

    def __init__(self, method: "L2SP", start: Start):
        from recall_learn.theory.anchors import trainable

        super().__init__(method, start)
        self.head = {name: p for name, p in trainable(start.model).items() if name not in start.anchors}
        self.change(method)

    def change(self, method: "L2SP") -> None:
        from recall_learn.theory.laplace import l2sp

        super().change(method)
        self.penalty = l2sp(self.start.anchors, method.gamma, self.head, method.beta)

    def terms(self, inputs: Mapping[str, object], outputs: object) -> "dict[str, Tensor]":
        return {"penalty": self.penalty(self.start.model)}


@dataclass(frozen=True)
class L2SP(Method):
    r"""The same spring on each pretrained weight, and a second one that holds the new head to zero.

    .. math::
        Loss_T + \frac{\alpha}{2} \|\theta - \theta^*\|^2 + \frac{\beta}{2} \|\theta_{head}\|^2

    Alpha is the setting gamma here, as in the other methods that pull.
    """

    name: ClassVar[str] = "l2sp"
    title: ClassVar[str] = "L2-SP"
    paper: ClassVar[str] = "Li et al., 2018, Explicit inductive bias for transfer learning, equation 4"
    lesson: ClassVar[str] = "05_pretraining_simulation"
    slot: ClassVar[str] = "pull"
    acts_on_pretrained: ClassVar[bool] = True
    in_page: ClassVar[bool] = True
    family: ClassVar[str] = "a pull to theta*"
    carries: ClassVar[str] = "its anchors, which may be the last task's weights"
    costs: ClassVar[frozenset[str]] = PLAIN_COSTS | {"copy"}
    acting: ClassVar[type[Acting]] = _Acting

    gamma: float = setting(
        0.01, "alpha, how firmly the pretrained weights are held", low=0, log=True, live=True, span=(1e-5, 10)
    )
    beta: float = setting(0.01, "how firmly the new head is held to zero", low=0, log=True, live=True, span=(1e-5, 10))
