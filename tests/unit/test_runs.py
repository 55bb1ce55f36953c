"""Run files and checkpoints: whole or not at all, and one sentence for what is damaged."""

import math
import os

import pytest

from recall_learn import checkpoints, runs
from recall_learn.recipe import Recipe
from recall_learn.runs import Run


def a_run(steps=3):
    history = [
        {"step": t, "loss": 1 / (3 * t), "lambda": 1.0, "lr": 2e-5 / t, "pull": 0.0} for t in range(1, steps + 1)
    ]
    history[-1]["distance"] = math.pi
    evaluations = [{"step": t, "metrics": {"accuracy": t / 7}, "distance": t / 3} for t in (0, steps)]
    changes = [{"step": 2, "k": "inf", "lr": 1e-5}]
    return Run(
        Recipe(k=math.inf), {"device": "CPU"}, history, evaluations, {"step": steps, "seconds": 0.1}, None, changes
    )


def test_a_run_comes_back_to_the_bit(tmp_path):
    run = a_run()
    run.save(tmp_path / "deep" / "run.json")
    assert runs.load(tmp_path / "deep" / "run.json") == run
    assert os.listdir(tmp_path / "deep") == ["run.json"]  # no temporary file stays


def test_a_failed_write_leaves_the_former_file(tmp_path):
    path = tmp_path / "run.json"
    a_run().save(path)
    before = path.read_text()
    broken = a_run()
    broken.history[1]["loss"] = math.nan  # not JSON: the file would be unreadable elsewhere
    with pytest.raises(ValueError, match="JSON"):
        broken.save(path)
    assert path.read_text() == before
    assert os.listdir(tmp_path) == ["run.json"]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text[: len(text) // 2],
        lambda text: "",
        lambda text: "[1, 2]",
        lambda text: text.replace('"schema": 1', '"schema": 99'),
        lambda text: text.replace('"step": 2', '"step": 5'),
        lambda text: text.replace('"history"', '"herstory"'),
        lambda text: text.replace('"mrpc"', '"nothing"'),
        lambda text: text.replace('"seed"', '"sead"'),
        lambda text: text.replace('{"step": 2, "k"', '{"k"'),
    ],
)
def test_a_damaged_file_is_named(tmp_path, spoil):
    path = tmp_path / "run.json"
    a_run().save(path)
    path.write_text(spoil(path.read_text()))
    with pytest.raises(ValueError, match="damaged or not a recorded run") as raised:
        runs.load(path)
    assert str(path) in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"run\.json is not there"):
        runs.load(tmp_path / "run.json")


def test_truncating_forgets_what_lies_behind():
    run = a_run()
    run.stopped = {"step": 3, "why": "Ctrl-C"}
    run.truncate(2)
    assert run.column("step") == [1, 2]
    assert [record["step"] for record in run.evaluations] == [0]
    assert run.final is None
    assert run.stopped is None


def checkpoint(out, step, content=b"weights"):
    folder = out / f"checkpoint-{step}"
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(content)
    return folder


def test_the_newest_sealed_checkpoint_counts_and_halves_go(tmp_path):
    for step in (9, 10):
        checkpoints.seal(checkpoint(tmp_path, step))
    half = checkpoint(tmp_path, 11)
    assert checkpoints.latest(tmp_path) == tmp_path / "checkpoint-10"
    assert not half.exists()
    assert checkpoints.step_of(tmp_path / "checkpoint-10") == 10
    checkpoints.remove_all(tmp_path)
    assert checkpoints.latest(tmp_path) is None


@pytest.mark.parametrize(
    "spoil",
    [
        lambda folder: (folder / "model.safetensors").write_bytes(b"weighty"),
        lambda folder: (folder / "model.safetensors").unlink(),
        lambda folder: (folder / checkpoints.SEAL).write_text("{"),
    ],
)
def test_a_damaged_checkpoint_is_named(tmp_path, spoil):
    folder = checkpoint(tmp_path, 4)
    checkpoints.seal(folder)
    spoil(folder)
    with pytest.raises(ValueError, match="is damaged") as raised:
        checkpoints.latest(tmp_path)
    assert str(folder) in str(raised.value)
    assert folder.exists()  # nothing is thrown away that somebody might mend
