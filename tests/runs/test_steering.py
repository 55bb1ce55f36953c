"""A run that is steered while it trains: what changes acts from the step that it is noted with, and comes again."""

import math

import numpy as np
import pytest
import torch
from alike import assert_same_run
from safetensors.torch import load_file

from recall_learn.models.fisher_files import save_fisher
from recall_learn.runs import record as runs
from recall_learn.runs import steering
from recall_learn.runs.finetune import finetune
from recall_learn.runs.recipe import Recipe
from recall_learn.runs.record import Run
from recall_learn.theory.annealing import Sigmoid
from recall_learn.theory.fisher import Fisher

SETTINGS = {"max_length": 40, "steps": 12, "batch_size": 4, "lr": 1e-3, "warmup": 0.25, "evaluate_every": 4}
TURNS = {
    3: {"k": 2.0, "t0": 5.0},
    6: {"gamma": 300.0},
    7: {"gamma": 300.0},  # no change: not noted
    9: {"lr": 4e-4, "k": math.inf},
}
NOTED = [{"step": 3, "k": 2.0, "t0": 5.0}, {"step": 6, "gamma": 300.0}, {"step": 9, "k": "inf", "lr": 4e-4}]


def recipe(world, method="recadam", **changes):
    usual = {"gamma": 100.0, "k": 0.5, "t0": 6.0} if method.startswith("recadam") else {}
    return Recipe(backbone=str(world / "bert"), method=method, **{**SETTINGS, **usual, **changes})


def go(world, out=None, turns=None, on_step=None, resume=False, **changes):
    steer = None if turns is None else lambda step, run: turns.get(step, {})
    return finetune(
        recipe(world, **changes), on_step, steer=steer, out=out, data_folder=world / "glue", device="cpu", resume=resume
    )


def decay(step):
    """The learning rate's factor before ``step``: 3 of 12 steps up, then down."""
    done = step - 1
    return done / 3 if done < 3 else (12 - done) / 9


def test_a_change_acts_from_its_step_on(world):
    run = go(world, turns=TURNS)
    assert run.changes == NOTED
    k, t0, gamma, lr = 0.5, 6.0, 100.0, 1e-3
    for record in run.history:
        step = record["step"]
        k, t0 = TURNS.get(step, {}).get("k", k), TURNS.get(step, {}).get("t0", t0)
        gamma, lr = TURNS.get(step, {}).get("gamma", gamma), TURNS.get(step, {}).get("lr", lr)
        lam = Sigmoid(k, t0)(step)
        assert record["lambda"] == lam
        assert record["lr"] == pytest.approx(lr * decay(step), rel=1e-12)
        assert record["pull"] == pytest.approx((1 - lam) * lr * decay(step) * gamma, rel=1e-12)


def test_a_change_before_the_first_step_is_the_other_recipe(world, tmp_path):
    go(world, tmp_path / "steered", {1: {"k": 2.0, "t0": 3.0, "gamma": 50.0, "lr": 5e-4}})
    go(world, tmp_path / "asked", k=2.0, t0=3.0, gamma=50.0, lr=5e-4)
    a, b = (load_file(tmp_path / name / "model" / "model.safetensors") for name in ("steered", "asked"))
    assert all(torch.equal(a[name], b[name]) for name in a)


def test_a_change_moves_the_weights_only_after_it(world):
    plain, steered = go(world), go(world, turns={7: {"gamma": 0.0}})
    assert plain.history[:7] == [*steered.history[:6], {**steered.history[6], "pull": plain.history[6]["pull"]}]
    assert plain.history[7]["loss"] != steered.history[7]["loss"]


def test_a_steered_run_is_taken_again_to_the_bit(world, tmp_path):
    first = go(world, tmp_path / "first", TURNS)
    again = steering.replay(runs.load(tmp_path / "first" / "run.json").changes)
    finetune(
        recipe(world), steer=again, out=tmp_path / "again", data_folder=world / "glue", device="cpu", progress=False
    )
    assert_same_run(tmp_path / "first", tmp_path / "again")
    assert first.changes


class Crash(Exception):
    pass


@pytest.mark.parametrize("step", [2, 4, 8, 10])
def test_a_steered_run_that_was_stopped_goes_on_with_its_changes(world, tmp_path, step):
    go(world, tmp_path / "whole", TURNS)

    def crash(run, optimizer):
        if len(run.history) == step:
            raise Crash

    with pytest.raises(Crash):
        go(world, tmp_path / "stopped", TURNS, crash)
    rest = {at: change for at, change in TURNS.items() if at > step}  # what is past is in the file
    go(world, tmp_path / "stopped", rest, resume=True)
    assert_same_run(tmp_path / "whole", tmp_path / "stopped")


