"""Sessions of the lab that are saved, opened, changed and taken the place of."""

import json

import numpy as np
import pytest
from labs import PATIENCE, View, until

from recall_learn.lab import background
from recall_learn.lab.live import Lab
from recall_learn.runs import record as runs
from recall_learn.runs.recipe import Recipe
from recall_learn.runs.record import Run
from recall_learn.theory.annealing import Sigmoid


def test_a_saved_session_is_opened_as_it_was(make, tmp_path):
    lab = make("setting B")
    view = View(lab)
    lab.step(5)
    until(lab, "paused")
    view.set(k=1.0)
    view.set(1, gamma=1.0)
    lab.step()
    until(lab, "paused")
    view.ask("save", name=str(tmp_path / "saved"))
    assert "Saved in" in view.text
    with pytest.raises(ValueError, match="name a new one"):
        lab.save(tmp_path / "saved")
    opened = make(folder=tmp_path / "saved")
    view = View(opened)
    assert len(opened.run.history) == 4 == len(view.rows())  # its checkpoint's
    assert "It had come to step 6, and goes on from its checkpoint after step 4" in view.text
    assert view.last("changes", 0)["changes"] == [{"step": 6, "k": 1.0}]
    assert "recorded: k = 1 from step 6 on · beside: recorded: gamma = 1 from step 6 on" in opened.status
    for each in (lab, opened):
        each.start()
        until(each, "done")
    assert opened.run.history == lab.run.history
    assert opened.beside.history == lab.beside.history
    assert runs.load(tmp_path / "saved" / "run.json").final


def session_with_a_change_to_come(make, folder):
    """A session that was saved at step 7, with k and lr changed at step 6, as it is opened from its checkpoint at 4."""
    lab = make("nothing")
    lab.step(5)
    lab.wait(PATIENCE)
    lab.set(k=1.0, lr=5e-4)
    lab.step(2)
    lab.wait(PATIENCE)
    lab.save(folder)
    return lab, make(folder=folder)


def test_what_the_lab_tells_is_what_acts(make, tmp_path):
    whole, opened = session_with_a_change_to_come(make, tmp_path / "saved")
    view = View(opened)
    assert view.knobs["k"] == opened.recipe.k == 0.5
    assert "recorded: k = 1 and lr = 0.0005 from step 6 on" in opened.status
    opened.step()
    opened.wait(PATIENCE)
    assert view.rows()[-1][2] == Sigmoid(0.5, 6.0)(5)
    assert view.knobs["k"] == 1.0  # it acts in the step that is next
    assert "recorded" not in opened.status
    for each in (whole, opened):
        each.start()
        assert each.wait(PATIENCE) == "done"
    assert opened.run.history == whole.run.history
    assert (opened.run.changes, opened.recipe.k) == ([{"step": 6, "k": 1.0, "lr": 5e-4}], 1.0)


def test_a_new_change_takes_the_place_of_what_was_recorded_for_that_setting(make, tmp_path):
    _, opened = session_with_a_change_to_come(make, tmp_path / "saved")
    view = View(opened)
    view.set(k=0.2)
    assert view.last("changes", 0)["changes"] == [{"step": 5, "k": 0.2}, {"step": 6, "lr": 5e-4}]
    assert "recorded: lr = 0.0005 from step 6 on" in opened.status
    opened.start()
    assert opened.wait(PATIENCE) == "done"
    assert opened.run.changes == [{"step": 5, "k": 0.2}, {"step": 6, "lr": 5e-4}]
    lams = [record["lambda"] for record in opened.run.history]
    assert lams == [*Sigmoid(0.5, 6.0)(np.arange(1, 5)), *Sigmoid(0.2, 6.0)(np.arange(5, 13))]


def test_what_is_set_back_before_it_acts_leaves_no_trace(make):
    lab = make()
    lab.step(2)
    lab.wait(PATIENCE)
    for k in (1.0, 0.1, 0.5):
        lab.set(k=k)
    assert lab.run.changes == []
    lab.set(k=1.0)
    lab.preset("Multi-task")
    assert lab.run.changes == []
    assert lab.wait(PATIENCE) == "done"
    assert {record["lambda"] for record in lab.run.history} == {0.5}


def test_what_is_set_after_the_end_is_for_a_new_run(make):
    lab = make()
    view = View(lab)
    lab.start()
    lab.wait(PATIENCE)
    changes = list(lab.run.changes)
    view.set(k=1.0)
    assert "taken its last step" in view.text
    assert (lab.recipe.k, lab.run.recipe.k, lab.run.changes) == (1.0, 0.5, changes)
    lab.reset()
    assert lab.run.recipe.k == 1.0


