"""What the grammar of the small world knows of a sentence exactly, as questions to a layer.

=============== ====================================================================================================
length          how many words it has, in five bins
content         which of ten trades it names
depth           how deep its tree is: three sentences of the same words, "the baker who sings sees the nurse" (4),
                "the baker sees the nurse who sings" (5) and "the baker who sees the nurse sings" (5)
shift           whether two neighbours were exchanged; each sentence is there both ways
subject-number  whether the subject is one or several; the object is independently one or several
object-number   whether the object is one or several; the subject is independently one or several
kin             whether it is true of two people: "the mother of Mara is Tana"; both are as often in true sentences as
                in false ones
place           whether it is true of somebody and a town: "Mara lives in Orvale"; likewise
=============== ====================================================================================================

Depth and both numbers are about grammar: the nouns and verbs of the validation examples are in no training example, so
that a probe cannot know them. Kin and place are about facts that pretraining told: the people (for kin, the families)
of the validation examples are in no training example, so that what a probe reads off is not what it has learned by
heart. In depth, shift, kin and place each word is exactly as frequent under one label as under the other; in both
numbers each noun and each verb is, in one form or the other. The world has no tense, so nobody is asked for it.

The tree is S -> NP VP, NP -> (determiner, adjective) N or NP RC, RC -> who VP, VP -> V or V NP, and its depth the most
edges between S and a word's class (N, V).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from random import Random

from recall_learn.measures.questions import Part, Question, chosen, swapped
from recall_learn.support.checks import shown, whole
from recall_learn.world import World, words
from recall_learn.world.facts import Fact, Truth, stated
from recall_learn.world.grammar import Event, Phrase, active, draw_event
from recall_learn.world.text import FORMS
from recall_learn.world.words import pick, shuffled

SIZE = 1000
"""Training examples of a question; half as many are asked."""
BINS = (4, 6, 8, 10)
"""The first number of words of each bin of length but the shortest."""
LARGEST = 10_000
"""The most."""
TRADES = words.JOBS[:10]
"""The words of content."""
SPLITS = ("train", "validation")

Labelled = list[tuple[str, int]]
Draw = Callable[[Random], Labelled | None]
"""Draws a set of examples in which every class is as frequent as every other one; None where it failed."""


def world_questions(
    world: World, names: str | Sequence[str] | None = None, size: int = SIZE, seed: int = 0
) -> list[Question]:
    """The questions, with as many examples as asked for.

    Args:
        world: whose language and facts they are about.
        names: of the questions, as in `recall_learn.measures.questions.chosen`; None is all.
        size: training examples of each, 20 to 10,000; up to whole sets of them, which is up to 9 more. Half as many are
            asked.
        seed: of what is drawn.

    Raises:
        ValueError: a name is unknown, the size out of range, or so large that the grammar only repeats itself.
    """
    size, seed = whole("size", size, 20, LARGEST), whole("seed", seed, 0)
    return [
        _question(world, name, *about, size, seed) for name, about in chosen(names, _ALL, "the small world").items()
    ]


def _question(
    world: World,
    name: str,
    about: str,
    labels: tuple[str, ...],
    make: Callable[[World, str], Draw],
    twins: bool,
    size: int,
    seed: int,
) -> Question:
    random, seen, parts = Random(1_000_003 * (world.seed + 1) + 101 * seed + list(_ALL).index(name)), set(), []
    for split, count in zip(SPLITS, (size, size // 2), strict=True):
        examples: Labelled = []
        groups: list[int] = []
        for number, made in enumerate(_distinct(random, make(world, split), seen, name, size)):
            examples += made
            groups += [number] * len(made) if twins else range(len(groups), len(groups) + len(made))
            if len(examples) >= count:
                break
        texts, classes = zip(*examples, strict=True)
        parts.append(Part(texts, classes, tuple(groups)))
    return Question(name, about, labels, *parts)


def _distinct(random: Random, draw: Draw, seen: set[str], name: str, size: int) -> Iterator[Labelled]:
    """Sets of examples none of which is in ``seen``, to which they are added."""
    misses = 0
    while misses < 5000:
        made = draw(random)
        texts = {text for text, _ in made or ()}
        if texts and len(texts) == len(made) and not texts & seen:
            seen |= texts
            misses = 0
            yield made
        else:
            misses += 1
    raise ValueError(f"size is {shown(size)}; of question {name} the grammar makes fewer examples before it repeats")


def _length(world: World, split: str) -> Draw:
    def draw(random: Random) -> Labelled:
        found: dict[int, str] = {}
        while len(found) <= len(BINS):
            text = draw_event(random, world.names).text(pick(random, FORMS))
            found.setdefault(sum(len(text.split()) >= least for least in BINS), text)
        return [(text, label) for label, text in sorted(found.items())]

    return draw


def _content(world: World, split: str) -> Draw:
    forms = {form: label for label, trade in enumerate(TRADES) for form in (trade, f"{trade}s")}

    def draw(random: Random) -> Labelled:
        found: dict[int, str] = {}
        while len(found) < len(TRADES):
            text = draw_event(random, world.names).text(pick(random, FORMS))
            named = [word for word in text.lower().replace(",", "").rstrip(".").split() if word in forms]
            if len(named) == 1 and named[0] in TRADES:
                found.setdefault(forms[named[0]], text)
        return [(text, label) for label, text in sorted(found.items())]

    return draw


def _depth(world: World, split: str) -> Draw:
    jobs, verbs, social = (_held_out(split, all_of) for all_of in (words.JOBS, words.INTRANSITIVE, words.SOCIAL))

    def draw(random: Random) -> Labelled | None:
        a, b, adjective = pick(random, jobs), pick(random, jobs), pick(random, ("", *words.PERSON_ADJECTIVES))
        verb, sees, many = pick(random, verbs), pick(random, social), random.random() < 0.5
        if a == b:
            return None
        one, other = Phrase(a, "the", adjective, many), Phrase(b, "the", "", many)
        does, sees_other = f"who {active(verb, many)}", f"who {active(sees, many)} {other.text()}"
        shallow = Event(replace(one, who=does), sees, other)
        deep = Event(one, sees, replace(other, who=does)), Event(replace(one, who=sees_other), verb)
        tail = {"place": pick(random, ("", *words.PLACES)), "adverb": pick(random, ("", *words.ADVERBS))}
        return [(replace(event, **tail).text(), label) for label, event in enumerate((shallow, pick(random, deep)))]

    return draw


def _shift(world: World, split: str) -> Draw:
    names = {*world.names.women, *world.names.men}
    verbs = (*words.INTRANSITIVE, *words.SOCIAL, *words.SELECTIVE, *words.HANDLING)
    doing = names | {form for verb in verbs for form in (verb.plural, verb.singular)}

    def draw(random: Random) -> Labelled | None:
        text = draw_event(random, world.names).text(pick(random, FORMS))
        # "who sing dance", "who sees Mara sings": two of these may change places in a good sentence
        other = swapped(text, random, lambda a, b: a in doing and b in doing)
        return None if other is None else [(text, 0), (other, 1)]

    return draw


def _number(of_subject: bool) -> Callable[[World, str], Draw]:
    def make(world: World, split: str) -> Draw:
        jobs, social = _held_out(split, words.JOBS), _held_out(split, words.SOCIAL)

        def draw(random: Random) -> Labelled | None:
            a, b, verb = pick(random, jobs), pick(random, jobs), pick(random, social)
            adjectives = [pick(random, ("", *words.PERSON_ADJECTIVES)) for _ in "ab"]
            place, adverb = pick(random, ("", *words.PLACES)), pick(random, ("", *words.ADVERBS))
            form = pick(random, ("active", "fronted"))
            made: Labelled = []
            for one, other in ((False, False), (False, True), (True, False), (True, True)):
                subject, object_ = Phrase(a, "the", adjectives[0], one), Phrase(b, "the", adjectives[1], other)
                text = Event(subject, verb, object_, place, adverb).text(form)
                made.append((text, int(one if of_subject else other)))
            return made if a != b else None

        return draw

    return make


def _true(*relations: str) -> Callable[[World, str], Draw]:
    """Two facts of one relation, and the two that are false when the answers change places."""

    def make(world: World, split: str) -> Draw:
        truth = _half(world, split)
        pools = [pool for relation in relations for pool in _alike(truth, relation)]

        def draw(random: Random) -> Labelled | None:
            pool = pick(random, pools)
            one, other, wording = pick(random, pool), pick(random, pool), int(random.random() * 2**53)
            if one.answer == other.answer or one.subject in (other.subject, other.answer):
                return None
            mixed = [(one, one), (other, other), (one, other), (other, one)]
            return [stated(wording, truth, *pair) for pair in mixed]

        return draw

    return make


def _alike(truth: Truth, relation: str) -> list[list[Fact]]:
    """The facts of a relation, in groups whose wordings do not tell subjects apart: daughters, sons, everybody."""
    facts = [fact for fact in truth.facts() if fact.relation == relation]
    if relation == "home":
        return [facts]
    return [[fact for fact in facts if truth.named(fact.subject).woman == woman] for woman in (True, False)]


def _half(world: World, split: str) -> Truth:
    """The truth about one half of the families; somebody who is in it is in no sentence about the other one."""
    truth = world.truth
    mothers = shuffled(Random(world.seed), sorted({person.mother for person in truth.people} - {""}))
    theirs = {*_held_out(split, mothers)}
    parents = [person for person in truth.people if not person.mother and person.name not in mothers]
    inside = {person.name for person in truth.people if person.mother in theirs} | theirs
    inside |= {person.name for person in _held_out(split, parents)}
    return replace(truth, people=tuple(person for person in truth.people if person.name in inside))


def _held_out(split: str, values: Sequence) -> Sequence:
    """The values of one split: every second one."""
    return values[SPLITS.index(split) :: 2]


_BINS = ("under 4 words", "4 or 5", "6 or 7", "8 or 9", "10 or more")
_NUMBER = ("one", "several")
_TRUE = ("false", "true")
_ALL = {
    "length": ("how many words", _BINS, _length, False),
    "content": ("which trade is named", tuple(TRADES), _content, False),
    "depth": ("how deep the tree is", ("4", "5"), _depth, True),
    "shift": ("whether two neighbours were exchanged", ("no", "yes"), _shift, True),
    "subject-number": ("whether the subject is one or several", _NUMBER, _number(True), True),
    "object-number": ("whether the object is one or several", _NUMBER, _number(False), True),
    "kin": ("whether it is true of two relatives", _TRUE, _true("mother", "sibling"), True),
    "place": ("whether it is true of somebody's home", _TRUE, _true("home"), True),
}
NAMES = tuple(_ALL)
"""Their names, in the order in which they are asked."""
