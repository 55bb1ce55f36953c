"""The grammar of the small world: who does what to whom, and the ways to say it.

A `Phrase` names somebody or something, an `Event` is what happens. Both are meanings; `text` puts them into words:

    Event(Phrase("baker", adjective="tall"), see, Phrase("Mara"), place="in the garden")

is "The tall baker sees Mara in the garden", or in the passive "Mara is seen by the tall baker in the garden".
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random

from recall_learn.world import words
from recall_learn.world.words import Verb, pick


@dataclass(frozen=True)
class Phrase:
    """A noun phrase.

    Attributes:
        head: a noun, or a name.
        determiner: "the", "a", "every", "no", "some", a number; "" before a name.
        adjective: or "".
        plural: more than one.
        who: what follows: a relative clause or a place.
    """

    head: str
    determiner: str = "the"
    adjective: str = ""
    plural: bool = False
    who: str = ""

    def text(self) -> str:
        """The phrase in words."""
        noun = f"{self.adjective} {self.head}{'s' if self.plural else ''}".strip()
        if self.head[0].isupper():
            start = noun
        elif self.determiner == "a":
            start = words.article(noun)
        else:
            start = f"{self.determiner} {noun}"
        return f"{start} {self.who}".strip()


@dataclass(frozen=True)
class Event:
    """Somebody does something, to somebody or something, somewhere."""

    agent: Phrase
    verb: Verb
    patient: Phrase | None = None
    place: str = ""
    adverb: str = ""
    negated: bool = False

    def text(self, form: str = "active") -> str:
        """The event as a sentence.

        Args:
            form: "active", "passive", "fronted" (the place comes first) or "cleft" ("it is Mara who sings"). A form
                that the event does not have (no patient, no place) is the active.
        """
        if form == "passive" and self.patient is not None:
            core = f"{self.patient.text()} {passive(self.verb, self.patient.plural, self.negated)} {self.by()}"
        elif form == "cleft" and not self.negated and not self.agent.plural:
            core = f"it is {self.agent.text()} who {self.predicate()}"
        else:
            core = f"{self.agent.text()} {self.predicate()}"
        tail = " ".join(part for part in (self.adverb, self.place) if part)
        if form == "fronted" and self.place:
            return sentence(f"{self.place}, {core} {self.adverb}".rstrip())
        return sentence(f"{core} {tail}".rstrip())

    def by(self) -> str:
        """The agent of a passive."""
        return f"by {self.agent.text()}"

    def predicate(self) -> str:
        """Verb and patient: "sees Mara", "do not sing"."""
        verb = active(self.verb, self.agent.plural, self.negated)
        return f"{verb} {self.patient.text()}" if self.patient is not None else verb


def active(verb: Verb, plural: bool, negated: bool = False) -> str:
    """The verb, agreeing with its subject."""
    if negated:
        return f"{'do' if plural else 'does'} not {verb.plural}"
    return verb.plural if plural else verb.singular


def passive(verb: Verb, plural: bool, negated: bool = False) -> str:
    """The verb in the passive, agreeing with its subject."""
    return f"{'are' if plural else 'is'} {'not ' if negated else ''}{verb.participle}"


def sentence(text: str) -> str:
    """A capital, and a full stop."""
    return f"{text[0].upper()}{text[1:]}."


def things(kind: str) -> Sequence[str]:
    """The nouns that a verb with this kind of patient goes with."""
    if kind == "animal":
        return words.ANIMALS
    if kind == "thing":
        return [noun for nouns in words.THINGS.values() for noun in nouns]
    return words.THINGS[kind]


def draw_person(random: Random, names: words.Names, plain: bool = False) -> Phrase:
    """Somebody: a name, or "the tall baker", "two farmers", "a nurse who sings"."""
    if random.random() < 0.45:
        return Phrase(pick(random, names.women + names.men))
    person = Phrase(pick(random, words.JOBS), pick(random, ("the", "the", "the", "a", "every", "some", "no")))
    if random.random() < 0.4:
        person = replace(person, adjective=pick(random, words.PERSON_ADJECTIVES))
    if person.determiner in ("the", "some") and random.random() < 0.5:
        person = replace(person, plural=True)
        if random.random() < 0.4:
            person = replace(person, determiner=pick(random, words.NUMBERS))
    elif person.determiner == "some":
        person = replace(person, determiner="the")
    if not plain and random.random() < 0.3:
        person = replace(person, who=draw_modifier(random, names, person.plural))
    return person


def draw_modifier(random: Random, names: words.Names, plural: bool) -> str:
    """A relative clause, or a place with somebody in it."""
    kind = random.random()
    if kind < 0.3:
        return f"who {active(pick(random, words.INTRANSITIVE), plural, random.random() < 0.2)}"
    other, verb = draw_person(random, names, plain=True), pick(random, words.SOCIAL)
    if kind < 0.6:
        return f"who {active(verb, plural)} {other.text()}"
    if kind < 0.8:
        return f"who {other.text()} {active(verb, other.plural)}"
    return f"{pick(random, ('near', 'behind', 'beside'))} {other.text()}"


def draw_thing(random: Random, kind: str) -> Phrase:
    """Something of a kind: "the red cup", "three cups"."""
    thing = Phrase(pick(random, things(kind)), pick(random, ("the", "the", "a", "every", "some")))
    if random.random() < 0.4 and kind != "animal":
        thing = replace(thing, adjective=pick(random, words.THING_ADJECTIVES))
    if thing.determiner == "some" or (thing.determiner == "the" and random.random() < 0.4):
        many = pick(random, words.NUMBERS) if random.random() < 0.4 else thing.determiner
        thing = replace(thing, plural=True, determiner=many)
    return thing


def draw_event(random: Random, names: words.Names) -> Event:
    """Anything that can happen."""
    agent, kind = draw_person(random, names), random.random()
    if kind < 0.3:
        event = Event(agent, pick(random, words.INTRANSITIVE))
    elif kind < 0.6:
        event = Event(agent, pick(random, words.SOCIAL), draw_person(random, names))
    else:
        verb = pick(random, words.SELECTIVE if kind < 0.85 else words.HANDLING)
        event = Event(agent, verb, draw_thing(random, verb.patient))
    return replace(
        event,
        negated=agent.determiner != "no" and random.random() < 0.15,
        place=pick(random, words.PLACES) if random.random() < 0.4 else "",
        adverb=pick(random, words.ADVERBS) if random.random() < 0.2 else "",
    )
