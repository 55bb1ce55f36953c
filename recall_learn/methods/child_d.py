"""Child-Tuning-D: the weights with the most Fisher information for the task train, the others stay where they are."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from recall_learn.methods.method import Acting, Method, setting

if TYPE_CHECKING:
    from torch.optim import Optimizer


class _Acting(Acting):
    method: "ChildD"

    def attach(self, optimizer: "Optimizer") -> None:
        from recall_learn.methods.child_tuning import ChildTuningD, layer_names

        fisher = self.start.fisher("task")  # the child follows from it: nothing else is to be kept
        layers = {name: fisher[name] for name in layer_names(self.start.model)}
        self.mask = ChildTuningD(optimizer, layers, self.method.p)

    def close(self) -> None:
        self.mask.remove()


@dataclass(frozen=True)
class ChildD(Method):
    r"""One child network for the whole run: of the layers' weights the share p with the most Fisher information.

    .. math::
        g \leftarrow g \odot M, \qquad M_i = [F_i \text{ is among the largest } p\, n]

    F is the task's, at :math:`\theta^*`. All other weights of the layers stay where they are, to the bit; embeddings,
    pooler and head train.
    """

    name: ClassVar[str] = "child-d"
    title: ClassVar[str] = "Child-Tuning-D"
    paper: ClassVar[str] = "Xu et al., 2021, Raise a Child in Large Language Model, arXiv 2109.05687"
    lesson: ClassVar[str] = "10_child_tuning"
    slot: ClassVar[str] = "mask"
    acts_on_pretrained: ClassVar[bool] = True
    needs: ClassVar[frozenset[str]] = frozenset({"task fisher"})
    in_page: ClassVar[bool] = True
    family: ClassVar[str] = "mask"
    carries: ClassVar[str] = "nothing: each task has its own Fisher information"
    acting: ClassVar[type[Acting]] = _Acting

    p: float = setting(0.3, "share of the weights in the layers that trains", low=0, high=1, open_low=True)
