"""Run files and checkpoints: whole or not at all, and one sentence for what is damaged."""

import json
import math
import os

import pytest

from recall_learn.runs import checkpoints
from recall_learn.runs import record as runs
from recall_learn.runs.recipe import Recipe
from recall_learn.runs.record import Run


def a_run(steps=3):
    history = [
        {"step": t, "loss": 1 / (3 * t), "lambda": 1.0, "lr": 2e-5 / t, "pull": 0.0} for t in range(1, steps + 1)
    ]
    history[-1]["distance"] = math.pi
    evaluations = [{"step": t, "metrics": {"accuracy": t / 7}, "distance": t / 3} for t in (0, steps)]
    changes = [{"step": 2, "k": "inf", "lr": 1e-5}]
    final = {**evaluations[-1], "seconds": 0.1}
    return Run(Recipe(method="recadam", k=math.inf), {"device": "CPU"}, history, evaluations, final, None, changes)


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
        lambda text: text.replace('"schema": 2', '"schema": 99'),
        lambda text: text.replace('"step": 2', '"step": 5'),
        lambda text: text.replace('"history"', '"herstory"'),
        lambda text: text.replace('"mrpc"', '"nothing"'),
        lambda text: text.replace('"seed"', '"sead"'),
        lambda text: text.replace('{"step": 2, "k"', '{"k"'),
        lambda text: text.replace('"seed"', '"steps": 7, "seed"'),
        lambda text: "[" * 10_000,
        lambda text: text.replace('"history": [', '"history": [' + "[" * 10_000 + "]" * 10_000 + ","),
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


@pytest.mark.parametrize(
    ("where", "value", "words"),
    [
        (("schema",), 99, "schema is 99; it has to be 1 or 2"),
        (("recipe",), [], r"recipe is \[\]; it has to be a valid dictionary"),
        (("recipe", "steps"), "3", "steps is '3'; it has to be a whole number"),
        (("recipe", "lr"), 10**400, "lr is an integer of 401 digits"),
        (
            ("recipe", "method"),
            "recadam(gamma=1" + "0" * 400 + ")",
            "gamma is inf; it has to be a number",
        ),
        (("environment", "seconds"), "long", "environment.seconds is 'long'; it has to be a valid number"),
        (("environment", "versions"), {"torch": 2.5}, "environment.versions.torch is 2.5; it has to be a valid string"),
        (("environment", "fisher"), "mine", "environment.fisher is 'mine'"),
        (("history", 0, "loss"), None, r"history\[0\].loss is None; it has to be a valid number"),
        (("history", 1, "step"), True, r"history\[1\].step is True; it has to be a valid integer"),
        (("history", 1, "pull"), 10**400, r"history\[1\].pull is an integer of 401 digits"),
        (("history", 2, "distance"), "far", "history at step 3 has distance 'far'; it has to be a number"),
        (("history",), {}, "history is {}; it has to be a valid list"),
        (("evaluations", 0, "metrics"), [1.0], r"evaluations\[0\].metrics is \[1.0\]"),
        (("evaluations", 0, "metrics"), {}, "evaluation at step 0 lacks accuracy, the score of its task"),
        (("evaluations", 0, "layers"), {"head": "far"}, r"evaluations\[0\].layers.head is 'far'"),
        (("evaluations", 0, "facts"), 0.5, r"evaluations\[0\].facts is 0.5"),
        (("evaluations", 0, "facts"), {"known": 1.0, "lost": ["a"]}, r"evaluations\[0\].facts.lost is \['a'\]"),
        (("evaluations", 1, "step"), 4, r"evaluations are at the steps \[0, 4\]; they have to lie in its history"),
        (("evaluations", 0, "step"), 3, r"evaluations are at the steps \[3, 3\]"),
        (("final",), 3, "final is 3; it has to be a valid dictionary"),
        (("final", "seconds"), None, "final.seconds is None; it has to be a valid number"),
        (("final", "step"), 2, "its final is of step 2; history and evaluations have to end there"),
        (("evaluations",), [], "its evaluations lack that at step 0"),
        (("environment", "seconds"), -5, "environment.seconds is -5; it has to be greater than or equal to 0"),
        (("stopped",), {"step": 3}, "stopped.why is missing"),
        (("changes", 0, "step"), -3, "changes name the step -3; it has to be one from 1 to 500"),
        (("changes", 0, "step"), 501, "changes name the step 501; it has to be one from 1 to 500"),
        (
            ("changes", 0, "k"),
            "fast",
            "change at step 2 is refused: k is 'fast'; it has to be a number",
        ),
        (("changes", 0, "k"), -1, "k is -1"),
        (("changes", 0, "lr"), 10**400, "change at step 2 is refused: lr is an integer of 401 digits"),
        (("changes", 0, "self"), 1, "change at step 2 is of self, which cannot change in recadam"),
        (("changes", 0, "seed"), 1, "change at step 2 is of seed, which cannot change in recadam"),
        (("changes",), {"step": 1}, "changes is {'step': 1}; it has to be a valid list"),
    ],
)
def test_a_field_of_another_type_is_named_with_its_value(tmp_path, where, value, words):
    path = tmp_path / "run.json"
    a_run().save(path)
    data = json.loads(path.read_text())
    holder = data
    for part in where[:-1]:
        holder = holder[part]
    holder[where[-1]] = value
    path.write_text(json.dumps(data))
    with pytest.raises(ValueError, match=words) as raised:
        runs.load(path)
    assert "damaged or not a recorded run" in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("number", ["NaN", "-Infinity", "1e999"])
