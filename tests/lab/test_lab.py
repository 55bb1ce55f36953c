"""The lab without a browser: what its controls do to the runs, and what it says."""

import asyncio
import threading
import time

import ipywidgets as widgets
import numpy as np
import plotly.graph_objects as go
import pytest
from labs import PATIENCE, control, curve, parts, said, shown, until

from recall_learn.lab import background, presets
from recall_learn.lab.live import Lab
from recall_learn.runs import record as runs
from recall_learn.runs.recipe import Recipe
from recall_learn.runs.recorder import Recorder


def test_it_is_made_of_standard_widgets(make):
    own = {part._model_module for part in parts(make()) if not isinstance(part, go.FigureWidget)}
    assert own == {"@jupyter-widgets/controls"}  # what JupyterLab, Colab and VS Code all have


def test_a_knob_moves_the_run_from_its_next_step_on(make):
    lab = make()
    lab.step(5)
    until(lab, "paused")
    control(lab, "k, per step").value = 1.0
    control(lab, "t0, steps").value = 9
    control(lab, "γ").value = 10.0
    control(lab, "lr").value = 5e-4
    assert curve(lab, "without the last change").x[0] == 6
    lab.start()
    until(lab, "done")
    assert lab.run.changes == [{"step": 6, "k": 1.0, "t0": 9.0, "gamma": 10.0, "lr": 5e-4}]
    assert lab.run.history[5]["lr"] == pytest.approx(5e-4 * 7 / 12)
    assert lab.beside.changes == []
    assert [record["lambda"] for record in lab.beside.history] == [1.0] * 12


def test_a_knob_that_is_moved_before_the_start_is_the_recipe(make):
    lab = make()
    control(lab, "k, per step").value = 0.02
    control(lab, "lr").value = 2e-4
    lab.step()
    until(lab, "paused")
    assert (lab.run.recipe.k, lab.run.recipe.lr, lab.run.changes) == (0.02, 2e-4, [])
    lab.reset()
    assert (lab.state, lab.run.recipe.k) == ("new", 0.02)  # what the knobs show is what begins


def test_what_the_sliders_do_a_script_does(make):
    lab = make()
    with pytest.raises(ValueError, match="nothing to save before the first step"):
        lab.save("early")
    with pytest.raises(ValueError, match="steps is 0"):
        lab.step(0)
    lab.step(3)
    assert lab.wait(PATIENCE) == "paused"
    lab.set(k=0.123, lr=7e-4)  # between two notches
    lab.set("beside", lr=6e-4)
    assert (control(lab, "k, per step").value, control(lab, "lr").value, lab.recipe.k) == (0.123, 7e-4, 0.123)
    for wrong in ("abc", float("nan"), -1.0, None):
        with pytest.raises(ValueError, match="k is"):
            lab.set(k=wrong)
    with pytest.raises(ValueError, match="lr \\* gamma is"):
        lab.set(lr=1e9)
    with pytest.raises(ValueError, match="which is 'twin'; it has to be one of run, beside"):
        lab.set("twin", lr=1.0)
    with pytest.raises(ValueError, match=r"which is \['run'\]; it has to be one of run, beside"):
        lab.set(["run"], lr=1.0)
    with pytest.raises(ValueError, match=r"preset is \[\]; it has to be one of"):
        lab.preset([])
    lab.start()
    lab.start()  # twice is once
    assert lab.wait(PATIENCE) == "done"
    assert lab.run.changes == [{"step": 4, "k": 0.123, "lr": 7e-4}]
    assert lab.beside.changes == [{"step": 4, "lr": 6e-4}]
    lab.reset()
    assert (lab.state, lab.recipe.k) == ("new", 0.123)
    lab.close()
    for act in (lab.start, lab.step, lab.reset):
        with pytest.raises(ValueError, match="closed"):
            act()


def test_what_was_said_goes_when_it_is_no_longer_so(make, tmp_path):
    lab = make()
    lab.step()
    lab.wait(PATIENCE)
    control(lab, "seed").value = 4
    assert "press Reset" in said(lab)
    lab.reset()
    assert said(lab) == ""
    lab.step()
    lab.wait(PATIENCE)
    lab.save(tmp_path / "saved")
    opened = make(folder=tmp_path / "saved")
    assert "Start goes on with it" in said(opened)
    opened.step()
    assert said(opened) == ""


