"""Child-Tuning-F: at every step a fresh random share of the weights trains."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from recall_learn.methods.method import Acting, Method, setting

if TYPE_CHECKING:
    from torch.optim import Optimizer


class _Acting(Acting):
    method: "ChildF"

    def attach(self, optimizer: "Optimizer") -> None:
        import torch

        from recall_learn.methods.child_tuning import ChildTuningF

        self.mask = ChildTuningF(optimizer, self.method.p, torch.Generator().manual_seed(self.start.seed + 1))

    def state_dict(self) -> dict[str, object]:
        return self.mask.state_dict()

    def load_state_dict(self, state: Mapping[str, object]) -> None:
        self.mask.load_state_dict(state)

    def close(self) -> None:
        self.mask.remove()


@dataclass(frozen=True)
class ChildF(Method):
    r"""At every step a fresh random share p of all weights trains, with its gradient divided by p.

    .. math::
        g \leftarrow g \odot M_t / p, \qquad M_t \sim Bernoulli(p)
    """

    name: ClassVar[str] = "child-f"
    title: ClassVar[str] = "Child-Tuning-F"
    paper: ClassVar[str] = "Xu et al., 2021, Raise a Child in Large Language Model, arXiv 2109.05687"
    lesson: ClassVar[str] = "10_child_tuning"
    slot: ClassVar[str] = "mask"
    acts_on_pretrained: ClassVar[bool] = True
    in_page: ClassVar[bool] = True
    family: ClassVar[str] = "mask"
    carries: ClassVar[str] = "nothing"
    acting: ClassVar[type[Acting]] = _Acting

    p: float = setting(0.3, "share of the weights that trains", low=0, high=1, open_low=True)