def test_what_is_set_while_it_is_paused_is_saved(make, tmp_path):
    lab = make("nothing")
    lab.step(4)
    lab.wait(PATIENCE)
    lab.set(t0=9.5)
    lab.save(tmp_path / "saved")
    opened = make(folder=tmp_path / "saved")
    assert (opened.recipe.t0, opened.run.changes) == (9.5, [{"step": 5, "t0": 9.5}])


@pytest.fixture
def same_cell(monkeypatch):
    """Every lab is made by the same cell of a notebook."""
    monkeypatch.setattr("recall_learn.lab.cell._SHOWN", {})
    monkeypatch.setattr("recall_learn.lab.cell._cell", lambda: "a cell")


WRONG = {
    "beside": ({"beside": "no one"}, "beside is 'no one'"),
    "recipe": ({"recipe": "tiny"}, "recipe is 'tiny'"),
    "both": ({"recipe": Recipe(), "folder": "x"}, "leave one out"),
    "device": ({"device": "gpu"}, "device is 'gpu'"),
    "precision": ({"recipe": Recipe(mixed_precision="fp16"), "device": "cpu"}, "mixed_precision is 'fp16'"),
    "glue": ({"data_folder": "no/where"}, "data_folder is 'no/where', which is no folder"),
    "glue type": ({"data_folder": 3}, "data_folder is 3"),
    "glue home": ({"data_folder": "~nobody-has-this-name"}, "there is no such home"),
    "folder home": ({"folder": "~nobody-has-this-name"}, "there is no such home"),
    "folder": ({"folder": "no/where"}, r"no/where/run\.json is not there"),
    "no folder": ({"folder": " "}, "folder is ' '"),
    "folder type": ({"folder": 3}, "folder is 3"),
    "damaged": ({"folder": "damaged"}, "is damaged"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_lab_that_cannot_be_made_leaves_the_one_before_it(make, same_cell, tmp_path, monkeypatch, wrong):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "run.json").write_text("{}")
    lab = make("nothing", steps=2000, evaluate_every=2000)
    lab.start()
    until(lab, "running")
    arguments, words = WRONG[wrong]
    labs = len(background._LIVING)
    with pytest.raises((ValueError, FileNotFoundError), match=words):
        Lab(**arguments)
    assert lab.state == "running"
    assert lab._session.folder.is_dir()
    assert len(background._LIVING) == labs
    assert lab.comm is not None  # its widgets are on the page
    other = make("nothing")
    assert (lab.state, other.state) == ("closed", "new")


def test_a_cell_that_is_run_again_goes_on_with_its_folder(make, same_cell, tmp_path):
    lab = make("nothing")
    lab.step(5)
    lab.wait(PATIENCE)
    lab.save(tmp_path / "mine")
    first = make(folder=tmp_path / "mine")  # by the same cell, so the lab above ends
    assert lab.state == "closed"
    first.step(5)
    first.wait(PATIENCE)
    second = make(folder=tmp_path / "mine")
    assert (first.state, second.state, len(second.run.history)) == ("closed", "new", 8)
    assert "It had come to step 9" in View(second).text
    second.start()
    assert second.wait(PATIENCE) == "done"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("changes", [{"step": 6, "k": -1.0}]),
        ("changes", [{"step": 6, "beta": 1.0}]),
        ("changes", [{"step": 6, "k": "fast"}]),
        ("changes", [{"step": 6, "lr": [1]}]),
        ("changes", [{"k": 1.0}]),
        ("evaluations", [{"step": 0}]),
        ("evaluations", [{"step": 0, "metrics": {}, "distance": 0.0}]),
        ("recipe", 3),
    ],
)
def test_a_damaged_session_is_refused_in_a_sentence(make, tmp_path, field, value):
    path = tmp_path / "saved" / "run.json"
    path.parent.mkdir()
    told = Run(make("nothing").run.recipe, {"device": "CPU"}, changes=[{"step": 6, "k": 1.0}])
    path.write_text(told.to_json())
    make(folder=path.parent).close()
    path.write_text(json.dumps({**json.loads(told.to_json()), field: value}))
    before = set(background._LIVING)
    with pytest.raises(ValueError, match=r"saved.* damaged") as refused:
        Lab(folder=tmp_path / "saved")
    assert "\n" not in str(refused.value)
    assert {each.state for each in set(background._LIVING) - before} <= {"closed"}
