"""``recall-learn finetune --replay``: a recorded run is taken again, as it was steered, and compared."""

import json

import pytest

from recall_learn.cli import main
from recall_learn.runs.finetune import finetune
from recall_learn.runs.recipe import Recipe
from recall_learn.runs.record import load

SMALL = {"steps": 4, "batch_size": 4, "probe": "none", "limit_train": 20}
RECIPE = Recipe(backbone="tiny", task="world/cola", method="recadam(k=0.5, t0=3)", **SMALL)
STEERED = {2: {"k": 2.0, "lr": 0.004}, 3: {"t0": 0}}


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    run = finetune(RECIPE, steer=lambda step, _: STEERED.get(step, {}), progress=False)
    file = tmp_path_factory.mktemp("recorded") / "run.json"
    run.save(file)
    return file, run


def test_a_steered_run_is_taken_again_as_it_was(recorded, tmp_path, capsys):
    file, run = recorded
    assert main(["finetune", "--replay", str(file), "--device", "cpu", "--out", str(tmp_path / "out")]) == 0
    first, last = capsys.readouterr().out.splitlines()
    assert first == f"{file}: over 4 steps the losses differ by 0 at most"
    assert last.startswith("world/cola recadam: step 4, ")
    again = load(tmp_path / "out" / "run.json")
    assert again.changes == run.changes == [{"step": 2, "k": 2.0, "lr": 0.004}, {"step": 3, "t0": 0.0}]
    assert (again.recipe, again.history) == (RECIPE, run.history)


def test_what_differs_is_said(recorded, tmp_path, capsys):
    file, _ = recorded
    other = json.loads(file.read_text())
    other["history"] = other["history"][:2]
    other["history"][1]["loss"] += 0.25
    other["environment"]["data"] = "0" * 64
    other["evaluations"], other["final"] = other["evaluations"][:1], None
    (tmp_path / "other.json").write_text(json.dumps(other))
    assert main(["finetune", "--replay", str(tmp_path / "other.json"), "--out", str(tmp_path / "out")]) == 0
    said = "over 2 steps the losses differ by 0.25 at most; the data is other than when it was recorded"
    assert said in capsys.readouterr().out


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (["--k", "1"], "--replay takes the recipe of {file}; leave out --k"),
        (["--batch-size", "8"], "leave out --batch-size"),
        (["--task", "world/rte"], "leave out --task"),
    ],
)
def test_a_recipe_beside_the_files_is_refused(recorded, tmp_path, capsys, more, says):
    file, _ = recorded
    assert main(["finetune", "--replay", str(file), "--out", str(tmp_path / "out"), *more]) == 2
    assert says.format(file=file) in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_file_that_is_no_run_is_refused(tmp_path, capsys):
    (tmp_path / "a.json").write_text("{}")
    assert main(["finetune", "--replay", str(tmp_path / "a.json"), "--out", str(tmp_path / "out")]) == 2
    assert "is damaged or not a recorded run" in capsys.readouterr().err