def test_a_run_that_went_back_shows_its_former_settings(make, monkeypatch):
    lab = make("nothing")
    lab.step(5)
    lab.wait(PATIENCE)
    lab.set(lr=5e-4)
    monkeypatch.setattr(Recorder, "note", lambda *asked: (_ for _ in ()).throw(ArithmeticError("the loss is nan")))
    lab.start()
    assert lab.wait(PATIENCE) == "failed"
    assert "Start goes back to the last checkpoint" in lab.status
    assert (lab.run.changes, control(lab, "lr").value, len(lab.run.history)) == ([], 1e-3, 5)
    monkeypatch.undo()
    lab.set(lr=2e-4)  # from the checkpoint on, at which it begins again
    lab.start()
    assert lab.wait(PATIENCE) == "done"
    assert (lab.run.changes, control(lab, "lr").value) == ([{"step": 5, "lr": 2e-4}], 2e-4)
    assert list(curve(lab, "RecAdam", "x2").y) == [record["loss"] for record in lab.run.history]


def test_setting_b_has_knobs_of_its_own(make):
    lab = make("setting B")
    (box,) = [part for part in parts(lab) if control(lab, "B: γ") in getattr(part, "children", ())]
    assert box.layout.display == "flex"
    control(lab, "B: γ").value = 1.0
    lab.step()
    until(lab, "paused")
    assert (lab.run.recipe.gamma, lab.beside.recipe.gamma) == (100.0, 1.0)
    control(lab, "B: k, per step").value = 0.0
    lab.step()
    until(lab, "paused")
    assert lab.beside.changes == [{"step": 2, "k": 0.0}]
    assert lab.run.changes == []
    assert lab.run.history[0]["loss"] == lab.beside.history[0]["loss"]  # the same batch, the same start


def test_a_refused_setting_is_said_and_the_knob_goes_back(make):
    lab = make()
    lab.step()
    until(lab, "paused")
    control(lab, "lr").value = 5e-4
    control(lab, "γ").value = 3000.0
    assert "lr · γ is 1.5: above 1 each step overshoots" in said(lab)
    control(lab, "γ").value = 100.0
    assert said(lab) == ""
    control(lab, "lr").value = 1e-3
    control(lab, "γ").value = 5000.0
    assert "Refused: lr * gamma is 5; the pull diverges" in said(lab)
    assert control(lab, "γ").value == 100.0
    lab.step()
    until(lab, "paused")
    assert lab.run.changes == []


def test_what_wants_a_new_run_asks_for_reset(make):
    lab = make()
    control(lab, "seed").value = 3  # nothing has begun: it acts at once
    assert lab.run.recipe.seed == 3
    lab.step()
    until(lab, "paused")
    control(lab, "seed").value = 4
    assert "press Reset" in said(lab)
    assert control(lab, "Reset").button_style == "warning"
    assert (lab.run.recipe.seed, len(lab.run.history)) == (3, 1)
    lab.reset()
    assert (lab.run.recipe.seed, lab.state, control(lab, "Reset").button_style) == (4, "new", "")
    control(lab, "beside it").value = "nothing"
    assert lab.beside is None
    control(lab, "method").value = "vanilla"
    assert [len(shown(lab, name)) for name in ("k, per step", "t0, steps", "γ", "algorithm", "lr")] == [0, 0, 0, 0, 1]
    lab.start()
    until(lab, "done")
    assert len(lab.run.history) == 12


def test_settings_that_do_not_go_together_are_said(make):
    lab = make()
    control(lab, "batch").value = 4096
    control(lab, "warm-up").value = 0.5
    control(lab, "lr").value = 0.01
    control(lab, "γ").value = 300.0
    assert "Refused" in said(lab)
    lab.start()
    until(lab, "done")


def test_an_error_is_said_and_reset_begins_anew(make, world):
    lab = make()
    lab.data_folder = world / "nowhere"
    lab.reset()
    lab.start()
    until(lab, "failed")
    assert "nowhere" in lab.status
    assert not control(lab, "Start").disabled
    lab.data_folder = world / "glue"
    lab.reset()
    lab.start()
    until(lab, "done")
    assert control(lab, "Start").disabled


def test_the_lab_draws_by_itself_where_there_is_a_loop(make):
    lab = make(beside="nothing")

    async def session():
        lab.start()
        deadline = time.monotonic() + PATIENCE
        while not any("<b>done</b>" in part.value for part in parts(lab) if isinstance(part, widgets.HTML)):
            assert time.monotonic() < deadline
            await asyncio.sleep(0.01)
        await asyncio.gather(*(asyncio.all_tasks() - {asyncio.current_task()}))  # the last look draws the end

    kernel = threading.Thread(target=lambda: asyncio.run(session()))  # this thread may have a loop of its own
    kernel.start()
    kernel.join(PATIENCE)
    assert lab.state == "done"
    assert list(curve(lab, "RecAdam", "x2").x) == list(range(1, 13))