def test_what_is_no_number_in_json_is_refused(tmp_path, number):
    path = tmp_path / "run.json"
    a_run().save(path)
    path.write_text(path.read_text().replace('"loss": 0.3', f'"loss": {number}, "was": 0.3'))
    with pytest.raises(ValueError, match=f"it holds {number}|loss is inf; it has to be a finite number"):
        runs.load(path)


def test_a_pipe_is_no_run(tmp_path):
    os.mkfifo(tmp_path / "run.json")
    with pytest.raises(ValueError, match="is a device or a pipe"):
        runs.load(tmp_path / "run.json")
    with pytest.raises(IsADirectoryError, match="is a folder"):
        runs.load(tmp_path)


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


def checkpoint(out, step):
    folder = out / f"checkpoint-{step}"
    folder.mkdir(parents=True)
    for name in checkpoints.PARTS:
        (folder / name).write_bytes(b"weights")
    return folder


def test_the_newest_sealed_checkpoint_counts_and_halves_go(tmp_path):
    for step in (9, 10):
        checkpoints.seal(checkpoint(tmp_path, step))
    half = checkpoint(tmp_path, 11)
    assert checkpoints.latest(tmp_path) == tmp_path / "checkpoint-10"
    assert half.exists()  # looking removes nothing: another process may be writing it
    checkpoints.clean(tmp_path)
    assert not half.exists()
    assert checkpoints.step_of(tmp_path / "checkpoint-10") == 10
    checkpoints.remove_all(tmp_path)
    assert checkpoints.latest(tmp_path) is None


@pytest.mark.parametrize(
    "spoil",
    [
        lambda folder: (folder / "model.safetensors").write_bytes(b"weighty"),
        lambda folder: (folder / "model.safetensors").unlink(),
        lambda folder: (folder / "state.json").unlink(),
        lambda folder: (folder / checkpoints.SEAL).write_text("{"),
        lambda folder: (folder / checkpoints.SEAL).write_text("[" * 10_000),
        lambda folder: (folder / checkpoints.SEAL).write_text('{"model.safetensors": 3}'),
        lambda folder: (folder / checkpoints.SEAL).write_text("{}"),
        lambda folder: (folder / checkpoints.SEAL).unlink() or os.mkfifo(folder / checkpoints.SEAL),
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
