"""Minimal pairs of the small world: two sentences of the same build, of which its grammar allows one.

They are the families of world/cola, and plain agreement beside them. The pretraining text keeps to the rules in each
of its sentences: so a model that has learned the text knows them without a task. Both sentences of a pair have the same
length, and they have the same words, but for one form of a verb, or one noun, that is as often in the good sentences of
its paradigm as in the bad ones.

========== ============================================================ =============================================
field      a pair                                                       what decides
========== ============================================================ =============================================
agreement  The tall baker sings. / The tall baker sing.                 the verb is of the number of its subject
selection  Mara eats the cake. / Mara eats the book.                    a verb goes with one kind of thing
order      The tall baker sings. / The baker tall sings.                the places of words
roles      The baker eats the cake. / The cake eats the baker.          persons act, things do not
========== ============================================================ =============================================
"""

from dataclasses import dataclass
from random import Random

from recall_learn.support.checks import whole
from recall_learn.world import World, words
from recall_learn.world.families import Family
from recall_learn.world.grammar import Phrase, active, sentence
from recall_learn.world.sentences import Labelled, well_formed
from recall_learn.world.words import Names, Verb

PARADIGMS = (
    ("plain", "agreement"),
    ("attraction", "agreement"),
    ("relative_clause", "agreement"),
    ("negation", "agreement"),
    ("object_of_verb", "selection"),
    ("who_acts", "roles"),
    ("adjective", "order"),
    ("place", "order"),
)
"""Paradigm and field of each family: the plain one, and those of `recall_learn.world.sentences.well_formed`."""


@dataclass(frozen=True)
class Pair:
    """Two sentences that differ in one point of grammar.

    Attributes:
        good: the one that is right.
        bad: the one that is wrong.
        paradigm: the finest division: pairs that were made alike.
        field: the coarsest: syntax, morphology; agreement, order.
        phenomenon: between the two.
    """

    good: str
    bad: str
    paradigm: str
    field: str
    phenomenon: str


def minimal_pairs(world: World, count: int = 60, seed: int = 0) -> list[Pair]:
    """So many different pairs of each paradigm, none of whose good sentences is in the pretraining text.

    Args:
        world: whose language it is.
        count: pairs of each paradigm.
        seed: of the draw, apart from the world's.

    Raises:
        ValueError: ``count`` or ``seed`` is no whole number of at least 1 and 0.
    """
    count, random = whole("count", count, 1, 1000), Random(whole("seed", seed, 0, 2**32 - 1) + 1000)
    told = {sentence for passage in world.text("train") for sentence in passage}
    made: list[Pair] = []
    for (paradigm, field), family in zip(PARADIGMS, _families(world.names), strict=True):
        found: dict[tuple[str, str], Pair] = {}
        while len(found) < count:
            member = family.draw(random)
            good, bad = ([text for text, label in member if label == kind] for kind in (1, 0))
            for pair in zip(good, bad, strict=True):
                if pair[0] not in told:
                    found.setdefault(pair, Pair(*pair, paradigm, field, field))
        made += list(found.values())[:count]
    return made


def _families(names: Names) -> tuple[Family, ...]:
    plain = Family((words.JOBS, ("", *words.PERSON_ADJECTIVES), words.INTRANSITIVE, ("", *words.PLACES)), _plain)
    return (plain, *well_formed(names))


def _plain(head: str, adjective: str, verb: Verb, place: str) -> Labelled:
    made = []
    for plural in (False, True):
        subject = Phrase(head, "the", adjective, plural).text()
        for agrees in (False, True):
            made.append((sentence(f"{subject} {active(verb, agrees)} {place}".rstrip()), int(agrees == plural)))
    return made
