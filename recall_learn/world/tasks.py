"""Tasks in the small world, in the columns, labels and scores of their GLUE namesakes.

========== ==================================================== =====================================================
world/cola  is the sentence well formed?                         agreement, word order, what a verb can be done to
world/rte   does the second sentence follow from the first?      roles, modifiers, clauses, negation, numbers, facts
world/stsb  how alike are two sentences, 0 to 5?                 of who, what, to whom, where and how, the number shared
world/sst2  is it praise?                                        words of praise and blame, negation, "but", "although"
world/mrpc  do both sentences mean the same?                     passives, moved adjectives, synonyms, converses
========== ==================================================== =====================================================

Labels are balanced, and no example is in two splits. Examples come in sets whose words are equally frequent under both
labels (all of cola, rte and mrpc, two thirds of sst2), so counting words, or reading the second sentence alone, gets
nowhere. A larger size with the same seed begins with the same sets.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from random import Random
from typing import Any

from recall_learn.world import World, words
from recall_learn.world.families import Family, Square, following, same
from recall_learn.world.grammar import Event, Phrase, things
from recall_learn.world.sentences import praising, well_formed
from recall_learn.world.words import shuffled

TASKS = ("cola", "rte", "stsb", "sst2", "mrpc")
SIZE = 2500
"""Training examples by default; the validation split has a fifth as many."""
UNRELATED, ONE_WORD = 0.5, 0.25
"""Shares of the squares of rte and mrpc whose halves are unrelated, and differ in one word; in the others they have the
same words."""
COLUMNS = {"cola": ("sentence",), "sst2": ("sentence",)}
PAIR = ("sentence1", "sentence2")

Example = tuple[tuple[str, ...], float]


def make(task: str, size: int = SIZE, world: World | None = None) -> dict[str, dict[str, list[Any]]]:
    """The examples of a task.

    Args:
        task: one of `TASKS`.
        size: training examples; the validation split has ``size // 5``.
        world: whose language and facts it is; None is the packaged model's.

    Returns:
        ``split -> column -> values`` for "train" and "validation": the text columns, ``label`` and ``idx``.

    Raises:
        ValueError: the task is unknown, or the size is not a whole number from 10 to what the grammar can make
            without a repetition.
    """
    if task not in TASKS:
        raise ValueError(f"task {task!r} is unknown in the small world; its tasks are {', '.join(TASKS)}")
    world = world or World()
    families, unfold = _families(task, world)
    most = sum(family.size() for family in families) // 2  # a half: the other half is what a draw may hit again
    if isinstance(size, bool) or not isinstance(size, int) or not 10 <= size <= most:
        raise ValueError(f"size is {size!r}; world/{task} can be made with 10 to {most} training examples")
    random = Random(world.seed + 10 + TASKS.index(task))
    source, result = _distinct(random, families, unfold), {}
    for split, count in (("train", size), ("validation", size // 5)):
        examples: list[Example] = []
        while len(examples) < count:
            examples += next(source)
        result[split] = _columns(task, shuffled(Random(world.seed), examples[:count]))
    return result


def _distinct(random: Random, families, unfold) -> Iterator[list[Example]]:
    """Sets of examples, none of which was in a former set."""
    seen: set[tuple[str, ...]] = set()
    misses = 0
    while misses < 10_000:
        for family in families:
            made = unfold(random, _graded(random, family))
            texts = {text for text, _ in made}
            if len(texts) == len(made) and not texts & seen:
                seen |= texts
                misses = 0
                yield made
            else:
                misses += 1
    raise ValueError(f"size is too large: after {len(seen)} examples the grammar only repeats itself")


def _graded(random: Random, family: Family) -> Any:
    """A member of the family; for squares in one of the three grades of difficulty."""
    grade = random.random()
    if not family.telling or grade >= UNRELATED + ONE_WORD:
        return family.draw(random)
    return family.substituted(random, all_of_them=grade < UNRELATED)


def _families(task: str, world: World) -> tuple[tuple[Family, ...], Callable[[Random, Any], list[Example]]]:
    if task == "cola":
        return well_formed(world.names), _single
    if task == "sst2":
        return praising(world.names), _single
    if task == "rte":
        return following(world.truth.people), lambda random, square: _square(square, 0)
    if task == "mrpc":
        return same(world.truth.people), _paraphrases
    return (_alike(world),), lambda random, pair: [pair]


def _single(random: Random, labelled: list[tuple[str, int]]) -> list[Example]:
    return [((text,), label) for text, label in labelled]


def _square(square: Square, together: int) -> list[Example]:
    a1, b1, a2, b2 = square
    apart = 1 - together
    return [((a1, b1), together), ((a2, b2), together), ((a1, b2), apart), ((a2, b1), apart)]


def _paraphrases(random: Random, square: Square) -> list[Example]:
    a1, b1, a2, b2 = square
    return _square(square if random.random() < 0.5 else (b1, a1, b2, a2), 1)


def _alike(world: World) -> Family:
    """Pairs of events that share none to five of agent, verb, patient, place and adverb."""
    who = [Phrase(name) for name in world.names.women + world.names.men]
    who += [Phrase(job, "the", adjective) for job in words.JOBS for adjective in ("", *words.PERSON_ADJECTIVES)]
    verbs = [verb for verb in (*words.SELECTIVE, *words.HANDLING) if verb.patient != "animal"]
    forms = ("active", "passive", "fronted")
    one = (who, verbs, range(12), ("", *words.THING_ADJECTIVES), words.PLACES, words.ADVERBS, forms)
    return Family((*one, *one, range(6), range(120)), _compare)


def _compare(*values: Any) -> Example | None:
    first, second = _event(*values[:6]), _event(*values[7:13])
    shared, order = values[14:]
    random = Random(order)
    parts = shuffled(random, ("agent", "verb", "patient", "place", "adverb"))
    for part in parts[:shared]:
        second = replace(second, **{part: getattr(first, part)})
    for part in parts[shared:]:
        if getattr(first, part) == getattr(second, part):
            return None
    if "verb" in parts[:shared]:
        second = replace(second, verb=_synonym(second.verb, order))
    same_kind = {first.verb.patient, second.verb.patient}
    if len(same_kind) > 1 and not _fits(second):
        return None  # what is shared has to go with what is not
    return (first.text(values[6]), second.text(values[13])), float(shared)


def _event(agent: Phrase, verb, number: int, adjective: str, place: str, adverb: str) -> Event:
    nouns = things(verb.patient)
    return Event(agent, verb, Phrase(nouns[number % len(nouns)], "the", adjective), place, adverb)


def _fits(event: Event) -> bool:
    return event.patient.head in things(event.verb.patient)


def _synonym(verb, order: int):
    """The verb, or the other one that means the same."""
    other = {**words.SYNONYMS, **{b: a for a, b in words.SYNONYMS.items()}}.get(verb.plural)
    if other is None or order % 2:
        return verb
    return next(v for v in (*words.SOCIAL, *words.HANDLING) if v.plural == other)


def _columns(task: str, examples: list[Example]) -> dict[str, list[Any]]:
    names = COLUMNS.get(task, PAIR)
    made: dict[str, list[Any]] = {name: [texts[i] for texts, _ in examples] for i, name in enumerate(names)}
    made["label"] = [label for _, label in examples]
    made["idx"] = list(range(len(examples)))
    return made
