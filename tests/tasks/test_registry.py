"""The tasks that have a name: what they are, where they lie, and that naming one is light."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from small import refused

from recall_learn.tasks import loading, registry, scores, stored

SHARED = Path(__file__).parents[3] / "shared"
NLI = ("entailment", "neutral", "contradiction")

# Read from the sets' own descriptions: columns, the names of the classes, the column of the labels, the score.
TABLE = {
    "nli/mnli": (("premise", "hypothesis"), NLI, "label", "accuracy"),
    "nli/snli": (("premise", "hypothesis"), NLI, "label", "accuracy"),
    "nli/scitail": (("premise", "hypothesis"), ("entailment", "not_entailment"), "label", "accuracy"),
    "sick": (("sentence1", "sentence2"), NLI, "label", "accuracy"),
    "sick-r": (("sentence1", "sentence2"), (), "relatedness_score", "pearson"),
    "sentences/mr": (("sentence",), ("negative", "positive"), "label", "accuracy"),
    "sentences/subj": (("sentence",), ("subjective", "objective"), "label", "accuracy"),
    "sentences/mpqa": (("sentence",), ("negative", "positive"), "label", "accuracy"),
    "sentences/trec": (
        ("sentence",),
        ("abbreviation", "entity", "description", "human", "location", "number"),
        "label",
        "accuracy",
    ),
}


def save(folder, task, rows=6):
    """A task of the table in the folder of data sets, as its set has it."""
    columns, labels, *_ = TABLE[task]
    place = folder / ("sick/data" if task.startswith("sick") else task)
    place.mkdir(parents=True, exist_ok=True)
    made = {column: [f"{column} {i}" for i in range(rows)] for column in columns}
    made["label"] = [i % (len(labels) or 3) for i in range(rows)]
    made["relatedness_score"] = [1 + 4 * i / (rows - 1) for i in range(rows)]
    for split in ("validation",) if task == "nli/scitail" else ("train", "validation"):
        pq.write_table(pa.table(made), place / f"{split}-00000-of-00001.parquet")
    return made


@pytest.mark.parametrize("task", TABLE)
def test_a_named_set_is_read_from_the_folder_of_data_sets(task, tmp_path):
    columns, labels, label, primary = TABLE[task]
    spec, made = registry.named(task), save(tmp_path, task)
    assert (spec.columns, spec.labels, spec.label, spec.primary) == (columns, labels, label, primary)
    assert spec.num_labels == (len(labels) or 1)
    data = loading.load(task, tmp_path, training=False)
    assert list(data) == (["validation"] if task == "nli/scitail" else ["train", "validation"])
    for split in data.values():
        assert {name: list(split[name]) for name in (*columns, label)} == {n: made[n] for n in (*columns, label)}


def test_a_set_to_be_tested_on_is_not_trained_on(tmp_path):
    save(tmp_path, "nli/scitail")
    refused(lambda: loading.load("nli/scitail", tmp_path), ValueError, "nli/scitail", "no training split")


def test_a_set_that_is_on_no_hub_says_where_it_would_lie(tmp_path, monkeypatch):
    monkeypatch.delenv(stored.VARIABLE, raising=False)
    where = "FOLDER/sick/data/train-*.parquet"
    refused(lambda: loading.load("sick"), FileNotFoundError, "sick is not on the hub", "--data", stored.VARIABLE, where)
    save(tmp_path, "sentences/mr")
    refused(lambda: loading.load("sick", tmp_path), FileNotFoundError, "no task sick", "sentences/mr")


def test_glue_may_lie_beside_the_others(tmp_path):
    place = tmp_path / "glue" / "rte"
    place.mkdir(parents=True)
    for split in ("train", "validation"):
        rows = {"sentence1": ["a"], "sentence2": ["b"], "label": [1]}
        pq.write_table(pa.table(rows), place / f"{split}-00000-of-00001.parquet")
    assert stored.locate(registry.named("rte"), tmp_path) == place
    assert list(loading.load("rte", tmp_path)["train"]["label"]) == [1]


def test_a_regression_is_checked_against_its_own_span(tmp_path):
    made = save(tmp_path, "sick-r")
    table = pa.table({**made, "relatedness_score": [0.5, *made["relatedness_score"][1:]]})
    pq.write_table(table, tmp_path / "sick" / "data" / "train-00000-of-00001.parquet")
    refused(lambda: loading.load("sick-r", tmp_path), ValueError, "from 1 to 5", "has 0.5 in row 0")
    refused(lambda: scores.metrics("sick-r", [[1.0]], [0.0]), ValueError, "from 1 to 5")


def test_the_small_worlds_classes_have_their_namesakes_names():
    assert registry.named("world/rte").labels == registry.named("rte").labels == ("entailment", "not_entailment")
    assert registry.named("world/stsb").labels == ()


def test_to_name_a_task_is_light():
    code = "import sys; from recall_learn.tasks import registry; registry.named('sick'); print(*sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ)
    assert {"torch", "transformers", "datasets", "pyarrow", "sklearn"}.isdisjoint(found.stdout.split())


REAL = {name: SHARED / (registry.named(name).folder or name) for name in registry.TASKS}
REAL |= {task: SHARED / "glue" / task for task in ("cola", "sst2", "mrpc", "rte")}


@pytest.mark.parametrize("task", [name for name, place in REAL.items() if place.is_dir()])
def test_the_classes_are_named_as_the_files_name_them(task):
    spec = registry.named(task)
    file = next(REAL[task].glob(f"{spec.splits[0]}-*.parquet"))
    features = json.loads(pq.read_schema(file).metadata[b"huggingface"])["info"]["features"]
    assert tuple(features[spec.label].get("names", ())) == spec.labels
    loading.load(task, SHARED, training=False)
