"""What a model says of a batch's neighbours: of the same tokens, their embeddings moved a little."""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from recall_learn.methods.method import Acting, Method, Start
from recall_learn.methods.stepping import count_in
from recall_learn.support.checks import shown

if TYPE_CHECKING:
    from torch import Generator, Tensor, nn


def full(x: "Tensor") -> "Tensor":
    """A tensor in float32, where it has half of that or less."""
    return x.float() if x.dtype.itemsize < 4 else x


def disagreement(one: "Tensor", other: "Tensor") -> "Tensor":
    r"""The two divergences between distributions over labels, :math:`KL(p \| q) + KL(q \| p)`, mean over rows, in nats.

    Written as :math:`\sum_c (p_c - q_c)(\log p_c - \log q_c)` no summand is negative, and near ones lose no digits.

    Args:
        one: logits of p [rows, labels].
        other: logits of q, of the same shape.
    """
    p, q = full(one).log_softmax(-1), full(other).log_softmax(-1)
    return ((p.exp() - q.exp()) * (p - q)).sum(-1).mean()


def logits_of(name: str, outputs: object) -> "Tensor":
    """What a model says of each row, [rows, labels].

    Raises:
        ValueError: there is nothing of that kind.
    """
    from torch import Tensor

    found = getattr(outputs, "logits", outputs)
    if not isinstance(found, Tensor) or found.ndim != 2:
        what = f"has shape {tuple(found.shape)}" if isinstance(found, Tensor) else f"is {shown(found)}"
        raise ValueError(
            f"{name} compares what the model says of each row, logits [rows, labels], and that {what}; in a loop of "
            f"your own write composed.loss(model(**batch), batch)"
        )
    return found


def last_linear(name: str, start: Start) -> "nn.Linear":
    """The linear layer of the head that gives the logits: the last that the model registers of those that are new.

    Raises:
        ValueError: no linear layer is new and trains.
    """
    from torch import nn

    from recall_learn.theory.anchors import trainable, unwrapped

    new = {p for key, p in trainable(start.model).items() if key not in start.anchors}
    found = [each for each in unwrapped(start.model).modules() if isinstance(each, nn.Linear) and each.weight in new]
    if not found:
        raise ValueError(f"{name} finds no linear layer in {type(start.model).__name__} that is new and trains")
    return found[-1]


class Neighbouring(Acting):
    """A second pass through the model, over moved embeddings.

    Attributes:
        passes: the batches whose neighbours were looked at; what is drawn for a batch follows from that number.
    """

    def __init__(self, method: Method, start: Start):
        from recall_learn.support.random_state import draws
        from recall_learn.theory.anchors import unwrapped

        super().__init__(method, start)
        self.passes, self._handles, self._looking = 0, [], False
        self._first = None  # where the generators were as the model's own pass of the batch began
        self._draws, self._top = draws(start.model), unwrapped(start.model)
        find = getattr(self._top, "get_input_embeddings", None)
        self._words = find() if callable(find) else None
        if self._words is None:
            raise ValueError(
                f"{method.name} moves the embeddings of tokens, and {type(self._top).__name__} says not which they "
                f"are; give it get_input_embeddings(), as models of transformers have it"
            )

    def wrap(self, model: "nn.Module") -> None:
        """Note where the generators are as each pass begins, where something drops out."""
        from recall_learn.support.random_state import states

        def note(module, args):
            if module is self._top and module.training and not self._looking:
                self._first = states(next(module.parameters()).device)

        if self._draws:
            self._handles.append(self._top.register_forward_pre_hook(note))

    def seed(self, what: str) -> int:
        """Of the numbers that are drawn for this batch."""
        key = f"{self.method.name} {self.start.seed} {self.passes} {what}".encode()
        return int.from_bytes(hashlib.blake2b(key, digest_size=8).digest()) >> 1

    def generator(self, device: object) -> "Generator":
        """Draws how the embeddings of this batch are moved."""
        import torch

        return torch.Generator(device).manual_seed(self.seed("noise"))

    def beside(
        self, inputs: Mapping[str, object], move: "Callable[[Tensor], Tensor]", same_masks: bool = True
    ) -> "Tensor":
        """The logits of the batch with moved embeddings.

        Args:
            inputs: the batch, as the model was given it.
            move: gives the moved of the embeddings [rows, length, width].
            same_masks: whether what drops out is what dropped out in the model's own pass.

        Raises:
            ValueError: the model did not look its tokens up exactly once, so that they are not all that was moved.
        """
        from torch import Tensor

        device, calls = next(self._top.parameters()).device, []

        def moved(module, args, output):
            calls.append(output)
            return move(output)

        given = {key: x.to(device) if isinstance(x, Tensor) else x for key, x in inputs.items() if key != "labels"}
        handle, self._looking = self._words.register_forward_hook(moved), True
        try:
            with self._drawing(same_masks, device):
                found = self.start.model(**given)
        finally:
            handle.remove()
            self._looking = False
        if len(calls) != 1:
            raise ValueError(
                f"{self.method.name} needs a model that looks its tokens up once in a pass; "
                f"{type(self._top).__name__} called its get_input_embeddings() {len(calls)} times"
            )
        return logits_of(self.method.name, found)

    @contextmanager
    def _drawing(self, same_masks: bool, device: object) -> Iterator[None]:
        from recall_learn.support.random_state import drawing

        if not self._draws:
            yield
            return
        with drawing(self._first if same_masks and self._first else self.seed("masks"), device):
            yield

    def state_dict(self) -> dict[str, object]:
        """The batches that were looked at."""
        return {"passes": self.passes}

    def load_state_dict(self, state: Mapping[str, object]) -> None:
        """Go on after as many; ValueError where ``state`` is of something else."""
        self.passes = count_in(state, "passes", self.method.name)

    def close(self) -> None:
        """Note no more."""
        while self._handles:
            self._handles.pop().remove()
