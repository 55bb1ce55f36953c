"""Child-Tuning-F: at every step a fresh random share of the weights trains. Xu et al., 2021."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from recall_learn.methods.method import Acting, Method, Start, setting

if TYPE_CHECKING:
    from torch.optim import Optimizer


@dataclass(frozen=True)
class ChildF(Method):
    """A random mask on the gradients, drawn anew at every step, and divided by its share."""

    name: ClassVar[str] = "child-f"
    slot: ClassVar[str] = "mask"

    p: float = setting(0.3, "share of the weights that trains", low=0, high=1, open_low=True)

    def begin(self, start: Start) -> "_Acting":
        """Put it to work."""
        return _Acting(self, start)


class _Acting(Acting):
    method: ChildF

    def attach(self, optimizer: "Optimizer") -> None:
        import torch

        from recall_learn.methods.child_tuning import ChildTuningF

        generator = torch.Generator().manual_seed(self.start.seed + 1)
        self.mask = ChildTuningF(optimizer, self.method.p, generator)

    def state_dict(self) -> dict[str, Any]:
        return self.mask.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.mask.load_state_dict(state)
