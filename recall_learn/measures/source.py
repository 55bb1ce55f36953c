"""How well hidden words are still said: the loss that pretraining minimised."""

from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import nn

from recall_learn.theory.fisher import evaluating

if TYPE_CHECKING:
    from recall_learn.models.masked_lm import Examples


class Source(NamedTuple):
    """How well hidden words are said: the loss in nats per hidden word, and the share whose likeliest word is right."""

    loss: float
    accuracy: float


@torch.no_grad()
def say_hidden(masked_lm: nn.Module, examples: "Examples", batch_size: int = 256) -> Source:
    r"""What the encoder still knows of the words it was pretrained on: the mean of :math:`-\log p(w_m)`, and accuracy.

    Args:
        masked_lm: gives logits [M, V] for the hidden words of a batch; see `recall_learn.models.masked_lm.attach`.
        examples: texts with hidden words, see `recall_learn.models.masked_lm.hide_each` and `hide_share`.
        batch_size: rows at a time. No random number is drawn.
    """
    device, total, right, count = next(masked_lm.parameters()).device, 0.0, 0, 0
    with evaluating(masked_lm):
        for inputs, words in examples.batches(batch_size):
            logits = masked_lm(**{key: value.to(device) for key, value in inputs.items()}).float()
            words = words.to(device)
            total += float(nn.functional.cross_entropy(logits, words, reduction="sum"))
            right += int((logits.argmax(-1) == words).sum())
            count += len(words)
    return Source(total / count, right / count)


def source_loss(masked_lm: nn.Module, examples: "Examples", batch_size: int = 256) -> float:
    """The masked-language-model loss in nats per hidden word; arguments as in `say_hidden`."""
    return say_hidden(masked_lm, examples, batch_size).loss
