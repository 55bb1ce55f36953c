"""The text of the small world: what its model is pretrained on.

One passage is a sentence, or two of which the second follows from the first or means the same. Facts come back in many
wordings; the rest is made of anything that can happen.

A text of less variety has a share of the wordings: of each relation's, of the forms of an event and of the families of
pairs. All facts are in it, in the wording in which they are asked among others, and as many passages of each kind.
"""

from collections.abc import Callable
from random import Random

from recall_learn.world import words
from recall_learn.world.facts import Truth, say_fact
from recall_learn.world.families import Family, following, same
from recall_learn.world.grammar import draw_event, draw_thing, sentence
from recall_learn.world.words import Names, pick, shuffled, spread

Passage = tuple[str, ...]
FORMS = ("active", "active", "passive", "fronted", "cleft")
FACTS, EVENTS, PAIRS, OPINIONS = 0.4, 0.1, 0.38, 0.12
"""Shares of the passages."""
SKEW = 3
"""A tenth of the facts takes ``0.1 ** (1 / SKEW)`` of the fact passages; the least frequent is 1 / SKEW of uniform."""


def writer(names: Names, truth: Truth, variety: float = 1.0) -> Callable[[Random], Passage]:
    """A function that draws one passage, in a share of the wordings."""
    facts = shuffled(Random(0), truth.facts())
    families = spread((*following(truth.people), *same(truth.people)), variety)
    forms = spread(FORMS, variety)

    def write(random: Random) -> Passage:
        kind = random.random()
        if kind < FACTS:
            # some facts are on everybody's lips: a skew without which attention to the subject is learned very late
            return (say_fact(random, truth, facts[int(len(facts) * random.random() ** SKEW)], variety),)
        if kind < FACTS + EVENTS:
            return (draw_event(random, names).text(pick(random, forms)),)
        if kind < FACTS + EVENTS + PAIRS:
            return _pair(random, families)
        return opinion(random, pick(random, names.women + names.men))

    return write


def _pair(random: Random, families: tuple[Family, ...]) -> Passage:
    square = pick(random, families).draw(random)
    return square[:2] if random.random() < 0.5 else square[2:]


def opinion(random: Random, name: str) -> Passage:
    """What somebody likes or dislikes; or what she or he says of a thing, and how that feels."""
    liked = random.random() < 0.5
    if random.random() < 0.5:
        noun = draw_thing(random, pick(random, list(words.THINGS))).head
        word = pick(random, words.GOOD if liked else words.BAD)
        return (sentence(f"{name} {pick(random, words.LIKES if liked else words.DISLIKES)} the {word} {noun}"),)
    claim = judgement(random, liked)
    feels = pick(random, ("glad", "happy") if liked else ("sad", "angry"))
    said = pick(random, (f"{name} says that {claim}", f"for {name}, {claim}"))
    return sentence(said), sentence(f"{name} is {feels}")


def judgement(random: Random, liked: bool) -> str:
    """A clause that praises, or blames, something; in two of three the praising words alone do not tell which."""
    first, second = draw_thing(random, "food"), draw_thing(random, pick(random, list(words.THINGS)))
    kind = random.random()
    if kind < 0.34:
        return judged(random, first, liked)
    if kind < 0.67 or first.head == second.head:
        return judged(random, first, not liked, negated=True)
    this, that = judged(random, first, liked), judged(random, second, not liked)
    return pick(random, (f"{that}, but {this}", f"although {that}, {this}", f"{this}, although {that}"))


def judged(random: Random, thing, praise: bool, negated: bool = False) -> str:
    """One of "the cake is lovely" and "the cakes are not lovely"."""
    word = pick(random, words.GOOD if praise else words.BAD)
    return f"{thing.text()} {'are' if thing.plural else 'is'} {'not ' if negated else ''}{word}"
