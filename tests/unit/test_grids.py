"""Grids of recipes and the file of their runs."""

import itertools
import json
import math
from pathlib import Path

import pytest
from small import refused

from recall_learn import grids
from recall_learn.grids import Records
from recall_learn.recipe import Recipe
from recall_learn.runs import Run

BOOK = Path(__file__).parents[2] / "book"
HERE = {"device": "CPU", "versions": {"torch": "2.13.0", "numpy": "2.0"}, "backbone": "packaged", "anchors": "abc"}


def a_run(recipe, steps=6, every=2):
    history = [{"step": t, "loss": math.sqrt(t), "lambda": 1.0, "lr": 1e-3, "pull": 0.0} for t in range(1, steps + 1)]
    evaluations = [
        {
            "step": t,
            "metrics": {"accuracy": 0.1, "matthews_correlation": math.pi * t / 20},
            "distance": t / 3,
            "source_loss": 1 + t,
            "facts": {"known": 1 - t / 10, "lost": {}},
        }
        for t in range(0, steps + 1, every)
    ]
    return Run(recipe, dict(HERE, date="2026-11-20"), history, evaluations, {"step": steps, "seconds": 1.5})


def test_a_grid_is_every_combination_once_and_low_seeds_first():
    ks, tasks, seeds = [0.1, "inf"], ["world/cola", "world/rte"], [1, 0]
    block = {"backbone": "tiny", "method": "recadam", "task": tasks, "k": ks, "seed": seeds}
    recipes = grids.expand([block, {**block, "seed": 1}])
    settings = [(r.task, r.k, r.seed) for r in recipes]
    assert set(settings) == set(itertools.product(tasks, (0.1, math.inf), seeds))
    assert len(settings) == 8
    assert [r.seed for r in recipes] == [0] * 4 + [1] * 4


def test_settings_that_do_not_act_make_no_runs():
    block = {"method": ["vanilla", "recadam", "child-f"], "k": [0.1, 0.2], "t0": [50, 250], "gamma": [None, 5000]}
    recipes = grids.expand([block, {"method": "vanilla", "p": 0.5}])
    assert [recipe.method for recipe in recipes] == ["vanilla", *["recadam"] * 4, "child-f"]


@pytest.mark.parametrize("name", ["forgetting", "methods", "world"])
def test_what_the_book_recorded_is_what_its_grids_ask_for(name):
    recipes, records = grids.read_grid(BOOK / f"grids/{name}.json"), grids.load(BOOK / f"runs/grid-{name}.json")
    assert records.missing(recipes) == []
    assert {run.recipe for run in records.runs} == set(recipes)


@pytest.mark.parametrize(
    ("blocks", "parts"),
    [
        ([{"task": "world/cola", "seed": []}], ["block 1", "no value for seed"]),
        ([{"task": "cola"}, "recadam"], ["block 2", "'recadam'"]),
        ([{"tusk": "cola"}], ["'tusk'"]),
        ([{"k": [0.1, -1]}], ["k"]),
    ],
)
def test_a_block_that_is_no_recipe_is_refused(blocks, parts):
    refused(lambda: grids.expand(blocks), ValueError, *parts)


@pytest.mark.parametrize("text", ["", "{}", "[]", "3", "[{"])
def test_a_file_that_is_no_grid_is_refused(tmp_path, text):
    path = tmp_path / "grid.json"
    path.write_text(text)
    refused(lambda: grids.read_grid(path), ValueError, "grid.json", "list of recipes")
    refused(lambda: grids.read_grid(tmp_path / "other.json"), FileNotFoundError, "other.json")


def test_a_record_has_the_means_between_evaluations():
    columns = grids.summarise(a_run(Recipe(backbone="tiny", task="world/cola")))
    assert columns["step"] == [0, 2, 4, 6]
    means = [(math.sqrt(a) + math.sqrt(b)) / 2 for a, b in ((1, 2), (3, 4), (5, 6))]
    assert columns["loss"][0] is None
    assert columns["loss"][1:] == pytest.approx(means, rel=1e-3)
    assert columns["score"] == pytest.approx([0, math.pi / 10, math.pi / 5, 3 * math.pi / 10], rel=1e-3)
    assert columns["facts"] == [1.0, 0.8, 0.6, 0.4]
    assert columns["source_loss"] == [1, 3, 5, 7]


def test_a_file_comes_back_and_knows_what_it_lacks(tmp_path):
    recipes = [
        Recipe(backbone="tiny", task="world/rte", method="recadam", k=k, seed=s)
        for s in (0, 1)
        for k in (0.1, math.inf)
    ]
    records, path = Records(), tmp_path / "deep" / "grid.json"
    for recipe in recipes[:3]:
        records.add(a_run(recipe), recipe, HERE)
    records.add(None, Recipe(task="cola"), HERE, stopped="the loss is nan")
    records.save(path)
    back = grids.load(path)
    assert back == records
    assert back.missing(recipes) == recipes[3:]
    assert [run.recipe for run in back.find(k=math.inf, seed=0)] == [recipes[1]]
    assert len(back.environments) == 1


