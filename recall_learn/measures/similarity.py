"""What a sentence encoder still knows: zero-shot similarity of sentences."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


@torch.no_grad()
def embed(
    encoder: nn.Module,
    tokenizer: "PreTrainedTokenizerBase",
    texts: Sequence[str],
    batch_size: int = 64,
    max_length: int = 128,
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
    encoder: nn.Module,
    tokenizer: "PreTrainedTokenizerBase",
    pairs: Iterable[tuple[str, str]],
    scores: Sequence[float],
    batch_size: int = 64,
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
