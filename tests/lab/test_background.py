"""Runs in the background: the same as in the foreground, to the bit, whatever goes on beside them."""

import gc
import os
import random
import threading
import time

import numpy as np
import pytest
import torch
from alike import assert_same_run
from labs import PATIENCE
from sessions import alone, begin, recipe, until

from recall_learn.lab import background, turns
from recall_learn.lab.background import BESIDE, MAIN, Background
from recall_learn.runs import steering
from recall_learn.runs.finetune import FLUSH
from recall_learn.runs.recorder import Recorder
from recall_learn.runs.trainer import StepTrainer
from recall_learn.support.lock import TakenError, owning


def test_two_runs_beside_each_other_are_those_that_each_is_alone(world, tmp_path):
    asked, twin = recipe(world, "recadam+child-f"), recipe(world, "vanilla")
    session = begin(world, "recadam+child-f", twin, tmp_path / "both")
    session.take(5)
    until(session, "paused")
    torch.rand(3), np.random.rand(3), random.random()  # noqa: NPY002 somebody else draws, too
    session.start()
    until(session, "done")
    assert_same_run(tmp_path / "both", alone(world, tmp_path, "asked", asked))
    assert_same_run(tmp_path / "both" / "beside", alone(world, tmp_path, "twin", twin))


def test_a_folder_that_a_process_owns_is_left_to_it_with_a_sentence(world, tmp_path):
    session = begin(world, folder=tmp_path / "run")
    session.take(2)
    until(session, "paused")
    with pytest.raises(TakenError, match=f"is being written by process {os.getpid()} on "):  # a run of the same process
        alone(world, tmp_path, "run", recipe(world))
    session.start()
    until(session, "done")
    assert_same_run(tmp_path / "run", alone(world, tmp_path, "alone", recipe(world)))
    other = begin(world, folder=tmp_path / "taken")
    (tmp_path / "taken").mkdir()
    with owning(tmp_path / "taken", "wait"):
        other.start()
        until(other, "failed")
        assert f"taken is being written by process {os.getpid()} on " in other.seats[MAIN].error
        assert "wait for it, or choose another folder." in other.seats[MAIN].error
    other.start()
    until(other, "done")


def test_what_another_cell_does_while_a_run_trains_changes_neither(world, tmp_path):
    """The model has dropout. The cell draws, and runs `finetune` itself."""
    own = np.random.RandomState(4)
    expected = torch.rand(5, generator=torch.Generator().manual_seed(4)), own.rand(5), random.Random(4).random()
    session = begin(world, "recadam+child-f", folder=tmp_path / "run", steps=80, evaluate_every=40)
    session.start()
    drawn, beside = [], []
    while len(drawn) < 7 or session.state in ("loading", "running"):
        torch.random.default_generator.manual_seed(4), np.random.seed(4), random.seed(4)  # noqa: NPY002
        time.sleep(0.01)
        drawn.append((torch.rand(5), np.random.rand(5), random.random()))  # noqa: NPY002
        if len(drawn) in (2, 6):
            beside.append(session.state)
            alone(world, tmp_path, f"cell {len(drawn)}", recipe(world, "recadam+child-f"))
    until(session, "done")
    assert beside[0] in ("loading", "running")
    assert all(np.array_equal(one, other) for each in drawn for one, other in zip(each, expected, strict=True))
    again = alone(world, tmp_path, "again", recipe(world, "recadam+child-f"))
    for name in ("cell 2", "cell 6"):
        assert_same_run(tmp_path / name, again)
    long = recipe(world, "recadam+child-f", steps=80, evaluate_every=40)
    assert_same_run(tmp_path / "run", alone(world, tmp_path, "asked", long))


def test_those_that_wait_for_a_turn_leave_when_they_are_given_up(world):
    with turns.TURNS.taken():
        sessions = [begin(world, beside=recipe(world, "vanilla")) for _ in range(3)]
        for session in sessions:
            session.start()
            session.close(wait=PATIENCE)
        assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("recall-learn")]


def test_a_run_that_nobody_waits_for_keeps_its_turn(world, monkeypatch):
    given = []
    monkeypatch.setattr(turns, "rest", lambda own=turns.rest: given.append(1) or own())
    session = begin(world)
    session.take(7)
    until(session, "paused")
    assert len(given) == 1  # where it paused
    session.start()
    until(session, "done")
    assert len(given) == 2  # and at its end


def test_two_sessions_at_once(world, tmp_path):
    sessions = [begin(world, folder=tmp_path / str(seed), seed=seed) for seed in (1, 2)]
    for session in sessions:
        session.start()
    for session in sessions:
        until(session, "done")
    for seed in (1, 2):
        assert_same_run(tmp_path / str(seed), alone(world, tmp_path, f"alone {seed}", recipe(world, seed=seed)))


