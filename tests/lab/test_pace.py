"""How long a run will take, as the lab says it before Start and while it trains."""

import threading

import pytest
from labs import PATIENCE, View, until

from recall_learn.lab import background, pace, seats, teller
from recall_learn.lab.pace import Pace, of_evaluation, of_first, of_step
from recall_learn.lab.presets import presets, unasked
from recall_learn.runs.recipe import Recipe
from recall_learn.runs.record import Run
from recall_learn.runs.session import Session
from recall_learn.support.shelf import Shelf

RECIPE = Recipe(backbone="tiny", task="world/cola", steps=100, evaluate_every=30)
PLAIN, HELD = RECIPE, Recipe(**{**RECIPE.to_dict(), "method": "recadam"})


@pytest.fixture
def known(monkeypatch):
    """What is known in a process that has trained nothing yet."""
    fresh = Pace()
    monkeypatch.setattr(background, "PACE", fresh)
    return fresh


def test_what_is_left_is_steps_and_evaluations():
    known = Pace()
    assert known.left([(HELD, 0)], "cpu") is None
    for seconds in (9.0, 1.0, 1.0, 1.2, 0.8):  # the first one wakes the machine up
        known.note_step(Run(HELD), 1, "cpu", seconds)
    assert known.left([(HELD, 0)], "cpu") is None  # nobody knows of an evaluation
    known.note(of_first(PLAIN, "cpu"), 10.0)  # which asks no method
    assert known.left([(HELD, 0)], "cpu") == 100 + 4 * 10  # after the steps 30, 60, 90 and 100
    assert known.left([(HELD, 29)], "cpu") == 71 + 4 * 10
    assert known.left([(HELD, 30)], "cpu") == 70 + 3 * 10
    assert known.left([(HELD, 99)], "cpu") == 1 + 10
    assert known.left([(HELD, 100)], "cpu") == 0
    assert known.left([(HELD, 0), (PLAIN, 0)], "cpu") is None
    known.note_step(Run(PLAIN), 29, "cpu", 0.5)
    assert known.left([(HELD, 90), (PLAIN, 91)], "cpu") == 10 + 10 + 4.5 + 10
    known.note_step(Run(HELD), 30, "cpu", 13.0)  # a step with an evaluation and a checkpoint
    assert known.usual(of_step(HELD, "cpu")) == 1.0
    assert known.usual(of_evaluation(HELD, "cpu")) == 12.0
    assert known.left([(HELD, 0)], "cpu") == 100 + 4 * 12
    assert known.left([(HELD, 0)], "cuda") is None
    other = Recipe(**{**HELD.to_dict(), "batch_size": 64})
    assert known.left([(other, 0)], "cpu") is None


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "5 s"), (13, "15 s"), (88, "90 s"), (91, "2 min"), (240, "4 min"), (5200, "87 min"), (7320, "2 h 2 min")],
)
def test_a_time_is_told_as_people_do(seconds, words):
    assert pace.told(seconds) == words


BOTH, UNASKED = (
    "the run and its twin train on the same batches",
    "Nothing asks the model what it forgets here, only how",
)


def test_how_long_it_takes_is_said_before_start_as_far_as_it_is_known(make, known):
    lab = make()
    view = View(lab)
    later = "After the first steps the lab tells how long it takes."
    assert view.text.startswith(f"Press Start: {BOTH}. {later} {UNASKED}")
    lab.start()
    until(lab, "done")
    assert (lab._session.left, view.text) == (0, "")
    took = 12 * (known.usual(of_step(lab.run.recipe, "cpu")) + known.usual(of_step(lab.beside.recipe, "cpu")))
    took += 2 * 3 * known.usual(of_evaluation(lab.run.recipe, "cpu"))
    assert 0 < took < lab.run.final["seconds"] + lab.beside.final["seconds"] + 0.1
    lab.reset(seed=1)
    assert lab._session.left == pytest.approx(took)
    assert view.text.startswith(f"Press Start: {BOTH}, for about {pace.told(took)} here. {UNASKED}")
    lab.reset(beside="nothing", batch_size=8)
    assert view.text.startswith(f"Press Start: the run trains. {later}")


def test_what_is_not_asked_is_said_with_what_mends_it():
    assert unasked(RECIPE) == ""
    far = "Nothing asks the model what it forgets here, only how far it goes from home"
    assert unasked(Recipe(backbone="minilm", task="cola")) == f"{far}; put STS-B into its data folder for that."
    assert unasked(Recipe(backbone="minilm", task="cola", probe="none")) == f"{far}."
    assert unasked(Recipe(backbone="minilm", task="cola", probe="stsb")) == ""


def test_the_stories_of_minilm_have_a_rate_at_which_it_is_seen_to_forget():
    """Its own is the paper's, which the recorded runs do not have."""
    assert {each.recipe.lr for each in presets(Recipe(backbone="minilm", task="cola", lr=3e-3))} == {1e-4}
    assert {each.recipe.lr for each in presets(Recipe(backbone="tiny", task="world/cola", lr=3e-3))} == {1e-3}


def test_the_time_left_counts_the_evaluations_to_come(make, known, monkeypatch):
    lab = make(steps=400, evaluate_every=100)
    view = View(lab)
    lab.step(3)
    assert lab.wait(PATIENCE) == "paused"
    for recipe in (lab.run.recipe, lab.beside.recipe):
        for _ in range(pace.LAST):
            known.note(of_step(recipe, "cpu"), 0.5)
            known.note(of_evaluation(recipe, "cpu"), 7.0)
    monkeypatch.setattr(teller, "status", lambda session: "")
    monkeypatch.setattr(background.Background, "state", "running")
    lab.refresh()
    assert view.last("state")["left"] == pytest.approx(2 * (397 * 0.5 + 4 * 7.0), abs=0.5)
    monkeypatch.undo()


def test_what_is_done_before_the_first_step_is_said(make, monkeypatch):
    scoring, go_on, measured = threading.Event(), threading.Event(), Session._measured

    def slow(self, step):
        scoring.set()
        go_on.wait(PATIENCE)
        return measured(self, step)

    monkeypatch.setattr(Session, "_measured", slow)
    monkeypatch.setattr(seats, "SHELF", Shelf())
    lab = make()
    view = View(lab)
    lab.step()
    assert view.text.startswith("loading data and model · ")
    scoring.wait(PATIENCE)
    lab.refresh()
    assert view.text.startswith("scoring the model before the first step · ")
    go_on.set()
    until(lab, "paused")
    assert view.text == ""
