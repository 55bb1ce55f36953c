"""The small world's tasks in GLUE's shape: made here, or read from a folder that says which world they are about."""

import json
import math

import numpy as np
import pyarrow.parquet as pq
import pytest
from small import refused, save_glue

from recall_learn.runs.pretrain import make_tokenizer
from recall_learn.tasks import loading, registry, scores, stored
from recall_learn.tasks import world as world_files
from recall_learn.world import World, tasks

# Columns, classes, score; written here a second time on purpose.
TABLE = {
    "cola": (("sentence",), 2, "matthews_correlation"),
    "rte": (("sentence1", "sentence2"), 2, "accuracy"),
    "stsb": (("sentence1", "sentence2"), 1, "pearson"),
    "sst2": (("sentence",), 2, "accuracy"),
    "mrpc": (("sentence1", "sentence2"), 2, "accuracy"),
}


@pytest.fixture(autouse=True)
def no_folder(monkeypatch):
    monkeypatch.delenv(stored.VARIABLE, raising=False)


@pytest.fixture(scope="module")
def tokenizer():
    return make_tokenizer(World())


def columns(split):
    return {name: list(split[name]) for name in split.column_names}


# --- the table ---


def test_these_are_the_small_worlds_tasks():
    assert set(tasks.TASKS) == set(TABLE)


@pytest.mark.parametrize("task", TABLE)
def test_a_task_is_shaped_like_glues(task):
    texts, num_labels, primary = TABLE[task]
    spec = registry.named(f"world/{task}")
    assert (spec.name, spec.columns, spec.num_labels, spec.primary) == (f"world/{task}", texts, num_labels, primary)
    assert (spec.splits, spec.evaluation) == (("train", "validation"), "validation")
    assert spec.metrics == registry.named(task).metrics
    assert registry.named(task).name == task  # GLUE's own is another


@pytest.mark.parametrize("task", ["world/qnli", "world/", "world", "World/cola", "world/world/cola"])
def test_other_names_are_refused_with_those_that_there_are(task):
    refused(lambda: registry.named(task), ValueError, repr(task), "cola", "world/cola", "world/mrpc")


# --- loading ---


@pytest.mark.parametrize("task", TABLE)
def test_loaded_without_a_folder_it_is_made(task):
    data = loading.load(f"world/{task}")
    made = tasks.make(task)
    assert {split: len(data[split]) for split in data} == {"train": 2500, "validation": 500}
    assert {split: columns(data[split]) for split in data} == made


def test_limit_train_keeps_a_part_in_its_order():
    whole, few, more = (loading.load("world/cola", limit_train=n, seed=3) for n in (None, 20, 60))
    place = {text: i for i, text in enumerate(whole["train"]["sentence"])}
    kept, added = ([place[text] for text in data["train"]["sentence"]] for data in (few, more))
    assert (len(kept), len(added)) == (20, 60)
    assert kept == sorted(kept)
    assert set(kept) < set(added)
    assert columns(few["validation"]) == columns(whole["validation"])
    refused(lambda: loading.load("world/cola", limit_train=2501), ValueError, "limit_train", "1 to 2500", "2501")


# --- a folder ---


@pytest.mark.parametrize("task", TABLE)
def test_what_is_saved_is_read_back(tmp_path, task):
    world = World(3)
    assert world_files.save(tmp_path, task, 60, world) == tmp_path / "world" / task
    made, read = tasks.make(task, 60, world), loading.load(f"world/{task}", tmp_path)
    assert {split: columns(read[split]) for split in read} == made
    assert sorted(path.name for path in (tmp_path / "world" / task).iterdir()) == [
        f"{split}-00000-of-00001.parquet" for split in ("train", "validation")
    ]
    for path in (tmp_path / "world" / task).iterdir():
        assert json.loads(pq.read_schema(path).metadata[b"world"]) == {"seed": 3}


def test_saving_again_replaces(tmp_path):
    for size, seed in ((60, 3), (30, 4)):
        world_files.save(tmp_path, "cola", size, World(seed))
    assert columns(loading.load("world/cola", tmp_path)["train"]) == tasks.make("cola", 30, World(4))["train"]
    assert world_files.seed_of("world/cola", tmp_path) == 4


def test_another_worlds_task_speaks_of_others(tmp_path):
    world_files.save(tmp_path, "rte", 60, World(3))
    read = loading.load("world/rte", tmp_path)["train"]
    text = " ".join([*read["sentence1"], *read["sentence2"]])
    assert any(name in text for name in set(World(3).names.women) - set(World(0).names.women))
    assert not any(f"{name} " in text for name in set(World(0).names.women) - set(World(3).names.women))


@pytest.mark.parametrize(
    ("task", "size", "parts"),
    [
        ("qnli", 60, ["'qnli'", "cola", "mrpc"]),
        ("world/cola", 60, ["'world/cola'"]),
        ("cola", 9, ["size is 9", "10 to"]),
        ("cola", 10**9, ["size is 1000000000", "10 to"]),
        ("cola", 60.0, ["size is 60.0"]),
        ("cola", True, ["size is True"]),
    ],
)
def test_what_cannot_be_made_leaves_no_file(tmp_path, task, size, parts):
    refused(lambda: world_files.save(tmp_path, task, size, World()), ValueError, *parts)
    assert not list(tmp_path.rglob("*.parquet"))


