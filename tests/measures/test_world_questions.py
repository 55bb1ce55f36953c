"""The small world's questions: labels by a recogniser and a look-up of the test's own, no leak, every class alike."""

import re
from collections import Counter

import pytest
from small import refused
from transformers import AutoTokenizer

from recall_learn.measures import world_questions as world_questions_module
from recall_learn.measures.world_questions import NAMES, world_questions
from recall_learn.models.places import TINY
from recall_learn.world import World, words

SIZE = 200
TWINS = ("depth", "shift", "subject-number", "object-number", "kin", "place")


@pytest.fixture(scope="module")
def world():
    return World(3)


@pytest.fixture(scope="module")
def asked(world):
    return {question.name: question for question in world_questions(world, size=SIZE)}


def plain(text):
    """A sentence's words in small letters, without marks."""
    return re.sub(r"[.,]", "", text).lower().split()


def labelled(question):
    for part in (question.train, question.validation):
        yield from zip(part.texts, part.labels, strict=True)


def either(values):
    return "(?:" + "|".join(sorted({value.lower() for value in values}, key=len, reverse=True)) + ")"


def recogniser(world):
    """The sentences that an event can be put into, without a look at who agrees with what."""
    things = [*words.ANIMALS, *(noun for kind in words.THINGS.values() for noun in kind)]
    nouns = [form for noun in (*words.JOBS, *things) for form in (noun, f"{noun}s")]
    verbs = (*words.INTRANSITIVE, *words.SOCIAL, *words.SELECTIVE, *words.HANDLING)
    verb = f"(?:(?:does|do) not )?{either([form for v in verbs for form in (v.plural, v.singular)])}"
    determiner = either(["the", "a", "an", "every", "no", "some", *words.NUMBERS])
    adjective = either([*words.PERSON_ADJECTIVES, *words.THING_ADJECTIVES])
    person = f"(?:{either([*world.names.women, *world.names.men])}|{determiner} (?:{adjective} )?{either(nouns)})"
    modifier = f"(?: who {verb}(?: {person})?| who {person} {verb}| (?:near|behind|beside) {person})?"
    phrase = person + modifier
    participle = either([v.participle for v in verbs if v.participle])
    core = (
        f"(?:{phrase} {verb}(?: {phrase})?|{phrase} (?:is|are) (?:not )?{participle} by {phrase}|"
        f"it is {phrase} who {verb}(?: {phrase})?)"
    )
    adverb, place = f"(?: {either(words.ADVERBS)})?", either(words.PLACES)
    return re.compile(f"{core}{adverb}(?: {place})?|{place}, {core}{adverb}")


def accepted(grammar, text):
    return text.endswith(".") and text[0].isupper() and grammar.fullmatch(text[:-1].lower()) is not None


