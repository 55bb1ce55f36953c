"""What a view is told before the first step, and what the controls make of what a method says of its settings."""

import json
import math
import subprocess
import sys
from dataclasses import replace

import pytest

from recall_learn.lab import protocol
from recall_learn.lab.protocol import LR, NOTHING, OTHER, caption, notches, offered
from recall_learn.methods import METHODS
from recall_learn.methods.method import Setting
from recall_learn.runs.recipe import Recipe
from recall_learn.world import World

LIVE = [(method, key) for method in METHODS.values() for key, about in method.settings().items() if about.live]


def recipe(**settings):
    return Recipe(**{"backbone": "tiny", "task": "world/cola", "method": "recadam", "steps": 300, **settings})


@pytest.mark.parametrize(("method", "key"), LIVE, ids=[f"{method.name}.{key}" for method, key in LIVE])
def test_every_knob_halts_at_right_values_alone(method, key):
    about = method.settings()[key]
    usual = getattr(method().resolved(1e-3), key)
    knob = protocol.knob(key, about, usual, 300)
    assert knob["low"] <= usual <= knob["high"] or (about.infinite and usual == math.inf)
    if about.unit == "steps":  # it reaches as far as the run
        assert (knob["low"], knob["high"], knob["notches"]) == (0, 300, None)
        return
    found = notches(about, usual)
    assert found == sorted(set(found))
    assert usual in found
    assert [about.checked(key, value) for value in found] == found
    assert (math.inf in found) == about.infinite == knob["infinite"]
    assert about.span or math.isfinite(about.high - about.low)  # else it would reach from 1e-6 to 1e6


@pytest.mark.parametrize(
    ("about", "value", "expected"),
    [
        (Setting("", low=0, high=1), 0.5, [i / 20 for i in range(21)]),
        (Setting("", low=0, high=1, open_low=True, open_high=True), 0.5, [i / 20 for i in range(1, 20)]),
        (Setting("", low=0, high=1), 0.33, sorted([0.33, *(i / 20 for i in range(21))])),
        (Setting("", low=0, high=4, whole=True), 1, [0, 1, 2, 3, 4]),
        (Setting("", low=0, log=True, span=(1, 10)), 4.0, [0, 1, 2, 3, 4, 5, 10]),
        (Setting("", low=0, open_low=True, log=True, span=(1, 10)), 5.0, [1, 2, 3, 5, 10]),
        (Setting("", low=0, infinite=True, log=True, span=(1, 5)), math.inf, [0, 1, 2, 3, 5, math.inf]),
        (Setting("", log=True, span=(1, 5)), 700.0, [1, 2, 3, 5, 700]),
        (Setting("", span=(-1, 1)), 0.0, [-1 + i / 10 for i in range(21)]),
    ],
)
def test_notches(about, value, expected):
    assert notches(about, value) == pytest.approx(expected)


def test_a_setting_that_says_of_no_end_is_reached_over_twelve_decades():
    found = notches(Setting("", low=0), 7.0)
    assert (found[0], found[1], found[-1], 7.0 in found) == (0, 1e-6, 1e6, True)


def test_the_learning_rate_is_shown_over_four_decades():
    found = notches(LR, 1.1e-3)
    assert (found[0], found[-1], 1.1e-3 in found) == (1e-6, 1e-2, True)


@pytest.mark.parametrize(("key", "expected"), [("gamma", "γ"), ("k", "k"), ("child-d.p", "child-d.p")])
def test_captions(key, expected):
    assert caption(key) == expected


def test_what_is_offered_follows_from_what_methods_need_and_take():
    found = offered()
    assert found[0] == "vanilla"
    assert {"recadam", "l2sp", "child-f", "child-d", "mixout", "recadam+child-d", "l2sp+child-f"} <= set(found)
    assert "ewc" in found  # its Fisher is in the package
    assert "ewc" not in offered("minilm")  # it needs a file
    assert "recadam+l2sp" not in found  # each is the pull
    assert not [name for name in found if "mixout+" in name or "+mixout" in name]  # it takes nothing
    for name in found:
        assert Recipe(method=name).names == name


def keys(rows):
    return [row["key"] for row in rows]


