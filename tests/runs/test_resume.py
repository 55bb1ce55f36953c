"""A run that was stopped ends as if it never had been: bit for bit, however it was stopped."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from alike import assert_same_run
from small import acting, save_backbone, save_glue

from recall_learn.models.fisher_files import load_fisher, save_fisher
from recall_learn.runs import checkpoints
from recall_learn.runs import finetune as finetuning
from recall_learn.runs import record as runs
from recall_learn.runs.finetune import finetune
from recall_learn.runs.recipe import Recipe

SETTINGS = {"max_length": 40, "steps": 12, "batch_size": 4, "lr": 1e-3, "k": 0.5, "t0": 6, "evaluate_every": 4}
GAMMA = {"recadam": 100.0, "l2sp": 0.1}


@pytest.fixture(autouse=True)
def _every_checkpoint(monkeypatch):
    """However slow the disk is."""
    monkeypatch.setattr(finetuning, "QUICK", 1e9)


def recipe(world, method="recadam", **changes):
    gamma = GAMMA.get(method.split("+")[0])
    return Recipe(backbone=str(world / "bert"), **acting({**SETTINGS, "method": method, "gamma": gamma, **changes}))


def go(world, out, on_step=None, resume=False, **changes):
    return finetune(recipe(world, **changes), on_step, out=out, data_folder=world / "glue", device="cpu", resume=resume)


class Crash(Exception):
    pass


def crash_after(step):
    def on_step(run, optimizer):
        if len(run.history) == step:
            raise Crash

    return on_step


@pytest.mark.parametrize("method", ["vanilla", "recadam", "child-f", "l2sp+child-d"])
def test_a_crash_at_any_step_changes_nothing(world, tmp_path, method):
    go(world, tmp_path / "whole", method=method)
    for step in (2, 4, 7, 12):  # before a checkpoint, at one, between two, at the end
        out = tmp_path / f"stopped-{step}"
        with pytest.raises(Crash):
            go(world, out, crash_after(step), method=method)
        assert len(runs.load(out / "run.json").history) == step  # what was recorded is kept
        go(world, out, resume=True, method=method)
        assert_same_run(tmp_path / "whole", out)


def test_a_checkpoint_that_takes_long_is_written_seldom(world, tmp_path, monkeypatch):
    written, save = [], finetuning._Training.write_checkpoint

    def slow(recorder, step):
        save(recorder, step)
        written.append(step)
        recorder.cost = 1000.0  # seconds

    monkeypatch.setattr(finetuning._Training, "write_checkpoint", slow)
    monkeypatch.setattr(finetuning, "QUICK", 0.0)
    done = go(world, tmp_path, evaluate_every=2)
    assert [record["step"] for record in done.evaluations] == [0, 2, 4, 6, 8, 10, 12]
    assert written == [2, 12]  # the first tells what it costs, the last one is needed


def command(world, out):
    settings = recipe(world, steps=20).to_dict()
    options = [f"--{name.replace('_', '-')}={value}" for name, value in settings.items() if value is not None]
    places = [f"--out={out}", f"--data={world / 'glue'}", "--device=cpu"]
    return [sys.executable, "-m", "recall_learn.cli", "finetune", *options, *places]


def stop_at(process, out, step, number):
    """Send a signal once the run has saved a checkpoint at or after ``step``."""
    while process.poll() is None:
        sealed = [checkpoints.step_of(seal.parent) for seal in out.glob(f"checkpoint-*/{checkpoints.SEAL}")]
        if sealed and max(sealed) >= step:
            os.kill(process.pid, number)
            break
        time.sleep(0.002)
    return process.wait()


@pytest.fixture(scope="module")
def whole(world):
    """The run of ``command``, never stopped."""
    go(world, world / "whole", steps=20)
    return world / "whole"


@pytest.mark.parametrize(
    ("number", "status", "why"), [("SIGINT", 130, "Ctrl-C"), ("SIGTERM", 143, "SIGTERM"), ("SIGHUP", 129, "SIGHUP")]
)
def test_who_is_asked_to_stop_keeps_the_step_in_progress(world, whole, tmp_path, number, status, why):
    out = tmp_path / "run"
    process = subprocess.Popen(command(world, out), stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert stop_at(process, out, 4, getattr(signal, number)) == status
    assert "--resume goes on" in process.stderr.read()
    stopped = runs.load(out / "run.json")
    assert stopped.stopped == {"step": len(stopped.history), "why": why}
    assert checkpoints.step_of(checkpoints.latest(out)) == len(stopped.history) >= 4
    go(world, out, steps=20, resume=True)
    assert_same_run(whole, out)


def test_kills_before_file_operations_change_nothing():
    methods = ["recadam+child-d", "child-f", "ewc"]
    kills = [
        sys.executable,
        str(Path(__file__).parents[1] / "kills.py"),
        "--kills=6",
        "--at=file",
        "--methods",
        *methods,
    ]
    done = subprocess.run(kills, capture_output=True, text=True)
    assert (done.returncode, done.stdout.splitlines()[-1:]) == (0, ["6 of 6 the same"]), done.stdout + done.stderr


def test_half_a_checkpoint_does_not_count(world, tmp_path):
    go(world, tmp_path / "whole")
    out = tmp_path / "stopped"
    with pytest.raises(Crash):
        go(world, out, crash_after(9))
    (out / "checkpoint-8" / checkpoints.SEAL).unlink()
    (out / "checkpoint-8" / "model.safetensors").write_bytes(b"half")
    go(world, out, resume=True)
    assert_same_run(tmp_path / "whole", out)


def test_what_an_out_folder_may_hold(world, tmp_path):
    done = go(world, tmp_path / "run")
    again = go(world, tmp_path / "run", resume=True)  # a run that has ended is not run again
    assert again == done
    with pytest.raises(ValueError, match=r"holds this run already, up to step 12; add --resume"):
        go(world, tmp_path / "run")
    with pytest.raises(ValueError, match=r"another recipe's run: k is 0.5 there and 0.2 here"):
        go(world, tmp_path / "run", resume=True, k=0.2)
    (tmp_path / "file").write_text("")
    with pytest.raises(NotADirectoryError, match="is a file"):
        go(world, tmp_path / "file")
    with pytest.raises(ValueError, match="--out"):
        go(world, None, resume=True)
    (tmp_path / "other" / "checkpoint-100").mkdir(parents=True)
    with pytest.raises(ValueError, match=r"holds checkpoint-100 but no run\.json"):
        go(world, tmp_path / "other")
    assert (tmp_path / "other" / "checkpoint-100").exists()
    fresh = go(world, tmp_path / "empty", resume=True)  # nothing to resume: begin
    assert fresh.history == done.history


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda out: (out / "run.json").write_text("{"), "run.json is damaged"),
        (lambda out: (out / "checkpoint-8" / "state.json").write_bytes(b"x"), "state.json is not what was written"),
        (lambda out: (out / "checkpoint-8" / "model.safetensors").unlink(), "model.safetensors is not what"),
    ],
)
def test_damage_is_named_and_nothing_is_overwritten(world, tmp_path, spoil, words):
    with pytest.raises(Crash):
        go(world, tmp_path, crash_after(9))
    spoil(tmp_path)
    before = (tmp_path / "run.json").read_text()
    with pytest.raises(ValueError, match=words):
        go(world, tmp_path, resume=True)
    assert (tmp_path / "run.json").read_text() == before


def test_a_history_that_ends_before_its_checkpoint_is_damaged(world, tmp_path):
    with pytest.raises(Crash):
        go(world, tmp_path, crash_after(9))
    run = runs.load(tmp_path / "run.json")
    run.truncate(5)
    run.save(tmp_path / "run.json")
    with pytest.raises(ValueError, match="ends before its checkpoint at step 8"):
        go(world, tmp_path, resume=True)


def test_other_pretrained_weights_are_noticed(world, tmp_path):
    save_backbone(tmp_path / "model")
    mine = Recipe(backbone=str(tmp_path / "model"), method="recadam", gamma=100.0, **SETTINGS)
    places = {"out": tmp_path / "run", "data_folder": world / "glue", "device": "cpu"}
    with pytest.raises(Crash):
        finetune(mine, crash_after(9), **places)
    save_backbone(tmp_path / "model", "electra")
    with pytest.raises(ValueError, match="other pretrained weights"):
        finetune(mine, resume=True, **places)


def test_other_data_is_noticed(world, tmp_path):
    save_glue(tmp_path / "glue", "mrpc", seed=7)
    with pytest.raises(Crash):
        go(world, tmp_path / "run", crash_after(9))
    with pytest.raises(ValueError, match="the data is other than when"):
        finetune(recipe(world), out=tmp_path / "run", data_folder=tmp_path / "glue", device="cpu", resume=True)


def test_a_run_resumes_with_the_fisher_it_began_with_and_no_other(world, tmp_path):
    whole = go(world, tmp_path / "whole", method="child-d")
    given = tmp_path / "whole" / "fisher.safetensors"
    other = tmp_path / "other.safetensors"
    fisher, metadata = load_fisher(given)
    save_fisher(other, {name: 2 * tensor for name, tensor in fisher.items()}, **metadata)
    places = {"out": tmp_path / "run", "data_folder": world / "glue", "device": "cpu"}
    with pytest.raises(Crash):
        finetune(recipe(world, method="child-d"), crash_after(9), fisher=given, **places)
    with pytest.raises(ValueError, match="the Fisher is not the one"):
        finetune(recipe(world, method="child-d"), fisher=other, resume=True, **places)
    resumed = finetune(recipe(world, method="child-d"), resume=True, **places)
    assert resumed.history == whole.history


def test_folders_beside_the_checkpoints_are_left_alone(world, tmp_path):
    with pytest.raises(Crash):
        go(world, tmp_path, crash_after(9))
    mine = [tmp_path / "checkpoint-8-keep", tmp_path / "checkpoint-99"]
    for folder in mine:
        folder.mkdir()
        (folder / "notes.txt").write_text("mine")
    go(world, tmp_path, resume=True)
    assert all((folder / "notes.txt").exists() for folder in mine)
    assert not (tmp_path / "checkpoint-8").exists()