@pytest.mark.parametrize("by", ["argument", "variable"])
def test_a_folder_of_other_tasks_falls_back_to_what_is_made(tmp_path, monkeypatch, by):
    save_glue(tmp_path, "cola")
    world_files.save(tmp_path, "rte", 60, World(3))
    folder = tmp_path if by == "argument" else monkeypatch.setenv(stored.VARIABLE, str(tmp_path))
    assert stored.locate(registry.named("world/cola"), folder) is None
    assert columns(loading.load("world/cola", folder)["train"]) == tasks.make("cola")["train"]
    assert len(loading.load("cola", folder)["train"]) == 24  # GLUE's own task is another
    assert len(loading.load("world/rte", folder)["train"]) == 60
    assert [world_files.seed_of(task, folder) for task in ("world/cola", "world/rte", "cola")] == [0, 3, None]


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    for call in (loading.load, world_files.seed_of):
        refused(lambda call=call: call("world/cola", tmp_path / "none"), FileNotFoundError, "--data", "none")


def test_the_seed_of_a_task():
    assert world_files.seed_of("world/stsb") == 0
    assert world_files.seed_of("stsb") is None


def test_files_that_say_nothing_of_a_world_have_no_seed(tmp_path):
    world_files.save(tmp_path, "cola", 60, World(3))
    for path in (tmp_path / "world" / "cola").iterdir():
        pq.write_table(pq.read_table(path).replace_schema_metadata(None), path)
    assert world_files.seed_of("world/cola", tmp_path) is None
    assert len(loading.load("world/cola", tmp_path)["train"]) == 60


@pytest.mark.parametrize(
    ("about", "said"),
    [
        ("[3]", "[3]"),
        ("7", "7"),
        ("null", "None"),
        ("{}", "seed is missing"),
        ('{"seed": "3"}', "seed is '3'"),
        ('{"seed": true}', "seed is True"),
        ('{"seed": -1}', "seed is -1"),
        ('{"seed": 1e400}', "seed is inf"),
        (str({"seed": 10**40}).replace("'", '"'), "seed is an int"),
        ("not JSON", "not JSON"),
        ("[" * 10_000, "nested too deeply"),
        (b"\xff", "UTF-8"),
    ],
)
def test_files_that_say_something_else_of_their_world_are_named(tmp_path, about, said):
    world_files.save(tmp_path, "cola", 60, World(3))
    path = tmp_path / "world" / "cola" / "validation-00000-of-00001.parquet"
    pq.write_table(pq.read_table(path).replace_schema_metadata({"world": about}), path)
    refused(lambda: world_files.seed_of("world/cola", tmp_path), ValueError, str(path), said, "recall-learn world task")


def test_splits_of_two_worlds_are_not_one_task(tmp_path):
    world_files.save(tmp_path, "cola", 60, World(3))
    world_files.save(tmp_path / "other", "cola", 60, World(4))
    name = "world/cola/validation-00000-of-00001.parquet"
    (tmp_path / "other" / name).replace(tmp_path / name)
    refused(lambda: world_files.seed_of("world/cola", tmp_path), ValueError, "mixes worlds", "train", "validation")


@pytest.mark.parametrize("folder", ["", "a\0b"])
def test_a_name_of_no_folder(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    refused(lambda: world_files.save(folder, "cola", 60, World()), ValueError, "out is", "names no folder")
    assert not list(tmp_path.iterdir())


# --- scores and tokens ---


def test_scores_are_those_of_the_task():
    logits, labels = np.array([[0, 1], [0, 1], [1, 0], [1, 0], [1, 0], [0, 1]]), np.array([1, 0, 0, 0, 1, 1])
    positive, negative, false_positive, false_negative = 2, 2, 1, 1
    correlation = (positive * negative - false_positive * false_negative) / math.sqrt(3 * 3 * 3 * 3)
    found = scores.metrics("world/cola", logits, labels)
    assert found == {"matthews_correlation": pytest.approx(correlation), "accuracy": pytest.approx(4 / 6)}
    assert scores.metrics("world/sst2", logits, labels) == {"accuracy": pytest.approx(4 / 6)}
    assert scores.metrics("world/mrpc", logits, labels) == {
        "accuracy": pytest.approx(4 / 6),
        "f1": pytest.approx(4 / 6),
    }
    alike = np.array([0.0, 3.5, 1.0, 5.0])
    found = scores.metrics("world/stsb", alike[:, None] ** 2, alike)
    assert found == {"pearson": pytest.approx(np.corrcoef(alike**2, alike)[0, 1]), "spearman": pytest.approx(1.0)}
    refused(lambda: scores.metrics("world/rte", logits, labels + 1), ValueError, "world/rte", "0 to 1")


@pytest.mark.parametrize("task", TABLE)
def test_tokens_are_the_words_of_the_world(task, tokenizer):
    data = loading.load(f"world/{task}", limit_train=200)["train"]
    rows = loading.tokenize(data, f"world/{task}", tokenizer, 64)
    assert set(rows.column_names) == {"input_ids", "token_type_ids", "attention_mask", "labels"}
    texts, num_labels, _ = TABLE[task]
    assert rows["labels"] == data["label"]
    assert {type(label) for label in rows["labels"]} == {float if num_labels == 1 else int}
    for row, *parts in zip(rows, *(data[name] for name in texts), strict=True):
        said = [part.lower().replace(".", " .").replace(",", " ,").split() for part in parts]
        expected = ["[CLS]", *(word for words in said for word in (*words, "[SEP]"))]
        assert tokenizer.convert_ids_to_tokens(row["input_ids"]) == expected
        assert sum(row["token_type_ids"]) == (len(said[1]) + 1 if len(said) == 2 else 0)
    refused(lambda: loading.tokenize(data, f"world/{task}", tokenizer, 65), ValueError, "64 tokens", "65")
