"""Elastic weight consolidation: a spring on each weight, as stiff as its Fisher information for the source."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from recall_learn.methods.method import PLAIN_COSTS, Acting, Method, Start, setting

if TYPE_CHECKING:
    from torch import Tensor

    from recall_learn.methods.carrying import Carried, Ended

SPRINGS = "springs"
"""What is carried: for each task before, and the source, the weights where it ended and its Fisher information."""
Spring = tuple[Mapping[str, "Tensor"], Mapping[str, "Tensor"]]


class Springs(Acting):
    """One penalty for each of the springs, all of one strength."""

    method: "EWC"

    def __init__(self, method: "EWC", start: Start):
        super().__init__(method, start)
        carried = start.carried.get(method.name)
        self.springs = carried[SPRINGS] if carried else [first(start.anchors, start.fisher("source"))]
        self.change(method)

    def change(self, method: "EWC") -> None:
        """Take another strength."""
        from recall_learn.theory.laplace import ewc

        super().change(method)
        self.penalties = [ewc(*_here(spring, self.start), method.gamma) for spring in self.springs]

    def terms(self, inputs: Mapping[str, object], outputs: object) -> "dict[str, Tensor]":
        """Their sum."""
        return {"penalty": sum(penalty(self.start.model) for penalty in self.penalties)}


def first(anchors: "Mapping[str, Tensor]", fisher: "Mapping[str, Tensor]") -> Spring:
    """The spring of the source."""
    return anchors, {name: fisher[name] for name in anchors}


def _here(spring: Spring, start: Start) -> Spring:
    """What of a spring trains in this task."""
    anchors, fisher = spring
    return {name: anchors[name] for name in start.anchors}, {name: fisher[name] for name in start.anchors}


def springs_of(former: "Carried", ended: "Ended") -> "tuple[list[Spring], Spring]":
    """Those that a task trained with, and its own, at the weights where it ended."""
    learned = {name: each for name, each in ended.learned().items() if name in ended.weights}  # of what trains
    home = {name: ended.anchors[name] for name in learned}
    springs = list(former[SPRINGS]) if former else [first(home, ended.fisher("source"))]
    return springs, ({name: ended.weights[name] for name in learned}, learned)


@dataclass(frozen=True)
class EWC(Method):
    r"""A spring on each pretrained weight, as stiff as its Fisher information for the past.

    .. math::
        Loss_T + \frac{\gamma}{2} \sum_i F_i\, (\theta_i - \theta^*_i)^2

    F is the diagonal Fisher information of the source at :math:`\theta^*`. In Laplace's approximation gamma is the
    number of its examples.

    In a sequence each task that was learned adds a spring of its own, with its exact Fisher information, around the
    weights where it ended: the penalty as it was published. From the third task on it counts the first more than once,
    which one merged spring mends, ``online-ewc``.
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
    carries: ClassVar[str] = "a spring for each task, with its Fisher information"
    costs: ClassVar[frozenset[str]] = PLAIN_COSTS | {"copy"}
    acting: ClassVar[type[Acting]] = Springs

    gamma: float = setting(
        1000.0, "strength, a factor of the Fisher information", low=0, log=True, live=True, span=(1e-3, 1e5)
    )

    def carry(self, former: "Carried", ended: "Ended") -> "Carried":
        """One spring more."""
        springs, own = springs_of(former, ended)
        return {SPRINGS: [*springs, own]}
