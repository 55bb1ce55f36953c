"""What a checkpoint was pretrained to do, for a script of one's own: its word-saying head, and a text to go on with."""

import copy
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from torch import nn

from recall_learn.methods.source import Source
from recall_learn.models.masked_lm import above, hide_share, read_text
from recall_learn.models.recalled import not_wrapped
from recall_learn.models.tokens import fit_tokenizer
from recall_learn.support.checks import shown, whole

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

BLOCKS = 1 << 16
"""The most blocks of a text that are used: 8 million tokens."""


def text_source(
    checkpoint: str,
    model: nn.Module,
    tokenizer: "PreTrainedTokenizerBase",
    text: str | PathLike | None = None,
    *,
    batch_size: int = 16,
) -> Source:
    """The source of a model that ``from_pretrained(checkpoint)`` filled, for methods that go on with it.

    In a script::

        source = text_source("bert-base-uncased", model, tokenizer, "books.txt")
        RecallTrainer(model, arguments, train_dataset=data, method="lwf", source=source)

    The checkpoint's masked-language-model head stands above the encoder that trains. Of the text, blocks of up to 128
    tokens that lie evenly over it are read, each once an epoch, in an order of the epoch's own; 15 % of a block's
    tokens are hidden, always the same ones.

    Args:
        checkpoint: where the pretrained head is: a folder, a hub id, "tiny" or "minilm".
        model: what will train.
        tokenizer: its tokenizer.
        text: a text file in UTF-8, plain or as ``.xz``. None is a source without texts, enough for methods that hide
            words of the task's own.
        batch_size: blocks a batch.

    Raises:
        ValueError: the checkpoint has no such head, or is of another encoder than the model; the tokenizer cannot hide
            a word, or is another model's; the text is none.
        FileNotFoundError: the checkpoint or the text is not there.
        ConnectionError: the hub is needed and out of reach.
    """
    size = whole("batch_size", batch_size, 1)
    if not isinstance(checkpoint, str | PathLike) or not str(checkpoint):
        raise ValueError(f"checkpoint is {shown(checkpoint)}; it has to be a folder, a hub id, tiny or minilm")
    model, tokenizer = not_wrapped(model), copy.deepcopy(tokenizer)
    masked_lm = above(str(checkpoint), model, tokenizer)
    fit_tokenizer(tokenizer, model, None)  # blocks are no longer than the model reads
    batches = None
    if text is not None:
        batches = hide_share(read_text(Path(text)), tokenizer, limit=BLOCKS).cycle(size)
    return Source(masked_lm, batches, tokenizer.mask_token_id, frozenset(tokenizer.all_special_ids))
