"""Recipes: what is refused before anything is loaded, and the way to JSON and back."""

import json
import math

import pytest

from recall_learn.recipe import GAMMA, Recipe


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"task": "glue"}, ["'glue'", "cola", "mrpc"]),
        ({"method": "adam"}, ["'adam'", "recadam", "child-d"]),
        ({"method": ""}, ["''", "vanilla"]),
        ({"method": "recadam+ewc"}, ["recadam+ewc", "take one"]),
        ({"method": "child-f+child-d"}, ["child-f+child-d", "take one"]),
        ({"method": "recadam+recadam"}, ["take one"]),
        ({"method": "vanilla+child-f"}, ["vanilla", "leave it out"]),
        ({"backbone": ""}, ["backbone", "minilm"]),
        ({"steps": 0}, ["steps", "0", "at least 1"]),
        ({"steps": 1.5}, ["steps", "1.5"]),
        ({"steps": True}, ["steps", "True"]),
        ({"batch_size": -1}, ["batch_size", "-1"]),
        ({"seed": -1}, ["seed", "-1"]),
        ({"limit_train": 0}, ["limit_train", "0"]),
        ({"evaluate_every": 0}, ["evaluate_every", "0"]),
        ({"lr": 0.0}, ["lr", "0.0", "above 0"]),
        ({"lr": math.nan}, ["lr", "nan"]),
        ({"lr": "fast"}, ["lr", "'fast'"]),
        ({"warmup": 1.0}, ["warmup", "1.0"]),
        ({"weight_decay": -0.1}, ["weight_decay", "-0.1"]),
        ({"clip": -1}, ["clip", "-1"]),
        ({"p": 0.0}, ["p is 0.0", "(0, 1]"]),
        ({"p": 1.1}, ["p is 1.1"]),
        ({"k": -0.1}, ["k", "-0.1"]),
        ({"k": math.nan}, ["k", "nan"]),
        ({"t0": -1.0}, ["t0", "-1"]),
        ({"t0": math.inf}, ["t0", "inf"]),
        ({"gamma": -1.0}, ["gamma", "-1"]),
        ({"gamma": math.inf}, ["gamma", "inf"]),
        ({"algorithm": "line 6"}, ["algorithm", "coupled"]),
        ({"init": "zeros"}, ["init", "random"]),
        ({"mixed_precision": "fp8"}, ["mixed_precision", "'fp8'", "bf16"]),
        ({"probe": "mnli"}, ["probe", "stsb"]),
        ({"method": "recadam", "lr": 1e-3}, ["lr * gamma", "diverges", "--gamma"]),  # the released defaults
        ({"method": "recadam+child-d", "lr": 4e-4, "gamma": 5000.0}, ["lr * gamma is 2"]),
    ],
)
def test_a_bad_setting_is_refused_in_one_sentence(change, words):
    with pytest.raises(ValueError) as raised:  # noqa: PT011 the words are checked below
        Recipe(**change)
    text = str(raised.value)
    assert "\n" not in text
    for word in words:
        assert word in text


@pytest.mark.parametrize(
    "change",
    [
        {"method": "recadam", "lr": 3.9e-4},
        {"method": "recadam", "lr": 1e-3, "algorithm": "coupled"},  # its pull goes through the moments
        {"method": "l2sp", "lr": 1e-3, "gamma": 5000.0},
        {"lr": 1.0},
        {"k": math.inf, "t0": 0.0},
        {"method": "ewc+child-f", "p": 1.0},
    ],
)
def test_the_edges_of_what_is_right_are_accepted(change):
    recipe = Recipe(**change)
    assert {name: getattr(recipe, name) for name in change} == change


def test_a_recipe_goes_to_strict_json_and_back():
    recipe = Recipe(method="recadam+child-d", k=math.inf, t0=3, gamma=1.0, limit_train=7)
    text = json.dumps(recipe.to_dict(), allow_nan=False)
    assert Recipe.from_dict(json.loads(text)) == recipe
    with pytest.raises(ValueError, match="unknown key 'speed'"):
        Recipe.from_dict({**recipe.to_dict(), "speed": 3})


def test_parts_of_a_method():
    parts = {m: (Recipe(method=m).pull, Recipe(method=m).mask) for m in ("vanilla", "child-f", "child-d+l2sp")}
    assert parts == {"vanilla": (None, None), "child-f": (None, "child-f"), "child-d+l2sp": ("l2sp", "child-d")}
    assert Recipe(method="recadam").strength == GAMMA["recadam"] == 5000
    assert Recipe(method="recadam", gamma=0).strength == 0
    assert Recipe().strength == 0


def test_a_difference_names_the_setting_and_both_values():
    one, other = Recipe(seed=1, k=0.2), Recipe(seed=1, k=0.5)
    assert one.difference(one) == ""
    assert one.difference(other) == "k is 0.5 there and 0.2 here"
