"""Tasks with held-out wordings: what is held out, that all else is as it was, and that no other task has changed."""

import hashlib
import json
import re

import pytest
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from small import refused

from recall_learn.tasks import loading, registry
from recall_learn.tasks import world as world_files
from recall_learn.tasks.stored import VARIABLE
from recall_learn.world import World, tasks

WORLD = World()
HELD = {  # what only held-out sentences have; and what no held-out sentence is without
    "cola-wordings": r" who ",
    "rte-wordings": r" who (?!lives)",
    "sst2-wordings": r"\b(but|although)\b",
}
DIGESTS = {  # of runs that are recorded
    "cola": "a9f43f3536d2832a",
    "rte": "3a405aca93257ce5",
    "stsb": "2c43e4706e740a2e",
    "sst2": "1ffbea915529334b",
    "mrpc": "c7471e5885a40867",
}


@pytest.fixture(scope="module", params=tasks.VARIANTS)
def made(request):
    return request.param, tasks.make(request.param, 2000, WORLD)


def texts(columns):
    return list(zip(*(columns[name] for name in columns if name.startswith("sentence")), strict=True))


@pytest.mark.parametrize("task", tasks.TASKS)
def test_the_tasks_of_recorded_runs_are_to_the_bit_what_they_were(task):
    digest = hashlib.sha256(json.dumps(tasks.make(task)).encode()).hexdigest()
    assert digest.startswith(DIGESTS[task])


def test_splits_labels_and_words(made):
    name, data = made
    assert {split: len(columns["idx"]) for split, columns in data.items()} == {
        "train": 2000,
        "validation": 400,
        "elsewhere": 400,
    }
    everything = [text for columns in data.values() for text in texts(columns)]
    assert len(set(everything)) == len(everything)
    words = set(re.findall(r"[a-z]+", " ".join(" ".join(text) for text in everything).lower()))
    assert words <= set(WORLD.vocabulary)
    for columns in data.values():
        mean = sum(columns["label"]) / len(columns["label"])
        assert mean == pytest.approx(2.5 if name.startswith("stsb") else 0.5, abs=0.2)
    assert data == tasks.make(name, 2000, WORLD)


@pytest.mark.parametrize("name", HELD)
def test_what_is_held_out_is_elsewhere_alone(name):
    data = tasks.make(name, 2000, WORLD)
    marked = {
        split: [bool(re.search(HELD[name], " ".join(text).lower())) for text in texts(columns)]
        for split, columns in data.items()
    }
    assert not any(marked["train"] + marked["validation"])
    share = sum(marked["elsewhere"]) / len(marked["elsewhere"])
    # of cola two thirds are clauses; what is out of order in a place has no word of its own
    assert share == (pytest.approx(2 / 3, abs=0.05) if name == "cola-wordings" else 1.0)


@pytest.mark.parametrize("name", ["stsb-wordings", "mrpc-wordings"])
def test_trained_pairs_hold_no_passive_with_an_adjective_and_none_of_these_synonyms(name):
    data = tasks.make(name, 2000, WORLD)
    passive = re.compile(r"(is|are) \w+(ed|en) by the (tall|short|young|old|aged|rich|poor|strong|weak|brave|clever)")
    both = re.compile(r"notices")

    def share(split, pattern):
        found = [bool(pattern.search(" ".join(text))) for text in texts(data[split])]
        return sum(found) / len(found)

    assert share("train", passive) == share("validation", passive) == 0
    assert share("elsewhere", passive) > 0.1
    assert share("elsewhere", both) > 2 * share("train", both)


@pytest.mark.parametrize("name", ["cola-wordings", "rte-wordings", "mrpc-wordings"])
def test_counting_words_gets_nowhere_elsewhere(name):
    data = tasks.make(name, 2000, WORLD)
    counter = CountVectorizer(token_pattern=r"\w+")
    train, elsewhere = ([" ".join(text) for text in texts(data[split])] for split in ("train", "elsewhere"))
    fitted = LogisticRegression(max_iter=1000).fit(counter.fit_transform(train), data["train"]["label"])
    right = fitted.score(counter.transform(elsewhere), data["elsewhere"]["label"])
    assert abs(right - 0.5) < 0.1


@pytest.mark.parametrize("name", tasks.VARIANTS)
def test_a_registered_task_has_a_second_evaluation_split(name, monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    spec, plain = registry.named(f"world/{name}"), registry.named(f"world/{name.removesuffix('-wordings')}")
    assert spec.splits == ("train", "validation", "elsewhere")
    assert (spec.columns, spec.labels, spec.metrics, spec.primary) == (
        plain.columns,
        plain.labels,
        plain.metrics,
        plain.primary,
    )
    data = loading.load(f"world/{name}", limit_train=100)
    assert loading.scored(data) == {"validation": "", "elsewhere": "_mm"}
    assert [len(rows) for rows in data.values()] == [100, 500, 500]


def test_it_can_be_written_and_read(tmp_path):
    world_files.save(tmp_path, "rte-wordings", 50, World(3))
    assert world_files.seed_of("world/rte-wordings", tmp_path) == 3
    data = loading.load("world/rte-wordings", tmp_path)
    assert {split: len(rows) for split, rows in data.items()} == {"train": 50, "validation": 10, "elsewhere": 10}
    assert list(data["elsewhere"]["sentence1"]) == tasks.make("rte-wordings", 50, World(3))["elsewhere"]["sentence1"]


def test_a_run_scores_both(tmp_path, monkeypatch):
    from recall_learn import Recipe, finetune

    monkeypatch.delenv(VARIABLE, raising=False)
    run = finetune(Recipe("tiny", "world/cola-wordings", steps=1, batch_size=4, probe="none"), progress=False)
    assert set(run.final["metrics"]) == {
        f"{name}{ending}" for name in ("matthews_correlation", "accuracy") for ending in ("", "_mm")
    }


def test_an_unknown_variant_is_refused():
    refused(lambda: tasks.make("cola-words", 50, WORLD), ValueError, "'cola-words'", "cola-wordings")
    refused(lambda: tasks.make("rte-wordings", 5, WORLD), ValueError, "size is 5", "world/rte-wordings")