def stopped_at_10(world, out):
    """A run with changes at 3, 6 and 9 that crashed after step 10; its checkpoint is at 8."""

    def crash(run, optimizer):
        if len(run.history) == 10:
            raise Crash

    with pytest.raises(Crash):
        go(world, out, TURNS, crash)


@pytest.mark.parametrize("again", [True, False])  # a steer that asks for all of it again, and none
def test_what_was_recorded_acts_again_at_its_step(world, tmp_path, again):
    go(world, tmp_path / "whole", TURNS)
    stopped_at_10(world, tmp_path / "stopped")
    seen = []
    steer = steering.replay(NOTED) if again else lambda step, run: seen.append((step, [*run.changes])) or {}
    options = {"data_folder": world / "glue", "device": "cpu", "progress": False, "resume": True}
    finetune(recipe(world), steer=steer, out=tmp_path / "stopped", **options)
    assert_same_run(tmp_path / "whole", tmp_path / "stopped")
    assert again or seen == [(step, NOTED) for step in (9, 10, 11, 12)]


def test_a_new_change_drops_what_was_recorded_for_that_setting(world, tmp_path):
    stopped_at_10(world, tmp_path)
    run = go(world, tmp_path, {9: {"k": 0.1}}, resume=True)
    assert run.changes == [*NOTED[:2], {"step": 9, "k": 0.1, "lr": 4e-4}]
    assert [record["lambda"] for record in run.history[8:]] == [Sigmoid(0.1, 5.0)(step) for step in range(9, 13)]
    assert run.history[8]["lr"] == pytest.approx(4e-4 * decay(9))


def test_a_change_before_a_recorded_one_acts_until_the_end(world, tmp_path):
    """A run from before its first checkpoint: all its changes are still to come."""

    def crash(run, optimizer):
        if len(run.history) == 3:
            raise Crash

    with pytest.raises(Crash):
        go(world, tmp_path, TURNS, crash)
    run = go(world, tmp_path, {2: {"k": 0.1}}, resume=True)
    assert run.changes == [{"step": 2, "k": 0.1}, {"step": 3, "t0": 5.0}]
    assert run.column("lambda")[3:] == [Sigmoid(0.1, 5.0)(step) for step in range(4, 13)]


RECIPE = Recipe(backbone="tiny", task="world/cola", method="recadam", steps=100, k=0.1, t0=60.0, lr=1e-3, gamma=100.0)


FIRST, LAST = [{"step": 7, "k": 1.0}], [{"step": 9, "k": 2.0}]


def noted(changes, step, asked):
    run = Run(RECIPE, changes=changes)
    before = list(changes)
    try:
        steering.note(run, step, asked)
    except ValueError:
        assert run.changes == before
        raise
    assert changes == before  # whoever was reading it still can
    return run.changes


@pytest.mark.parametrize(
    ("changes", "step", "asked", "after"),
    [
        ([], 5, {"k": 0.2}, [{"step": 5, "k": 0.2}]),
        ([], 5, {"k": 0.1}, []),
        ([{"step": 5, "k": 0.2}], 5, {"k": 0.1}, []),
        ([{"step": 5, "k": 0.2}], 5, {"t0": 3}, [{"step": 5, "k": 0.2, "t0": 3.0}]),
        ([{"step": 5, "k": 0.2}], 6, {"k": 0.2}, [{"step": 5, "k": 0.2}]),
        ([{"step": 9, "k": 0.2}], 5, {"k": 0.1}, []),  # it is to stay as it is
        ([{"step": 9, "k": 0.2, "lr": 1e-4}], 5, {"k": 0.3}, [{"step": 5, "k": 0.3}, {"step": 9, "lr": 1e-4}]),
        ([{"step": 9, "k": 2.0}, {"step": 7, "k": 1.0}], 8, {"t0": 1.0}, [*FIRST, {"step": 8, "t0": 1.0}, *LAST]),
        ([], 5, {"k": math.inf, "lr": np.float32(2**-12)}, [{"step": 5, "k": "inf", "lr": 2**-12}]),
        ([{"step": 5, "gamma": 1000.0, "lr": 1e-4}], 5, {"lr": 1e-5}, [{"step": 5, "gamma": 1000.0, "lr": 1e-5}]),
    ],
)  # fmt: skip
def test_a_change_takes_the_place_of_all_that_is_recorded_for_it_from_there_on(changes, step, asked, after):
    made = noted(changes, step, asked)
    assert sorted(made, key=lambda change: change["step"]) == made == after
    assert runs.Run.from_json(Run(RECIPE, changes=made).to_json()).changes == made  # plain numbers


