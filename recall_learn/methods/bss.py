"""BSS: the weakest directions of a batch's features are pressed to zero, as they are held to harm a new task."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from recall_learn.methods.method import Acting, Method, Start, setting
from recall_learn.methods.neighbour import full, last_linear

if TYPE_CHECKING:
    from torch import Tensor, nn
    from torch.utils.hooks import RemovableHandle


def shrinkage(features: "Tensor", k: int) -> "Tensor":
    r"""The sum of the squares of the k smallest singular values of the features.

    Its gradient is :math:`2 \sum \sigma\, u v^T`. The singular vectors are held fixed in it: that changes nothing where
    no two singular values are equal, and is finite where two are.

    Args:
        features: F [rows, width]; it has min(rows, width) singular values.
        k: how many; of fewer, all are taken.
    """
    import torch

    matrix = full(features)
    u, _, vt = torch.linalg.svd(matrix.detach(), full_matrices=False)
    return ((u[:, -k:].T @ matrix) * vt[-k:]).sum(1).square().sum()


class _Acting(Acting):
    method: "BSS"

    def __init__(self, method: "BSS", start: Start):
        super().__init__(method, start)
        self.head = last_linear(method.name, start)
        self.features: Tensor | None = None
        self._handles: list[RemovableHandle] = []

    def wrap(self, model: "nn.Module") -> None:
        def keep(module, args):
            self.features = args[0] if module is self.head and module.training else None

        self._handles.append(self.head.register_forward_pre_hook(keep))

    def terms(self, inputs: Mapping[str, object], outputs: object) -> "dict[str, Tensor]":
        features, self.features = self.features, None
        if features is None or features.ndim != 2:
            what = "had none of a training pass" if features is None else f"had them of shape {tuple(features.shape)}"
            raise ValueError(f"bss needs the features that the head is given, [rows, width]; it {what}")
        if not self.method.weight:
            return {"shrinkage": features.new_zeros(())}
        return {"shrinkage": self.method.weight * shrinkage(features, self.method.k)}

    def close(self) -> None:
        while self._handles:
            self._handles.pop().remove()


@dataclass(frozen=True)
class BSS(Method):
    r"""Batch spectral shrinkage: a penalty on the smallest singular values of a batch's features.

    .. math::
        Loss_T + \eta \sum_{i=1}^{k} \sigma_{-i}^2

    The features F are what the head's last layer is given, one row an example, dropout included. Of the
    min(rows, width) singular values :math:`\sigma` of F the k smallest are taken. The idea is that a batch's weakest
    directions are what was pretrained and does not serve the new task. The penalty's gradient is
    :math:`2 \eta \sigma\, u v^T`.

    The penalty does not change when the features are rotated or the examples of a batch exchanged. It depends on how
    many examples a batch has: with more of them every singular value is larger; of several processes each sees its own.
    With :math:`\eta = 0` this is plain fine-tuning. No pretrained weight is restored or kept: of all methods here this
    one wants to forget. A step takes one small singular value decomposition more.
    """

    name: ClassVar[str] = "bss"
    title: ClassVar[str] = "BSS"
    paper: ClassVar[str] = "Chen et al., 2019, Catastrophic forgetting meets negative transfer"
    lesson: ClassVar[str] = "11_neighbours"
    family: ClassVar[str] = "loss"
    carries: ClassVar[str] = "nothing"
    acting: ClassVar[type[Acting]] = _Acting

    weight: float = setting(1e-3, "eta, strength of the penalty", low=0, log=True, live=True, span=(1e-5, 10))
    k: int = setting(1, "how many of the singular values, from the smallest on", low=1, whole=True)
