"""Elastic weight consolidation: a spring on each weight, as stiff as its Fisher information for the source."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from recall_learn.methods.method import PLAIN_COSTS, Acting, Method, Start, setting

if TYPE_CHECKING:
    from torch import Tensor


class _Acting(Acting):
    method: "EWC"

    def __init__(self, method: "EWC", start: Start):
        super().__init__(method, start)
        fisher = start.fisher("source")
        self.fisher = {name: fisher[name] for name in start.anchors}
        self.change(method)

    def change(self, method: "EWC") -> None:
        from recall_learn.theory.laplace import ewc

        super().change(method)
        self.penalty = ewc(self.start.anchors, self.fisher, method.gamma)

    def terms(self, inputs: Mapping[str, object], outputs: object) -> "dict[str, Tensor]":
        return {"penalty": self.penalty(self.start.model)}


@dataclass(frozen=True)
class EWC(Method):
    r"""A spring on each pretrained weight, as stiff as its Fisher information for what was learned before.

    .. math::
        Loss_T + \frac{\gamma}{2} \sum_i F_i\, (\theta_i - \theta^*_i)^2

    F is the diagonal Fisher information of the source at :math:`\theta^*`. In Laplace's approximation gamma is the
    number of its examples.
    """

    name: ClassVar[str] = "ewc"
    title: ClassVar[str] = "EWC"
    paper: ClassVar[str] = "Kirkpatrick et al., 2017, Overcoming catastrophic forgetting, equation 3"
    lesson: ClassVar[str] = "04_ewc"
    slot: ClassVar[str] = "pull"
    acts_on_pretrained: ClassVar[bool] = True
    needs: ClassVar[frozenset[str]] = frozenset({"source fisher"})
    in_page: ClassVar[bool] = True
    family: ClassVar[str] = "a pull by importance"
    costs: ClassVar[frozenset[str]] = PLAIN_COSTS | {"copy"}
    acting: ClassVar[type[Acting]] = _Acting

    gamma: float = setting(
        1000.0, "strength, a factor of the Fisher information", low=0, log=True, live=True, span=(1e-3, 1e5)
    )
