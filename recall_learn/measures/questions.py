"""What a probe asks of a layer: a question, with labelled examples to train on and others to score on.

The questions are those of SentEval's probing tasks (Conneau et al., 2018, "What you can cram into a single vector"),
as far as a text answers them by rule: `recall_learn.measures.world_questions` for the small world, whose grammar knows
each answer exactly, `recall_learn.measures.treebank_questions` for English, from a treebank's columns, and
`recall_learn.measures.sentence_questions` for reviews, from the sentences and from what they are labelled with. In all
of them every class is as frequent as every other one, in each split.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import TypeVar

from recall_learn.support.checks import shown
from recall_learn.world.words import shuffled

T = TypeVar("T")

Text = str | tuple[str, ...]
"""A sentence; or its words one by one, where a question is about words."""


@dataclass(frozen=True)
class Part:
    """The examples of one split.

    Attributes:
        texts: sentences; or, with ``places``, sequences of words.
        labels: one for each text, or for each place.
        groups: which examples belong together, so that they are no independent evidence.
        places: ``(text, word)`` for each label, where the question is about words; else empty.
    """

    texts: tuple[Text, ...]
    labels: tuple[int, ...]
    groups: tuple[int, ...]
    places: tuple[tuple[int, int], ...] = ()

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def types(self) -> tuple[str, ...] | None:
        """The word type that each label is of, in small letters; None where the question is about sentences."""
        return tuple(self.texts[text][word].lower() for text, word in self.places) or None


@dataclass(frozen=True)
class Question:
    """A question.

    Attributes:
        name: length, content, depth, ...
        about: what is asked, in words.
        labels: what the classes are called.
        train: what a probe is trained on.
        validation: what it is scored on; it shares no text with ``train``.
    """

    name: str
    about: str
    labels: tuple[str, ...]
    train: Part
    validation: Part

    @property
    def types(self) -> tuple[Sequence[str], Sequence[str]] | None:
        """The types of both splits, or None."""
        own = self.train.types, self.validation.types
        return None if own[0] is None else own


def chosen(names: str | Iterable[str] | None, there: Mapping[str, T], whose: str) -> dict[str, T]:
    """The questions of these names.

    Args:
        names: a sequence, or a text with commas between; None is all.
        there: all, by name.
        whose: who has them, for the message: "the small world".

    Raises:
        ValueError: one is not there, is named twice, or none is named.
    """
    if names is None:
        return dict(there)
    asked = [each.strip() for each in (names.split(",") if isinstance(names, str) else names)]
    for each in asked:
        if each not in there:
            raise ValueError(f"questions name {shown(each)}, which {whose} does not answer; it has {', '.join(there)}")
    if not asked or len(set(asked)) < len(asked):
        raise ValueError(f"questions are {shown(asked)}; name one or more of {', '.join(there)}, each once")
    return {each: there[each] for each in asked}


def swapped(text: str, random: Random, keeps: Callable[[str, str], bool] = lambda one, other: False) -> str | None:
    """A sentence with two neighbouring words exchanged, neither of them the first one, which has the capital.

    Args:
        text: words with blanks between; marks at their ends stay in their places.
        random: chooses where.
        keeps: whether two words are left as they are: because the sentence might still be a good one.

    Returns:
        The sentence, or None where no two words can be exchanged.
    """
    words = text.split()
    bare = [word.rstrip(".,!?;:") for word in words]
    able = [
        i
        for i in range(1, len(words) - 1)
        if bare[i] and bare[i] == words[i] and bare[i + 1] and bare[i].lower() != bare[i + 1].lower()
        if not keeps(bare[i], bare[i + 1])
    ]
    if not able:
        return None
    i = able[int(random.random() * len(able))]
    words[i], words[i + 1] = bare[i + 1], bare[i] + words[i + 1][len(bare[i + 1]) :]
    return " ".join(words)


def balanced(random: Random, by_class: Sequence[Sequence[T]], most: int | None = None) -> list[tuple[T, int]]:
    """As many of each class, drawn at random: ``(example, class)``.

    Args:
        random: chooses.
        by_class: the examples of each class.
        most: of each class at most so many.
    """
    count = min(map(len, by_class))
    count = count if most is None else min(count, most)
    return [(each, label) for label, its in enumerate(by_class) for each in shuffled(random, its)[:count]]
