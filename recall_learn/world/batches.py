"""What the small world's model is asked while it is pretrained: one word of each passage.

Mostly the word is hidden, as BERT was trained; sometimes it is another word, sometimes it stands there as it was. So a
word that can be seen has to be weighed against the rest, which is what a fine-tuned classifier does.

In some passages of two sentences the word asked for is the one at ``[CLS]``: ``[NEXT]`` where the second sentence
belongs to the first, ``[OTHER]`` where it was exchanged. This is BERT's next-sentence prediction by the same head, made
harder. The other sentence is one of the text that differs in a single word, or the true one with two of its words
exchanged (two names, or two words that follow the same word), or any.
"""

from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from recall_learn.support.checks import whole
from recall_learn.world import World

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "[OTHER]", "[NEXT]")
BATCH = 128
HIDDEN, REPLACED = 0.7, 0.2
"""Shares of the words asked for that are ``[MASK]``, and that are another word: half of these are a word of the same
passage, so that being plausible is not enough. BERT has 0.8 and 0.1."""
PAIRED = 0.5
"""The share of the two-sentence passages that are asked at ``[CLS]``; in half of them the second is exchanged."""
NEAR, TURNED = 0.5, 0.25
"""Shares of the exchanged that differ in one word, and that have two words exchanged, where there is such a one."""


