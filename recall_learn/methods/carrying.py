"""What methods carry from task to task of a sequence: what there is of a task that was learned, and its old head.

A head is all that is new in a model: it belongs to its task. It rests when its task has ended, so that what is asked
of the encoder later is to go on serving it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor, nn

Carried = Mapping[str, object]
"""What a method has of former tasks, by names of its own; empty in the first."""
Head = Mapping[str, "Tensor"]
"""The parameters of a model that are a task's own, under their names in the model."""


@dataclass(frozen=True)
class Ended:
    """A task of a sequence that was learned.

    Attributes:
        place: which task it was, from 0, and of how many.
        anchors: theta* as the task's training had it, of all that was pretrained.
        weights: what was pretrained, as it ended; copies.
        head: what is the task's own, as it ended; copies.
        fisher: gives the Fisher information that the training was given, as `Start.fisher`; None where it had none.
        learned: takes the Fisher information of the task at the weights as they ended.
        rows: the training examples in their order, tokenized.
        collate: makes a batch of some of them, and of those of any other task.
        seed: of random numbers.
    """

    place: tuple[int, int]
    anchors: "Mapping[str, Tensor]"
    weights: "Mapping[str, Tensor]"
    head: Head
    fisher: "Callable[[str], Mapping[str, Tensor]] | None"
    learned: "Callable[[], Mapping[str, Tensor]]"
    rows: Sequence[Mapping[str, object]]
    collate: "Callable[[list], Mapping[str, Tensor]]"
    seed: int


def loss_under(head: Head, model: "nn.Module", batch: "Mapping[str, Tensor]", reduction: str = "mean") -> "Tensor":
    """The loss of a batch of another task, by that task's head: cross-entropy in nats, or of a score the square.

    Args:
        head: as in `logits_under`.
        model: as there; the batch goes to its device.
        batch: with ``labels``.
        reduction: "mean" over its rows, or "sum".
    """
    from torch.nn import functional

    device = next(model.parameters()).device
    batch = {key: value.to(device) for key, value in batch.items()}
    logits = logits_under(head, model, batch)
    logits = logits.float() if logits.dtype.itemsize < 4 else logits  # half precision is not for losses
    if logits.shape[-1] == 1:
        return functional.mse_loss(logits[:, 0], batch["labels"].to(logits.dtype), reduction=reduction)
    return functional.cross_entropy(logits, batch["labels"], reduction=reduction)


def logits_under(head: Head, model: "nn.Module", inputs: Mapping[str, object]) -> "Tensor":
    """What a model says with a former task's head in the place of its own, [rows, outputs].

    Args:
        head: of the same names as the model's own, with as many outputs as its task has.
        model: wrapped or not; it gets the gradients, all but its own head.
        inputs: a batch; labels are left out, as a model knows the number of its own alone.
    """
    from torch.func import functional_call

    from recall_learn.theory.anchors import unwrapped

    given = {key: value for key, value in inputs.items() if key != "labels"}
    return functional_call(unwrapped(model), dict(head), kwargs=given).logits