@pytest.mark.parametrize(
    ("changes", "asked", "words"),
    [
        ([], {"k": "fast"}, "k"),
        ([], {"gamma": True}, "gamma is True"),
        ([], {"step": 3}, "step cannot change"),
        (
            [{"step": 9, "gamma": 1500.0}],
            {"lr": 5e-3},
            r"lr \* gamma is 7.48 at the first step; .*at step 9, from which on gamma = 1500",
        ),
    ],
)
def test_what_cannot_be_noted_changes_nothing(changes, asked, words):
    with pytest.raises(ValueError, match=words):
        noted(changes, 5, asked)


def test_a_step_is_taken_with_all_that_was_set_by_then():
    changes = [{"step": 9, "k": "inf"}, {"step": 5, "k": 0.2, "t0": 3.0}, {"step": 9, "lr": 1e-4}]
    found = [steering.at(RECIPE, changes, step) for step in (4, 5, 8, 9)]
    assert [(each.k, each.t0, each.lr) for each in found] == [
        (0.1, 60.0, 1e-3), (0.2, 3.0, 1e-3), (0.2, 3.0, 1e-3), (math.inf, 3.0, 1e-4)
    ]  # fmt: skip
    assert steering.at(RECIPE, changes) == found[-1]
    assert [steering.replay(changes)(step, Run(RECIPE)) for step in (5, 9)] == [
        {"k": 0.2, "t0": 3.0}, {"k": math.inf, "lr": 1e-4}
    ]  # fmt: skip


@pytest.mark.parametrize("method", ["ewc", "l2sp"])
def test_the_strength_of_a_penalty_changes(world, tmp_path, method):
    fisher = None
    if method == "ewc":
        from recall_learn.models import backbones

        backbone = backbones.load(str(world / "bert"), num_labels=2)
        fisher = tmp_path / "fisher.safetensors"
        ones = Fisher({n: torch.ones_like(a) for n, a in backbone.anchors.items()}, labels="exact", examples=1)
        save_fisher(fisher, ones, backbone="bert", anchors=backbone.fingerprint, task="mrpc")
    settings = {"data_folder": world / "glue", "device": "cpu", "fisher": fisher, "progress": False}
    asked = recipe(world, method, gamma=0.5)
    plain = finetune(asked, **settings)
    steered = finetune(asked, steer=lambda step, run: {"gamma": 1.0} if step == 6 else {}, **settings)
    assert plain.history[:5] == steered.history[:5]
    there, twice = plain.history[5]["penalty"], steered.history[5]["penalty"]
    assert there > 0
    # the same weights, and twice the strength; l2sp's beta on the head stays
    assert twice == pytest.approx(2 * there, rel=1e-5) if method == "ewc" else there < twice < 2 * there
    again = finetune(asked, steer=steering.replay(steered.changes), **settings)
    assert again.history == steered.history


@pytest.mark.parametrize(
    ("method", "asked", "words"),
    [
        ("vanilla", {"k": 1.0}, "k cannot change while vanilla trains; what can is lr"),
        ("l2sp", {"t0": 1.0}, "t0 cannot change while l2sp trains; what can is gamma, beta, lr"),
        ("recadam", {"seed": 1}, "seed cannot change while recadam trains; what can is k, t0, gamma, lr"),
        ("recadam", {"k": -1.0}, "k"),
        ("recadam", {"gamma": 1e6}, r"lr \* gamma is 924 at the first step; the pull diverges"),
    ],
)
def test_what_cannot_change_is_refused_and_the_run_says_why(world, tmp_path, method, asked, words):
    with pytest.raises(ValueError, match=words):
        go(world, tmp_path, {5: asked}, method=method, gamma=None if method == "vanilla" else 0.1)
    stopped = runs.load(tmp_path / "run.json")
    assert stopped.stopped["step"] == 4
    assert len(stopped.history) == 4
    assert stopped.changes == []