def test_pause_leaves_both_equally_far_and_a_step_is_one_step(world):
    long = {"steps": 1000, "evaluate_every": 1000}
    session = begin(world, beside=recipe(world, "vanilla", **long), **long)
    assert session.state == "new"
    session.take(2)
    until(session, "paused")
    assert [len(seat.run.history) for seat in session.seats.values()] == [2, 2]
    session.start()
    while session.step < 10:
        time.sleep(0.002)
    session.pause()
    until(session, "paused")
    there = session.step
    assert 10 <= there < 1000
    assert {len(seat.run.history) for seat in session.seats.values()} == {there}
    for more in (1, 2):
        session.take()
        until(session, "paused")
        assert {len(seat.run.history) for seat in session.seats.values()} == {there + more}
    time.sleep(0.1)
    assert session.step == there + 2  # paused is paused


def test_what_is_set_acts_from_the_next_step_on(world, tmp_path):
    session = begin(world, beside=recipe(world), folder=tmp_path / "steered")
    session.set(k=1.0)  # before the first step it is the recipe
    session.take(5)
    until(session, "paused")
    session.set(t0=1.0)
    session.set(t0=3.0, lr=5e-4)
    session.set(BESIDE, gamma=7.0)
    session.start()
    until(session, "done")
    assert session.run.recipe == recipe(world, k=1.0)
    assert session.run.changes == [{"step": 6, "t0": 3.0, "lr": 5e-4}]
    assert session.seats[BESIDE].run.changes == [{"step": 6, "gamma": 7.0}]
    again = steering.replay(session.run.changes)
    assert_same_run(tmp_path / "steered", alone(world, tmp_path, "again", recipe(world, k=1.0), again))


def test_what_is_set_while_it_loads_acts_and_gives_way_to_what_is_set_later(world, monkeypatch):
    loading = threading.Event()

    def no_data(*asked, **named):
        loading.wait(PATIENCE)
        raise OSError("no such file")

    session = begin(world)
    session.set(k=0.1)
    with monkeypatch.context() as patched:
        patched.setattr(background, "finetune", no_data)
        session.start()
        assert session.set(k=0.2) == 1
        loading.set()
        until(session, "failed")
    assert session.set(k=0.3, t0=5.0) == 1
    assert (session.run.recipe.k, session.seats[MAIN].now.k) == (0.1, 0.3)
    session.start()
    until(session, "done")
    assert session.run.changes == [{"step": 1, "k": 0.3, "t0": 5.0}]
    session.close(wait=PATIENCE)
    with pytest.raises(ValueError, match="was closed"):
        session.set(k=1.0)


def test_a_setting_that_is_refused_changes_nothing(world):
    session = begin(world)
    session.take(1)
    until(session, "paused")
    with pytest.raises(ValueError, match=r"lr \* gamma is 4\.97 at the first step"):
        session.set(gamma=5000.0, k=1.0)
    with pytest.raises(ValueError, match="task cannot change"):
        session.set(task=1.0)
    assert session.seats[MAIN].now == recipe(world)
    session.start()
    until(session, "done")
    assert session.run.changes == []


def test_a_run_that_broke_goes_on_without_what_broke_it(world, tmp_path, monkeypatch):
    session = begin(world, folder=tmp_path / "broken")
    session.take(6)
    until(session, "paused")
    session.set(lr=0.01)
    session.take(1)
    until(session, "paused")
    # as if that learning rate had led to it
    note = Recorder.note
    broken = lambda self, values, loss, terms: note(self, values, loss * float("nan"), terms)  # noqa: E731
    monkeypatch.setattr(Recorder, "note", broken)
    session.start()
    until(session, "failed")
    assert session.seats[MAIN].error.startswith("The loss is nan at step 8; ")
    assert "checkpoint" in session.seats[MAIN].error
    monkeypatch.undo()
    session.start()
    until(session, "done")
    assert session.run.changes == []
    assert_same_run(tmp_path / "broken", alone(world, tmp_path, "whole", recipe(world)))


@pytest.mark.parametrize("method", ["recadam", "vanilla"])  # the run, and the one beside it
def test_where_one_of_two_breaks_the_other_waits_for_it(world, tmp_path, monkeypatch, method):
    asked, twin = recipe(world, steps=20), recipe(world, "vanilla", steps=20)
    session = begin(world, beside=twin, folder=tmp_path / "both", steps=20)
    compute = StepTrainer.compute_loss
    broken = []

    def forward(self, *args, **kwargs):
        if self.session.recipe.names == method and len(self.recorder.run.history) == 5 and not broken:
            broken.append(True)
            raise torch.OutOfMemoryError("CUDA out of memory")
        return compute(self, *args, **kwargs)

    monkeypatch.setattr(StepTrainer, "compute_loss", forward)
    session.start()
    until(session, "failed")
    mine, other = (MAIN, BESIDE) if method == "recadam" else (BESIDE, MAIN)
    assert session.seats[mine].error.startswith("Out of memory. Take a smaller batch")
    done = [len(session.seats[name].run.history) for name in (mine, other)]
    assert done[0] == 5
    assert done[1] in (5, 6, 7)  # it ends the step that it had leave for, and no more
    session.take()  # back to the checkpoint, to where it was, and one more
    until(session, "paused")
    done = sorted(len(seat.run.history) for seat in session.seats.values())
    assert 6 <= done[0] <= done[1] <= done[0] + 1
    session.start()
    until(session, "done")
    assert_same_run(tmp_path / "both", alone(world, tmp_path, "asked", asked))
    assert_same_run(tmp_path / "both" / "beside", alone(world, tmp_path, "twin", twin))


