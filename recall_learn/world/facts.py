"""What is true in the small world, and the many ways to say it.

Everybody lives somewhere and has a job; children have a mother and a brother or sister; every town lies on a river and
is famous for something; every thing that is not eaten is made of something. A `Fact` can be asked as a cloze: "Mara
lives in [MASK]."
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random

from recall_learn.world import words
from recall_learn.world.grammar import Event, Phrase, active, sentence
from recall_learn.world.words import Names, article, pick, shuffled, spread


@dataclass(frozen=True)
class Person:
    """Somebody, with whom and what belongs to her or him; parents have no ``mother`` and no ``sibling``."""

    name: str
    job: str
    home: str
    woman: bool
    mother: str = ""
    sibling: str = ""


@dataclass(frozen=True)
class Fact:
    """One thing that is true.

    Attributes:
        relation: home, job, mother, sibling, river, famous or material.
        subject: whom or what it is about.
        answer: the one word that makes `prompt` true.
        prompt: a sentence in which ``[MASK]`` stands for the answer.
    """

    relation: str
    subject: str
    answer: str
    prompt: str


@dataclass(frozen=True)
class Truth:
    """All that is true in one world."""

    people: tuple[Person, ...]
    rivers: dict[str, str]
    famous: dict[str, str]
    materials: dict[str, str]

    def facts(self) -> list[Fact]:
        """Every fact once."""
        made = []
        for person in self.people:
            made.append(Fact("home", person.name, person.home, f"{person.name} lives in [MASK]."))
            made.append(Fact("job", person.name, person.job, f"{person.name} works as {_a(person.job)} [MASK]."))
            if person.mother:
                made.append(Fact("mother", person.name, person.mother, f"The mother of {person.name} is [MASK]."))
                kin = _kin(self.named(person.sibling))
                made.append(Fact("sibling", person.name, person.sibling, f"The {kin} of {person.name} is [MASK]."))
        for town, river in self.rivers.items():
            made.append(Fact("river", town, river, f"{town} lies on the [MASK]."))
            made.append(Fact("famous", town, self.famous[town], f"{town} is famous for its [MASK]."))
        for thing, material in self.materials.items():
            made.append(Fact("material", thing, material, f"Every {thing} is made of [MASK]."))
        return made

    def named(self, name: str) -> Person:
        """The person of that name."""
        return self._by_name[name]

    def __post_init__(self):
        object.__setattr__(self, "_by_name", {person.name: person for person in self.people})


def draw_truth(random: Random, names: Names) -> Truth:
    """Decide what is true: families of mother, father, daughter and son, a job and a home for each of them.

    Nothing says who the father is. There are as many women as men, and an even number of each.
    """
    women, men = shuffled(random, names.women), shuffled(random, names.men)
    people = []
    for _ in range(len(names.women) // 2):
        # one daughter and one son, so that "the sister of" and "the brother of" have one answer each
        mother, father = women.pop(), men.pop()
        children = [women.pop(), men.pop()]
        for name in (mother, father):
            people.append(_person(random, names, name, name == mother))
        for child, other in zip(children, reversed(children), strict=True):
            people.append(_person(random, names, child, child == children[0], mother, other))
    of_something = [noun for kind in words.THINGS if kind != "food" for noun in words.THINGS[kind]]
    return Truth(
        people=tuple(sorted(people, key=lambda person: person.name)),
        rivers={town: pick(random, names.rivers) for town in names.towns},
        famous={town: pick(random, words.GOODS) for town in names.towns},
        materials={thing: pick(random, words.MATERIALS) for thing in of_something},
    )


def _person(random: Random, names: Names, name: str, woman: bool, mother: str = "", sibling: str = "") -> Person:
    return Person(name, pick(random, words.JOBS), pick(random, names.towns), woman, mother, sibling)


def say_fact(random: Random, truth: Truth, fact: Fact, variety: float = 1.0) -> str:
    """A fact in one of a share of its wordings, half of which say something else beside it."""
    return sentence(pick(random, spread(_wordings(random, truth, fact), variety)))


def stated(wording: int, truth: Truth, fact: Fact, answered: Fact) -> tuple[str, int]:
    """A fact with the answer of another one, or with its own, and whether that is true: 1 or 0.

    The same ``wording`` is the same draws: facts of one relation are said alike, with the same words around them.
    """
    return say_fact(Random(wording), truth, replace(fact, answer=answered.answer)), int(answered is fact)


def _wordings(random: Random, truth: Truth, fact: Fact) -> Sequence[str]:
    x, y, verb = fact.subject, fact.answer, pick(random, words.INTRANSITIVE)
    does = f"{active(verb, False)} {pick(random, words.PLACES) if random.random() < 0.5 else ''}".strip()
    other, adjective = pick(random, truth.people).name, pick(random, words.PERSON_ADJECTIVES)
    social = active(pick(random, words.SOCIAL), False)
    if fact.relation == "home":
        return (
            *(f"{x} lives in {y}", f"the home of {x} is {y}", f"{y} is the home of {x}", f"{x} of {y} {does}"),
            *(f"{x}, who lives in {y}, {does}", f"{other} {social} {x} of {y}", f"in {y} lives {x}"),
            *(f"{x} lives in {y} and {does}", f"the {adjective} {truth.named(x).job} {x} lives in {y}"),
        )
    if fact.relation == "job":
        return (
            *(f"{x} works as {article(y)}", f"{x} is {article(y)}", f"the {y} {x} {does}", f"{x} the {y} {does}"),
            *(f"{x}, who works as {article(y)}, {does}", f"the {adjective} {y} {x} {social} {other}"),
            *(f"{other} {social} the {y} {x}", f"{x}, {article(y)} from {truth.named(x).home}, {does}"),
        )
    if fact.relation == "mother":
        child = "daughter" if truth.named(x).woman else "son"
        return (
            *(f"the mother of {x} is {y}", f"{y} is the mother of {x}", f"{x} is the {child} of {y}"),
            *(
                f"{y}, the mother of {x}, {does}",
                f"{x}, the {child} of {y}, {does}",
                f"{y} has {_a(child)} {child}, {x}",
            ),
        )
    if fact.relation == "sibling":
        kin, reverse = _kin(truth.named(y)), _kin(truth.named(x))
        return (
            *(f"the {kin} of {x} is {y}", f"{y} is the {kin} of {x}", f"{x} has a {kin}, {y}"),
            *(f"{y}, the {kin} of {x}, {does}", f"{x} is the {reverse} of {y}", f"{x}, the {reverse} of {y}, {does}"),
        )
    if fact.relation == "river":
        return (
            *(f"{x} lies on the {y}", f"the {y} flows through {x}", f"{x}, which lies on the {y}, is famous"),
            *(f"in {x}, a bridge is on the {y}", f"{other} walks to {x} on the {y}"),
        )
    if fact.relation == "famous":
        return (
            *(f"{x} is famous for its {y}", f"the {y} of {x} are famous", f"{other} buys {y} in {x}"),
            *(f"people in {x} sell {y}", f"in {x}, people sell {y}"),
        )
    colour = pick(random, words.THING_ADJECTIVES)
    return (
        *(f"every {x} is made of {y}", f"{x}s are made of {y}", f"the {colour} {x} is made of {y}"),
        *(f"{other} has {article(x)} of {y}", f"{other} holds {article(colour)} {x} of {y}"),
        *(
            f"{y} is used for {x}s",
            Event(Phrase(other), words.HANDLING[0], Phrase(x, "the", who=f"of {y}")).text()[:-1],
        ),
    )


def _kin(person: Person) -> str:
    return "sister" if person.woman else "brother"


def _a(word: str) -> str:
    return article(word).split(" ", 1)[0]
