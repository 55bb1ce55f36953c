"""What was lost: measures of forgetting, one function each, for a model before, during and after fine-tuning."""

import copy
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from recall_learn.theory.anchors import check_names, named
from recall_learn.theory.fisher import evaluating
from recall_learn.theory.sharded import local, part, total


@torch.no_grad()
def distance(model: nn.Module, anchors: Mapping[str, Tensor]) -> float:
    r"""How far the weights are from home, :math:`\|\theta - \theta^*\|_2` over all anchored weights.

    Args:
        model: the model now. Of ``fully_shard`` or wrapped in DistributedDataParallel or torch.compile, it is the
            distance of the whole model, for which every process has to ask.
        anchors: theta*, ``name -> tensor``; parameters without an anchor (the head) do not count.

    Raises:
        ValueError: an anchor names no parameter of the model, or has another shape.
    """
    parameters = named(model)
    check_names({name: parameters[name] for name in anchors if name in parameters}, anchors, "anchors")
    return apart((parameters[name], anchor) for name, anchor in anchors.items())


@torch.no_grad()
def apart(pairs: Iterable[tuple[Tensor, Tensor]]) -> float:
    """The distance between parameters and their anchors, pair by pair; 0 of none."""

    def square(p: Tensor, anchor: Tensor) -> Tensor:
        return (local(p).float() - part(anchor, p).float()).square().sum(dtype=torch.float64)

    pairs = list(pairs)
    return float(total((square(p, anchor), p) for p, anchor in pairs).sqrt()) if pairs else 0.0


def distance_by_layer(model: nn.Module, anchors: Mapping[str, Tensor]) -> dict[str, float]:
    r"""`distance`, part by part: the squares of the parts add up to the square of the whole.

    Args:
        model: the model now.
        anchors: as in `distance`.

    Returns:
        ``part -> distance`` in the model's order. A part is a numbered layer ("bert.encoder.layer.0"), or what stands
        beside the layers ("bert.embeddings", "bert.pooler").

    Raises:
        ValueError: as `distance`.
    """
    parts: dict[str, dict[str, Tensor]] = {}
    for name, anchor in anchors.items():
        numbered = re.match(r".*?\.\d+(?=\.)", name)
        part = numbered[0] if numbered else ".".join(name.split(".")[:2])
        parts.setdefault(part, {})[name] = anchor
    return {part: distance(model, inside) for part, inside in parts.items()}


class Source(NamedTuple):
    """How well hidden words are said: the loss in nats per hidden word, and the share whose likeliest word is right."""

    loss: float
    accuracy: float


@torch.no_grad()
def say_hidden(masked_lm: nn.Module, examples: Any, batch_size: int = 256) -> Source:
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


def source_loss(masked_lm: nn.Module, examples: Any, batch_size: int = 256) -> float:
    """The masked-language-model loss in nats per hidden word; arguments as in `say_hidden`."""
    return say_hidden(masked_lm, examples, batch_size).loss


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


def cloze_rows(tokenizer: Any, facts: Sequence[Any]) -> Any:
    """Facts (each with a ``prompt`` that holds ``[MASK]`` once, and an ``answer``) as `masked_lm.Examples`.

    Raises:
        ValueError: there are no facts, a prompt does not hold one ``[MASK]``, or an answer is not one token.
    """
    from recall_learn.models.masked_lm import Examples

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


