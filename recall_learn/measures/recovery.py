"""How soon a model that forgot is at home again, and what comes back first."""

import copy
import math
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, TypeVar

import torch
from torch import Tensor, nn

from recall_learn.measures.source import source_loss
from recall_learn.theory.fisher import evaluating

if TYPE_CHECKING:
    from recall_learn.models.masked_lm import Examples


T = TypeVar("T")
RATE = 1e-3


def way_back(
    masked_lm: nn.Module,
    batches: Callable[[int], tuple[dict[str, Tensor], Tensor]],
    measure: Callable[[nn.Module], T],
    steps: Iterable[int],
    *,
    lr: float = RATE,
) -> Iterator[tuple[int, T]]:
    """Pretrain a copy again, and measure it on the way: what was only mislaid is back after a few steps.

    The copy takes plain AdamW steps on the whole encoder, whatever of it a method froze, at a constant rate and without
    dropout; the model itself stays as it is.

    Args:
        masked_lm: as in `recall_learn.measures.source.say_hidden`.
        batches: the pretraining batch of each step, counted from 1: ``step -> (inputs, hidden words)``.
        measure: asks the copy, such as ``lambda model: cloze(model, tokenizer, facts).known``.
        steps: after how many steps, rising, from 0 on.
        lr: the learning rate.

    Yields:
        ``(steps taken, what was measured)``.

    Raises:
        ValueError: ``steps`` do not rise, or ``lr`` is not above 0.
    """
    if not 0 < lr < math.inf:
        raise ValueError(f"lr is {lr!r}; it has to be a learning rate above 0")
    again = copy.deepcopy(masked_lm)
    device, parameters = next(again.parameters()).device, list(again.model.base_model.parameters())
    optimizer = torch.optim.AdamW([p.requires_grad_(True) for p in parameters], lr=lr, weight_decay=0.0)
    taken = 0
    for wanted in steps:
        if wanted < taken or wanted != int(wanted):
            raise ValueError(f"steps has {wanted!r} after {taken}; it has to hold whole numbers that rise")
        with evaluating(again), torch.enable_grad():
            while taken < wanted:
                taken += 1
                inputs, words = batches(taken)
                logits = again(**{key: value.to(device) for key, value in inputs.items()})
                optimizer.zero_grad()
                nn.functional.cross_entropy(logits, words.to(device)).backward()
                optimizer.step()
        yield taken, measure(again)


def recovery(
    masked_lm: nn.Module,
    batches: Callable[[int], tuple[dict[str, Tensor], Tensor]],
    examples: "Examples",
    before: float,
    *,
    within: float = 0.05,
    limit: int = 200,
    every: int = 5,
    lr: float = RATE,
) -> int | None:
    """How many steps of `way_back` bring the source loss back: a model that forgot little is soon at home again.

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
    looks = [*range(int(every), int(limit), int(every)), int(limit)]
    for step, loss in way_back(masked_lm, batches, lambda model: source_loss(model, examples), looks, lr=lr):
        if loss <= (1 + within) * before:
            return step
    return None