def test_a_gpu_that_fails_ends_its_run_and_holds_up_no_other(world, tmp_path, monkeypatch):
    session, failed = begin(world), []

    def fail(*asked, **named):
        failed.append(True)
        raise RuntimeError("CUDA error: device-side assert triggered")

    monkeypatch.setattr(torch.cuda, "is_available", lambda: bool(failed))
    monkeypatch.setattr(torch.cuda, "empty_cache", fail)
    monkeypatch.setattr(StepTrainer, "compute_loss", fail)
    session.start()
    until(session, "failed")
    assert session.seats[MAIN].error.startswith("The GPU has failed")
    assert session.save(tmp_path / "saved") == tmp_path / "saved"
    monkeypatch.undo()
    other = begin(world)
    other.start()
    until(other, "done")


@pytest.mark.parametrize("steps", [1, 5])
def test_a_run_that_waits_has_recorded_all_its_steps(world, monkeypatch, steps):
    monkeypatch.setitem(FLUSH, "cpu", 1e9)  # as on a GPU, where losses are not looked at after every step
    session = begin(world)
    session.take(steps)
    until(session, "paused")
    assert [record["step"] for record in session.run.history] == list(range(1, steps + 1))


def test_two_sessions_in_one_folder_are_refused(world, tmp_path):
    one, two = (begin(world, folder=tmp_path / "shared") for _ in range(2))
    one.take(1)
    until(one, "paused")
    with pytest.raises(ValueError, match=r"another lab trains in .*shared; close it first, or copy the folder"):
        two.start()
    with pytest.raises(ValueError, match="another lab trains"):
        begin(world, folder=tmp_path / "shared")
    one.close()
    two.start()  # waits for it
    until(two, "done")
    assert len(two.run.history) == 12


def test_an_error_while_loading_is_told_and_leaves_no_thread(world, tmp_path):
    session = Background(recipe(world), data_folder=tmp_path / "nowhere", device="cpu")
    session.start()
    until(session, "failed")
    assert "nowhere" in session.seats[MAIN].error
    assert "Reset" in session.seats[MAIN].error


@pytest.mark.parametrize("moment", ["loading", "running", "paused", "new"])
def test_closing_ends_the_threads_and_removes_the_folder(world, moment):
    session = begin(world, beside=recipe(world, "vanilla"), steps=500)
    folder = session.folder
    if moment != "new":
        session.start()
    if moment in ("running", "paused"):
        until(session, "running")
    if moment == "paused":
        session.pause()
    session.close(wait=PATIENCE)
    assert session.state == "closed"
    assert not folder.exists()
    with pytest.raises(ValueError, match="closed"):
        session.start()


def test_a_session_that_nobody_closes_leaves_no_folder(world):
    session = begin(world)
    folder = session.folder
    assert folder.is_dir()
    del session
    gc.collect()
    assert not folder.exists()


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (MemoryError(), ["Out of memory", "smaller batch", "Reset"]),
        (torch.OutOfMemoryError("CUDA out of memory"), ["Out of memory"]),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"), ["Out of memory"]),
        (RuntimeError("CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate"), ["Out of memory"]),
        (RuntimeError("CUDA error: out of memory"), ["Out of memory"]),
        (RuntimeError("CUDA error: device-side assert triggered"), ["The GPU has failed", "Restart the kernel"]),
        (ArithmeticError("the loss is nan"), ["The loss is nan.", "last checkpoint"]),
        (OSError("no such file"), ["No such file.", "Reset"]),
        (OSError(28, "No space left on device", "/there"), ["No space left on device: /there. ", "press Start"]),
        (ArithmeticError("the loss is nan; lower --lr, or --gamma"), ["The loss is nan; lower lr, or gamma. Start"]),
        (OSError("nyu-mll/glue is missing; give it by --data, or"), ["nyu-mll/glue is", "by Lab(data_folder=...), or"]),
        (ValueError("this is damaged; choose another --out"), ["This is damaged; choose another folder. Mend"]),
        (KeyError("x"), ["KeyError: 'x'", "Reset"]),
    ],
)
def test_an_error_is_explained(error, words):
    for word in words:
        assert word in background.explain(error)