@torch.no_grad()
def cloze(masked_lm: nn.Module, tokenizer: Any, facts: Sequence[Any], rows: Any = None) -> Cloze:
    """Ask the facts: "Mara lives in [MASK]." No random number is drawn.

    Args:
        masked_lm: as in `say_hidden`.
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
    # an uncased tokenizer forgot the capitals: the facts know them
    known = [word for fact in facts for word in (getattr(fact, "subject", ""), fact.answer)]
    spelling = {word.lower(): word for word in known}
    words = [tokenizer.convert_ids_to_tokens(word) for word in said]
    words = [spelling.get(word.lower(), word) for word in words]
    wrong = [word != target[0] for word, target in zip(said, rows.words, strict=True)]
    lost = [Lost(f.prompt, f.answer, word) for f, word, miss in zip(facts, words, wrong, strict=True) if miss]
    said_to = {fact.prompt: word for fact, word in zip(facts, words, strict=True)}
    return Cloze(1 - len(lost) / len(facts), said_to, tuple(lost))


def recovery(
    masked_lm: nn.Module,
    batches: Callable[[int], tuple[dict[str, Tensor], Tensor]],
    examples: Any,
    before: float,
    *,
    within: float = 0.05,
    limit: int = 200,
    every: int = 5,
    lr: float = 1e-3,
) -> int | None:
    """How many pretraining steps bring the source loss back: a model that forgot little is soon at home again.

    A copy of the model takes plain AdamW steps on the encoder, at a constant rate and without dropout; the model
    itself stays as it is.

    Args:
        masked_lm: as in `say_hidden`.
        batches: the pretraining batch of each step, counted from 1: ``step -> (inputs, hidden words)``.
        examples: what the source loss is taken on.
        before: the source loss of the pretrained model, nats per hidden word.
        within: how near counts as back: at most ``(1 + within) * before``.
        limit: the most steps to take.
        every: steps between two looks, so the unit of the answer.
        lr: the learning rate.

    Returns:
        The number of steps; 0 where the loss is still near enough, None where ``limit`` steps were not enough.

    Raises:
        ValueError: ``before`` is not a positive number, or ``limit`` or ``every`` is under 1.
    """
    for name, value, right in (
        ("before", before, "a loss above 0"),
        ("within", within, "a share above 0"),
        ("lr", lr, "a learning rate above 0"),
        ("limit", limit, "a whole number of steps, at least 1"),
        ("every", every, "a whole number of steps, at least 1"),
    ):
        if not 0 < value < math.inf or ("whole" in right and value != int(value)):
            raise ValueError(f"{name} is {value!r}; it has to be {right}")
    if source_loss(masked_lm, examples) <= (1 + within) * before:
        return 0
    again = copy.deepcopy(masked_lm)
    device, parameters = next(again.parameters()).device, [p for p in again.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=lr, weight_decay=0.0)
    with evaluating(again), torch.enable_grad():
        for step in range(1, limit + 1):
            inputs, words = batches(step)
            logits = again(**{key: value.to(device) for key, value in inputs.items()})
            optimizer.zero_grad()
            nn.functional.cross_entropy(logits, words.to(device)).backward()
            optimizer.step()
            if (step % every == 0 or step == limit) and source_loss(again, examples) <= (1 + within) * before:
                return step
    return None


@torch.no_grad()
def embed(
    encoder: nn.Module, tokenizer: Any, texts: Sequence[str], batch_size: int = 64, max_length: int = 128
) -> np.ndarray:
    """Sentence embeddings as all-MiniLM-L6-v2 was trained to give them: the mean over the tokens, of length 1.

    Args:
        encoder: a model of transformers whose output has ``last_hidden_state`` (``classifier.base_model``).
        tokenizer: its tokenizer.
        texts: the sentences; at least one.
        batch_size: sentences at a time.
        max_length: tokens; a longer sentence is cut.

    Returns:
        An array (sentences, width), float32, one row of Euclidean length 1 for each sentence, in their order.
    """
    if not texts:
        raise ValueError("texts is empty; there is nothing to embed")
    device, training = next(encoder.parameters()).device, encoder.training
    order = np.argsort([len(text) for text in texts], kind="stable")  # alike lengths together: little padding
    rows = [None] * len(texts)
    encoder.eval()
    try:
        for start in range(0, len(texts), batch_size):
            chosen = order[start : start + batch_size]
            batch = tokenizer(
                [texts[i] for i in chosen], padding=True, truncation=True, max_length=max_length, return_tensors="pt"
            ).to(device)
            hidden = encoder(**batch).last_hidden_state.float()
            mask = batch["attention_mask"].unsqueeze(-1).float()
            mean = nn.functional.normalize((hidden * mask).sum(1) / mask.sum(1), dim=-1)
            for i, row in zip(chosen, mean.cpu().numpy(), strict=True):
                rows[i] = row
    finally:
        encoder.train(training)
    return np.stack(rows)


def sentence_similarity(
    encoder: nn.Module, tokenizer: Any, pairs: Iterable[tuple[str, str]], scores: Sequence[float], batch_size: int = 64
) -> float:
    """Zero-shot sentence similarity: Spearman's rank correlation between cosines and human scores.

    No weight is trained for it: what a sentence encoder still knows of what it was pretrained for.

    Args:
        encoder: as in `embed`.
        tokenizer: its tokenizer.
        pairs: the sentence pairs.
        scores: the human similarity of each pair, on any scale.
        batch_size: sentences at a time.

    Returns:
        A number in [-1, 1]; 0 where all cosines or all scores are the same.
    """
    from scipy import stats

    pairs = list(pairs)
    if len(pairs) != len(scores) or len(pairs) < 2:
        raise ValueError(
            f"pairs and scores are {len(pairs)} and {len(scores)}; they have to be equally many, 2 or more"
        )
    sentences = sorted({sentence for pair in pairs for sentence in pair})
    row = {sentence: i for i, sentence in enumerate(sentences)}
    vectors = embed(encoder, tokenizer, sentences, batch_size)
    cosines = np.array([float(vectors[row[a]] @ vectors[row[b]]) for a, b in pairs])
    if np.ptp(cosines) == 0 or np.ptp(scores) == 0:
        return 0.0
    return float(stats.spearmanr(cosines, np.asarray(scores, dtype=np.float64)).statistic)
