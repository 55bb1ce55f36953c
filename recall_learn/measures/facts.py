"""Which facts are still known, asked as sentences with a hidden word: "Mara lives in [MASK]". Nothing is drawn."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

import torch
from torch import nn

from recall_learn.models.masked_lm import Examples
from recall_learn.theory.fisher import evaluating

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


class Asked(Protocol):
    """What can be asked: a prompt that holds ``[MASK]`` once, and the word that belongs there."""

    prompt: str
    answer: str


class Lost(NamedTuple):
    """A fact that the model no longer knows: the prompt, its answer, and what the model says instead."""

    prompt: str
    answer: str
    said: str


@dataclass(frozen=True)
class Cloze:
    """What a model says to facts with a hidden answer.

    Attributes:
        known: the share of the facts whose answer it finds likeliest of all words.
        said: ``prompt -> word`` for every fact, in the spelling of the facts.
        lost: the facts that are not known.
    """

    known: float
    said: dict[str, str]
    lost: tuple[Lost, ...]


def cloze_rows(tokenizer: "PreTrainedTokenizerBase", facts: Sequence[Asked]) -> Examples:
    """Facts (each with a ``prompt`` that holds ``[MASK]`` once, and an ``answer``) as `masked_lm.Examples`.

    Raises:
        ValueError: there are no facts, a prompt does not hold one ``[MASK]``, or an answer is not one token.
    """
    rows, words = [], []
    for fact in facts:
        encoded = tokenizer(fact.prompt.replace("[MASK]", tokenizer.mask_token))
        if encoded["input_ids"].count(tokenizer.mask_token_id) != 1:
            raise ValueError(f"prompt {fact.prompt!r} has to hold [MASK] once")
        answer = tokenizer(fact.answer, add_special_tokens=False)["input_ids"]
        if len(answer) != 1 or answer[0] == tokenizer.unk_token_id:
            raise ValueError(f"answer {fact.answer!r} of {fact.prompt!r} is not one token of this tokenizer")
        rows.append({key: encoded[key] for key in tokenizer.model_input_names if key in encoded})
        words.append(answer)
    if not rows:
        raise ValueError("facts is empty; there is nothing to ask")
    return Examples(rows, words, tokenizer.pad_token_id)


def words(tokenizer: "PreTrainedTokenizerBase", facts: Sequence[Asked], tokens: Iterable[int]) -> list[str]:
    """Tokens as words, in the spelling of the facts: an uncased tokenizer forgot the capitals."""
    known = [word for fact in facts for word in (getattr(fact, "subject", ""), fact.answer)]
    spelling = {word.lower(): word for word in known}
    found = [tokenizer.convert_ids_to_tokens(token) for token in tokens]
    return [spelling.get(word.lower(), word) for word in found]


@torch.no_grad()
def cloze(
    masked_lm: nn.Module, tokenizer: "PreTrainedTokenizerBase", facts: Sequence[Asked], rows: Examples | None = None
) -> Cloze:
    """Ask the facts: "Mara lives in [MASK]." No random number is drawn.

    Args:
        masked_lm: as in `recall_learn.measures.source.say_hidden`.
        tokenizer: its tokenizer.
        facts: each with a ``prompt`` and an ``answer``, such as `recall_learn.world.World.facts`.
        rows: `cloze_rows` of these facts, where they are asked more than once.

    Raises:
        ValueError: as `cloze_rows`.
    """
    rows = rows if rows is not None else cloze_rows(tokenizer, facts)
    device, said = next(masked_lm.parameters()).device, []
    with evaluating(masked_lm):
        for inputs, _ in rows.batches(256, range(len(rows))):
            said += masked_lm(**{key: value.to(device) for key, value in inputs.items()}).argmax(-1).tolist()
    spelled = words(tokenizer, facts, said)
    wrong = [word != target[0] for word, target in zip(said, rows.words, strict=True)]
    lost = [Lost(f.prompt, f.answer, word) for f, word, miss in zip(facts, spelled, wrong, strict=True) if miss]
    said_to = {fact.prompt: word for fact, word in zip(facts, spelled, strict=True)}
    return Cloze(1 - len(lost) / len(facts), said_to, tuple(lost))
