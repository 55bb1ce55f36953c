"""The explorer's data, and the two forms of its script."""

import base64
import gzip
import json
import math
import re

import pytest
from small import refused

from recall_learn.lab import explorer, scripted
from recall_learn.runs.recipe import Recipe
from recall_learn.runs.recordings import Record, Records

COLUMNS = {"step": [0, 150, 300], "score": [0.0, 0.5, 0.9], "loss": [None, 0.7, 0.2], "distance": [0.0, 1.0, 2.0]}


def records(*recipes):
    return Records([], [Record(recipe, COLUMNS) for recipe in recipes])


def recipe(**settings):
    return Recipe(**{"backbone": "tiny", "task": "world/cola", "steps": 300, **settings})


GRID = [
    recipe(),
    *(recipe(method="recadam", k=k, t0=t0) for k in (0.3, math.inf, 0.01) for t0 in (50, 200)),
    recipe(method="recadam", k=0.3, t0=50, gamma=10, seed=2),
]


def test_axes_hold_what_was_recorded_and_no_more():
    data = explorer.payload(records(*GRID))
    assert data["axes"] == {
        "task": ["world/cola"],
        "method": ["vanilla", "recadam"],
        "k": [0.01, 0.3, "inf"],
        "t0": [50, 200],
        "gamma": [10, 100],
        "seed": [0, 2],
    }
    assert data["steps"] == {"world/cola": 300}
    assert data["metrics"] == {"world/cola": "Matthews correlation"}


def test_a_run_has_its_settings_and_columns():
    data = explorer.payload(records(*GRID))
    plain, slow = data["runs"][0], data["runs"][-2]
    assert [plain[axis] for axis in data["axes"]] == ["world/cola", "vanilla", None, None, None, 0]
    assert [slow[axis] for axis in data["axes"]] == ["world/cola", "recadam", 0.01, 200, 100, 0]
    assert slow["loss"] == [None, 0.7, 0.2]
    assert json.loads(json.dumps(data, allow_nan=False)) == data  # infinity would be no JSON


def test_a_method_lacks_what_it_does_not_have():
    made = [recipe(), recipe(method="child-f"), recipe(method="l2sp", gamma=0.5), recipe(method="recadam")]
    made += [recipe(method="l2sp", gamma=gamma, seed=1) for gamma in (0.1, 0.5)]
    data = explorer.payload(records(*made))
    lacks = data["lacks"]
    assert lacks["vanilla"] == lacks["child-f"] == ["k", "t0", "gamma"]
    assert lacks["l2sp"] == ["k", "t0"]
    assert lacks["recadam"] == []
    assert (data["scheduled"], data["plain"]) == (["recadam"], "vanilla")


def test_controls_are_the_settings_in_which_runs_of_a_method_differ():
    """And those that lambda is drawn from: what is one value in all runs of a method is no control."""

    def controls(*recipes):
        data = explorer.payload(records(*recipes))
        return list(data["axes"])[2:-1], data["ranged"]

    assert controls(recipe()) == ([], [])
    assert controls(recipe(method="child-f"), recipe(method="l2sp", gamma=0.5), recipe(method="ewc")) == ([], [])
    assert controls(recipe(method="recadam")) == (["k", "t0"], ["k", "t0"])
    assert controls(recipe(method="child-f", p=0.2), recipe(method="child-f")) == (["p"], ["p"])
    forms = [recipe(method="recadam", algorithm=form) for form in ("paper", "coupled")]
    assert controls(*forms) == (["k", "t0", "algorithm"], ["k", "t0"])
    data = explorer.payload(records(*forms, recipe()), algorithm="coupled")
    assert (data["axes"]["algorithm"], data["start"]["algorithm"]) == (["paper", "coupled"], "coupled")
    assert data["names"]["recadam"] == "RecAdam"
    both = explorer.payload(records(recipe(method="recadam+child-d"), recipe()))
    assert both["names"]["recadam+child-d"] == "RecAdam and Child-Tuning-D"
    assert both["names"]["vanilla"] == "plain fine-tuning"


def test_it_starts_where_it_is_told():
    data = explorer.payload(records(*GRID), method="recadam", k=math.inf, t0=200.0)
    begin = {"task": "world/cola", "method": "recadam", "k": "inf", "t0": 200, "gamma": 100, "seed": "all"}
    assert data["start"] == begin
    assert explorer.payload(records(*GRID), method="recadam", k=math.inf, t0=200.0, seed=0)["start"] == begin | {
        "seed": 0
    }


