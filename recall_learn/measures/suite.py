"""All questions, asked of all layers of one encoder; and what counting words answers, which no layer is needed for."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from torch import nn
from tqdm.auto import tqdm

from recall_learn.measures.probing import KINDS, Probe, Probed, probe
from recall_learn.measures.questions import Part, Question
from recall_learn.measures.states import sentence_states, word_states
from recall_learn.support.process_wide import hidden

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


def ask(
    encoder: nn.Module,
    tokenizer: "PreTrainedTokenizerBase",
    questions: Sequence[Question],
    *,
    kinds: Sequence[str] = KINDS,
    seed: int = 0,
    progress: bool | None = None,
    about: str = "probes",
) -> list[Probed]:
    """Every question at every layer, by probes of every kind, each beside its control labels.

    A sentence is the mean over its tokens, a word the mean over the tokens that it is made of. A probe's control labels
    are the same at all layers.

    Args:
        encoder: as in `recall_learn.measures.states.sentence_states`; it is left as it was.
        tokenizer: its tokenizer.
        questions: see `recall_learn.measures.questions`.
        kinds: of probes: "linear", "mlp".
        seed: of control labels and networks.
        progress: True shows a bar, False none, None one on a terminal.
        about: what the bar is called.

    Returns:
        Question after question, in each kind after kind, in each the layers in their order.
    """
    sentences = list(dict.fromkeys(text for each in questions if not each.train.places for text in _texts(each)))
    states = sentence_states(encoder, tokenizer, sentences) if sentences else None
    row = {text: i for i, text in enumerate(sentences)}

    def states_of(part: Part) -> np.ndarray:
        if part.places:
            return word_states(encoder, tokenizer, part.texts, part.places)
        return states[:, [row[text] for text in part.texts]]

    found: list[Probed] = []
    with tqdm(total=len(questions), desc=about, unit="question", disable=hidden(progress)) as bar:
        for question in questions:
            train, validation = states_of(question.train), states_of(question.validation)
            by_kind: dict[str, list[Probed]] = {kind: [] for kind in kinds}
            for layer, (x, asked) in enumerate(zip(train, validation, strict=True)):
                ready = Probe(x)
                for kind, its in by_kind.items():
                    its.append(
                        probe(
                            *(x, question.train.labels, asked, question.validation.labels),
                            kind=kind,
                            types=question.types,
                            groups=question.validation.groups,
                            question=question.name,
                            layer=layer,
                            seed=seed,
                            ready=ready,
                        )
                    )
            found += [each for its in by_kind.values() for each in its]
            bar.update()
    return found


def counted(tokenizer: "PreTrainedTokenizerBase", questions: Sequence[Question]) -> dict[str, float]:
    """``question -> accuracy`` of the same linear probe on how often each token is in the text, and on nothing else.

    Of a word, it reads which word it is. What a layer has beyond this figure does not lie in the words by themselves.

    Args:
        tokenizer: of the encoder that the questions are asked.
        questions: as in `ask`.
    """
    found = {}
    for question in questions:
        train, validation = (_counts(tokenizer, part) for part in (question.train, question.validation))
        known = sorted({token for each in train for token in each})
        column = {token: i for i, token in enumerate(known)}
        x, asked = (np.zeros((len(part), len(known))) for part in (train, validation))
        for matrix, part in ((x, train), (asked, validation)):
            for i, tokens in enumerate(part):
                for token in tokens:
                    if token in column:
                        matrix[i, column[token]] += 1
        fit = Probe(x).linear(question.train.labels, len(question.labels))
        found[question.name] = float((fit.predict(asked) == np.array(question.validation.labels)).mean())
    return found


def _counts(tokenizer: "PreTrainedTokenizerBase", part: Part) -> Sequence[Sequence[int | str]]:
    """The tokens of each example; of a word, the word alone."""
    return [[word] for word in part.types] if part.places else tokenizer(list(part.texts))["input_ids"]


def _texts(question: Question) -> tuple[str, ...]:
    return (*question.train.texts, *question.validation.texts)