class Batches:
    """The batches of a pretraining: each passage once an epoch, the word that is asked for drawn anew.

    Args:
        world: whose training text it is.
        tokenizer: its tokenizer.
        size: passages a batch; at most as many as there are.

    Raises:
        ValueError: ``size`` is out of range.
    """

    def __init__(self, world: World, tokenizer: "PreTrainedTokenizerBase", size: int = BATCH):
        passages = world.text("train")
        size = whole("size", size, 1, len(passages))
        self.seed, self.size, self.tokens, self.an_epoch = world.seed, size, len(tokenizer), len(passages) // size
        self.mask, self.sep = tokenizer.mask_token_id, tokenizer.sep_token_id
        self.answers = tokenizer.convert_tokens_to_ids(["[OTHER]", "[NEXT]"])
        self.marks = torch.tensor(tokenizer.convert_tokens_to_ids([".", ","]))  # no words, as in `hide_each`
        names = world.names.women + world.names.men
        self.names = set(tokenizer.convert_tokens_to_ids([name.lower() for name in names]))
        self.first = tokenizer([p[0] for p in passages], add_special_tokens=False)["input_ids"]
        self.second = tokenizer([p[1] if len(p) > 1 else "" for p in passages], add_special_tokens=False)["input_ids"]
        self.pairs = [i for i, second in enumerate(self.second) if second]
        self.true = {(tuple(self.first[i]), tuple(self.second[i])) for i in self.pairs}
        self.near = self._neighbours()
        self.epoch, self.order = -1, np.array([])  # the last that was asked for
        self.cls = tokenizer.cls_token_id
        self.lengths = np.array([len(self._row(i, self.second[i])) for i in range(len(passages))])
        self.ids = torch.zeros((len(passages), int(self.lengths.max()) + 8), dtype=torch.long)
        for i in range(len(passages)):
            self._write(self.ids[i], i, self.second[i])

    def __call__(self, step: int) -> tuple[dict[str, Tensor], Tensor]:
        """The batch of a step, counted from 1: ``(inputs, the words asked for [size])``.

        The inputs are those of `recall_learn.models.masked_lm.MaskedLM.forward`, with ``places`` among them.
        """
        epoch, place = divmod(step - 1, self.an_epoch)
        if epoch != self.epoch:
            self.epoch, self.order = epoch, self._order(epoch)
        rows = np.sort(self.order[place * self.size : (place + 1) * self.size])
        # random() keeps its sequence from version to version
        generator = np.random.default_rng([self.seed, 3, step])
        ids, answers = self._paired(rows, generator)
        ids = ids[:, : int((ids != 0).sum(1).max())]
        begins = torch.tensor([len(self.first[row]) + 2 for row in rows])[:, None]
        types = (torch.arange(ids.shape[1]) >= begins) & (ids != 0)
        inputs, targets = self._asked(ids, answers, generator)
        return {**inputs, "token_type_ids": types.long(), "attention_mask": (ids != 0).long()}, targets

    def stream(self, examples: int) -> Iterator[tuple[dict[str, Tensor], Tensor]]:
        """The batches of the first steps, with so many examples in all.

        Raises:
            ValueError: ``examples`` is no multiple of the size.
        """
        if whole("examples", examples, 1) % self.size:
            raise ValueError(f"examples is {examples}; it has to be a multiple of the batch size, {self.size}")
        return (self(step) for step in range(1, examples // self.size + 1))

    def _paired(self, rows: np.ndarray, generator: np.random.Generator) -> tuple[Tensor, Tensor]:
        """The rows, some second sentences exchanged; and what to say at [CLS], 0 where that is not asked."""
        ids, answers = self.ids[rows].clone(), torch.zeros(len(rows), dtype=torch.long)
        draws = generator.random((5, len(rows)))
        for i, row in enumerate(int(row) for row in rows):
            if self.second[row] and draws[0, i] < PAIRED:
                belongs = draws[1, i] < 0.5
                answers[i] = self.answers[int(belongs)]
                if not belongs:
                    self._write(ids[i], row, self._other(row, *draws[2:, i]))
        return ids, answers

    def _other(self, row: int, kind: float, which: float, spare: float) -> list[int]:
        """A second sentence that does not belong to the row's first."""
        candidates = [self.second[j] for j in self.near.get(row, ())] if kind < NEAR else []
        if NEAR <= kind < NEAR + TURNED:
            candidates = self._turned(self.second[row])
        candidates = [c for c in candidates if (tuple(self.first[row]), tuple(c)) not in self.true]
        if candidates:
            return candidates[int(which * len(candidates))]
        start = int(spare * len(self.pairs))
        for j in (*self.pairs[start:], *self.pairs[:start]):
            if (tuple(self.first[row]), tuple(self.second[j])) not in self.true:
                return self.second[j]
        raise ValueError("the text has no second sentence that does not belong to this first one")

    def _neighbours(self) -> dict[int, list[int]]:
        """For each pair those whose second sentence differs from its own in one word; at most eight."""
        alike: dict[tuple, dict[int, int]] = defaultdict(dict)
        for i in self.pairs:
            second = tuple(self.second[i])
            for k, word in enumerate(second):
                alike[(*second[:k], -1, *second[k + 1 :])].setdefault(word, i)
        near = {}
        for i in self.pairs:
            second = tuple(self.second[i])
            groups = [alike[(*second[:k], -1, *second[k + 1 :])] for k in range(len(second))]
            found = [j for k, group in enumerate(groups) for word, j in list(group.items())[:8] if word != second[k]]
            near[i] = found
        return near

    def _turned(self, second: list[int]) -> list[list[int]]:
        """The sentence with two names exchanged, or two words that follow the same word."""
        made = []
        for j in range(len(second)):
            for k in range(j + 1, len(second)):
                named = second[j] in self.names and second[k] in self.names
                after = j > 0 and second[j - 1] == second[k - 1] and second[j] not in self.names
                if second[j] != second[k] and (named or after):
                    made.append([*second[:j], second[k], *second[j + 1 : k], second[j], *second[k + 1 :]])
        return made

    def _asked(self, ids: Tensor, answers: Tensor, generator: np.random.Generator) -> tuple[dict[str, Tensor], Tensor]:
        """One word of each row hidden, replaced, or left; or none, where [CLS] is asked."""
        words = (ids >= len(SPECIAL)) & ~torch.isin(ids, self.marks)
        draws, shares = generator.random((2, *words.shape)), torch.from_numpy(generator.random((3, len(ids), 1)))
        places = _one_of(draws[0], words)
        targets = ids.gather(1, places)
        anywhere = (shares[0] * (self.tokens - len(SPECIAL))).long() + len(SPECIAL)
        other = torch.where(shares[1] < 0.5, ids.gather(1, _one_of(draws[1], words)), anywhere)
        shown = torch.where(shares[2] < HIDDEN, self.mask, torch.where(shares[2] < HIDDEN + REPLACED, other, targets))
        hidden, at_start = ids.scatter(1, places, shown), answers[:, None] > 0
        inputs = {"input_ids": torch.where(at_start, ids, hidden), "places": places[:, 0].where(answers == 0, 0)}
        return inputs, targets[:, 0].where(answers == 0, answers)

    def _order(self, epoch: int) -> np.ndarray:
        """The epoch's passages; those of a batch are about equally long, so that little is padding."""
        generator = np.random.default_rng([self.seed, 2, epoch])
        shuffled = generator.permutation(len(self.lengths))[: self.an_epoch * self.size]
        alike = shuffled[np.argsort(self.lengths[shuffled], kind="stable")].reshape(self.an_epoch, self.size)
        return alike[generator.permutation(self.an_epoch)].reshape(-1)

    def _row(self, i: int, second: list[int]) -> list[int]:
        return [self.cls, *self.first[i], self.sep, *([*second, self.sep] if second else [])]

    def _write(self, ids: Tensor, i: int, second: list[int]) -> None:
        row = self._row(i, second)
        ids.zero_()
        ids[: len(row)] = torch.tensor(row)


def _one_of(draws: np.ndarray, words: Tensor) -> Tensor:
    """One of the words of each row, [rows, 1]."""
    return torch.from_numpy(draws).mul_(words).argmax(1, keepdim=True)
