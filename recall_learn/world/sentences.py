"""Sentences that are well or badly formed, and sentences that praise or blame: the families of world/cola and sst2.

A family's member is a list of ``(sentence, label)`` in which both labels are equally frequent. Wherever it can be done,
each word is as frequent under one label as under the other, so that a weighted count of words decides nothing.
"""

from collections.abc import Sequence

from recall_learn.world import words
from recall_learn.world.families import Family
from recall_learn.world.grammar import Event, Phrase, active, sentence, things
from recall_learn.world.words import Names, Verb

Labelled = list[tuple[str, int]]
NEAR = ("near", "behind", "beside")


def well_formed(names: Names) -> tuple[Family, ...]:
    """Agreement, order and selection: label 1 for a good sentence, 0 for a bad one."""
    jobs, verbs, social = words.JOBS, words.INTRANSITIVE, words.SOCIAL
    adjectives, adverbs, places = ("", *words.PERSON_ADJECTIVES), ("", *words.ADVERBS), ("", *words.PLACES)
    who = [Phrase(name) for name in names.women + names.men] + [Phrase(job) for job in jobs]
    selective = words.SELECTIVE
    eaten = [(verb, noun) for verb in selective for noun in things(verb.patient)]
    return (
        Family((jobs, jobs, NEAR, verbs, adjectives, adverbs), _attracted),
        Family((jobs, jobs, social, verbs, (True, False), places), _relative),
        Family((jobs, verbs, adjectives, places), _do),
        Family((who, eaten, eaten, places), _selected),
        Family((jobs, eaten, adjectives, adverbs, (True, False)), _animate),
        Family((jobs, words.PERSON_ADJECTIVES, verbs, places, range(3)), _ordered),
        Family((who, verbs, words.PLACES, adverbs, range(3)), _ordered_place),
    )


def praising(names: Names, good: Sequence[str], bad: Sequence[str]) -> tuple[Family, ...]:
    """Judgements in these words: label 1 for praise, 0 for blame.

    In two of the three families the words are the same under both.
    """
    nouns = [noun for kind in words.THINGS for noun in words.THINGS[kind]]
    people = names.women + names.men
    starts = ("{}", "{} says that ", "for {}, ")
    return (
        Family((people, starts, nouns, good, bad, (True, False)), _negated),
        Family((nouns, nouns, good, bad, (True, False), range(3)), _outweighed),
        Family((people, starts[1:], nouns, good, bad, (True, False)), _plain),
    )


def _attracted(head: str, other: str, near: str, verb: Verb, adjective: str, adverb: str) -> Labelled | None:
    if head == other:
        return None
    made = []
    for plural in (False, True):
        place = f"{near} {Phrase(other, plural=not plural).text()}"
        subject = Phrase(head, "the", adjective, plural, place).text()
        for agrees in (False, True):
            made.append((sentence(f"{subject} {active(verb, agrees)} {adverb}".rstrip()), int(agrees == plural)))
    return made


def _relative(head: str, other: str, social: Verb, verb: Verb, of_subject: bool, place: str) -> Labelled | None:
    if head == other:
        return None
    made = []
    for plural in (False, True):
        second = Phrase(other, plural=not plural)
        if of_subject:
            clause = f"who {active(social, plural)} {second.text()}"
        else:
            clause = f"who {second.text()} {active(social, not plural)}"
        subject = Phrase(head, plural=plural, who=clause).text()
        for agrees in (False, True):
            made.append((sentence(f"{subject} {active(verb, agrees)} {place}".rstrip()), int(agrees == plural)))
    return made


def _do(head: str, verb: Verb, adjective: str, place: str) -> Labelled:
    made = []
    for plural in (False, True):
        subject = Phrase(head, "the", adjective, plural).text()
        for agrees in (False, True):
            made.append((sentence(f"{subject} {active(verb, agrees, True)} {place}".rstrip()), int(agrees == plural)))
    return made


def _selected(who: Phrase, first: tuple[Verb, str], second: tuple[Verb, str], place: str) -> Labelled | None:
    if first[0].patient == second[0].patient:
        return None
    return [
        (Event(who, verb, Phrase(noun), place).text(), int(verb.patient == kind))
        for verb in (first[0], second[0])
        for noun, kind in ((first[1], first[0].patient), (second[1], second[0].patient))
    ]


def _animate(who: str, what: tuple[Verb, str], adjective: str, adverb: str, said_passive: bool) -> Labelled:
    (verb, noun), person = what, Phrase(who, adjective=adjective)
    made = []
    for agent, patient, label in ((person, Phrase(noun), 1), (Phrase(noun), person, 0)):
        made.append((Event(agent, verb, patient, adverb=adverb).text("passive" if said_passive else "active"), label))
    return made


def _ordered(head: str, adjective: str, verb: Verb, place: str, kind: int) -> Labelled:
    doing = f"{active(verb, False)} {place}".rstrip()
    bad = (f"the {head} {adjective} {doing}", f"{adjective} the {head} {doing}", f"the {doing} {adjective} {head}")
    return [(sentence(f"the {adjective} {head} {doing}"), 1), (sentence(bad[kind]), 0)]


def _ordered_place(who: Phrase, verb: Verb, place: str, adverb: str, kind: int) -> Labelled:
    near, the, noun = place.split()
    wrong = (f"{the} {near} {noun}", f"{noun} {near} {the}", f"{near} {noun} {the}")[kind]
    good = f"{who.text()} {active(verb, False)} {adverb}".rstrip()
    return [(sentence(f"{good} {text}"), int(text == place)) for text in (place, wrong)]


def _negated(person: str, start: str, noun: str, good: str, bad: str, plural: bool) -> Labelled:
    who = person if start != "{}" else ""
    return [
        (_said(who, start, _is(noun, word, plural, negated)), int((word == good) != negated))
        for word in (good, bad)
        for negated in (False, True)
    ]


def _outweighed(noun: str, other: str, good: str, bad: str, plural: bool, form: int) -> Labelled | None:
    if noun == other:
        return None
    made = []
    for main, aside, label in ((good, bad, 1), (bad, good, 0)):
        this, that = _is(noun, main, plural), _is(other, aside, not plural)
        forms = (f"{that}, but {this}", f"although {that}, {this}", f"{this}, although {that}")
        made.append((sentence(forms[form]), label))
    return made


def _plain(person: str, start: str, noun: str, good: str, bad: str, plural: bool) -> Labelled:
    return [(_said(person, start, _is(noun, word, plural)), int(word == good)) for word in (good, bad)]


def _is(noun: str, word: str, plural: bool, negated: bool = False) -> str:
    return f"{Phrase(noun, plural=plural).text()} {'are' if plural else 'is'} {'not ' if negated else ''}{word}"


def _said(person: str, start: str, claim: str) -> str:
    return sentence(start.format(person) + claim)
