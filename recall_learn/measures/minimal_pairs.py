r"""Grammar: of two sentences that differ in one point, does the model find the good one likelier?

A masked language model gives no probability to a sentence, but a score that stands for one: each token is hidden by
itself, and said from all the others,

.. math:: PLL(s) = \sum_i \log p(s_i \mid s_{\setminus i}),

in nats, over all tokens but those that the tokenizer adds at the edges, so punctuation counts. It is the first variant
of its authors: of a word in several pieces each piece is said with the others in sight, so such words seem likelier
than they are. The score is a sum and no mean, so of two sentences the longer one has the harder stand; most pairs are
alike in length. MiniLM is asked by a head that was trained on other text, its encoder frozen; see
`recall_learn.runs.minilm_head`: what it cannot say the encoder may still know.

Salazar et al., 2020, "Masked Language Model Scoring", equation 1. Warstadt et al., 2020, "BLiMP".
"""

import math
import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor

from recall_learn.models.masked_lm import MaskedLM
from recall_learn.support.checks import shown, whole
from recall_learn.support.reading import Json
from recall_learn.tasks import parquet, stored
from recall_learn.theory.fisher import evaluating
from recall_learn.world.pairs import Pair

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

SPLIT = "validation"
COLUMNS = ("good", "bad", "paradigm", "field", "phenomenon")


class Share(NamedTuple):
    r"""How many of some pairs are right: the share p, its standard error, and the pairs n; 1/2 is chance.

    The error is that of independent pairs, :math:`\sqrt{p (1 - p) / n}`.
    """

    right: float
    error: float
    pairs: int


@dataclass(frozen=True)
class Grammar:
    """Of how many pairs a model prefers the good sentence; equal scores count as wrong.

    Attributes:
        all: of all pairs.
        fields: by field: syntax, morphology, ...
        phenomena: by phenomenon.
        paradigms: by paradigm, the finest division.
    """

    all: Share
    fields: dict[str, Share]
    phenomena: dict[str, Share]
    paradigms: dict[str, Share]

    def to_dict(self) -> dict[str, Json]:
        """Plain JSON types; a share is a list of its three numbers."""
        return asdict(self)


def read_pairs(folder: str | Path | None = None, limit: int | None = None) -> list[Pair]:
    """Minimal pairs of a folder in BLiMP's layout: ``FOLDER/validation-*.parquet``, or ``FOLDER/blimp/...``.

    Its columns are good, bad, paradigm, field and phenomenon. One paradigm of BLiMP writes its field as
    ``syntax/semantics``, where thirteen of the same field write ``syntax_semantics``; a slash is read as an underscore.

    Args:
        folder: where it lies; None is what the environment variable ``RECALL_LEARN_DATA`` names.
        limit: take the first so many pairs of each paradigm; None takes all.

    Raises:
        FileNotFoundError: no folder is named, or it is not there.
        ValueError: the limit is no whole number above 0; a file is not parquet, lacks a column, or has gaps in one.
    """
    given = folder if folder is not None else os.environ.get(stored.VARIABLE)
    if not given:
        raise FileNotFoundError(
            f"minimal pairs in English are read from BLiMP; name the folder of data sets by {stored.OPTION}, or by the "
            f"environment variable {stored.VARIABLE}, as FOLDER/blimp/{SPLIT}-*.parquet"
        )
    root = Path(given).expanduser()
    place = next((each for each in (root / "blimp", root) if any(each.glob(f"{SPLIT}-*.parquet"))), None)
    if place is None:
        raise FileNotFoundError(f"{root} holds no minimal pairs: no file is {SPLIT}-*.parquet, there or in blimp/")
    most = None if limit is None else whole("limit", limit, 1)
    table = parquet.read(place, SPLIT, COLUMNS[:-1], COLUMNS[-1])
    made: dict[str, list[Pair]] = {}
    for values in zip(*(table[name].to_pylist() for name in COLUMNS), strict=True):
        told = dict(zip(COLUMNS, map(str, values), strict=True))
        pair = Pair(**told | {"field": told["field"].replace("/", "_")})
        made.setdefault(pair.paradigm, []).append(pair)
    return [pair for pairs in made.values() for pair in pairs[:most]]


