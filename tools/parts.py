"""A little data, then more: how to go on? Recorded: ``python tools/parts.py``, resumable.

A model was tuned on the examples A; then more come, B. One can go on with B alone, go on with A and B, or begin again
with both. B is alike (drawn as A was) or other (of wordings that A has not). Each way, with remedies beside the first,
for several sizes of A, on two tasks and three seeds: some ten seconds a run on one core, an hour and a half for all.
The rows of ``book/runs/world/parts.json`` that are there are not taken again.
"""

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import loop
from datasets import Dataset, concatenate_datasets
from record import Job, Row, record_alone
from transformers import DataCollatorWithPadding

from recall_learn.models import backbones
from recall_learn.models.backbones import Backbone
from recall_learn.tasks.registry import named
from recall_learn.tasks.rows import batches
from recall_learn.theory.fisher import fisher_diagonal
from recall_learn.world.tasks import ELSEWHERE, WORDINGS

NAME = "parts"
TASKS, KINDS, SIZES, SEEDS = ("cola", "mrpc"), ("alike", "other"), (100, 300, 1000), range(3)
MORE, ASKED, MADE = 600, 400, 5000
"""Examples of B; examples of each kind that a model is scored on; training examples that are made, from which A is."""
FIRST, STEPS, LR = 100, 200, 1e-3
"""Steps on A, and on what comes after it."""


@dataclass(frozen=True)
class Parts:
    """The examples of a question: A, B, and those that are asked, worded as A's and as B's."""

    a: Dataset
    b: Dataset
    asked: dict[str, Dataset]


@dataclass
class Stage:
    """A model as far as it has come."""

    backbone: Backbone
    name: str
    parts: Parts
    seed: int

    def take(
        self, rows: Dataset, steps: int | None = None, method: str = "vanilla", lr: float = LR, **told: Any
    ) -> None:
        """Go on with some examples, for `STEPS` where nothing else is said."""
        steps = STEPS if steps is None else steps
        loop.train(self.backbone, rows, method=method, steps=steps, lr=lr, seed=self.seed, **told)

    @property
    def both(self) -> Dataset:
        """A and B."""
        return concatenate_datasets([self.parts.a, self.parts.b])

    def go_on(self, rows: Dataset | None = None, **how: Any) -> None:
        """Train on A, and then on B or other rows."""
        self.take(self.parts.a, FIRST)
        self.take(self.parts.b if rows is None else rows, **how)

    def held(self, method: str) -> None:
        """Train on A, and then on B while the weights are held to where A left them, all of them."""
        self.take(self.parts.a, FIRST)
        home = loop.weights_of(self.backbone.model)
        rows = batches(self.parts.a, DataCollatorWithPadding(self.backbone.tokenizer), loop.EVALUATED)
        given = {"fisher": fisher_diagonal(self.backbone.model, rows, labels="exact", progress=False)}
        self.take(self.parts.b, method=method, anchors=home, **(given if "ewc" in method else {}))


WAYS: Mapping[str, Callable[[Stage], None]] = {
    "A": lambda stage: stage.take(stage.parts.a, FIRST),
    "B": lambda stage: stage.take(stage.parts.b),
    "A, then B": lambda stage: stage.go_on(),
    "A, then A and B": lambda stage: stage.go_on(stage.both),
    "A and B": lambda stage: stage.take(stage.both),
    "A and B, as many steps in all": lambda stage: stage.take(stage.both, FIRST + STEPS),
    "A, then B at a quarter of the rate": lambda stage: stage.go_on(lr=LR / 4),
    "A, then B with RecAdam to A's end": lambda stage: stage.held("recadam(k=0.05, t0=100, gamma=100)"),
    "A, then B with EWC to A's end": lambda stage: stage.held("ewc(gamma=100)"),
    "A, then B with RecAdam to theta*": lambda stage: stage.go_on(method="recadam(k=0.05, t0=100, gamma=100)"),
}


@cache
def parts(name: str, kind: str, size: int, seed: int) -> Parts:
    """The examples: A is another one for each seed, B and what is asked the same for all sizes of A."""
    backbone, worded = backbones.load("tiny", num_labels=named(f"world/{name}").num_labels), f"{name}{WORDINGS}"
    splits = loop.made(worded, MADE, backbone)
    train = splits["train"].shuffle(seed=seed)
    b = train.select(range(max(SIZES), max(SIZES) + MORE)) if kind == "alike" else splits[ELSEWHERE].select(range(MORE))
    asked = {"as A": splits["validation"].select(range(ASKED))}
    asked["elsewhere"] = splits[ELSEWHERE].select(range(MORE, MORE + ASKED))
    return Parts(train.select(range(size)), b, asked)


def take(key: Row) -> Row:
    """Train a model in one of the ways, and ask it."""
    name, seed = key["task"], key["seed"]
    backbone = backbones.load("tiny", num_labels=named(f"world/{name}").num_labels, seed=seed)
    stage = Stage(backbone, name, parts(name, key["kind"], key["a"], seed), seed)
    WAYS[key["way"]](stage)
    found = {where: loop.score(backbone, name, rows) for where, rows in stage.parts.asked.items()}
    return {"scores": found, "on A itself": loop.score(backbone, name, stage.parts.a), **loop.kept(backbone)}


def jobs() -> Iterator[Job]:
    """Every way for every question, seed by seed."""
    for seed, name, kind, size, way in itertools.product(SEEDS, TASKS, KINDS, SIZES, WAYS):
        key = {"task": name, "kind": kind, "a": size, "way": way, "seed": seed}
        yield key, lambda key=key: take(key)


if __name__ == "__main__":
    record_alone(__doc__, NAME, jobs())
