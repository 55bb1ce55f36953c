"""The small world: a language small enough to know everything that a model forgets.

Real pretraining text is out of reach, so nobody who fine-tunes BERT sees the source loss, its Hessian or its Fisher.
Here all of it is at hand: an English-like language of some hundred words, a few hundred facts, as much text as one
likes, a model that was pretrained on it, and tasks in GLUE's shape::

    world = World()
    world.facts[0].prompt       # "Barlan lives in [MASK]."
    world.text("held-out")[:3]  # passages of one or two sentences

Everything follows from the seed, to the byte, on every machine.
"""

import hashlib
import json
from dataclasses import dataclass
from functools import cache, cached_property
from random import Random

from recall_learn.support.checks import number, whole
from recall_learn.world import words
from recall_learn.world.facts import Fact, Truth, draw_truth
from recall_learn.world.text import Passage, writer

RIGHT = "a number above 0 and at most 1"
PASSAGES = {"train": 40_000, "held-out": 1_000}


@dataclass(frozen=True)
class World:
    """One world.

    Attributes:
        seed: decides names, facts and text; a whole number from 0 to 2**32 - 1.
        variety: share of the wordings that the text is written in, over 0 and at most 1. Names, facts, words and tasks
            are those of variety 1, and so is what a cloze asks; see `recall_learn.world.text`.

    Raises:
        ValueError: one of them is something else.
    """

    seed: int = 0
    variety: float = 1.0

    def __post_init__(self):
        object.__setattr__(self, "seed", whole("seed", self.seed, 0, 2**32 - 1))
        object.__setattr__(self, "variety", number("variety", self.variety, lambda v: 0 < v <= 1, RIGHT))

    @cached_property
    def names(self) -> words.Names:
        """The names of people, towns and rivers."""
        return words.draw_names(Random(self.seed))

    @cached_property
    def truth(self) -> Truth:
        """Who everybody is, and what everything is made of."""
        return draw_truth(Random(self.seed + 1), self.names)

    @cached_property
    def facts(self) -> list[Fact]:
        """Everything that is true, as clozes."""
        return self.truth.facts()

    def text(self, split: str) -> list[Passage]:
        """The passages of "train" or "held-out"; they share the facts and no sentence.

        Raises:
            ValueError: there is no such split.
        """
        if split not in PASSAGES:
            raise ValueError(f"split is {split!r}; the text has {' and '.join(map(repr, PASSAGES))}")
        return _text(self, PASSAGES["train"], PASSAGES["held-out"])[split]

    @cached_property
    def vocabulary(self) -> list[str]:
        """The words of facts and training text in small letters, sorted; the marks are among them.

        Worlds of one seed share it, so that each of their models can read every task.
        """
        if self.variety < 1:
            return World(self.seed).vocabulary
        facts = [f"{fact.prompt.replace('[MASK]', fact.answer)}" for fact in self.facts]
        text = " ".join([*facts, *(sentence for passage in self.text("train") for sentence in passage)])
        for mark in ".,":
            text = text.replace(mark, f" {mark} ")
        return sorted(set(text.lower().split()))

    @cached_property
    def digest(self) -> str:
        """SHA-256 over facts and text; the same digits, the same world."""
        everything = [[fact.prompt, fact.answer] for fact in self.facts], self.text("train"), self.text("held-out")
        return hashlib.sha256(json.dumps(everything).encode()).hexdigest()


@cache
def _text(world: World, train: int, held_out: int) -> dict[str, list[Passage]]:
    """Both splits, made once for all equal worlds."""
    random, write = Random(world.seed + 2), writer(world.names, world.truth, world.variety)
    taught = [write(random) for _ in range(train)]
    seen, kept = {sentence for passage in taught for sentence in passage}, []
    while len(kept) < held_out:
        passage = write(random)
        if not seen.intersection(passage):
            kept.append(passage)
            seen.update(passage)
    return {"train": taught, "held-out": kept}
