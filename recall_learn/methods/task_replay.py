"""Experience replay: some examples of the tasks before are kept, and go with the steps of those that follow."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, TypeVar

from recall_learn.methods.carrying import loss_under
from recall_learn.methods.method import PLAIN_COSTS, Acting, Method, Start, setting
from recall_learn.methods.stepping import Stepping

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from recall_learn.methods.carrying import Carried, Ended

T = TypeVar("T")


def reservoir(
    kept: Sequence[T], seen: int, stream: Iterable[T], size: int, generator: "np.random.Generator"
) -> list[T]:
    """An even sample of a stream whose length nobody knows: each of the n that were seen is in it with size / n.

    The n-th takes a place drawn from 0, ..., n - 1, if there is such a place. Until the reservoir is full, each stays.

    Args:
        kept: the sample so far.
        seen: of how many.
        stream: what comes.
        size: the most that are kept.
        generator: draws the places.

    Vitter, 1985, "Random sampling with a reservoir", algorithm R.
    """
    kept = list(kept)
    for n, each in enumerate(stream, seen + 1):
        if len(kept) < size:
            kept.append(each)
        elif (place := int(generator.integers(n))) < size:
            kept[place] = each
    return kept


class _Acting(Stepping):
    method: "TaskReplay"

    def __init__(self, method: "TaskReplay", start: Start):
        super().__init__(method, start)
        self.carried = start.carried.get(method.name, {})

    def terms(self, inputs: Mapping[str, object], outputs: object) -> "dict[str, Tensor]":
        import torch

        if not self.carried or not self.method.ratio:
            return {"replay": self.nothing()}
        kept = self.carried["kept"]
        count = min(len(kept), max(1, round(self.method.ratio * _rows(inputs))))
        drawn = [kept[i] for i in torch.randperm(len(kept), generator=self.drawn())[:count].tolist()]
        losses = [
            self._loss(task, [row for of, row in drawn if of == task]) for task in sorted({of for of, _ in drawn})
        ]
        return {"replay": self.method.ratio * sum(losses) / count}

    def _loss(self, task: int, rows: list) -> "Tensor":
        """The sum of the losses of a task's rows, by its own head."""
        batch = self.carried["collate"](rows)
        return loss_under(self.carried["heads"][task], self.start.model, batch, reduction="sum")


def _rows(inputs: Mapping[str, object]) -> int:
    """How many examples a batch has."""
    return next(len(value) for value in inputs.values() if hasattr(value, "__len__"))


@dataclass(frozen=True)
class TaskReplay(Method):
    r"""Former tasks' examples return. Some go with each batch, out of a buffer that is an even sample of them all.

    .. math::
        Loss_i + \frac{r}{m} \sum_{n=1}^{m} loss(x_n, y_n), \qquad m = r B, \qquad (x_n, y_n) \in buffer

    B is the size of the batch and r the ratio, so an example of the buffer counts as one of the task does. The buffer
    holds a number of examples, an even sample of all training examples of the tasks before, by reservoir sampling: each
    is seen once, when its task has ended. For each step m of them are drawn anew, none twice. An old example is asked
    by the head of its task, as that was when the task ended: old heads do not train, and the encoder is held to them.

    Mammoth's takes the mean over both kinds of rows, which is this times B / (B + m). It fills its buffer while a task
    trains, so that an example that is seen in five epochs stands five times for a place.

    In the first task, and in a run that is no sequence, it is plain fine-tuning, as it is with r = 0. Nothing of the
    source is replayed, which ``source-replay`` does; the two go together.
    """

    name: ClassVar[str] = "task-replay"
    title: ClassVar[str] = "Replay of tasks"
    paper: ClassVar[str] = "Chaudhry et al., 2019, On tiny episodic memories in continual learning, arXiv 1902.10486"
    family: ClassVar[str] = "data"
    carries: ClassVar[str] = "a sample of all examples, and the heads"
    for_sequences: ClassVar[bool] = True
    costs: ClassVar[frozenset[str]] = PLAIN_COSTS | {"second pass"}
    acting: ClassVar[type[Acting]] = _Acting

    buffer: int = setting(500, "how many examples are kept", low=1, whole=True, log=True, span=(10, 10000))
    ratio: float = setting(1.0, "r, examples of the buffer for each of the batch", low=0, live=True, span=(0.1, 4))

    def check_tasks(self, examples: Sequence[int]) -> None:
        """The buffer is no larger than what can be in it."""
        able = sum(examples[:-1])
        if len(examples) > 1 and self.buffer > able:
            raise ValueError(
                f"buffer is {self.buffer}; the tasks before the last have {able} training examples, and it has to be "
                f"at most that"
            )

    def carry(self, former: "Carried", ended: "Ended") -> "Carried":
        """The buffer with examples of the task in it, and one head more."""
        import numpy as np

        task, seen = ended.place[0], former.get("seen", 0)
        stream = ((task, row) for row in ended.rows)
        drawn = np.random.default_rng([ended.seed, task])
        return {
            "kept": reservoir(former.get("kept", ()), seen, stream, self.buffer, drawn),
            "seen": seen + len(ended.rows),
            "heads": [*former.get("heads", ()), ended.head],
            "collate": ended.collate,
        }