@pytest.mark.filterwarnings("ignore:.*above 1 the pull overshoots")
@pytest.mark.parametrize("name", [each.name for each in presets.presets(Recipe(backbone="tiny", task="world/cola"))])
def test_every_story_is_a_recipe_that_runs(make, name):
    lab = make()
    lab.preset(name)
    until(lab, "done")
    assert len(lab.run.history) == 12
    lams = [record["lambda"] for record in lab.run.history]
    if name in ("Plain fine-tuning", "Child-Tuning"):
        assert set(lams) == {1.0}
    if name == "Plain fine-tuning":
        assert [r["loss"] for r in lab.run.history] == pytest.approx([r["loss"] for r in lab.beside.history], rel=1e-5)
    if name == "Multi-task":
        assert set(lams) == {0.5}
    if name == "lr · γ too large":
        assert lab.run.recipe.lr * lab.run.recipe.gamma == pytest.approx(1.98)
        assert said(lab)
    with pytest.raises(ValueError, match="preset is 'none such'"):
        lab.preset("none such")


def test_bad_arguments(make, tmp_path):
    with pytest.raises(ValueError, match="beside is 'twin'"):
        make("twin")
    with pytest.raises(FileNotFoundError, match=r"run\.json is not there"):
        make(folder=tmp_path)
    with pytest.raises(ValueError, match="leave one out"):
        Lab(Recipe(), folder=tmp_path)
    with pytest.raises(ValueError, match="recipe is 'tiny'; it has to be a Recipe"):
        Lab("tiny")
    (tmp_path / "run.json").write_text("{")
    with pytest.raises(ValueError, match=r"is damaged .*use another folder"):
        Lab(folder=tmp_path)


def test_numbers_of_numpy_are_numbers(make, tmp_path):
    lab = make("nothing")
    lab.step(np.int64(2))
    assert lab.wait(np.float64(PATIENCE)) == "paused"
    lab.set(k=np.float32(0.25), t0=np.int64(3), lr=np.float64(5e-4))
    lab.step()
    lab.wait(PATIENCE)
    lab.save(tmp_path / "saved")
    saved = runs.load(tmp_path / "saved" / "run.json")
    assert saved.changes == [{"step": 3, "k": 0.25, "t0": 3.0, "lr": 5e-4}]
    for wrong in (True, 2.5, "2", -1):
        with pytest.raises(ValueError, match="steps is"):
            lab.step(wrong)
    for wrong in (True, "2", -1, float("nan")):
        with pytest.raises(ValueError, match="seconds is"):
            lab.wait(wrong)


def test_what_a_control_cannot_show_acts_all_the_same(make):
    lab = make(steps=2 * 10**6, batch_size=5000, warmup=0.995, t0=9.5, evaluate_every=10**6)
    asked = lab.run.recipe
    assert [control(lab, name).value for name in ("steps", "batch", "warm-up")] == [2 * 10**6, 5000, 0.995]
    assert control(lab, "t0, steps").value == 10
    lab.reset()
    assert lab.run.recipe == asked
    lab.set(t0=1e300)
    assert (lab.recipe.t0, control(lab, "t0, steps").value) == (1e300, 10**9)
    control(lab, "k, per step").value = 1.0
    assert (lab.recipe.k, lab.recipe.t0) == (1.0, 1e300)


def test_the_controls_show_the_task_that_is_trained(make, world):
    lab = make()
    lab._begin(Recipe(backbone=str(world / "bert"), task="world/cola", steps=12, lr=1e-3))  # as a folder may hold
    assert control(lab, "task").value == "world/cola"
    lab.reset()
    assert lab.run.recipe.task == "world/cola"


def test_the_default_says_what_it_takes(monkeypatch):
    recipe, line = presets.default_recipe()
    assert (recipe.backbone, recipe.task) == ("tiny", "world/cola")
    assert "half a million weights, in this package" in line
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.is_bf16_supported", lambda including_emulation: False)
    monkeypatch.setattr("torch.cuda.get_device_name", lambda: "a card")
    monkeypatch.setattr(presets.hub, "cached", lambda *args, **kwargs: None)
    monkeypatch.setattr(presets.hub, "offline", lambda: False)
    recipe, line = presets.default_recipe()
    assert (recipe.backbone, recipe.task, recipe.mixed_precision) == ("bert-base-uncased", "cola", "fp16")
    assert "440 MB, downloaded from the hub when you press Start" in line
    monkeypatch.setattr(presets.hub, "offline", lambda: True)
    assert "bert" not in presets.default_recipe()[0].backbone
    assert "bert-base-uncased" not in presets.choices(presets.default_recipe()[0])


def test_runs_that_nobody_holds_end(world):
    """What is left at the interpreter's end is closed, see `background`."""
    session = background.Background(
        Recipe(backbone=str(world / "bert"), steps=500, batch_size=4, max_length=40),
        data_folder=world / "glue",
        device="cpu",
    )
    session.start()
    background._close_all()
    assert session.state == "closed"
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("recall-learn")]
