r"""Masked language modelling: what BERT-like encoders were pretrained to do, kept measurable while one is fine-tuned.

Some words of a text are hidden behind ``[MASK]``, and the model says which they were. The loss is

.. math:: Loss_S = -\frac{1}{M} \sum_{m=1}^{M} \log p(w_m \mid \text{the words that can be seen}),

nats per hidden word. A sequence classifier has another head in place of the one that says words; `attach` puts the
pretrained one on the same encoder, beside the classifier's, and shares every encoder weight with it.

Devlin et al., 2019, "BERT", section 3.1.
"""

import lzma
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from recall_learn.models import backbones, places
from recall_learn.models.backbones import Backbone

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

MINILM_HEAD = Path(__file__).parents[1] / "data" / "minilm-head.safetensors"
SHARE = 0.15
"""The share of a text's tokens that is hidden, as BERT was trained with."""

LENGTH = 128
"""Tokens of a block of a text, special ones included."""
LONGEST = 1 << 28
"""Bytes of a text file, unpacked: far more than any probe reads of one."""


class MaskedLM(nn.Module):
    """An encoder with its masked-language-model head, asked for the hidden words only.

    Args:
        model: a masked language model of transformers, such as ``BertForMaskedLM``.
        mask_token_id: the id of ``[MASK]``.

    The head's parameters want no gradient, for what is measured is the encoder; a pretraining turns them on again.
    """

    def __init__(self, model: nn.Module, mask_token_id: int):
        super().__init__()
        self.model, self.mask_token_id = model, mask_token_id
        encoder = {id(parameter) for parameter in model.base_model.parameters()}
        for parameter in model.parameters():
            if id(parameter) not in encoder:
                parameter.requires_grad_(False)

    def forward(self, input_ids: Tensor, places: Tensor | None = None, **inputs: Tensor) -> Tensor:
        """Logits of the hidden words, [M, V]: row after row, from left to right. With one a row, M is the batch.

        Args:
            input_ids: tokens [rows, length].
            places: the column of the one word to say in each row, [rows]; None says every ``[MASK]``.
            **inputs: what else the model reads.
        """
        if places is None:
            rows, columns = (input_ids == self.mask_token_id).nonzero(as_tuple=True)
        else:
            rows, columns = torch.arange(len(input_ids), device=input_ids.device), places

        def keep_hidden(module, args, output):
            # the head works word by word, so it may as well see nothing but the hidden ones
            hidden = output[0][rows, columns]
            output.last_hidden_state = hidden.unsqueeze(1) if len(rows) == len(input_ids) else hidden.unsqueeze(0)
            return output

        handle = self.model.base_model.register_forward_hook(keep_hidden)
        try:
            logits = self.model(input_ids=input_ids, **inputs).logits
        finally:
            handle.remove()
        return logits.flatten(0, 1)


def attach(backbone: Backbone) -> MaskedLM:
    """The masked language model of a backbone, see `above`.

    Args:
        backbone: as `recall_learn.models.backbones.load` gives it; its model may have been fine-tuned since.

    Raises:
        ValueError: as `above`.
    """
    return above(backbone.name, backbone.model, backbone.tokenizer)


def above(checkpoint: str, model: nn.Module, tokenizer: "PreTrainedTokenizerBase") -> MaskedLM:
    """A masked language model above a model's own encoder, which it shares: the head that a checkpoint holds.

    minilm was published without such a head. It gets one that was trained on public-domain books with the encoder
    frozen, see `recall_learn.runs.minilm_head`.

    Args:
        checkpoint: a backbone's name, see `recall_learn.models.backbones`.
        model: of transformers, with the encoder of that checkpoint, which may have been fine-tuned since.
        tokenizer: its tokenizer.

    Raises:
        ValueError: the checkpoint has no masked-language-model head, the tokenizer no ``[MASK]``, or the encoder is of
            another shape than the checkpoint's.
    """
    lacks = f"{checkpoint} has no masked-language-model head, so it cannot be asked (take probe none)"
    if tokenizer.mask_token_id is None:
        raise ValueError(f"{lacks}: its tokenizer has no mask token; choose a BERT-like encoder such as tiny")
    head = MINILM_HEAD if checkpoint == "minilm" else None
    masked, missing = backbones.read_masked_lm(places.locate(checkpoint)[0], head)
    if missing:
        raise ValueError(f"{lacks}: its checkpoint holds no {missing[0]}; choose one that was saved with it")
    encoder = model.base_model
    stored = {name: p.shape for name, p in masked.base_model.named_parameters()}
    other = next((n for n, p in encoder.named_parameters() if n in stored and stored[n] != p.shape), None)
    if not isinstance(encoder, type(masked.base_model)) or other:
        kind = type(masked.base_model).__name__
        found = f"{other} is {tuple(stored[other])} there" if other else f"a {kind} is there"
        raise ValueError(f"{checkpoint} is of another encoder than the model, a {type(encoder).__name__}: {found}")
    setattr(masked, masked.base_model_prefix, encoder)
    masked.tie_weights()
    return MaskedLM(masked.eval().to(next(model.parameters()).device), tokenizer.mask_token_id)


