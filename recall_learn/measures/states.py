"""The hidden states of every layer of an encoder: what probes, RSA and CKA look at. Nothing is drawn.

Layer 0 is what the embeddings give, layer l what leaves the l-th layer, and the last what a head reads.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from recall_learn.support.checks import shown, whole
from recall_learn.theory.fisher import evaluating

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

POOLS = ("mean", "first")


class TokenStates(NamedTuple):
    """The states of tokens one by one.

    Attributes:
        values: float32 [layers + 1, tokens, width], text after text, special tokens left out.
        text: the text that each token is of, [tokens].
        token: its id, [tokens].
    """

    values: np.ndarray
    text: np.ndarray
    token: np.ndarray


def sentence_states(
    encoder: nn.Module,
    tokenizer: "PreTrainedTokenizerBase",
    texts: Sequence[str],
    *,
    pool: str = "mean",
    batch_size: int = 64,
    max_length: int = 128,
) -> np.ndarray:
    r"""One vector a layer for each text, :math:`\frac{1}{|x|} \sum_{i \in x} h^l_i` or :math:`h^l_1`.

    Args:
        encoder: a model of transformers that knows ``output_hidden_states`` (``classifier.base_model``).
        tokenizer: its tokenizer.
        texts: the sentences; at least one.
        pool: "mean" over the tokens that the attention mask keeps, special ones included, as
            `recall_learn.measures.similarity.embed` takes it; or "first", the state of the first of them.
        batch_size: texts at a time, alike lengths together.
        max_length: tokens; a longer text is cut.

    Returns:
        float32 [layers + 1, texts, width], in the order of the texts.

    Raises:
        ValueError: there is no text, ``pool`` or a size is not one of these, or the encoder gives no states of its
            layers, or states of several widths.
    """
    if pool not in POOLS:
        raise ValueError(f"pool is {shown(pool)}; it has to be {' or '.join(POOLS)}")
    rows = _rows(tokenizer, texts, max_length)
    found: np.ndarray | None = None
    for chosen, states, inputs in _batches(encoder, tokenizer, rows, batch_size):
        mask = inputs["attention_mask"].to(states.dtype)
        if pool == "mean":
            pooled = torch.einsum("lbtw,bt->lbw", states, mask) / mask.sum(1, keepdim=True)
        else:
            pooled = states[:, torch.arange(len(chosen)), mask.argmax(1)]
        if found is None:
            found = np.empty((len(pooled), len(texts), pooled.shape[-1]), dtype=np.float32)
        found[:, chosen] = pooled.cpu().numpy()
    return found


def token_states(
    encoder: nn.Module,
    tokenizer: "PreTrainedTokenizerBase",
    texts: Sequence[str],
    *,
    batch_size: int = 64,
    max_length: int = 128,
) -> TokenStates:
    """The states of every token of every text, special tokens left out; arguments as in `sentence_states`."""
    rows = _rows(tokenizer, texts, max_length)
    kept = [np.flatnonzero(np.array(row.pop("special_tokens_mask")) == 0) for row in rows]
    starts = np.cumsum([0, *map(len, kept)])
    values: np.ndarray | None = None
    for chosen, states, inputs in _batches(encoder, tokenizer, rows, batch_size):
        states, first = states.cpu().numpy(), inputs["attention_mask"].argmax(1).tolist()
        if values is None:
            values = np.empty((len(states), starts[-1], states.shape[-1]), dtype=np.float32)
        for place, i in enumerate(chosen):
            values[:, starts[i] : starts[i + 1]] = states[:, place, first[place] + kept[i]]
    text = np.repeat(np.arange(len(rows)), np.diff(starts))
    token = [row["input_ids"][i] for row, places in zip(rows, kept, strict=True) for i in places]
    return TokenStates(values, text, np.array(token, dtype=np.int64))


def word_states(
    encoder: nn.Module,
    tokenizer: "PreTrainedTokenizerBase",
    texts: Sequence[Sequence[str]],
    places: Sequence[tuple[int, int]],
    *,
    batch_size: int = 64,
    max_length: int = 128,
) -> np.ndarray:
    """The states of chosen words, each the mean over the tokens that the word is made of.

    Args:
        encoder: as in `sentence_states`.
        tokenizer: its tokenizer; one that says which word a token is of.
        texts: each a sequence of words.
        places: ``(text, word)``, counted from 0, for each state that is asked for.
        batch_size: texts at a time; those without a place are not read.
        max_length: tokens; a longer text is cut.

    Returns:
        float32 [layers + 1, places, width].

    Raises:
        ValueError: as `sentence_states`; the tokenizer cannot tell words apart; or a word has no token, because the
            text was cut before it or there is no such word.
    """
    if not tokenizer.is_fast:
        raise ValueError(f"tokenizer is a {type(tokenizer).__name__}, which does not say the word of a token")
    asked: dict[int, list[int]] = {}
    for n, (text, _) in enumerate(places):
        asked.setdefault(text, []).append(n)
    read = sorted(asked)
    rows = _rows(tokenizer, [list(texts[text]) for text in read], max_length, is_split_into_words=True)
    found: np.ndarray | None = None
    for chosen, states, inputs in _batches(encoder, tokenizer, rows, batch_size):
        states, first = states.cpu().numpy(), inputs["attention_mask"].argmax(1).tolist()
        if found is None:
            found = np.empty((len(states), len(places), states.shape[-1]), dtype=np.float32)
        for row, i in enumerate(chosen):
            of = np.array([-1 if word is None else word for word in rows.word_ids[i]])
            for n in asked[read[i]]:
                inside = np.flatnonzero(of == places[n][1])
                if not len(inside):
                    raise ValueError(
                        f"places[{n}] is {tuple(places[n])}: that word has no token among the text's first "
                        f"{_length(tokenizer, max_length)}"
                    )
                found[:, n] = states[:, row, first[row] + inside].mean(1)
    return found


def _length(tokenizer: "PreTrainedTokenizerBase", max_length: int) -> int:
    return min(whole("max_length", max_length, 1), int(tokenizer.model_max_length))


class _Rows(list):
    """Tokenized texts, and the word that each token is of."""

    word_ids: Sequence[Sequence[int | None]] = ()


def _rows(tokenizer: "PreTrainedTokenizerBase", texts: Sequence, max_length: int, **options: bool) -> _Rows:
    if isinstance(texts, str) or not len(texts):
        raise ValueError(f"texts is {shown(texts)}; it has to be a list of at least one text")
    length = _length(tokenizer, max_length)
    encoded = tokenizer(
        list(texts),
        truncation=True,
        max_length=length,
        return_attention_mask=True,
        return_special_tokens_mask=True,
        **options,
    )
    rows = _Rows({name: encoded[name][i] for name in encoded} for i in range(len(texts)))
    empty = next((i for i, row in enumerate(rows) if not row["input_ids"]), None)
    if empty is not None:
        raise ValueError(f"texts[{empty}] is {shown(texts[empty])}, which has no token")
    if options:
        rows.word_ids = [encoded.word_ids(i) for i in range(len(texts))]
    return rows


@torch.no_grad()
def _batches(
    encoder: nn.Module, tokenizer: "PreTrainedTokenizerBase", rows: Sequence[Mapping], size: int
) -> Iterator[tuple[np.ndarray, Tensor, Mapping[str, Tensor]]]:
    """Which texts, their states [layers + 1, texts, tokens, width] in float32, and what the encoder was given."""
    size, device = whole("batch_size", size, 1), next(encoder.parameters()).device
    order = np.argsort([len(row["input_ids"]) for row in rows], kind="stable")  # alike lengths: little padding
    names = [name for name in rows[0] if name in (*tokenizer.model_input_names, "attention_mask")]
    for start in range(0, len(order), size):
        chosen = order[start : start + size]
        inputs = tokenizer.pad({name: [rows[i][name] for i in chosen] for name in names}, return_tensors="pt")
        inputs = inputs.to(device)
        with evaluating(encoder):
            states = getattr(encoder(**inputs, output_hidden_states=True), "hidden_states", None)
        if not states:
            raise ValueError(f"{type(encoder).__name__} gives no hidden_states; take an encoder of transformers")
        if len({state.shape for state in states}) > 1:
            widths = ", ".join(str(state.shape[-1]) for state in states)
            raise ValueError(f"{type(encoder).__name__} has layers of the widths {widths}; they have to be one width")
        yield chosen, torch.stack(states).float(), inputs
