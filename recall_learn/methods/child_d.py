"""Child-Tuning-D: the weights with the most Fisher information for the task train, the others stay. Xu et al., 2021."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from recall_learn.methods.method import Acting, Method, Start, setting

if TYPE_CHECKING:
    from torch.optim import Optimizer


@dataclass(frozen=True)
class ChildD(Method):
    """One mask for the whole run: the top share of the entries of the task's Fisher."""

    name: ClassVar[str] = "child-d"
    slot: ClassVar[str] = "mask"
    needs: ClassVar[frozenset[str]] = frozenset({"fisher"})

    p: float = setting(0.3, "share of the weights in the layers that trains", low=0, high=1, open_low=True)

    def begin(self, start: Start) -> "_Acting":
        """Put it to work."""
        return _Acting(self, start)


class _Acting(Acting):
    method: ChildD

    def attach(self, optimizer: "Optimizer") -> None:
        from recall_learn.methods.child_tuning import ChildTuningD, layer_names

        fisher = self.start.fisher("task")  # the child follows from it: nothing else is to be kept
        layers = {name: fisher[name] for name in layer_names(self.start.model)}
        self.mask = ChildTuningD(optimizer, layers, self.method.p)
