"""How soon a model that forgot is at home again."""

import copy
import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from recall_learn.measures.source import source_loss
from recall_learn.theory.fisher import evaluating

if TYPE_CHECKING:
    from recall_learn.models.masked_lm import Examples


def recovery(
    masked_lm: nn.Module,
    batches: Callable[[int], tuple[dict[str, Tensor], Tensor]],
    examples: "Examples",
    before: float,
    *,
    within: float = 0.05,
    limit: int = 200,
    every: int = 5,
    lr: float = 1e-3,
) -> int | None:
    """How many pretraining steps bring the source loss back: a model that forgot little is soon at home again.

    A copy of the model takes plain AdamW steps on the whole encoder, whatever of it a method froze, at a constant rate
    and without dropout; the model itself stays as it is.

    Args:
        masked_lm: as in `recall_learn.measures.source.say_hidden`.
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
    device, parameters = next(again.parameters()).device, list(again.model.base_model.parameters())
    optimizer = torch.optim.AdamW([p.requires_grad_(True) for p in parameters], lr=lr, weight_decay=0.0)
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