@dataclass(frozen=True)
class Examples:
    """Texts with hidden words, tokenized.

    Attributes:
        rows: the tokenizer's inputs, ``[MASK]`` in the hidden places: ``input_ids`` and what else the model reads.
        words: the ids of each row's hidden words, from left to right.
        pad: the tokenizer's padding id.
    """

    rows: Sequence[dict[str, list[int]]]
    words: Sequence[list[int]]
    pad: int

    def __len__(self) -> int:
        return len(self.rows)

    def batches(self, size: int, order: Sequence[int] | None = None) -> Iterator[tuple[dict[str, Tensor], Tensor]]:
        """Padded batches ``(inputs, words)``, words of shape [M]; without an ``order`` the shortest rows come first."""
        if order is None:
            order = np.argsort([len(row["input_ids"]) for row in self.rows], kind="stable")
        for start in range(0, len(order), size):
            chosen = [int(i) for i in order[start : start + size]]
            longest = max(len(self.rows[i]["input_ids"]) for i in chosen)
            inputs = {
                key: torch.tensor([self._padded(self.rows[i][key], key, longest) for i in chosen])
                for key in self.rows[chosen[0]]
            }
            yield inputs, torch.tensor([word for i in chosen for word in self.words[i]])

    def take(self, order: Sequence[int]) -> "Examples":
        """These rows."""
        return Examples([self.rows[i] for i in order], [self.words[i] for i in order], self.pad)

    def cycle(self, size: int, seed: int = 0) -> Callable[[int], tuple[dict[str, Tensor], Tensor]]:
        """Training batches without an end: ``step -> (inputs, words)``, each row once an epoch, in a new order."""
        size = min(size, len(self))

        def batch(step: int) -> tuple[dict[str, Tensor], Tensor]:
            epoch, place = divmod(step - 1, len(self) // size)
            order = np.random.default_rng([seed, epoch]).permutation(len(self))
            return next(self.batches(size, order[place * size : (place + 1) * size]))

        return batch

    def _padded(self, values: list[int], key: str, length: int) -> list[int]:
        return values + [self.pad if key == "input_ids" else 0] * (length - len(values))


def hide_each(texts: Sequence[str | tuple[str, str]], tokenizer: "PreTrainedTokenizerBase") -> Examples:
    """Every word of every text hidden once, one a row: the exact loss of "one word is hidden, whichever".

    Punctuation is no word: it is too easy to say.

    Args:
        texts: sentences, or pairs of sentences.
        tokenizer: of transformers.

    Raises:
        ValueError: there is no text.
    """
    rows, words = [], []
    for text in texts:
        encoded, special = _encode(text, tokenizer)
        tokens = tokenizer.convert_ids_to_tokens(encoded["input_ids"])
        for i, (token, at_edge) in enumerate(zip(tokens, special, strict=True)):
            if not at_edge and any(letter.isalnum() for letter in token):
                rows.append(_hidden(encoded, [i], tokenizer.mask_token_id))
                words.append([encoded["input_ids"][i]])
    if not rows:
        raise ValueError("texts is empty; there is no word to hide")
    return Examples(rows, words, tokenizer.pad_token_id)


def hide_share(
    text: str,
    tokenizer: "PreTrainedTokenizerBase",
    *,
    limit: int,
    length: int = LENGTH,
    share: float = SHARE,
    seed: int = 0,
) -> Examples:
    """Blocks of a running text, a fixed random share of each one's tokens hidden: the same ones at every call.

    Args:
        text: any length.
        tokenizer: of transformers.
        limit: the most blocks to take; they lie evenly over the text and do not overlap.
        length: the most tokens a block, special ones included.
        share: of a block's tokens that is hidden; at least one is.
        seed: of that choice.

    Raises:
        ValueError: the text holds no token.
    """
    length, span = min(length, int(tokenizer.model_max_length)), letters_of_a_block(tokenizer, length)
    generator, rows, words = np.random.default_rng(seed), [], []
    for start in block_starts(text, tokenizer, limit=limit, length=length):
        block = text[start : start + span]
        if start:
            block = block.partition(" ")[2]  # begin with a whole word
        encoded, special = _encode(block, tokenizer, truncation=True, max_length=length)
        places = np.flatnonzero(np.array(special) == 0)
        if len(places):
            chosen = np.sort(generator.choice(places, max(1, round(share * len(places))), replace=False))
            rows.append(_hidden(encoded, chosen, tokenizer.mask_token_id))
            words.append([encoded["input_ids"][i] for i in chosen])
    if not rows:
        raise ValueError("the text holds no word; give one with some sentences")
    return Examples(rows, words, tokenizer.pad_token_id)


def letters_of_a_block(tokenizer: "PreTrainedTokenizerBase", length: int = LENGTH) -> int:
    """How many letters of a text a block of `hide_share` is cut from: more than its tokens take."""
    return 8 * min(length, int(tokenizer.model_max_length))


def block_starts(text: str, tokenizer: "PreTrainedTokenizerBase", *, limit: int, length: int = LENGTH) -> Sequence[int]:
    """Where the blocks of `hide_share` begin in a text; each reaches `letters_of_a_block` from there."""
    span = letters_of_a_block(tokenizer, length)
    places = np.linspace(0, max(len(text) - span, 0), max(1, min(limit, len(text) // span)))
    return places.astype(int).tolist()


def read_text(path: str | Path) -> str:
    """A text file in UTF-8, also one compressed as ``.xz``.

    Raises:
        FileNotFoundError: it is not there.
        ValueError: it is empty, not text, or longer than `LONGEST`.
    """
    path = Path(path)
    name = repr(str(path))
    try:
        there = path.is_file()
    except OSError:  # a name too long
        there = False
    if not there:
        raise FileNotFoundError(f"text {name} is not a file; give a text file in UTF-8, plain or as .xz")
    try:
        with lzma.open(path) if path.suffix == ".xz" else open(path, "rb") as file:
            data = file.read(LONGEST + 1)
        if len(data) > LONGEST:
            raise ValueError(f"text {name} is longer than {LONGEST >> 20} MB; a part of it will do")
        text = data.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except (UnicodeDecodeError, lzma.LZMAError, EOFError) as error:
        fault = f"byte {error.start}" if isinstance(error, UnicodeDecodeError) else error
        raise ValueError(f"text {name} is not text in UTF-8 ({fault}); give a plain text file") from None
    if "\0" in text:
        raise ValueError(f"text {name} is not text: it holds zero bytes; give a plain text file")
    if not text.strip():
        raise ValueError(f"text {name} is empty; give one with some sentences")
    return text


def _encode(text: str | tuple[str, str], tokenizer: Any, **options: Any) -> tuple[dict[str, list[int]], list[int]]:
    """The inputs of one text, and 1 for each token that is no word of it."""
    parts = (text,) if isinstance(text, str) else text
    encoded = tokenizer(*parts, return_special_tokens_mask=True, **options)
    special = encoded.pop("special_tokens_mask")
    return {key: encoded[key] for key in tokenizer.model_input_names if key in encoded}, special


def _hidden(encoded: dict[str, list[int]], places: Sequence[int], mask: int) -> dict[str, list[int]]:
    ids = list(encoded["input_ids"])
    for place in places:
        ids[place] = mask
    return {**encoded, "input_ids": ids}