@pytest.mark.parametrize("name", NAMES)
def test_every_class_is_as_frequent_and_no_sentence_is_twice(asked, name):
    question = asked[name]
    assert question.types is None
    for part, least in ((question.train, SIZE), (question.validation, SIZE // 2)):
        assert least <= len(part) < least + 10
        assert len(set(Counter(part.labels).values())) == 1
        assert set(part.labels) == set(range(len(question.labels)))
        assert len(part.texts) == len(part.labels) == len(part.groups)
    every = [*question.train.texts, *question.validation.texts]
    assert len(set(every)) == len(every)


@pytest.mark.parametrize("name", TWINS)
def test_no_word_tells_the_label(asked, name):
    """Each word is as frequent under both labels, but for how the verb agrees with its subject."""
    counts = ({}, {})
    for text, label in labelled(asked[name]):
        for word in plain(text):
            counts[label][word] = counts[label].get(word, 0) + 1
    different = {word for word in {*counts[0], *counts[1]} if counts[0].get(word) != counts[1].get(word)}
    if name.endswith("number"):
        of = 0 if name.startswith("subject") else None
        verbs = {form for verb in words.SOCIAL for form in (verb.singular, verb.plural)} if of == 0 else set()
        nouns = {form for noun in words.JOBS for form in (noun, f"{noun}s")}
        assert different <= verbs | nouns
    else:
        assert different == set()
    for part in (asked[name].train, asked[name].validation):
        in_groups = {}
        for label, group in zip(part.labels, part.groups, strict=True):
            in_groups.setdefault(group, []).append(label)
        assert all(sorted(its) == sorted([0, 1] * (len(its) // 2)) for its in in_groups.values())


@pytest.mark.parametrize("name", ["depth", "subject-number", "object-number"])
def test_nouns_and_verbs_of_grammar_questions_are_held_out(asked, name):
    open_class = {*words.JOBS, *(f"{job}s" for job in words.JOBS)}
    for verb in (*words.SOCIAL, *words.INTRANSITIVE):
        open_class |= {verb.singular, verb.plural}
    train, validation = (
        {word for text in part.texts for word in plain(text)} & open_class
        for part in (asked[name].train, asked[name].validation)
    )
    assert train
    assert validation
    assert not train & validation


@pytest.mark.parametrize("name", ["kin", "place"])
def test_people_of_fact_questions_are_held_out(world, asked, name):
    people = {person.name.lower() for person in world.truth.people}
    train, validation = (
        {word for text in part.texts for word in plain(text)} & people
        for part in (asked[name].train, asked[name].validation)
    )
    assert min(len(train), len(validation)) >= 20
    assert not train & validation


def test_length_is_how_many_words(asked):
    question = asked["length"]
    for text, label in labelled(question):
        count = len(plain(text))
        assert label == (0 if count < 4 else 1 if count < 6 else 2 if count < 8 else 3 if count < 10 else 4), text


def test_content_is_the_one_trade_that_is_named(asked):
    question = asked["content"]
    for text, label in labelled(question):
        named = [word for word in plain(text) if word.removesuffix("s") in question.labels]
        assert named == [question.labels[label]]


def test_depth_is_that_of_the_tree(asked):
    """Where the relative clause hangs, and whether it holds a phrase."""
    noun, verb = (
        f"the (?:{either(words.PERSON_ADJECTIVES)} )?{either([*words.JOBS, *(f'{j}s' for j in words.JOBS)])}",
        {},
    )
    for kind, verbs in (("alone", words.INTRANSITIVE), ("of", words.SOCIAL)):
        verb[kind] = either([form for v in verbs for form in (v.singular, v.plural)])
    trees = {
        f"{noun} who {verb['alone']} {verb['of']} {noun}": 4,  # S NP RC VP V
        f"{noun} {verb['of']} {noun} who {verb['alone']}": 5,  # S VP NP RC VP V
        f"{noun} who {verb['of']} {noun} {verb['alone']}": 5,  # S NP RC VP NP N
    }
    seen = Counter()
    for text, label in labelled(asked["depth"]):
        (tree,) = [tree for tree in trees if re.match(f"{tree}(?: |$)", text[:-1].lower())]
        seen[tree] += 1
        assert asked["depth"].labels[label] == str(trees[tree]), text
    assert min(seen.values()) > 30


def test_what_was_exchanged_is_no_sentence_and_the_other_is(world, asked):
    grammar = recogniser(world)
    for text, label in labelled(asked["shift"]):
        assert accepted(grammar, text) == (label == 0), text
    part = asked["shift"].train
    for one, other in zip(part.texts[::2], part.texts[1::2], strict=True):
        a, b = plain(one), plain(other)
        apart = [i for i in range(len(a)) if a[i] != b[i]]
        assert len(apart) == 2
        assert apart[1] == apart[0] + 1
        assert (a[apart[0]], a[apart[1]]) == (b[apart[1]], b[apart[0]])


@pytest.mark.parametrize("name", ["subject-number", "object-number"])
def test_number_is_read_off_the_nouns(asked, name):
    for text, label in labelled(asked[name]):
        nouns = [word for word in plain(text) if word.removesuffix("s") in words.JOBS]
        assert len(nouns) == 2
        assert label == nouns[0 if name == "subject-number" else 1].endswith("s")


def test_kin_is_true_of_the_two_who_are_named(world, asked):
    truth = {person.name.lower(): person for person in world.truth.people}
    for text, label in labelled(asked["kin"]):
        a, b = (truth[word] for word in plain(text) if word in truth)
        true = {(a.name, b.name), (b.name, a.name)} & {
            (x.name, y) for x in truth.values() for y in (x.mother, x.sibling) if y
        }
        assert label == bool(true), text


def test_place_is_true_of_who_is_named_alone(world, asked):
    truth, towns = {person.name.lower(): person for person in world.truth.people}, {*map(str.lower, world.names.towns)}
    looked_at = 0
    for text, label in labelled(asked["place"]):
        people = [truth[word] for word in plain(text) if word in truth]
        (town,) = [word for word in plain(text) if word in towns]
        if len(people) == 1:
            looked_at += 1
            assert label == (people[0].home.lower() == town), text
    assert looked_at > SIZE


def test_the_packaged_model_knows_every_word():
    tokenizer = AutoTokenizer.from_pretrained(TINY)
    for question in world_questions(World(), size=60):
        for text, _ in labelled(question):
            ids = tokenizer(text)["input_ids"]
            assert tokenizer.unk_token_id not in ids
            assert len(ids) < tokenizer.model_max_length


def test_a_seed_decides_and_a_choice_changes_nothing(world, asked):
    (again,) = world_questions(world, "kin", SIZE)
    assert again == asked["kin"]
    (other,) = world_questions(world, ["kin"], SIZE, seed=1)
    assert other != again


def test_bad_inputs_are_refused(world):
    refused(
        lambda: world_questions(world, "tense"),
        ValueError,
        "questions name 'tense'",
        "the small world",
        "length, content",
    )
    refused(lambda: world_questions(world, "kin,kin"), ValueError, "each once")
    refused(lambda: world_questions(world, []), ValueError, "questions are []", "one or more")
    refused(lambda: world_questions(world, size=5), ValueError, "size is 5", "at least 20")
    refused(lambda: world_questions(world, seed=-1), ValueError, "seed is -1")
    refused(lambda: world_questions(world, size=10**6), ValueError, "size is 1000000", "at most 10000")


def test_a_grammar_that_only_repeats_itself_is_told_and_does_not_hang(world, monkeypatch):
    about, labels, _, twins = world_questions_module._ALL["kin"]
    same = (about, labels, lambda world, split: lambda random: [("Mara sings.", 0), ("Tana sings.", 1)], twins)
    monkeypatch.setitem(world_questions_module._ALL, "kin", same)
    refused(lambda: world_questions(world, "kin", 20), ValueError, "size is 20", "question kin", "repeats")
