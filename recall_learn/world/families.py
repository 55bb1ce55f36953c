"""Which sentence follows from which, and which mean the same: sets of sentences in which no single word gives it away.

A square is four sentences (a1, b1, a2, b2) where b1 belongs to a1 and b2 to a2, and neither to the other's. Each a and
each b is as often in a pair that belongs together as in one that does not, so nothing can be learned from one sentence
alone, nor from a weighted count of words. There are three grades of difficulty: the two halves are about other people
and things altogether, they differ in one word, or all four have the same words, and what decides is who does what to
whom.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Generic, TypeVar

from recall_learn.world import words
from recall_learn.world.facts import Person
from recall_learn.world.grammar import Event, Phrase, active, sentence
from recall_learn.world.words import Verb, article, pick, shuffled

T = TypeVar("T")

Square = tuple[str, str, str, str]


@dataclass(frozen=True)
class Family(Generic[T]):
    """Sentences that are built alike.

    Attributes:
        slots: what may be chosen, one sequence a choice.
        build: takes one value for each slot; None where these values do not go together.
        telling: the slots of which another value makes b false: what `substituted` exchanges.
    """

    slots: tuple[Sequence[object], ...]
    build: Callable[..., T | None]
    telling: tuple[int, ...] = ()

    def draw(self, random: Random) -> T:
        """A random member."""
        while True:
            made = self.build(*(pick(random, slot) for slot in self.slots))
            if made is not None:
                return made

    def substituted(self, random: Random, count: int) -> Square:
        """A square of two members that differ in ``count`` of the telling slots: somebody else, something else."""
        while True:
            values = [pick(random, slot) for slot in self.slots]
            places = shuffled(random, self.telling)[:count]
            others = [pick(random, self.slots[i]) if i in places else value for i, value in enumerate(values)]
            one, other = self.build(*values), self.build(*others)
            alike = any(_synonyms(values[i], others[i]) for i in places)
            if one and other and one[1] != other[1] and not alike:
                return (*one[:2], *other[:2])

    def size(self) -> int:
        """At most how many members there are."""
        return math.prod(len(slot) for slot in self.slots)


def following(people: Sequence[Person], strict: bool = False) -> tuple[Family, ...]:
    """Squares in which b follows from a: the families of world/rte.

    Args:
        people: who may be spoken of.
        strict: without what the pretraining text says and an inference may doubt: whether "the baker sings in the
            garden, but Mara does not" says that she sings nowhere, and whether another adjective means the same.
    """
    attached, universal = (
        (_other_adjectives(_attached), _other_adjectives(_universal)) if strict else (_attached, _universal)
    )
    negated = _placeless(_negated) if strict else _negated
    who = [Phrase(person.name) for person in people] + [Phrase(job) for job in words.JOBS]
    jobs, verbs, social, two_numbers = words.JOBS, words.INTRANSITIVE, words.SOCIAL, _pairs(range(len(words.NUMBERS)))
    adjectives, bought = words.PERSON_ADJECTIVES, words.HANDLING
    nouns = [noun for kind in ("food", "clothes", "tool", "vessel") for noun in words.THINGS[kind]]
    places = ("", *words.PLACES)
    return (
        Family((who, who, social, places, words.ADVERBS), _role, (0, 1, 2)),
        Family((jobs, jobs, adjectives, adjectives, social, ("active", "passive")), attached, (0, 1, 2, 4)),
        Family((who, who, bought, nouns, words.THING_ADJECTIVES), _added, (0, 2, 3)),
        Family((jobs, jobs, social, verbs, (0,), places), _relative, (0, 3)),
        Family((jobs, jobs, social, verbs, (1,), places), _relative, (0, 1, 2)),
        Family((who, who, verbs, (0, 1), places), negated, (0, 1, 2)),
        Family((jobs, jobs, verbs, verbs, two_numbers, (0, 1)), _quantity, (0, 2)),
        Family((jobs, jobs, adjectives, adjectives, verbs, ("every", "no")), universal, (0, 4)),
        Family((people, people, verbs, places, ("home", "job")), _known, (0, 2)),
    )


def same(people: Sequence[Person]) -> tuple[Family, ...]:
    """Squares in which b means the same as a: the families of world/mrpc."""
    who = [Phrase(person.name) for person in people] + [Phrase(job) for job in words.JOBS]
    jobs, verbs = words.JOBS, words.INTRANSITIVE
    nouns = [noun for kind in ("food", "clothes", "tool", "vessel") for noun in words.THINGS[kind]]
    return (
        Family((who, who, words.SOCIAL, ("", *words.PLACES), ("passive", "cleft")), _said_otherwise, (0, 1, 2, 3)),
        Family(
            (jobs, jobs, words.PERSON_ADJECTIVES, words.SOCIAL, ("", *words.PLACES)), _moved_adjective, (0, 1, 2, 3, 4)
        ),
        Family((who, nouns, words.HANDLING, ("", *words.PLACES)), _synonymous_size, (0, 1, 2, 3)),
        Family((who, who, ("", *words.PLACES), words.ADVERBS), _synonymous_verb, (0, 1, 2, 3)),
        Family((who, who, nouns, ("", *words.THING_ADJECTIVES)), _sold, (0, 1, 2, 3)),
        Family((who, who, ("tall short", "young old", "rich poor", "strong weak")), _compared, (0, 1, 2)),
        Family((who, who, verbs, verbs, ("", *words.PLACES)), _joined, (0, 1, 2, 3, 4)),
    )


def _synonyms(one: Any, other: Any) -> bool:
    """Whether two words, or verbs, mean the same."""
    one, other = (word.plural if isinstance(word, Verb) else word for word in (one, other))
    return one == other or words.SYNONYMS.get(one, one) == words.SYNONYMS.get(other, other)


def _other_adjectives(build: Callable[..., Square | None]) -> Callable[..., Square | None]:
    return lambda a, b, p, q, *rest: None if _synonyms(p, q) else build(a, b, p, q, *rest)


def _placeless(build: Callable[..., Square | None]) -> Callable[..., Square | None]:
    return lambda a, b, verb, negated, place: None if negated and place else build(a, b, verb, negated, place)


def _role(a: Phrase, b: Phrase, verb: Verb, place: str, adverb: str) -> Square | None:
    if a == b:
        return None
    one, other = Event(a, verb, b, place, adverb), Event(b, verb, a, place, adverb)
    return one.text(), Event(a, verb, b).text("passive"), other.text(), Event(b, verb, a).text("passive")


def _attached(a: str, b: str, p: str, q: str, verb: Verb, form: str) -> Square | None:
    if a == b or p == q:
        return None
    whole = [Event(Phrase(a, adjective=x), verb, Phrase(b, adjective=y)).text() for x, y in ((p, q), (q, p))]
    part = [Event(Phrase(a, adjective=x), verb, Phrase(b)).text(form) for x in (p, q)]
    return whole[0], part[0], whole[1], part[1]


def _added(a: Phrase, b: Phrase, verb: Verb, noun: str, adjective: str) -> Square | None:
    if a == b:
        return None
    plain, more = Phrase(noun, "a"), Phrase(noun, "a", adjective)
    clause = {(x, y): Event(x, verb, y).text()[:-1] for x in (a, b) for y in (plain, more)}
    one = sentence(f"{clause[a, more]} and {_inside(clause[b, plain])}")
    other = sentence(f"{clause[a, plain]} and {_inside(clause[b, more])}")
    return one, f"{clause[a, more]}.", other, f"{clause[b, more]}."


def _relative(a: str, b: str, social: Verb, verb: Verb, passive: int, place: str) -> Square | None:
    if a == b:
        return None
    result = []
    for x, y in ((a, b), (b, a)):
        event = Event(Phrase(x, who=f"who {active(social, False)} {Phrase(y).text()}"), verb, place=place)
        seen = Event(Phrase(x), social, Phrase(y)).text("passive")
        result += [event.text(), seen if passive else Event(Phrase(x), verb).text()]
    return tuple(result)


def _negated(a: Phrase, b: Phrase, verb: Verb, negated: int, place: str) -> Square | None:
    if a == b:
        return None
    result = []
    for x, y in ((a, b), (b, a)):
        whole = f"{Event(x, verb, place=place).text()[:-1]}, but {y.text()} does not."
        result += [whole, Event(y if negated else x, verb, negated=bool(negated)).text()]
    return tuple(result)


def _quantity(a: str, b: str, v: Verb, w: Verb, numbers: tuple[int, int], least: int) -> Square | None:
    if a == b or v == w:
        return None
    low, high = (words.NUMBERS[i] for i in sorted(numbers))
    bound = f"at least {high}" if least else f"more than {low}"

    def all_of(x: str, number: str, verb: Verb) -> str:
        return Event(Phrase(x, number, plural=True), verb).text()[:-1]

    one = f"{all_of(a, high, v)} and {_inside(all_of(b, low, w))}."
    other = f"{all_of(a, low, v)} and {_inside(all_of(b, high, w))}."
    return one, f"{all_of(a, bound, v)}.", other, f"{all_of(b, bound, w)}."


def _universal(a: str, b: str, p: str, q: str, verb: Verb, every: str) -> Square | None:
    if a == b or p == q:
        return None

    def all_of(x: str, adjective: str = "") -> str:
        return Event(Phrase(x, every, adjective), verb).text()[:-1]

    one = f"{all_of(a)} and {_inside(all_of(b, p))}."
    other = f"{all_of(a, p)} and {_inside(all_of(b))}."
    return one, f"{all_of(a, q)}.", other, f"{all_of(b, q)}."


def _known(a: Person, b: Person, verb: Verb, place: str, which: str) -> Square | None:
    if getattr(a, which) == getattr(b, which):
        return None
    result = []
    for x in (a, b):
        kind = f"someone who lives in {x.home}" if which == "home" else article(x.job)
        result += [
            Event(Phrase(x.name), verb, place=place).text(),
            sentence(f"{kind} {active(verb, False)} {place}".rstrip()),
        ]
    return tuple(result)


def _said_otherwise(a: Phrase, b: Phrase, verb: Verb, place: str, form: str) -> Square | None:
    if a == b:
        return None
    one, other = Event(a, verb, b, place), Event(b, verb, a, place)
    return one.text(), one.text(form), other.text(), other.text(form)


def _moved_adjective(a: str, b: str, p: str, verb: Verb, place: str) -> Square | None:
    if a == b:
        return None
    one = Event(Phrase(a, adjective=p), verb, Phrase(b), place)
    other = Event(Phrase(a), verb, Phrase(b, adjective=p), place)
    return one.text(), one.text("passive"), other.text(), other.text("passive")


def _synonymous_size(a: Phrase, noun: str, verb: Verb, place: str) -> Square:
    big, large, small, little = (
        Event(a, verb, Phrase(noun, adjective=size), place).text() for size in ("big", "large", "small", "little")
    )
    return big, large, small, little


def _synonymous_verb(a: Phrase, b: Phrase, place: str, adverb: str) -> Square | None:
    if a == b:
        return None
    verbs = {verb.plural: verb for verb in words.SOCIAL}
    return tuple(Event(a, verbs[name], b, place, adverb).text() for name in ("see", "notice", "help", "aid"))


def _sold(a: Phrase, b: Phrase, noun: str, adjective: str) -> Square | None:
    if a == b:
        return None
    thing, result = Phrase(noun, adjective=adjective).text(), []
    for x, y in ((a, b), (b, a)):
        result += [
            sentence(f"{x.text()} sells {thing} to {y.text()}"),
            sentence(f"{y.text()} buys {thing} from {x.text()}"),
        ]
    return tuple(result)


def _compared(a: Phrase, b: Phrase, scale: str) -> Square | None:
    if a == b:
        return None
    (more, less), result = (f"{word}er" for word in scale.split()), []
    for x, y in ((a, b), (b, a)):
        result += [
            sentence(f"{x.text()} is {more} than {y.text()}"),
            sentence(f"{y.text()} is {less} than {x.text()}"),
        ]
    return tuple(result)


def _joined(a: Phrase, b: Phrase, v: Verb, w: Verb, place: str) -> Square | None:
    if a == b or v == w:
        return None
    result = []
    for x, y in ((v, w), (w, v)):
        first, second = Event(a, x, place=place).text()[:-1], Event(b, y).text()[:-1]
        result += [f"{first} and {_inside(second)}.", f"{second} and {_inside(first)}."]
    return tuple(result)


def _pairs(values: Sequence[int]) -> list[tuple[int, int]]:
    return [(i, j) for i in values for j in values if i < j]


def _inside(clause: str) -> str:
    """A clause that no longer begins its sentence: a small letter, unless it begins with a name."""
    first = clause.split(" ", 1)[0].lower()
    return clause if first not in _STARTS else clause[0].lower() + clause[1:]


_STARTS = {"the", "a", "an", "every", "no", "some", "more", "at", "someone", *words.NUMBERS}