@pytest.mark.parametrize(
    ("changed", "parts"),
    [
        ({"versions": {"torch": "2.12.0", "numpy": "2.0"}}, ["torch 2.13.0", "2.12.0"]),
        ({"anchors": "abd"}, ["packaged", "other pretrained weights"]),
    ],
)
def test_versions_and_weights_are_not_mixed(changed, parts):
    recipe, records = Recipe(task="cola"), Records()
    records.add(a_run(recipe), recipe, HERE)
    refused(lambda: records.add(a_run(recipe), recipe, {**HERE, **changed}), ValueError, *parts)
    assert len(records.runs) == 1
    records.add(a_run(recipe), recipe, {**HERE, "device": "another"})  # the machine may differ, and is told
    assert [e["device"] for e in records.environments] == ["CPU", "another"]
    build = {"device": "GPU", "versions": {**HERE["versions"], "torch": "2.13.0+cu130"}}
    records.add(a_run(recipe), recipe, {**HERE, **build})  # what a CPU began a GPU may finish
    assert records.environments[-1]["versions"]["torch"] == "2.13.0+cu130"


def test_other_examples_are_not_mixed():
    first, second = Recipe(task="cola", seed=0), Recipe(task="cola", seed=1)
    records = Records()
    records.add(a_run(first), first, {**HERE, "data": "a" * 64})
    refused(
        lambda: records.add(a_run(second), second, {**HERE, "data": "b" * 64}), ValueError, "cola", "other examples"
    )
    records.add(a_run(second), second, {**HERE, "data": "a" * 64})
    rte = Recipe(task="rte")
    records.add(a_run(rte), rte, {**HERE, "data": "c" * 64})
    assert [run.data for run in records.runs] == ["a" * 12, "a" * 12, "c" * 12]


@pytest.mark.parametrize(
    ("settings", "mixed"),
    [
        ({"method": "ewc"}, False),  # one Fisher is given to all
        ({"method": "child-d"}, True),  # each takes its task's own, which follows from the seed's head
        ({"method": "recadam+child-d"}, True),
    ],
)
def test_only_a_fisher_that_was_given_has_to_be_the_same(settings, mixed):
    records = Records()
    first, second = (Recipe(task="cola", seed=seed, **settings) for seed in (0, 1))
    records.add(a_run(first), first, {**HERE, "data": "a" * 64, "fisher": {"tensors": "e" * 64}})
    other = {**HERE, "data": "a" * 64, "fisher": {"tensors": "f" * 64}}
    if mixed:
        records.add(a_run(second), second, other)
    else:
        refused(lambda: records.add(a_run(second), second, other), ValueError, "another Fisher")


def test_a_seed_may_draw_its_own_examples():
    records = Records()
    for seed, digits in ((0, "a"), (1, "b")):
        recipe = Recipe(task="cola", limit_train=100, seed=seed)
        records.add(a_run(recipe), recipe, {**HERE, "data": digits * 64})
    assert len(records.runs) == 2


@pytest.mark.parametrize(
    "text",
    [
        '{"schema":1,"environments":[{}],"runs":[]}',
        '{"schema":1,"environments":[],"runs":[{"recipe":{"task":"cola"},"step":[0],"score":[1],"on":7}]}',
        '{"schema":1,"environments":[{"versions":{}}],"runs":[{"recipe":{"task":"cola"}}]}',
        '{"schema":1,"environments":[{"versions":{}}],"runs":[{"recipe":{"task":"cola"},"step":[0,1],"score":[1]}]}',
    ],
)
def test_a_file_that_lacks_something_is_refused(tmp_path, text):
    path = tmp_path / "grid.json"
    path.write_text(text)
    refused(lambda: grids.load(path), ValueError, "grid.json", "damaged")


@pytest.mark.parametrize("damage", [lambda t: t[:-20], lambda t: t.replace('"schema":1', '"schema":2'), lambda t: "[]"])
def test_a_damaged_file_is_refused(tmp_path, damage):
    records, path = Records(), tmp_path / "grid.json"
    records.add(a_run(Recipe(task="cola")), Recipe(task="cola"), HERE)
    path.write_text(damage(records.to_json()))
    refused(lambda: grids.load(path), ValueError, "grid.json", "damaged")


def test_a_file_is_one_run_a_line():
    records = Records()
    for seed in range(3):
        records.add(a_run(Recipe(task="cola", seed=seed)), Recipe(task="cola", seed=seed), HERE)
    lines = [line for line in records.to_json().splitlines() if line.startswith('{"recipe"')]
    assert [json.loads(line.rstrip(","))["recipe"]["seed"] for line in lines] == [0, 1, 2]
