"""Questions that a rule answers of any sentence, for `treebank_questions` and `sentence_questions` alike.

A kind of question is ``(what is asked, what the classes are called, how a split's examples are made)``. Where the
classes are not called anything, they are words that `middling` finds. A row is a sentence and what is known of it.
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from random import Random

from recall_learn.measures.questions import Part, Question, balanced, swapped
from recall_learn.world.words import shuffled

SIZE = 1000
"""The most training examples of a question, and of validation examples."""
WORDS = 10
MOST_FREQUENT = 0.03
"""The share of sentences that a word of content is in at most."""
TOKEN = re.compile(r"\w+(?=n't\b)|n't\b|'(?:s|m|d|re|ve|ll)\b|\w+|\.\.+|[^\w\s]", re.IGNORECASE)

Row = Mapping[str, str | int]
Labelled = list[tuple[str, int]]
Kind = tuple[str, tuple[str, ...], Callable[..., Part]]


def question(
    name: str, kind: Kind, rows: Mapping[str, Sequence[Row]], *, size: int, seed: int, place: object
) -> Question:
    """One question, made of the rows of both splits.

    Args:
        name: of the question.
        kind: of it.
        rows: of the splits train and validation.
        size: of each split at most so many examples.
        seed: of what is drawn.
        place: where the rows lie, for the message.

    Raises:
        ValueError: it has not two examples of every class.
    """
    about, labels, make = kind
    labels, parts = labels or middling(rows["train"]), []
    for split in ("train", "validation"):
        if labels:
            parts.append(make(Random(seed), rows[split], labels, size))
        if not labels or len(parts[-1]) < 2 * len(labels):
            raise ValueError(f"{place} has too few sentences for question {name} in its split {split}")
    return Question(name, about, labels, *parts)


def part_of(examples: Labelled, groups: Sequence[int] | None = None) -> Part:
    """A split of sentences; each belongs to a group of its own unless these are given."""
    texts, labels = zip(*examples, strict=True) if examples else ((), ())
    return Part(texts, labels, tuple(groups if groups is not None else range(len(texts))))


def of_rows(label: Callable[[Row], int | None]) -> Callable[..., Part]:
    """A question whose answer is a function of a row; None is no answer."""

    def make(random: Random, rows: Sequence[Row], labels: Sequence[str], size: int) -> Part:
        by_class: list[list[str]] = [[] for _ in labels]
        for row in rows:
            found = label(row)
            if found is not None:
                by_class[found].append(row["sentence"])
        return part_of(balanced(random, by_class, size // len(labels)))

    return make


def in_bins(bins: Sequence[int]) -> Callable[..., Part]:
    """How many words; ``bins`` are the first number of words of each bin but the shortest."""
    return of_rows(lambda row: sum(row["words"] >= least for least in bins))


def content(random: Random, rows: Sequence[Row], labels: Sequence[str], size: int) -> Part:
    """Which of some words a sentence holds; one that holds none or several is left out."""
    by_class: list[list[str]] = [[] for _ in labels]
    for row in rows:
        held = _plain(row["sentence"]) & set(labels)
        if len(held) == 1:
            by_class[labels.index(held.pop())].append(row["sentence"])
    return part_of(balanced(random, by_class, size // len(labels)))


def middling(rows: Sequence[Row]) -> tuple[str, ...]:
    """The most frequent words that are in few enough of the sentences."""
    counts = Counter(word for row in rows for word in _plain(row["sentence"]))
    able = sorted((-count, word) for word, count in counts.items() if count <= MOST_FREQUENT * len(rows))
    return tuple(sorted(word for _, word in able[:WORDS]))


def shift(random: Random, rows: Sequence[Row], labels: Sequence[str], size: int) -> Part:
    """Whether two neighbours were exchanged; each sentence is there both ways, one after the other."""
    examples: Labelled = []
    for row in shuffled(random, rows):
        text = " ".join(str(row["sentence"]).split())
        other = swapped(text, random)
        if other is not None and len(examples) + 2 <= size:
            examples += [(text, 0), (other, 1)]
    return part_of(examples, [i // 2 for i in range(len(examples))])


def _plain(text: str) -> set[str]:
    return {token.lower() for token in TOKEN.findall(text) if token.isalpha() and len(token) > 1}
