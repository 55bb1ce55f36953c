"""The labels in a file of somebody's own: classes or numbers, what will not do, and the score that fits."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from own_files import HEADER, TITLES, WRITTEN, pairs, rows
from small import refused

from recall_learn.tasks import classes, loading, scores

# --- labels ---


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        (("good", "bad"), ("bad", "good")),
        (("1", "2"), ("1", "2")),
        (("1.0", "2.0"), ("1.0", "2.0")),
        (("10", "9", "-1"), ("-1", "9", "10")),
        (("True", "False"), ("False", "True")),
        (("10", "9", "unknown"), ("10", "9", "unknown")),
        ((" good ", "bad"), ("bad", "good")),
        ([f"class {i:02}" for i in range(40)], tuple(f"class {i:02}" for i in range(40))),
        ([str(i) for i in range(50)], tuple(str(i) for i in range(50))),
    ],
)
def test_classes_keep_their_names(read, labels, names):
    data = read(HEADER + rows(4 * len(labels), labels))
    assert data.task.labels == names
    assert pairs(data) == {(f"a text {i}", labels[i % len(labels)].strip()) for i in range(4 * len(labels))}


def test_whole_floats_are_classes_by_their_numbers(tmp_path):
    table = pa.table({"text": [f"a text {i}" for i in range(9)], "label": [1.0, 2.0, None] * 3})
    pq.write_table(table, tmp_path / "a.parquet")
    data = loading.load(str(tmp_path / "a.parquet"))
    assert data.task.labels == ("1", "2")
    assert "left out without a label: 3 of 9 rows, first row 3" in data.said[1]


@pytest.mark.parametrize("metric", [None, "pearson", "spearman"])
def test_numbers_are_a_regression(read, metric):
    data = read(HEADER + "".join(f"a text {i},{i / 4 - 1}\n" for i in range(20)), metric=metric)
    assert data.task.num_labels == 1
    assert data.task.labels == ()
    assert data.task.metrics == ("pearson", "spearman")
    assert data.task.primary == (metric or "pearson")
    assert pairs(data) == {(f"a text {i}", i / 4 - 1) for i in range(20)}
    assert "numbers from" in data.said[0]
    found = scores.metrics(data.task, [[-7.0], [0.0], [300.0]], [-1.0, 0.0, 2.5])
    assert found["spearman"] == 1.0


def test_whole_numbers_are_what_the_score_says(read):
    content = HEADER + "".join(f"a text {i},{i % 60}\n" for i in range(240))
    text = refused(lambda: read(content), ValueError, "60 different whole numbers", "--metric pearson")
    assert "--metric accuracy" in text
    assert read(content, metric="pearson").task.num_labels == 1
    assert read(content, metric="accuracy").task.labels == tuple(str(i) for i in range(60))


@pytest.mark.parametrize(
    ("content", "asked", "parts"),
    [
        (rows(labels=["good"]), {}, ["one class only, 'good'"]),
        (rows(labels=["0.5"]), {}, ["one number only", "0.5"]),
        (rows() + "odd,Good\n", {}, ["'good' (line 2", "'Good' (line 12", "spelling"]),
        (rows() + "odd,very good\n" * 2 + "odd,very  good\n", {}, ["'very good'", "'very  good'", "spelling"]),
        (rows(labels=["1", "2"]) + "odd,1.0\n", {}, ["'1'", "'1.0' (line 12", "spelling"]),
        (rows(labels=["0.5", "2"]) + "odd,NA\n", {}, ["'label'", "'0.5' in line 2", "'NA' in line 12"]),
        (rows(separator=";", labels=["0,5", "2,5"]), {}, ["line 2", "'label'", "'0,5'", "0.5"]),
        (rows(labels=[f"u{i}" for i in range(10)]), {}, ["10 different labels in 10 rows", "--label"]),
        (rows(labels=["0.5", "2"]), {"metric": "accuracy"}, ["metric is 'accuracy'", "'0.5'", "line 2"]),
        (rows(), {"metric": "pearson"}, ["metric is 'pearson'", "'good'", "line 2"]),
        (rows(9, labels="abc"), {"metric": "f1"}, ["metric is 'f1'", "macro_f1"]),
        (rows(), {"metric": "bleu"}, ["metric is 'bleu'", "accuracy", "spearman"]),
        ("a b,\n" * 11 + rows(), {}, ["11 of 21 rows have no label", "line 2", "--label"]),
        (" ,good\n" * 11 + rows(), {}, ["11 of 21 rows have no text", "line 2", "--text"]),
        ("the same,good\nthe same,bad\n" * 3, {}, ["too few"]),
    ],
)
def test_labels_that_will_not_do(read, content, asked, parts):
    header = HEADER.replace(",", ";") if ";" in content else HEADER
    text = refused(lambda: read(header + content, **asked), ValueError)
    assert all(part in text for part in parts), text


@pytest.mark.parametrize(
    ("lines", "parts"),
    [
        ([{"text": "a b", "label": [1]}], ["line 1", "'label'", "[1]"]),
        ([{"text": "a b", "label": {"a": 1}}], ["line 1", "'label'", "{'a': 1}"]),
        ([{"text": "a b", "label": 10**400}], ["line 1", "'label'", "finite"]),
    ],
)
def test_nested_labels_are_refused_with_their_line(read, lines, parts):
    content = "\n".join(map(json.dumps, lines))
    text = refused(lambda: read(content, "a.jsonl"), ValueError)
    assert all(part in text for part in parts)


def test_texts_that_are_none_are_refused_with_their_line(read):
    made = [{"text": "a b", "label": i % 2} for i in range(4)]
    for odd in ({"a": 1}, 5, ["a"]):
        lines = "\n".join(map(json.dumps, [*made, {"text": odd, "label": 1}]))
        refused(
            lambda lines=lines: read(lines, "a.jsonl", text="text"), ValueError, "a.jsonl, line 5", "'text'", str(odd)
        )


def test_rows_without_label_or_text_are_left_out_and_said(read):
    data = read(HEADER + "lost,\n" + rows() + "lost, \n,good\nlost,\n")
    assert pairs(data) == WRITTEN
    assert data.said[1:] == (
        "reviews.csv: left out without a label: 3 of 14 rows, first line 2 (row 1)",
        "reviews.csv: left out without a text: 1 of 14 rows, line 14 (row 13)",
    )


def test_one_of_two_texts_may_be_empty(read):
    data = read("title,body,stars\n" + TITLES + ",alone,1\nlost,,\n,,1\n", text="title,body")
    assert ("", "alone") in {t for s in data.values() for t in zip(s["title"], s["body"], strict=True)}
    assert sum(len(split) for split in data.values()) == 11
    assert data.said[-1] == "reviews.csv: 'title' is empty in 1 rows, first line 12 (row 11)"


# --- the score that fits ---


@pytest.mark.parametrize(
    ("counts", "asked", "metrics", "primary", "positive"),
    [
        ({"a": 10, "b": 10}, None, ("accuracy",), "accuracy", 1),
        ({"a": 20, "b": 10}, None, ("accuracy",), "accuracy", 1),
        ({"ham": 21, "spam": 10}, None, ("accuracy", "f1"), "f1", 1),
        ({"fraud": 10, "usual": 21}, None, ("accuracy", "f1"), "f1", 0),
        ({"a": 10, "b": 10}, "f1", ("accuracy", "f1"), "f1", 1),
        ({"a": 10, "b": 30}, "accuracy", ("accuracy",), "accuracy", 0),
        ({"a": 10, "b": 20, "c": 15}, None, ("accuracy",), "accuracy", 1),
        ({"a": 10, "b": 21, "c": 15}, None, ("accuracy", "macro_f1"), "macro_f1", 1),
        ({"a": 10, "b": 10}, "matthews_correlation", ("accuracy", "matthews_correlation"), "matthews_correlation", 1),
    ],
)
def test_the_score_that_fits(counts, asked, metrics, primary, positive):
    kind = classes.Kind(tuple(counts), {name: i for i, name in enumerate(counts)})
    labels = [number for number, count in enumerate(counts.values()) for _ in range(count)]
    assert classes.score(kind, labels, asked) == (metrics, primary, positive)


def test_f1_is_of_the_rarer_class(read):
    data = read(HEADER + rows(40, ("usual", "usual", "usual", "fraud")))
    assert "score: f1 of fraud (25% of train)" in data.said[0]
    labels = np.array([0, 0, 1, 1, 1])
    logits = np.eye(2)[[0, 1, 1, 1, 0]]
    assert scores.metrics(data.task, logits, labels) == {"accuracy": 0.6, "f1": pytest.approx(2 * 0.5 * 0.5 / 1.0)}


def test_macro_f1_is_the_mean_over_the_classes(read):
    data = read(HEADER + rows(40, "aaabc"))
    labels, said = np.array([0, 0, 1, 2, 2]), np.array([0, 1, 1, 2, 0])
    f1 = []
    for each in range(3):
        hits, wrong = np.sum((labels == each) & (said == each)), np.sum((labels == each) != (said == each))
        f1.append(2 * hits / (2 * hits + wrong))
    found = scores.metrics(data.task, np.eye(3)[said], labels)
    assert found == {"accuracy": 0.6, "macro_f1": pytest.approx(np.mean(f1))}
