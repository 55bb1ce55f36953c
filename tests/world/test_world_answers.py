"""Tasks that ask what is true in the small world: balance, truth, new subjects, and no way to guess from words."""

import re
from collections import Counter, defaultdict

import pytest
from small import refused

from recall_learn.tasks import shortcuts
from recall_learn.world import World, answers, tasks, words
from recall_learn.world.facts import Fact

WORLD = World()
ONE = {fact.relation for fact in WORLD.facts}
PEOPLE = {person.name: person for person in WORLD.truth.people}


def examples(data, split):
    columns = [name for name in data[split] if name not in ("label", "idx")]
    return list(zip(*(data[split][name] for name in columns), data[split]["label"], strict=True))


def said(*texts):
    return re.findall(r"\[MASK\]|\w+", " ".join(texts))


@pytest.fixture(scope="module", params=answers.ANSWERS)
def made(request):
    return request.param, tasks.make(request.param, 2500, WORLD)


@pytest.fixture(scope="module")
def stated():
    return tasks.make("facts", 2500, WORLD)


@pytest.fixture(scope="module")
def asked():
    return tasks.make("questions", 2500, WORLD)


# --- both ---


def test_there_are_two_and_none_of_the_five_is_one():
    assert answers.ANSWERS == ("facts", "questions")
    assert not set(answers.ANSWERS) & set(tasks.TASKS)


@pytest.mark.parametrize("answer", ["Orvale", "baker"])
def test_where_all_have_one_answer_nothing_is_drawn(answer):
    relation = "home" if answer == "Orvale" else "job"
    alike = [Fact(relation, name, answer, "") for name in list(PEOPLE)[:5]]
    other = Fact(relation, list(PEOPLE)[5], "another", "")
    for made in (lambda facts: answers.stating(WORLD.truth, facts), answers.asking):
        assert made(alike) == []
        assert len(made([*alike, other])) == 1


def test_both_splits_have_their_size_and_as_many_of_each_label(made):
    _, data = made
    assert {split: Counter(columns["label"]) for split, columns in data.items()} == {
        "train": {0: 1250, 1: 1250},
        "validation": {0: 250, 1: 250},
    }
    assert data["train"]["idx"] == list(range(2500))


def test_no_example_is_there_twice(made):
    _, data = made
    every = [row[:-1] for split in data for row in examples(data, split)]
    assert len(set(every)) == len(every) == 3000


def test_each_word_is_equally_often_under_both_labels(made):
    _, data = made
    for split in data:
        counts = [Counter(), Counter()]
        for *texts, label in examples(data, split):
            for place, text in enumerate(texts):
                counts[label].update((place, word) for word in said(text.lower()))
        assert counts[0] == counts[1]
        assert len(counts[0]) > 90


@pytest.mark.parametrize(("task", "guess"), [("facts", "words"), *(("questions", each) for each in shortcuts.GUESSES)])
def test_a_guesser_is_right_in_one_half(task, guess):
    assert abs(shortcuts.score(task, guess, 1000) - 0.5) < 0.06


def test_each_word_is_one_that_the_model_knows(made):
    _, data = made
    known = {*WORLD.vocabulary, "[mask]"}
    assert {word.lower() for split in data for row in examples(data, split) for word in said(*row[:-1])} <= known


def test_worlds_differ_and_one_world_repeats(made):
    name, _ = made
    assert tasks.make(name, 100, World(3)) == tasks.make(name, 100, World(3)) != tasks.make(name, 100, WORLD)


def test_a_larger_size_holds_the_smaller_one_s_training_examples(made):
    name, data = made
    small = examples(tasks.make(name, 400, WORLD), "train")
    assert set(small) < set(examples(data, "train"))


@pytest.mark.parametrize("seed", [0, 5])
def test_the_largest_size_can_be_made(made, seed):
    data = tasks.make(made[0], answers.MOST, World(seed))
    assert {split: len(columns["label"]) for split, columns in data.items()} == {
        "train": answers.MOST,
        "validation": answers.MOST // 5,
    }


@pytest.mark.parametrize("size", [9, 0, -5, 2.5, True, answers.MOST + 1])
def test_a_size_that_cannot_be_made_is_refused(made, size):
    right = f"world/{made[0]} can be made with 10 to {answers.MOST} training examples"
    refused(lambda: tasks.make(made[0], size, WORLD), ValueError, f"size is {size!r}", right)


@pytest.mark.parametrize("task", ["fact", "facts-wordings", "world/facts", "question"])
def test_a_task_that_is_none_is_refused_with_those_that_there_are(task):
    refused(lambda: tasks.make(task, 100, WORLD), ValueError, repr(task), "facts, questions")


# --- whom validation is about ---


def test_a_fourth_is_held_out_and_families_stay_together():
    held = answers.held_out(WORLD.truth)
    for all_of in (PEOPLE, WORLD.truth.rivers, WORLD.truth.materials):
        assert len(held & set(all_of)) == len(all_of) // 4
    for person in PEOPLE.values():
        for other in filter(None, (person.mother, person.sibling)):
            assert (person.name in held) == (other in held), person.name
    assert {bool(PEOPLE[name].mother) for name in held & set(PEOPLE)} == {True, False}


