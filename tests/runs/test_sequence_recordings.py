"""The file of swept sequences: it grows by a line, comes back whole, and does not mix what is unlike."""

import json
import math

import pytest
from small import refused

from recall_learn import Recipe, SequenceRun
from recall_learn.runs import lines, sequence_recordings
from recall_learn.runs.sequence_recipe import SequenceRecipe
from recall_learn.runs.sequence_recordings import SequenceRecords

HERE = {"device": "CPU", "versions": {"torch": "2.13.0"}, "backbone": "packaged", "anchors": "abc"}


def made(seed=0, tasks=("cola", "rte"), data="ab", **changes):
    """A sequence that nobody took."""
    run = SequenceRun.of(SequenceRecipe(Recipe(seed=seed, **changes), tasks))
    digits = [each * 64 for each in data]
    run.environment = {
        **HERE,
        "examples": [{"train": 9}] * 2,
        "data": digits,
        "date": f"2026-11-{seed + 1:02}",
        "seconds": 1.5,
    }
    for after in range(3):
        scores = [math.pi * after / 9, math.e * seed / 9]
        metrics = [{"matthews_correlation": scores[0]}, {"accuracy": scores[1]}]
        run.rows.append({"after": after, "scores": scores, "metrics": metrics, "distance": after / 3})
    run.final = {"average": 0.1, "forgetting": -0.2}
    return run


def file_of(path, runs):
    records = SequenceRecords()
    lines.begin(path, records)
    for run in runs:
        lines.append(path, records.add(run, run.asked, run.environment))
    return records


def test_a_file_grows_by_a_line_a_sequence_and_comes_back_whole(tmp_path):
    path, runs = tmp_path / "out.jsonl", [made(0), made(1), made(2, method="recadam", k=math.inf)]
    runs[1].final, runs[1].stopped = None, {"task": "rte", "step": 3, "why": "the loss is nan"}
    records = file_of(path, runs)
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert [next(iter(each)) for each in rows] == ["schema", "environment", *["recipe"] * 3]
    assert path.read_text() == records.text
    back = sequence_recordings.load(path)
    assert back.runs == runs
    assert back == records


def test_a_kill_at_any_byte_costs_the_line_that_was_written(tmp_path):
    path, runs = tmp_path / "out.jsonl", [made(seed) for seed in range(3)]
    file_of(path, runs)
    whole = path.read_bytes()
    for end in range(whole.index(b"\n") + 1, len(whole), 61):
        path.write_bytes(whole[:end])
        back = sequence_recordings.load(path)
        lines.begin(path, back)
        there = len(back.runs)
        assert there == max(0, whole[:end].count(b"\n") + (whole[end : end + 1] == b"\n") - 2)
        for run in runs[there:]:
            lines.append(path, back.add(run, run.asked, run.environment))
        assert path.read_bytes() == whole


@pytest.mark.parametrize(
    ("other", "parts"),
    [
        ({"versions": {"torch": "2.12.0"}}, ["these sequences were recorded with torch 2.13.0, and here is 2.12.0"]),
        ({"anchors": "abd"}, ["packaged has other pretrained weights than when these sequences were recorded"]),
        ({"data": ["c" * 64, "b" * 64]}, ["cola has other examples than when these sequences were recorded"]),
    ],
)
def test_versions_weights_and_examples_are_not_mixed(other, parts):
    records, run = SequenceRecords(), made(1)
    records.add(made(0), made(0).asked, made(0).environment)
    run.environment |= other
    refused(lambda: records.add(run, run.asked, run.environment), ValueError, *parts)
    assert len(records.runs) == 1


def test_the_same_examples_are_told_by_their_task_whatever_the_order():
    records = SequenceRecords()
    for run in (made(0), made(1, tasks=("rte", "cola"), data="ba"), made(2, tasks=("cola", "mrpc"), data="ac")):
        records.add(run, run.asked, run.environment)
    swapped = made(3, tasks=("rte", "cola"), data="ab")
    refused(lambda: records.add(swapped, swapped.asked, swapped.environment), ValueError, "rte has other examples")
    for seed in (4, 5):  # each seed draws its own
        drawn = made(seed, data="de"[seed - 4] * 2, limit_train=5)
        records.add(drawn, drawn.asked, drawn.environment)
    assert len(records.runs) == 5


def change(path, change):
    """Change the last line of a file of two sequences."""
    file_of(path, [made(0), made(1)])
    *rest, last = path.read_text().splitlines()
    row = json.loads(last)
    change(row)
    path.write_text("\n".join([*rest, json.dumps(row)]) + "\n")


@pytest.mark.parametrize(
    ("what", "says"),
    [
        (lambda row: row.update(on=7), "on is 7; there are 1 environments before it"),
        (lambda row: row.pop("on"), "on is missing"),
        (lambda row: row.pop("final"), "a sequence that was not stopped has no final"),
        (lambda row: row["rows"].pop(), "its final stands after 2 rows; it has to have 3"),
        (lambda row: row["rows"][1]["scores"].pop(), "its row after 1 has 1 scores for 2 tasks"),
        (lambda row: row["rows"][1].update(distance="far"), "rows[1].distance is 'far'"),
        (lambda row: row["recipe"].update(seed=0), "its recipe is that of line 3, and would count twice"),
        (lambda row: row["recipe"].update(tasks="cola"), "tasks is 'cola'"),
        (lambda row: row["recipe"].update(tusk=1), "'tusk'"),
        (lambda row: row.update(more=1), "more is 1"),
    ],
)
def test_a_damaged_line_is_told_by_its_number_and_field(tmp_path, what, says):
    change(tmp_path / "out.jsonl", what)
    refused(lambda: sequence_recordings.load(tmp_path / "out.jsonl"), ValueError, "is damaged", "line 4: ", says)
