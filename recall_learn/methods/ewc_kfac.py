"""EWC beyond the diagonal: a spring on each direction of a layer's weights, not on each weight."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from recall_learn.methods import from_source
from recall_learn.methods.method import PLAIN_COSTS, Acting, Method, Start, setting

if TYPE_CHECKING:
    from torch import Tensor


class _Acting(Acting):
    method: "KroneckerEWC"

    def __init__(self, method: "KroneckerEWC", start: Start):
        import torch

        from recall_learn.theory.anchors import trainable
        from recall_learn.theory.kronecker import kronecker_fisher

        super().__init__(method, start)
        given = from_source.begun(start, method.name)
        before, wanted, inputs = from_source.at_home(given, start, method.name, method.examples)
        generator = torch.Generator().manual_seed(start.seed)
        self.fisher = kronecker_fisher(before, inputs, wanted, eigenvalues=method.eigenvalues, generator=generator)
        self.held = {name: p for name, p in trainable(start.model).items() if name in wanted}
        self.change(method)

    def change(self, method: "KroneckerEWC") -> None:
        from recall_learn.theory.kronecker import KroneckerPenalty

        super().change(method)
        self.penalty = KroneckerPenalty(self.start.anchors, self.fisher, method.gamma)

    def terms(self, inputs: Mapping[str, object], outputs: object) -> "dict[str, Tensor]":
        return {"penalty": self.penalty(self.held)}


@dataclass(frozen=True)
class KroneckerEWC(Method):
    r"""EWC that knows what the weights of a layer have to do with each other.

    .. math::
        Loss_T + \frac{\gamma}{2} \sum_{layers} \sum_{ij} \lambda_{ij}\, \big(U_G^\top (W - W^*)\, U_A\big)_{ij}^2

    A is the second moment of what comes into a layer (and a 1, for the bias), G that of the gradients of log p at what
    leaves it, :math:`U_A` and :math:`U_G` have their eigenvectors. With the products of both eigenvalues as lambda this
    is :math:`\frac{\gamma}{2} vec(\Delta W)^\top (A \otimes G)\, vec(\Delta W)`, the layer's Fisher information as
    K-FAC has it; with measured ones, the mean squared gradient in each of these directions, it is EKFAC's. Embeddings,
    what is tied to them, and norms have the springs of EWC.

    Factors are taken when the training begins, at :math:`\theta^*`, of so many examples of the source, with words drawn
    from the model's own p. At :math:`\theta^*` the penalty and its gradient are 0, a gamma of 0 is plain fine-tuning.
    In a step it costs four products of matrices a layer, whatever the batch.
    """

    name: ClassVar[str] = "ewc-kfac"
    title: ClassVar[str] = "EWC with Kronecker factors"
    paper: ClassVar[str] = "Ritter et al., 2018, Online structured Laplace approximations, arXiv 1805.07810"
    lesson: ClassVar[str] = "11_neighbours"
    slot: ClassVar[str] = "pull"
    acts_on_pretrained: ClassVar[bool] = True
    needs: ClassVar[frozenset[str]] = frozenset({"source data"})
    family: ClassVar[str] = "a pull by importance"
    costs: ClassVar[frozenset[str]] = PLAIN_COSTS | {"copy"}
    acting: ClassVar[type[Acting]] = _Acting

    gamma: float = setting(
        1000.0, "strength, a factor of the Fisher information", low=0, log=True, live=True, span=(1e-3, 1e5)
    )
    eigenvalues: str = setting("measured", "EKFAC's, or the products of K-FAC", choices=("measured", "products"))
    examples: int = setting(2048, "of the source, that the factors are taken of, at least", low=1, whole=True)
