"""A loop of one's own around the library, for recordings that no run makes: two stages, or each step's gradients.

Its steps are those of a run: batches from permutations of the examples, a rate that falls linearly to 0, gradients
clipped to a norm of 1; methods come in through `recall_learn.compose`.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from torch import Tensor, nn
from transformers import DataCollatorWithPadding, get_linear_schedule_with_warmup

from recall_learn.measures.facts import cloze
from recall_learn.measures.source import source_loss
from recall_learn.models.backbones import Backbone
from recall_learn.models.masked_lm import attach, hide_each
from recall_learn.runs.compose import compose
from recall_learn.support.random_state import Dice
from recall_learn.tasks import loading, scores
from recall_learn.tasks.registry import named
from recall_learn.tasks.rows import batches
from recall_learn.world import World, tasks

BATCH, EVALUATED, LENGTH = 32, 64, 64
"""Examples a step, and at a time of an evaluation; tokens that tiny reads."""
PASSAGES = 300
"""Held-out passages of the source loss."""

Weights = dict[str, Tensor]


def examples(name: str, columns: Mapping[str, list], backbone: Backbone) -> Dataset:
    """Tokenized examples of a task of the small world, from columns as `recall_learn.world.tasks.make` gives them."""
    return loading.tokenize(Dataset.from_dict(dict(columns)), named(f"world/{name}"), backbone.tokenizer, LENGTH)


def made(name: str, size: int, backbone: Backbone) -> dict[str, Dataset]:
    """The tokenized splits of a task."""
    return {split: examples(name, columns, backbone) for split, columns in tasks.make(name, size).items()}


def train(
    backbone: Backbone,
    rows: Dataset,
    *,
    method: str = "vanilla",
    steps: int,
    lr: float,
    seed: int,
    warmup: float = 0.0,
    each: Callable[[int, float], Any] = lambda step, loss: None,
    **told: Any,
) -> None:
    """Take steps on a model, from where it is.

    Args:
        backbone: whose ``model`` is trained.
        rows: its examples.
        method: an expression; ``told`` is what `recall_learn.compose` is told beside it.
        steps: of the optimizer.
        lr: the highest rate.
        seed: of the order, dropout and draws.
        warmup: the share of the steps in which the rate rises first.
        each: called with the step and its loss when its gradients are there and not clipped yet.
        **told: as ``anchors`` and ``fisher``; theta* is what was pretrained where none are told.
    """
    model, collator = backbone.model, DataCollatorWithPadding(backbone.tokenizer)
    composed = compose(method, model, lr=lr, seed=seed, **{"anchors": backbone.anchors, **told})
    schedule = get_linear_schedule_with_warmup(composed.optimizer, int(warmup * steps), steps)
    model.train()
    with Dice(seed):
        for step, chosen in zip(range(1, steps + 1), order(len(rows), seed), strict=False):
            batch = collator([rows[i] for i in chosen])
            outputs = model(**batch)
            loss = composed.loss(outputs, batch)
            loss.backward()
            each(step, float(outputs.loss.detach()))
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            composed.optimizer.step()
            schedule.step()
            composed.optimizer.zero_grad()
    model.eval()


def order(rows: int, seed: int) -> Iterator[list[int]]:
    """Batches without end: permutations of all examples, one after another."""
    generator = np.random.default_rng([seed, 1])
    waiting: list[int] = []
    while True:
        while len(waiting) < BATCH:
            waiting += generator.permutation(rows).tolist()
        yield waiting[:BATCH]
        waiting = waiting[BATCH:]


@torch.no_grad()
def score(backbone: Backbone, name: str, rows: Dataset) -> float:
    """The task's score on examples."""
    spec, collator = named(f"world/{name}"), DataCollatorWithPadding(backbone.tokenizer)
    asked = list(batches(rows, collator, EVALUATED))
    labels = torch.cat([batch["labels"] for batch in asked])
    backbone.model.eval()
    logits = torch.cat([backbone.model(**{k: v for k, v in b.items() if k != "labels"}).logits for b in asked])
    return round(scores.metrics(spec, logits, labels)[spec.primary], 4)


def kept(backbone: Backbone) -> dict[str, float]:
    """What is left of the pretraining: source loss in nats a word, and the share of the facts that is known."""
    world, masked_lm = World(), attach(backbone)
    held_out = hide_each(world.text("held-out")[:PASSAGES], backbone.tokenizer)
    known = cloze(masked_lm, backbone.tokenizer, world.facts).known
    return {"source_loss": round(source_loss(masked_lm, held_out), 4), "facts": round(known, 4)}


def weights_of(model: nn.Module) -> Weights:
    """All parameters as they are; copies."""
    return {name: p.detach().clone() for name, p in model.named_parameters()}