def test_nobody_is_named_in_both_splits(made):
    _, data = made
    held = answers.held_out(WORLD.truth)
    for split in data:
        named = {word for row in examples(data, split) for word in said(*row[:-1])} & set(PEOPLE)
        assert named
        assert named <= held if split == "validation" else not named & held


def test_training_tells_nothing_true_of_a_town_or_thing_that_is_held_out(stated):
    held = answers.held_out(WORLD.truth)
    about = {split: Counter(subject(text)[0] for text, _ in examples(stated, split)) for split in stated}
    assert set(about["validation"]) <= held
    assert not set(about["train"]) & held
    assert len(about["validation"]) > 25


# --- facts ---


def subject(text):
    """Whom or what a sentence of world/facts is about, by which relation, and the answer that it gives."""
    text = text.replace(".", "").replace(",", "")
    towns, rivers = "|".join(WORLD.names.towns), "|".join(WORLD.names.rivers)
    things, stuff = "|".join(WORLD.truth.materials), "|".join(words.MATERIALS)
    jobs, names = "|".join(words.JOBS), "|".join(PEOPLE)
    kin = re.search(r"\b(mother|sister|brother|daughter|son)\b", text, re.I)
    people = re.findall(rf"\b(?:{names})\b", text)
    if kin:
        of = re.search(rf"\b{kin[1]} of ({names})\b", text, re.I)
        has = re.match(rf"({names}) has a {kin[1]} ({names})", text)
        owner = has[1] if has else of[1]
        other = has[2] if has else next(name for name in people if name != owner)
        if kin[1] in ("daughter", "son"):
            return other, "mother", owner
        return (owner, "mother" if kin[1].lower() == "mother" else "sibling", other)
    thing = re.search(rf"\b({things})s?\b", text, re.I)
    of = re.search(rf"\b({stuff})\b", text, re.I)
    if thing and of:
        return thing[1].lower(), "material", of[1].lower()
    town = re.search(rf"\b({towns})\b", text)
    river = re.search(rf"\b(?:the|The) ({rivers})\b", text)
    if town and river:
        return town[1], "river", river[1]
    goods = re.search(rf"\b({'|'.join(words.GOODS)})\b", text, re.I)
    if town and goods:
        return town[1], "famous", goods[1].lower()
    job = re.search(rf"\b({jobs})\b", text)
    if job and not re.search(r"\blives\b", text):
        near = re.search(rf"\b(?:{jobs}) ({names})\b", text)
        return near[1] if near else people[0], "job", job[1]
    near = re.search(rf"\b({names}) of {town[1]}\b", text)
    return near[1] if near else people[0], "home", town[1]


def test_what_is_called_true_is_true_and_nothing_else_is(stated):
    truth = {(fact.subject, fact.relation): fact.answer for fact in WORLD.facts}
    checked = defaultdict(Counter)
    for split in stated:
        for text, label in examples(stated, split):
            of, relation, answer = subject(text)
            assert label == int(truth[of, relation] == answer), text
            checked[relation][label] += 1
    assert set(checked) == ONE
    assert all(counts[0] == counts[1] > 100 for counts in checked.values())


def test_a_sibling_that_is_wrong_is_not_given_away_by_being_a_man_or_a_woman(stated):
    wrong = 0
    for text, label in examples(stated, "train"):
        of, relation, answer = subject(text)
        if relation == "sibling" and not label:
            assert PEOPLE[answer].woman == PEOPLE[PEOPLE[of].sibling].woman
            wrong += 1
    assert wrong > 50


# --- questions ---


def test_a_question_means_the_one_of_whom_it_is_true(asked):
    checked = Counter()
    for split in asked:
        for passage, question, label in examples(asked, split):
            first, second = (word for word in said(passage) if word in PEOPLE)
            answer = next(word for word in said(question) if word in WORLD.names.towns or word in words.JOBS)
            what = "home" if answer in WORLD.names.towns else "job"
            fits = [getattr(PEOPLE[name], what) == answer for name in (first, second)]
            assert fits == [label == 0, label == 1], (passage, question)
            checked[what, " by " in passage, question.startswith("[MASK]"), label] += 1
    assert len(checked) == 2 * 2 * 2 * 2 - 2 * 2  # "in Grenmere lives [MASK]" is asked of homes alone
    assert min(checked.values()) > 100


def test_each_question_is_asked_of_a_passage_and_of_that_with_its_persons_exchanged(asked):
    at = defaultdict(dict)
    for passage, question, label in examples(asked, "train"):
        names = [word for word in said(passage) if word in PEOPLE]
        form = passage.replace(names[0], "A").replace(names[1], "B")
        at[form, question, frozenset(names)][tuple(names)] = label
    assert all(sorted(each.values()) == [0, 1] for each in at.values())


def test_the_mask_of_a_question_is_the_one_that_the_model_was_pretrained_with(asked):
    from recall_learn.models import backbones

    tokenizer = backbones.load("tiny", num_labels=2).tokenizer
    ids = tokenizer(asked["train"]["passage"], asked["train"]["question"])["input_ids"]
    assert {each.count(tokenizer.mask_token_id) for each in ids} == {1}
    assert not any(tokenizer.unk_token_id in each for each in ids)
