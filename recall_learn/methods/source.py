"""What a model was pretrained to do, kept doable while it is fine-tuned: saying hidden words, and texts to say them in.

Methods that declare the need "source data" get a `Source` from whoever begins the training, those that need only the
"source head" one that may lack the texts. It shares its encoder with the model that trains, so a loss of it pulls at
the same weights.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Generator, Tensor, nn

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