def test_what_a_view_draws_before_the_first_step():
    asked = recipe(k=math.inf, t0=100)
    twin = replace(asked, method="vanilla")
    told = protocol.begin(asked, twin, number=3, note="a line", can=["save"], presets=[{"name": "x", "story": "y"}])
    assert json.loads(json.dumps(told, allow_nan=False)) == told
    run, beside = told["sides"]
    assert (run["name"], beside["name"]) == ("RecAdam", "plain fine-tuning")
    assert run["curve"] == {"form": "sigmoid", "k": "k", "t0": "t0"}
    assert [(each["key"], each["value"]) for each in run["knobs"]] == [
        ("k", "inf"),
        ("t0", 100),
        ("gamma", 100),
        ("lr", 1e-3),
    ]
    assert (beside["knobs"], beside["curve"]) == ([], None)
    assert keys(told["charts"]) == ["loss", "score", "source_loss", "distance"]
    assert len(told["facts"]) == len(World().facts)
    assert {each["kind"] for each in told["facts"]} == set(protocol.KINDS.values())
    assert keys(told["setup"]) == [
        *("backbone", "task", "method", "algorithm", "init", "warmup", "steps", "batch_size", "seed", "beside")
    ]
    assert (told["id"], told["steps"], told["can"], told["presets"]) == (
        3,
        300,
        ["save"],
        [{"name": "x", "story": "y"}],
    )


def test_two_runs_of_one_method_are_told_apart():
    told = protocol.begin(recipe(), recipe(k=1.0), OTHER)
    assert [each["name"] for each in told["sides"]] == ["RecAdam A", "RecAdam B"]
    assert [keys(each["knobs"]) for each in told["sides"]] == [["k", "t0", "gamma", "lr"]] * 2
    (alone,) = protocol.begin(recipe(method="vanilla"), None, NOTHING)["sides"]
    assert keys(alone["knobs"]) == ["lr"]  # it is what the reader steers


def test_two_methods_with_a_setting_of_one_name():
    told = protocol.side(recipe(method="mixout + child-f"), "both")
    assert keys(told["knobs"]) == ["mixout.p", "lr"]
    assert "child-f.p" in keys(protocol.fields(recipe(method="mixout + child-f"), NOTHING))


@pytest.mark.parametrize(
    ("task", "backbone", "probe", "unit", "chance", "drawn"),
    [
        ("world/stsb", "tiny", "auto", "squared error", 0.0, ["source_loss"]),
        ("world/rte", "tiny", "none", "nats", 0.5, []),
        ("world/rte", "tiny", "grammar", "nats", 0.5, ["grammar"]),
        ("mnli", "minilm", "stsb", "nats", 1 / 3, ["similarity"]),
        ("cola", "minilm", "auto", "nats", 0.0, []),
        ("reviews.csv", "minilm", "stsb+recovery", "nats", None, ["similarity", "recovery"]),
    ],
)
def test_charts_follow_from_task_and_probes(task, backbone, probe, unit, chance, drawn):
    charts = {row["key"]: row for row in protocol.charts(recipe(task=task, backbone=backbone, probe=probe))}
    assert list(charts) == ["loss", "score", *drawn, "distance"]
    assert (charts["loss"]["unit"], charts["score"]["chance"]) == (unit, chance)
    assert all(row["good"] in ("up", "down") and row["range"][0] < row["range"][1] for row in charts.values())
    asked = protocol.facts(recipe(task=task, backbone=backbone, probe=probe))
    assert (asked is not None) == (task == "world/stsb")


def test_records_and_evaluations_as_they_are_sent():
    record = {"step": 4, "loss": 0.5, "lambda": 1.0, "lr": 1e-3, "pull": 0.0, "penalty": 3.0, "distance": 1.0}
    assert protocol.rows([record]) == [[4, 0.5, 1.0, 1e-3, 0.0]]
    facts = protocol.facts(recipe())
    lost = {facts[7]["prompt"]: "river", "Who is [MASK]?": "nobody"}
    told = protocol.evaluation(
        {"step": 4, "metrics": {"accuracy": 0.7, "f1": 0.2}, "distance": 1.0, "facts": {"known": 0.9, "lost": lost}},
        "f1",
        {fact["prompt"]: place for place, fact in enumerate(facts)},
    )
    assert told["values"] == {"score": 0.2, "distance": 1.0}
    assert told["facts"] == {"known": 0.9, "lost": {"7": "river"}}


def test_it_needs_no_torch():
    code = "import sys, recall_learn.lab.protocol as p; from recall_learn.runs.recipe import Recipe; "
    code += "p.begin(Recipe(backbone='tiny', task='world/cola', method='recadam'), None); print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
