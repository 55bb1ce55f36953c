"""What the book's grids ask for, beyond what is recorded of them."""

import itertools
from pathlib import Path

import pytest

from recall_learn.methods import METHODS
from recall_learn.runs import grids
from recall_learn.runs.sequence_recipe import recipes_of

GRIDS = Path(__file__).parents[2] / "book" / "grids"
ASKED = [name for name, each in METHODS.items() if not each.for_sequences]
BUDGET = ("backbone", "steps", "batch_size", "limit_train", "max_length", "evaluate_every", "probe")
TASKS = {
    "neighbours": ("world/cola", "world/rte", "world/mrpc"),
    "neighbours-minilm": ("mrpc", "stsb", "nli/snli", "rte", "cola"),
}


def asked(name):
    return grids.read_grid(GRIDS / f"{name}.json")


@pytest.mark.parametrize("name", TASKS)
def test_the_neighbours_have_equal_budgets_and_five_plain_rates(name):
    recipes = asked(name)
    assert len({(recipe.task, *(getattr(recipe, key) for key in BUDGET)) for recipe in recipes}) == len(TASKS[name])
    assert {recipe.names for recipe in recipes} >= {"vanilla", *ASKED}
    for task, seed in itertools.product(TASKS[name], {recipe.seed for recipe in recipes}):
        own = [recipe for recipe in recipes if (recipe.task, recipe.seed) == (task, seed)]
        assert len([recipe for recipe in own if not recipe.methods]) == 5
        lacking = set(ASKED) - {each.name for recipe in own for each in recipe.methods}
        assert lacking == ({"r3f"} if task == "stsb" else set()), task  # which has no form for a score


def test_minilm_has_one_setting_a_method_and_what_tells_most_comes_first():
    recipes = asked("neighbours-minilm")
    methods = [(recipe.task, recipe.seed, recipe.names) for recipe in recipes if recipe.methods]
    assert len(methods) == len(set(methods))
    assert {recipe.seed for recipe in recipes} == {0, 1, 2}
    assert list(dict.fromkeys(recipe.task for recipe in recipes)) == ["stsb", "mrpc", "nli/snli", "rte", "cola"]
    first = [recipe for recipe in recipes if recipe.task in ("mrpc", "stsb") and recipe.seed == 0]
    assert first == recipes[: len(first)]
    assert not any(recipe.methods for recipe in first[:10])
    assert list(dict.fromkeys(recipe.names for recipe in first)) == ["vanilla", *ASKED]
    assert all(recipe.warmup == 0 and recipe.weight_decay == 0 for recipe in recipes)
    assert {recipe.limit_train for recipe in recipes if recipe.task != "nli/snli"} == {2400}  # rte has 2,490
    assert {recipe.mixed_precision for recipe in recipes} == {"bf16"}  # a CPU that knows it takes half the time


@pytest.mark.parametrize("path", sorted(GRIDS.glob("*.json")), ids=lambda path: path.stem)
def test_a_grid_names_no_place_of_a_machine(path):
    recipes = [recipe for each in grids.read_grid(path) for recipe in recipes_of(each)]
    assert {recipe.backbone for recipe in recipes} <= {"tiny", "minilm"}
    assert not any(recipe.task.startswith(("/", "~", ".")) for recipe in recipes)
