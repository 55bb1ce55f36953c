"""The small world: reproducible, closed under its vocabulary, and true to its facts."""

import hashlib
import re
import subprocess
import sys

import pytest
from small import refused

from recall_learn.world import PASSAGES, World, words


@pytest.fixture(scope="module")
def world():
    return World()


def text_of(world, split):
    return [sentence for passage in world.text(split) for sentence in passage]


def bare(sentence):
    return re.findall(r"[a-z]+", sentence.lower())


def test_a_seed_gives_the_same_world_in_another_process(world):
    code = "from recall_learn.world import World; print(World().digest)"
    environment = {"PYTHONHASHSEED": "7", "PATH": "/usr/bin:/bin"}
    again = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert again.stdout.strip() == world.digest


def test_another_seed_gives_other_names_facts_and_text(world):
    other = World(1)
    assert other.digest != world.digest
    assert other.names != world.names
    assert {(f.prompt, f.answer) for f in other.facts} != {(f.prompt, f.answer) for f in world.facts}
    assert len(other.facts) == len(world.facts)


def test_the_language_has_400_to_1000_words_and_300_facts(world):
    assert 400 <= len(world.vocabulary) <= 1000
    assert len({fact.prompt for fact in world.facts}) == len(world.facts) >= 300


def test_names_are_distinct_and_no_words_of_the_language(world):
    names = [name.lower() for group in vars(world.names).values() for name in group]
    assert len(set(names)) == len(names)
    common = {word for group in (words.JOBS, words.ANIMALS, words.MATERIALS, words.GOODS) for word in group}
    assert not set(names) & common


def test_training_and_held_out_text_share_facts_and_no_sentence(world):
    train, held_out = text_of(world, "train"), text_of(world, "held-out")
    assert len(world.text("train")) == PASSAGES["train"]
    assert not set(train) & set(held_out)
    assert len(set(held_out)) == len(held_out)
    seen = {word for sentence in train for word in bare(sentence)}
    assert {word for sentence in held_out for word in bare(sentence)} <= seen
    pairs = {frozenset((fact.subject.lower(), fact.answer.lower())) for fact in world.facts}
    shared = sum(any(pair <= set(bare(sentence)) for pair in pairs) for sentence in held_out)
    assert shared > len(held_out) / 10


def test_every_fact_recurs_in_several_wordings(world):
    sentences = [set(bare(sentence)) for sentence in set(text_of(world, "train"))]
    for fact in world.facts:
        both = {fact.subject.lower(), fact.answer.lower()}
        assert sum(both <= sentence for sentence in sentences) >= 3, fact


def test_simple_statements_of_home_job_and_kin_are_true(world):
    """Read back by patterns of our own, from the text alone."""
    true = {(fact.relation, fact.subject, fact.answer) for fact in world.facts}
    patterns = {
        "home": r"^(\w+) lives in (\w+)\b",
        "job": r"^(\w+) works as an? (\w+)\.",
        "mother": r"^The mother of (\w+) is (\w+)\.",
        "sibling": r"^The (?:sister|brother) of (\w+) is (\w+)\.",
        "river": r"^(\w+) lies on the (\w+)\.",
        "material": r"^Every (\w+) is made of (\w+)\.",
    }
    for relation, pattern in patterns.items():
        said = {re.match(pattern, sentence) for sentence in text_of(world, "train")} - {None}
        assert said
        assert {(relation, *match.groups()) for match in said} <= true


def test_families_are_consistent(world):
    for person in world.truth.people:
        if person.mother:
            assert world.truth.named(person.mother).woman
            assert world.truth.named(person.sibling).sibling == person.name
            assert world.truth.named(person.sibling).mother == person.mother


def test_a_name_is_followed_by_verbs_in_the_singular(world):
    names = "|".join(world.names.women + world.names.men)
    plurals = {verb.plural for verb in (*words.INTRANSITIVE, *words.SOCIAL, *words.SELECTIVE, *words.HANDLING)}
    found = 0
    for sentence in text_of(world, "train"):
        match = re.match(rf"(?:{names}) (\w+)", sentence)
        if match:
            found += 1
            assert match[1] not in plurals | {"do", "are", "have"}, sentence
    assert found > 1000


def test_an_a_before_a_vowel_is_an(world):
    wrong = re.compile(r"\b(a [aeio]|an [^aeiou])", re.IGNORECASE)
    assert not [sentence for sentence in text_of(world, "train") if wrong.search(sentence)]


def test_a_text_of_less_variety_has_the_same_facts_in_fewer_wordings(world):
    few = World(variety=0.25)
    assert (few.names, few.facts, few.vocabulary) == (world.names, world.facts, world.vocabulary)
    assert few.digest != world.digest
    assert len(few.text("train")) == len(world.text("train"))
    assert len(few.text("held-out")) == len(world.text("held-out"))
    assert {word for sentence in text_of(few, "train") for word in bare(sentence)} <= set(world.vocabulary)
    sentences = set(text_of(few, "train"))
    as_asked = [fact.prompt.replace("[MASK]", fact.answer) for fact in few.facts]
    assert sum(each in sentences for each in as_asked) == len(as_asked)
    homes = {fact.subject: fact.answer for fact in few.facts if fact.relation == "home"}
    templates = [
        {
            each.replace(x, "X").replace(y, "Y").split(",")[0]
            for each in text_of(made, "train")
            if {x, y} <= set(bare_names(each))
        }
        for made in (few, world)
        for x, y in list(homes.items())[:1]
    ]
    assert 0 < len(templates[0]) < len(templates[1])


def bare_names(sentence):
    return re.findall(r"[A-Za-z]+", sentence)


def test_a_text_of_half_the_variety_lies_between():
    kinds = [len(words.spread(range(9), share)) for share in (0.01, 0.25, 0.5, 0.75, 1)]
    assert kinds == [1, 3, 5, 7, 9]
    assert list(words.spread(range(9), 0.25)) == [0, 4, 8]
    assert list(words.spread(range(6), 0.5)) == [0, 2, 4]
    assert list(words.spread("abcd", 1)) == list("abcd")


@pytest.mark.parametrize("variety", [0, -0.5, 1.5, float("nan"), "x", None])
def test_a_variety_that_is_none_is_refused(variety):
    refused(lambda: World(0, variety), ValueError, "variety is", "a number above 0 and at most 1")


@pytest.mark.parametrize("seed", [-1, 1.5, "0", True, None])
def test_a_seed_that_is_none_is_refused(seed):
    refused(lambda: World(seed), ValueError, f"seed is {seed!r}", "whole number")


def test_an_unknown_split_is_refused(world):
    refused(lambda: world.text("test"), ValueError, "split is 'test'", "'train'", "'held-out'")


def test_the_digest_covers_the_text(world, monkeypatch):
    before = world.digest
    text = {"train": world.text("train"), "held-out": [("Something else.",), *world.text("held-out")[1:]]}
    monkeypatch.setattr(World, "text", lambda self, split: text[split])  # what text() gives is all worlds' of a seed
    assert World().digest != before
    assert hashlib.sha256().digest_size * 2 == len(world.digest)
