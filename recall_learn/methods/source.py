"""What a model was pretrained to do, kept doable while it is fine-tuned: saying hidden words, and texts to say them in.

Methods that declare the need "source data" get a `Source` from whoever begins the training, those that need only the
"source head" one that may lack the texts. It shares its encoder with the model that trains, so a loss of it pulls at
the same weights.
"""

import copy
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Generator, Tensor, nn

    from recall_learn.methods.method import Start

Weights = dict[str, "nn.Parameter"]
Inputs = Callable[[], Iterator[Mapping[str, "Tensor"]]]
Batch = tuple["Mapping[str, Tensor]", "Tensor"]
"""Inputs with hidden words [rows, length], and the ids of these words [M], row after row."""


@dataclass(frozen=True)
class Source:
    """A masked language model above the encoder that trains, and what it was trained on.

    Attributes:
        masked_lm: ``masked_lm(**inputs)`` gives logits [M, V] for the hidden words, row after row, from left to right.
        batches: ``n -> batch``, the n-th batch of the source, from 1 on; the same n gives the same batch. None where
            there are no texts, which is enough for methods that need the "source head".
        mask: the id that hides a word.
        special: ids that are never hidden, such as [CLS] and the padding.
    """

    masked_lm: "nn.Module"
    batches: "Callable[[int], Batch] | None"
    mask: int
    special: Collection[int] = ()

    def loss(self, batch: Batch) -> "Tensor":
        """The mean of -log p(word), nats per hidden word, that can be differentiated."""
        from torch import nn

        inputs, words = batch
        device = next(self.masked_lm.parameters()).device
        logits = self.masked_lm(**{key: value.to(device) for key, value in inputs.items()})
        return nn.functional.cross_entropy(logits.float(), words.to(device))

    def first(self, examples: int) -> "Iterator[Batch]":
        """The first batches, with so many rows in all, or with what the last of them has more."""
        n = taken = 0
        while taken < examples:
            n += 1
            inputs, words = self.batches(n)
            taken += len(inputs["input_ids"])
            yield inputs, words

    def hide(self, inputs: "Mapping[str, Tensor]", share: float, generator: "Generator") -> Batch:
        """Hide each word of a batch with probability ``share``, and one at least; what is special stays.

        Args:
            inputs: with ``input_ids`` [rows, length], as the model is given them; labels are left out.
            share: the probability.
            generator: on the CPU, so that every device hides the same words.
        """
        import torch

        ids = inputs["input_ids"]
        able = self.able(ids)
        drawn = torch.rand(ids.shape, generator=generator).to(ids.device)
        drawn = drawn.masked_fill(~able, 2.0)
        hidden = drawn <= max(share, float(drawn.min()))
        left = {key: value for key, value in inputs.items() if key != "labels"}
        return {**left, "input_ids": ids.masked_fill(hidden, self.mask)}, ids[hidden]

    def able(self, ids: "Tensor") -> "Tensor":
        """Which of the ids [rows, length] are words that may be hidden."""
        import torch

        return ~torch.isin(ids, torch.tensor(sorted(self.special), device=ids.device, dtype=ids.dtype))


def words_of(inputs: "Mapping[str, object]", name: str) -> "dict[str, Tensor]":
    """What a masked language model reads of a batch: ids, and where they are there the mask and the types.

    Raises:
        ValueError: there are no ids; the message names the method that asks.
    """
    if inputs.get("input_ids") is None:
        raise ValueError(
            f"{name} reads the batch's input_ids; give the batch, as in composed.loss(model(**batch), batch)"
        )
    asked = ("input_ids", "attention_mask", "token_type_ids")
    return {key: inputs[key] for key in asked if inputs.get(key) is not None}


def begun(start: "Start", name: str) -> Source:
    """The source of a training, on the model's device.

    Args:
        start: the training's.
        name: of the method that asks, for the message.

    Raises:
        ValueError: its masked language model is not above the encoder that trains, or the model is in pieces.
    """
    from recall_learn.theory.anchors import unwrapped
    from recall_learn.theory.sharded import is_sharded

    source, own = start.source(), list(unwrapped(start.model).parameters())
    if any(is_sharded(p) for p in own):
        raise ValueError(
            f"{name} runs the encoder without its model, and fully_shard has it in pieces that only the model gathers; "
            f"take DistributedDataParallel"
        )
    shared = {id(p) for p in own} & {id(p) for p in source.masked_lm.parameters()}
    if not shared:
        raise ValueError(
            f"{name} is given a source whose masked_lm has no weight of the model; it has to hold the model's encoder"
        )
    source.masked_lm.to(own[0].device)
    return source


@contextmanager
def at_home(source: Source, start: "Start", examples: int) -> "Iterator[tuple[Weights, Inputs]]":
    """The encoder at theta* in eval mode, wherever it stands, to see what the source asks of it; then as it was.

    Args:
        source: as `begun` gives it.
        start: the training's.
        examples: rows of the source, at least; the last batch is whole.

    Yields:
        The pretrained parameters that train and that the masked language model has, by their names in theta*; and what
        gives the inputs of these examples, batch after batch, anew at each call.
    """
    from recall_learn.theory.anchors import trainable
    from recall_learn.theory.fisher import evaluating
    from recall_learn.theory.sharded import at

    inside = {id(p) for p in source.masked_lm.parameters()}
    wanted = {n: p for n, p in trainable(start.model).items() if n in start.anchors and id(p) in inside}
    device = next(source.masked_lm.parameters()).device

    def inputs() -> "Iterator[Mapping[str, Tensor]]":
        for batch, _ in source.first(examples):
            yield {key: value.to(device) for key, value in batch.items()}

    with at(start.model, start.anchors), evaluating(source.masked_lm):
        yield wanted, inputs


def frozen(source: Source, start: "Start", name: str) -> "nn.Module":
    """The masked language model as it is at theta*, a copy that never changes: in eval mode, without gradients.

    Args:
        source: as `begun` gives it.
        start: the training's.
        name: of the method that asks, for the message.

    Raises:
        ValueError: something in it was drawn anew, so that there is no model from before.
    """
    import torch

    from recall_learn.theory.anchors import trainable
    from recall_learn.theory.sharded import at

    names = {id(p): name for name, p in trainable(start.model).items()}
    fresh = [p for p in source.masked_lm.parameters() if id(p) in names and names[id(p)] not in start.anchors]
    if fresh and start.anchors:  # where nothing pretrained trains, what is new was added, and adds nothing yet
        with torch.enable_grad():
            logits = source.masked_lm(input_ids=torch.tensor([[source.mask]], device=fresh[0].device))
            found = torch.autograd.grad(logits.sum(), fresh, allow_unused=True)
        used = [names[id(p)] for p, gradient in zip(fresh, found, strict=True) if gradient is not None]
        if used:
            raise ValueError(f"{name} asks the model from before, and {used[0]} is new in this one; leave one of both")
    with at(start.model, start.anchors):
        return copy.deepcopy(source.masked_lm).eval().requires_grad_(False)
