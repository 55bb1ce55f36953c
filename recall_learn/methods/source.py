"""What a model was pretrained to do, kept doable while it is fine-tuned: saying hidden words, and texts to say them in.

Methods that declare the need "source data" get a `Source` from whoever begins the training. It shares its encoder with
the model that trains, so a loss of it pulls at the same weights.
"""

from collections.abc import Callable, Collection, Mapping
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
        batches: ``n -> batch``, the n-th batch of the source, from 1 on; the same n gives the same batch.
        mask: the id that hides a word.
        special: ids that are never hidden, such as [CLS] and the padding.
    """

    masked_lm: "nn.Module"
    batches: "Callable[[int], Batch]"
    mask: int
    special: Collection[int] = ()

    def loss(self, batch: Batch) -> "Tensor":
        """The mean of -log p(word), nats per hidden word, that can be differentiated."""
        from torch import nn

        inputs, words = batch
        device = next(self.masked_lm.parameters()).device
        logits = self.masked_lm(**{key: value.to(device) for key, value in inputs.items()})
        return nn.functional.cross_entropy(logits.float(), words.to(device))

    def hide(self, inputs: "Mapping[str, Tensor]", share: float, generator: "Generator") -> Batch:
        """Hide each word of a batch with probability ``share``, and one at least; what is special stays.

        Args:
            inputs: with ``input_ids`` [rows, length], as the model is given them; labels are left out.
            share: the probability.
            generator: on the CPU, so that every device hides the same words.
        """
        import torch

        ids = inputs["input_ids"]
        able = ~torch.isin(ids, torch.tensor(list(self.special), device=ids.device, dtype=ids.dtype))
        drawn = torch.rand(ids.shape, generator=generator).to(ids.device)
        drawn = drawn.masked_fill(~able, 2.0)
        hidden = drawn <= max(share, float(drawn.min()))
        left = {key: value for key, value in inputs.items() if key != "labels"}
        return {**left, "input_ids": ids.masked_fill(hidden, self.mask)}, ids[hidden]
