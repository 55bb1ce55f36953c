"""Runs of the lab one after another: given up while they load, failed, gone back, replaced; and what stays of them."""

import gc
import threading
import time
import weakref

import pytest
from labs import PATIENCE, View, until

from recall_learn.lab import background
from recall_learn.lab.earlier import curves
from recall_learn.runs.recipe import Recipe
from recall_learn.runs.record import Run
from recall_learn.runs.recorder import Recorder
from recall_learn.runs.session import Session


def test_a_run_that_went_back_tells_its_former_settings(make, monkeypatch):
    lab = make()
    view = View(lab)
    view.ask("step", steps=5)
    lab.wait(PATIENCE)
    view.set(lr=5e-4)
    note = Recorder.note

    def broken(self, values, loss, terms):
        if self.run.recipe.names == "recadam":
            raise ArithmeticError("the loss is nan")
        note(self, values, loss, terms)

    monkeypatch.setattr(Recorder, "note", broken)
    view.ask("start")
    assert lab.wait(PATIENCE) == "failed"
    assert "Start goes back to the last checkpoint" in view.last("state")["error"]
    assert (lab.run.changes, view.knobs["lr"], len(lab.run.history)) == ([], 1e-3, 5)
    monkeypatch.undo()
    view.set(lr=2e-4)  # from the checkpoint on, at which it begins again
    view.ask("start")
    assert lab.wait(PATIENCE) == "done"
    assert (lab.run.changes, view.knobs["lr"]) == ([{"step": 5, "lr": 2e-4}], 2e-4)
    assert {message["step"] for message in view.all("truncate")} == {4}
    for side, run in enumerate((lab.run, lab.beside)):
        assert [row[1] for row in view.rows(side)] == run.column("loss")


def test_an_error_is_said_and_reset_begins_anew(make, world):
    lab = make()
    view = View(lab)
    lab.data_folder = world / "nowhere"
    view.ask("reset")
    view.ask("start")
    until(lab, "failed")
    assert "nowhere" in view.last("state")["error"]
    lab.data_folder = world / "glue"
    view.ask("reset")
    view.ask("start")
    until(lab, "done")


def test_loading_can_be_given_up(make, monkeypatch):
    lab = make()
    view = View(lab)
    asked, reading = threading.Event(), threading.Event()
    load = background.finetune

    def slow(*args, **named):
        asked.set()
        reading.wait(PATIENCE)
        return load(*args, **named)

    monkeypatch.setattr(background, "LEAVE", 0.2)
    patched = pytest.MonkeyPatch()
    patched.setattr(background, "finetune", slow)
    view.ask("start")
    asked.wait(PATIENCE)
    assert view.last("state")["state"] == "loading"
    view.ask("cancel")
    assert (lab.state, view.last("state")["state"]) == ("new", "new")
    patched.undo()
    view.ask("start")  # it does not wait for a read that never ends
    until(lab, "done")
    reading.set()
    assert view.ask("cancel") == []  # nothing loads


def test_of_many_presets_in_a_row_only_the_last_loads_and_few_threads_stay(make, monkeypatch):
    lab, begun, reading = make(), [], threading.Event()
    lab.step()
    lab.wait(PATIENCE)
    load = background.finetune

    def slow(recipe, **named):
        begun.append(recipe.names)
        reading.wait(PATIENCE)
        return load(recipe, **named)

    monkeypatch.setattr(background, "finetune", slow)
    monkeypatch.setattr(background, "LEAVE", PATIENCE)
    most = 0
    for name in ("Plain fine-tuning", "Multi-task", "The paper's setting", "Child-Tuning") * 3:
        lab.preset(name)
        while not begun:
            time.sleep(0.001)
        most = max(most, sum(thread.name.startswith("recall-learn") for thread in threading.enumerate()))
    assert (most, begun) == (2, ["recadam"])  # the first, which reads still, and the one that is wanted
    reading.set()
    until(lab, "done")
    assert begun == ["recadam", "child-d", "vanilla"]
    assert len(lab.run.history) == 12


def test_presets_in_a_row_while_runs_train_leave_few_threads(make):
    lab = make(steps=400, evaluate_every=400)
    for name in ("Plain fine-tuning", "Multi-task", "The paper's setting", "Child-Tuning") * 3:
        lab.preset(name)
        time.sleep(0.05)  # so that some of them have loaded, and one beside them
    deadline = time.monotonic() + PATIENCE
    while sum(thread.name.startswith("recall-learn") for thread in threading.enumerate()) > 3:
        assert time.monotonic() < deadline  # two that end their step, and the one that is wanted
        time.sleep(0.005)
    assert lab.run.recipe.steps == 400
    lab.close()


def test_a_view_that_comes_later_is_told_of_the_runs_before(make):
    lab = make()
    view = View(lab)
    assert view.told[0]["earlier"] == []
    lab.start()
    lab.wait(PATIENCE)
    former = lab.run
    lab.reset(seed=3)
    (told,) = View(lab).last("begin")["earlier"]
    assert [row[0] for row in told["rows"]] == list(range(1, 13))
    assert [row[2:] for row in told["rows"]] == [[r["lambda"], r["lr"], r["pull"]] for r in former.history]
    losses = former.column("loss")
    means = [sum(losses[max(0, end - 3) : end]) / min(end, 3) for end in range(1, 13)]
    assert [row[1] for row in told["rows"]] == pytest.approx(means)
    assert [each["step"] for each in told["evaluations"]] == [0, 4, 8, 12]
    assert told["evaluations"][-1]["values"]["distance"] == former.final["distance"]
    lab.reset()  # nothing was trained
    assert len(View(lab).last("begin")["earlier"]) == 1
    lab.reset(steps=24)  # other axes
    assert View(lab).last("begin")["earlier"] == []


def test_a_run_that_is_long_is_told_with_few_steps_of_it():
    history = [{"step": i, "loss": 1 / i, "lambda": 0.5, "lr": 1.0, "pull": 0.0} for i in range(1, 1235)]
    told = curves(Run(Recipe(backbone="tiny", task="world/cola", steps=5000), history=history))
    assert len(told["rows"]) == 100
    assert (told["rows"][0][0], told["rows"][-1][0]) == (13, 1234)
    assert told["rows"][-1][1] == pytest.approx(sum(1 / i for i in range(1234 - 166, 1235)) / 167)


@pytest.mark.parametrize(("backbone", "resets", "most"), [("bert", 6, 2), ("tiny", 20, 2 + background.SMALL)])
def test_resets_leave_nothing_behind(make, monkeypatch, backbone, resets, most):
    own = {"backbone": "tiny", "task": "world/cola", "probe": "none"} if backbone == "tiny" else {}
    lab, sessions, init = make(**own), weakref.WeakSet(), Session.__init__
    monkeypatch.setattr(Session, "__init__", lambda self, *a, **n: (sessions.add(self), init(self, *a, **n))[1])
    for _ in range(resets):
        lab.step()
        lab.wait(PATIENCE)
        lab.reset()
        assert sum(thread.name.startswith("recall-learn") for thread in threading.enumerate()) <= 2
        assert len(sessions) <= most + 2  # those that are leaving
    [each.close(wait=PATIENCE) for each in list(background._LIVING) if each is not lab._session]
    for thread in threading.enumerate():  # one that has said its last word may still be ending
        if thread.name.startswith("recall-learn"):
            thread.join(PATIENCE)
            assert not thread.is_alive(), thread.name
    assert len(sessions) <= most
    gc.collect()
    assert len(sessions) == 0
    assert list(background._LIVING) == [lab._session]
