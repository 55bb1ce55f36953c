"""Memory-aware synapses: a spring on each weight, the stiffer the more the old answers depend on the weight."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from recall_learn.methods import from_source
from recall_learn.methods.method import PLAIN_COSTS, Acting, Method, Start, setting

if TYPE_CHECKING:
    from torch import Tensor


class _Acting(Acting):
    method: "MemoryAwareSynapses"

    def __init__(self, method: "MemoryAwareSynapses", start: Start):
        from recall_learn.theory.sensitivity import sensitivity

        super().__init__(method, start)
        given = from_source.begun(start, method.name)
        before, wanted, inputs = from_source.at_home(given, start, method.name, method.examples)
        self.importance = sensitivity(before, inputs(), wanted)
        self.change(method)

    def change(self, method: "MemoryAwareSynapses") -> None:
        from recall_learn.theory.laplace import ewc

        super().change(method)
        home = {name: self.start.anchors[name] for name in self.importance}
        self.penalty = ewc(home, self.importance, 2 * method.gamma)

    def terms(self, inputs: Mapping[str, object], outputs: object) -> "dict[str, Tensor]":
        return {"penalty": self.penalty(self.start.model)}


@dataclass(frozen=True)
class MemoryAwareSynapses(Method):
    r"""A spring on each pretrained weight; the more the answers about the source depend on the weight, the stiffer.

    .. math::
        Loss_T + \gamma \sum_i \Omega_i\, (\theta_i - \theta^*_i)^2, \qquad
        \Omega_i = \frac1N \sum_n \left| \frac{\partial \|f_{\theta^*}(x_n)\|^2}{\partial \theta_i} \right|

    f are the logits of the words that are hidden in an example of the source. Unlike EWC's Fisher information it asks
    for no likelihood and no label: it holds what moves the answers, right or wrong, and their size counts, not their
    uncertainty. So gamma is no number of examples: with 545 logits of the small world's model a gamma of 1, the paper's
    for other outputs, hardly lets it move. It is taken when the training begins, at :math:`\theta^*`, one example at a
    time, as what cancels between examples matters too. At :math:`\theta^*` the penalty and its gradient
    are 0, a gamma of 0 is plain fine-tuning.
    """

    name: ClassVar[str] = "mas"
    title: ClassVar[str] = "Memory-aware synapses"
    paper: ClassVar[str] = "Aljundi et al., 2018, Memory Aware Synapses, arXiv 1711.09601, equations 2 and 3"
    lesson: ClassVar[str] = "11_neighbours"
    slot: ClassVar[str] = "pull"
    acts_on_pretrained: ClassVar[bool] = True
    needs: ClassVar[frozenset[str]] = frozenset({"source data"})
    family: ClassVar[str] = "a pull by importance"
    costs: ClassVar[frozenset[str]] = PLAIN_COSTS | {"copy"}
    acting: ClassVar[type[Acting]] = _Acting

    gamma: float = setting(0.01, "strength, a factor of the importance", low=0, log=True, live=True, span=(1e-6, 1e2))
    examples: int = setting(512, "of the source, that the importance is taken of, at least", low=1, whole=True)