def test_charts_have_the_range_of_all_runs():
    low = Record(recipe(method="recadam", seed=1), {**COLUMNS, "score": [-0.2, 0.1, 0.3], "distance": [0.0, 3.0, 5.0]})
    ranges = explorer.payload(Records([], [Record(recipe(), COLUMNS), low]))["ranges"]["world/cola"]
    assert ranges == {"loss": [0.0, 0.7], "distance": [0.0, 5.0], "score": [-0.2, 0.9]}


def test_numbers_that_are_far_apart_have_a_range_that_begins_at_the_least():
    """Which says that their axis is logarithmic; from 0 on there is none."""

    def range_of(*losses):
        made = Record(recipe(), {**COLUMNS, "loss": [None, *losses]})
        return explorer.payload(Records([], [made]))["ranges"]["world/cola"]["loss"]

    assert range_of(0.5, 0.04) == [0.04, 0.5]
    assert range_of(0.5, 0.06) == [0, 0.5]
    assert range_of(0.5, 0.0) == [0, 0.5]


def test_settings_and_losses_have_units():
    data = explorer.payload(records(*GRID, recipe(task="world/stsb")))
    assert data["units"] == {"k": "per step", "t0": "steps"}
    assert data["losses"] == {"world/cola": "nats", "world/stsb": "squared error"}
    both = [recipe(method=f"recadam + mixout(p={p})") for p in (0.5, 0.9)]
    assert explorer.payload(records(*both))["units"] == {"k": "per step", "t0": "steps"}  # p has none


def test_several_files_are_one_explorer_each_task_with_its_own_measures():
    real = {"backbone": "minilm", "task": "cola", "steps": 450}
    kept = {
        "step": [0, 450],
        "score": [0.0, 0.2],
        "loss": [None, 0.5],
        "distance": [0.0, 5.0],
        "similarity": [0.9, 0.5],
    }
    told = Record(recipe(), {**COLUMNS, "source_loss": [0.4, 0.5, 0.9]})
    data = explorer.payload(Records([], [told]), Records([], [Record(Recipe(**real), kept)]), task="cola")
    assert data["start"]["task"] == "cola"
    assert data["steps"] == {"world/cola": 300, "cola": 450}
    assert data["kept"] == {"world/cola": "source_loss", "cola": "similarity"}
    assert data["names"]["cola"] == "cola, minilm"
    assert data["ranges"]["cola"]["similarity"] == [0.0, 0.9]
    assert "source_loss" not in data["ranges"]["cola"]


@pytest.mark.parametrize(
    ("runs", "start", "parts"),
    [
        (records(), {}, ["no runs"]),
        (records(recipe(), recipe(steps=200)), {}, ["world/cola", "[200, 300]"]),
        (records(recipe()), {"task": "world/rte"}, ["world/rte"]),
        (records(recipe()), {"kk": 1}, ["'kk'", "task, method, seed"]),
        (records(recipe(), recipe(lr=5e-4)), {}, ["tell two runs apart", "lr is 0.001 there and 0.0005 here"]),
        (records(recipe(), recipe(method="recadam", batch_size=8, seed=1)), {}, ["batch_size is 32 there and 8 here"]),
        (records(recipe(method="child-f"), recipe(method="child-f")), {}, ["apart: they are of one recipe"]),
    ],
)
def test_what_cannot_be_explored_is_refused(runs, start, parts):
    refused(lambda: explorer.payload(runs, **start), ValueError, *parts)


def test_a_page_holds_the_data_and_a_notebook_the_script_too(monkeypatch):
    script, style = explorer.SCRIPT.read_text(), explorer.STYLE.read_text()
    whole = explorer.explore(records(*GRID))._repr_html_()
    monkeypatch.setenv(scripted.STATIC, "1")
    html = explorer.explore(records(*GRID))._repr_html_()
    for page in (html, whole):
        data = re.search(r'<script type="application/gzip">([A-Za-z0-9+/=]*)</script>', page)[1]
        assert json.loads(gzip.decompress(base64.b64decode(data))) == explorer.payload(records(*GRID))
        assert "An explorer of 8 recorded runs over task, method" in page.split("<script", 1)[0]  # where none runs
    assert (script in whole, style in whole) == (True, True)
    assert (script in html, style in html) == (False, False)
    assert not re.search(r"</script|<!--|</style", script + style, flags=re.IGNORECASE)
