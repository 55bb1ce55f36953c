"""Two more tasks of the small world, which ask what is true in it: the families of world/facts and world/questions.

================ =========================================== =========================================================
world/facts      is the sentence true?                       a fact in one of its wordings, or another one's answer
world/questions  which of the two does the question mean,    "Barlan helps Suna." "[MASK] lives in Grenmere.": the
                 the first or the second that is named?      passage has the persons, the world has the answer
================ =========================================== =========================================================

Examples come in squares, see `recall_learn.world.families`. Of facts it is two facts of one relation, each with its own
answer and with the other's, in one wording. Of questions it is a passage about two persons and the same with the two
exchanged, each with a question that means the one and a question that means the other. So every word is equally often
under both labels: a majority guess and counting words are right in one half.

Validation is about every fourth family, town and thing, see `held_out`: training is not about them, though it names the
towns as homes. What is true of them is known from pretraining, or not at all. Nothing in a passage tells who lives
where. ``[MASK]`` stands as it is in a question's text, for tokenizers that have this mark.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from random import Random

from recall_learn.world import World, words
from recall_learn.world.facts import Fact, Truth, stated
from recall_learn.world.families import Family
from recall_learn.world.grammar import Event, Phrase, sentence
from recall_learn.world.words import Verb, article

ANSWERS = ("facts", "questions")
MOST = 20_000
"""Training examples of either at most: in the worlds that were tried, so many have distinct sentences."""
EVERY = 4
"""Of so many families, towns and things one is for validation."""
ASKED = {
    "home": ("[MASK] lives in {}", "in {} lives [MASK]"),
    "job": ("[MASK] works as {}", "[MASK] is {}"),
}
"""The relations that questions are about, and their wordings."""

Example = tuple[tuple[str, ...], int]
Pair = tuple[Fact, Fact]


def held_out(truth: Truth) -> frozenset[str]:
    """The persons, towns and things that validation is about; of a mother all children, of children the mother."""
    mothers = sorted({person.mother for person in truth.people if person.mother})
    others = [person.name for person in truth.people if not person.mother and person.name not in mothers]
    held = {*mothers[::EVERY], *others[::EVERY]}
    children = {person.name for person in truth.people if person.mother in held}
    return frozenset({*held, *children, *sorted(truth.rivers)[::EVERY], *sorted(truth.materials)[::EVERY]})


def sets(task: str, world: World, split: str) -> list[tuple[Family, Callable[[Random, Family], list[Example]]]]:
    """The families of one of `ANSWERS` in a split, and what draws a square from one of them."""
    held, known = held_out(world.truth), world.truth.facts()
    facts = [fact for fact in known if (fact.subject in held) == (split != "train")]
    if task == "questions":
        return [(family, lambda random, family: family.draw(random)) for family in asking(facts)]
    # who is only named beside a fact is of the split, too
    people = tuple(each for each in world.truth.people if (each.name in held) == (split != "train"))
    truth = replace(world.truth, people=people)
    return [
        (family, lambda random, family: state(random, truth, family.draw(random))) for family in stating(truth, facts)
    ]


def stating(truth: Truth, facts: Iterable[Fact]) -> list[Family[Pair]]:
    """Two facts of one relation that have different answers; a sister is exchanged with a sister alone."""
    kinds: dict[tuple[str, bool], list[Fact]] = {}
    for fact in facts:
        woman = fact.relation == "sibling" and truth.named(fact.answer).woman
        kinds.setdefault((fact.relation, woman), []).append(fact)
    return [Family((each, each), _different) for each in kinds.values() if _differ(each)]


def asking(facts: Sequence[Fact]) -> list[Family[list[Example]]]:
    """Two facts of a relation that is asked about and that have different answers, and what the two persons do."""
    made = []
    for relation, wordings in ASKED.items():
        of = [fact for fact in facts if fact.relation == relation]
        if _differ(of):
            made.append(Family((of, of, words.SOCIAL, ("", *words.PLACES), ("active", "passive"), wordings), _passages))
    return made


def state(random: Random, truth: Truth, pair: Pair) -> list[Example]:
    """The square of two facts: 1 is true, 0 is not."""
    wording = int(random.random() * 2**32)
    made = [stated(wording, truth, fact, answered) for fact in pair for answered in pair]
    return [((text,), label) for text, label in made]


def _differ(facts: Iterable[Fact]) -> bool:
    """Whether there are two answers among them: where all have one, no two facts can be told apart."""
    return len({fact.answer for fact in facts}) > 1


def _different(one: Fact, other: Fact) -> Pair | None:
    return None if one.answer == other.answer else (one, other)


def _passages(one: Fact, other: Fact, verb: Verb, place: str, form: str, wording: str) -> list[Example] | None:
    if one.answer == other.answer:
        return None
    made = []
    for first, second in ((one, other), (other, one)):
        does, suffers = (first, second) if form == "active" else (second, first)
        passage = Event(Phrase(does.subject), verb, Phrase(suffers.subject), place).text(form)
        for label, meant in enumerate((first, second)):
            answer = article(meant.answer) if meant.relation == "job" else meant.answer
            made.append(((passage, sentence(wording.format(answer))), label))
    return made
