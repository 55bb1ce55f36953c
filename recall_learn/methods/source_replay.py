"""Replay of the source: while a model trains on its task, a batch of what it was pretrained on goes with the steps."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from recall_learn.methods import from_source
from recall_learn.methods.method import PLAIN_COSTS, Method, Start, setting
from recall_learn.methods.stepping import Stepping

if TYPE_CHECKING:
    from torch import Tensor


class _Acting(Stepping):
    method: "SourceReplay"

    def __init__(self, method: "SourceReplay", start: Start):
        super().__init__(method, start)
        self.source = from_source.begun(start, method.name)

    def terms(self, inputs: Mapping[str, object], outputs: object) -> "dict[str, Tensor]":
        n, left = divmod(self.steps, self.method.every)
        if left or not self.method.weight:
            return {"replay": self.nothing()}
        return {"replay": self.method.weight * self.source.loss(self.source.batches(n + 1))}


@dataclass(frozen=True)
class SourceReplay(Method):
    r"""A batch of the source's text in every step, or in every so many, and the loss that the pretraining had on it.

    .. math::
        Loss_T + w\, Loss_S(batch_n), \qquad Loss_S = -\frac{1}{M} \sum_m \log p(word_m)

    M is the number of words asked for, the loss is in nats a word, and the model says them by the head that it was
    pretrained with, which does not train. The n-th batch is the same in every run, and the small world's are those of
    its pretraining; of a text file what a run measures its source loss on is left out. A weight of 0 is plain
    fine-tuning, to the bit. Over batches that are accumulated a step has one batch of the source.

    It is what the other methods stand in for: RecAdam and EWC remember the source's loss as a spring, where its data
    are gone. Here they are there, at the price of a second pass and of the data.
    """

    name: ClassVar[str] = "source-replay"
    title: ClassVar[str] = "Replay of the source"
    paper: ClassVar[str] = "Robins, 1995, Catastrophic forgetting, rehearsal and pseudorehearsal"
    lesson: ClassVar[str] = "11_neighbours"
    needs: ClassVar[frozenset[str]] = frozenset({"source data"})
    family: ClassVar[str] = "data"
    carries: ClassVar[str] = "nothing: the source's batches begin anew"
    costs: ClassVar[frozenset[str]] = PLAIN_COSTS | {"second pass"}
    acting: ClassVar[type[_Acting]] = _Acting

    weight: float = setting(1.0, "of the source's loss beside the task's", low=0, log=True, live=True, span=(1e-2, 10))
    every: int = setting(1, "a batch of the source at every so manieth step", low=1, whole=True, unit="steps")
