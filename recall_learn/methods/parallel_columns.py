"""Parallel columns: a new column of layers for the task, beside the pretrained one, which rests."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from recall_learn.methods.method import OWN, Method, setting

if TYPE_CHECKING:
    from torch import nn

STD = 0.02
"""Of the new weights where the model's configuration has no ``initializer_range``."""


@dataclass(frozen=True)
class ParallelColumns(Method):
    r"""The encoder rests; beside it as many layers, drawn anew, train for the task, and their output is added.

    .. math::
        c_l = C_l(c_{l-1} + U_l\, h_{l-1}), \qquad R = h_L + V c_L

    h are the hidden states of the encoder, which is in eval mode, and :math:`c_0 = h_0` the embeddings of both. With
    ``lateral=yes`` each layer of the new column also reads what the pretrained layer below it makes, as in progressive
    networks; with ``lateral=no`` the U are left out, and the two columns are an ensemble. V is 0 at the start, so that
    training begins at the pretrained output; in the first step only V moves, and the head.

    The encoder keeps every bit, and its distance from home is 0. Whoever leaves the column out has the pretrained
    model; the price is a model of twice the size. The source loss is that of the sum R.

    The finished model holds the column. Its files are those of any model, but transformers would leave the column out;
    ``recall_learn.load_added(folder)`` loads it whole.
    """

    name: ClassVar[str] = "parallel-columns"
    title: ClassVar[str] = "Parallel columns"
    paper: ClassVar[str] = "Rusu et al., 2016, Progressive neural networks, arXiv 1606.04671"
    lesson: ClassVar[str] = "11_neighbours"
    slot: ClassVar[str] = "branch beside the layers"
    freezes: ClassVar[bool] = True
    family: ClassVar[str] = "added modules"
    carries: ClassVar[str] = "nothing: a task keeps its own column"
    isolates: ClassVar[bool] = True
    costs: ClassVar[frozenset[str]] = frozenset({OWN})

    lateral: str = setting("yes", "whether the new layers read the pretrained ones", choices=("yes", "no"))

    def prepare(self, model: "nn.Module", seed: int) -> tuple[str, ...]:
        """Put the new column beside the layers."""
        from recall_learn.methods.added import Column, drawn, place

        base, stack, size = place(model, self.name)
        std = getattr(getattr(model, "config", None), "initializer_range", STD)
        p = next(stack.parameters())
        with drawn(self.name, seed):
            branch = Column(stack, size, std, self.lateral == "yes")
        branch.to(p.device, p.dtype).hang(base, stack)
        return ()
