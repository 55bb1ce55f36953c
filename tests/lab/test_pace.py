"""How long a run will take, as the lab says it before Start and while it trains."""

import pytest
from labs import PATIENCE, View, until

from recall_learn.lab import background, pace, teller
from recall_learn.lab.pace import Pace, of_evaluation, of_step
from recall_learn.runs.recipe import Recipe
from recall_learn.runs.record import Run

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
    known.note(of_evaluation(PLAIN, "cpu"), 10.0)  # which asks no method
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
    assert known.usual(of_evaluation(HELD, "cpu")) == 11.0
    assert known.left([(HELD, 0)], "cuda") is None
    other = Recipe(**{**HELD.to_dict(), "batch_size": 64})
    assert known.left([(other, 0)], "cpu") is None


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "5 s"), (13, "15 s"), (88, "90 s"), (91, "2 min"), (240, "4 min"), (5200, "87 min"), (7320, "2 h 2 min")],
)
def test_a_time_is_told_as_people_do(seconds, words):
    assert pace.told(seconds) == words


def test_how_long_it_takes_is_said_before_start_as_far_as_it_is_known(make, known):
    lab = make()
    view = View(lab)
    assert view.text == (
        "Press Start: the run and its twin train on the same batches. "
        "How long that takes here is known after the first steps, and told from then on."
    )
    lab.start()
    until(lab, "done")
    assert lab._session.left == 0
    took = 12 * (known.usual(of_step(lab.run.recipe, "cpu")) + known.usual(of_step(lab.beside.recipe, "cpu")))
    took += 2 * 3 * known.usual(of_evaluation(lab.run.recipe, "cpu"))
    assert 0 < took < lab.run.final["seconds"] + lab.beside.final["seconds"] + 0.1
    lab.reset(seed=1)
    assert lab._session.left == pytest.approx(took)
    assert (
        view.text == f"Press Start: the run and its twin train on the same batches, for about {pace.told(took)} here."
    )
    lab.reset(beside="nothing", batch_size=8)
    assert view.text.startswith("Press Start: the run trains. How long that takes here is known after")


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