@torch.no_grad()
def pseudo_log_likelihood(
    masked_lm: MaskedLM, tokenizer: "PreTrainedTokenizerBase", sentences: Sequence[str], batch_size: int = 256
) -> np.ndarray:
    """The score PLL of each sentence, in nats; no random number is drawn.

    Args:
        masked_lm: as `recall_learn.models.masked_lm.attach` gives it; a fine-tuned encoder is asked with the head that
            it was pretrained with.
        tokenizer: its tokenizer.
        sentences: each with a token at least; a sentence that is too long for the model is refused, not cut.
        batch_size: rows at a time, one hidden token a row.

    Returns:
        [sentences], float64.

    Raises:
        ValueError: there are no sentences, or one is empty or too long.
    """
    rows = _rows(tokenizer, sentences)
    order = np.argsort([len(ids) for _, ids, _ in rows], kind="stable")  # alike lengths together: little padding
    device, found = next(masked_lm.parameters()).device, np.zeros(len(sentences))
    said = np.zeros(len(rows))
    with evaluating(masked_lm):
        for start in range(0, len(order), batch_size):
            chosen = order[start : start + batch_size]
            inputs, words = _batch(tokenizer, [rows[i] for i in chosen])
            logits = masked_lm(**{name: tensor.to(device) for name, tensor in inputs.items()})
            logs = logits.double().log_softmax(-1).cpu()
            said[chosen] = logs[torch.arange(len(chosen)), words].numpy()
    for (sentence, _, _), log in zip(rows, said, strict=True):
        found[sentence] += log
    return found


def grammar(
    masked_lm: MaskedLM, tokenizer: "PreTrainedTokenizerBase", pairs: Iterable[Pair], batch_size: int = 256
) -> Grammar:
    """The share of the pairs whose good sentence has the higher score.

    Args:
        masked_lm: as in `pseudo_log_likelihood`.
        tokenizer: its tokenizer.
        pairs: such as `read_pairs` and `recall_learn.world.pairs.minimal_pairs` give.
        batch_size: as there.

    Raises:
        ValueError: there are no pairs; or as `pseudo_log_likelihood`.
    """
    pairs = list(pairs)
    if not pairs:
        raise ValueError("pairs is empty; there is nothing to compare")
    sentences = list(dict.fromkeys(text for pair in pairs for text in (pair.good, pair.bad)))
    scores = dict(zip(sentences, pseudo_log_likelihood(masked_lm, tokenizer, sentences, batch_size), strict=True))
    right = [bool(scores[pair.good] > scores[pair.bad]) for pair in pairs]

    def by(name: str) -> dict[str, Share]:
        groups: dict[str, list[bool]] = {}
        for pair, well in zip(pairs, right, strict=True):
            groups.setdefault(getattr(pair, name), []).append(well)
        return {group: _share(each) for group, each in groups.items()}

    return Grammar(_share(right), by("field"), by("phenomenon"), by("paradigm"))


def _share(right: Sequence[bool]) -> Share:
    p = sum(right) / len(right)
    return Share(p, math.sqrt(p * (1 - p) / len(right)), len(right))


_Row = tuple[int, list[int], int]
"""Which sentence it is of, its tokens, and the place of the hidden one."""


def _rows(tokenizer: "PreTrainedTokenizerBase", sentences: Sequence[str]) -> list[_Row]:
    if not len(sentences):
        raise ValueError("sentences is empty; there is nothing to score")
    rows: list[_Row] = []
    for number, text in enumerate(sentences):
        encoded = tokenizer(text, return_special_tokens_mask=True)
        ids, special = encoded["input_ids"], encoded["special_tokens_mask"]
        if len(ids) > tokenizer.model_max_length:
            most = tokenizer.model_max_length
            raise ValueError(f"sentence {shown(text)} has {len(ids)} tokens; the model reads {most} at most")
        places = [place for place, at_edge in enumerate(special) if not at_edge]
        if not places:
            raise ValueError(f"sentence {shown(text)} has no token; leave it out")
        rows += [(number, ids, place) for place in places]
    return rows


def _batch(tokenizer: "PreTrainedTokenizerBase", rows: Sequence[_Row]) -> tuple[dict[str, Tensor], Tensor]:
    """What the model reads, padded on the right whatever its tokenizer does, and the hidden token of each row."""
    longest = max(len(ids) for _, ids, _ in rows)
    inputs = torch.full((len(rows), longest), tokenizer.pad_token_id)
    seen = torch.zeros_like(inputs)
    for n, (_, ids, place) in enumerate(rows):
        inputs[n, : len(ids)], seen[n, : len(ids)] = torch.tensor(ids), 1
        inputs[n, place] = tokenizer.mask_token_id
    places = torch.tensor([place for *_, place in rows])
    words = torch.tensor([ids[place] for _, ids, place in rows])
    return {"input_ids": inputs, "attention_mask": seen, "places": places}, words
