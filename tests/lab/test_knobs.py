"""What the controls make of what a method says of its settings."""

import math

import pytest

from recall_learn.lab.knobs import LR, NOTHING, Knobs, Setup, caption, notches, offered
from recall_learn.methods import METHODS
from recall_learn.methods.method import Setting
from recall_learn.runs.recipe import Recipe

LIVE = [(method, key) for method in METHODS.values() for key, about in method.settings().items() if about.live]


@pytest.mark.parametrize(("method", "key"), LIVE, ids=[f"{method.name}.{key}" for method, key in LIVE])
def test_every_slider_stands_at_right_values_alone(method, key):
    about = method.settings()[key]
    if about.unit == "steps":  # it reaches as far as the run
        return
    usual = getattr(method().resolved(1e-3), key)
    found = notches(about, usual)
    assert found == sorted(set(found))
    assert usual in found
    assert [about.checked(key, value) for value in found] == found
    assert (math.inf in found) == about.infinite
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


@pytest.mark.parametrize(
    ("key", "unit", "expected"),
    [("gamma", "", "γ"), ("k", "per step", "k, per step"), ("child-d.p", "", "child-d.p"), ("layers", "", "layers")],
)
def test_captions(key, unit, expected):
    assert caption(key, Setting("", unit=unit)) == expected


def test_what_is_offered_follows_from_what_methods_need_and_take():
    found = offered()
    assert found[0] == "vanilla"
    assert {"recadam", "l2sp", "child-f", "child-d", "mixout", "recadam+child-d", "l2sp+child-f"} <= set(found)
    assert "ewc" not in found  # it needs a file
    assert "recadam+l2sp" not in found  # each is the pull
    assert not [name for name in found if "mixout+" in name or "+mixout" in name]  # it takes nothing
    for name in found:
        assert Recipe(method=name).names == name


def recipe(**settings):
    return Recipe(**{"backbone": "tiny", "task": "world/cola", "method": "recadam", "steps": 300, **settings})


def visible(box):
    return [each.description for each in box.children if each.layout.display != "none"]


def test_only_what_acts_is_shown():
    sliders = Knobs(recipe(), lambda **moved: None, "B: ")
    assert visible(sliders.box) == ["B: k, per step", "B: t0, steps", "B: γ", "B: lr"]
    first = sliders.box.children[:2]
    sliders.show(recipe(method="child-d"))
    assert visible(sliders.box) == ["B: lr"]
    sliders.show(recipe(method="l2sp"))
    assert visible(sliders.box) == ["B: γ", "B: β", "B: lr"]
    sliders.show(recipe(method="mixout + child-f"))
    assert visible(sliders.box) == ["B: mixout.p", "B: lr"]
    sliders.show(recipe())
    assert sliders.box.children[:2] == first  # the same widgets: nothing is made twice


def test_a_slider_that_is_put_somewhere_moves_nothing():
    moved = []
    sliders = Knobs(recipe(), lambda **change: moved.append(change))
    for now in (recipe(k=0.3, t0=1e300, gamma=7.7), recipe(method="l2sp"), recipe(steps=5)):
        sliders.show(now)
    assert moved == []
    (k,) = [each for each in sliders.box.children if each.description == "k, per step"]
    k.value = math.inf
    assert moved == [{"k": math.inf}]
    (tooltip,) = {getattr(k, name) for name in ("tooltip",)}
    assert tooltip == METHODS["recadam"].settings()["k"].help


def test_a_method_that_is_chosen_again_is_as_it_was():
    setup = Setup(recipe(), NOTHING, ["tiny"], lambda: None)
    now = recipe(k=0.3, gamma=50, lr=5e-4)  # as the sliders have it
    for method in ("child-d", "vanilla", "l2sp+child-d"):
        setup.method.value = method
        wanted = setup.wanted(now)
        assert (wanted.names, wanted.lr) == (method, 5e-4)
    (p,) = [each for each in setup.box.children[0].children if each.description == "p"]
    p.value = 0.2
    assert setup.wanted(now).p == 0.2
    setup.method.value = "recadam+child-d"
    assert setup.wanted(recipe(method="l2sp")).method == (
        "recadam(k=0.3, t0=250, gamma=50, algorithm=paper) + child-d(p=0.2)"
    )
    p.value = 2.0
    with pytest.raises(ValueError, match=r"p is 2.0; it has to be a number in \(0, 1\]"):
        setup.wanted(now)


def test_another_backbone_has_its_own_strengths():
    setup = Setup(recipe(gamma=50, algorithm="coupled"), NOTHING, ["tiny", "minilm"], lambda: None)
    setup.backbone.value = "minilm"
    wanted = setup.wanted(recipe(gamma=50, algorithm="coupled"))
    assert (wanted.lr, wanted.gamma, wanted.algorithm) == (2e-5, 5000, "coupled")


def test_the_learning_rate_is_shown_over_four_decades():
    found = notches(LR, 1.1e-3)
    assert (found[0], found[-1], 1.1e-3 in found) == (1e-6, 1e-2, True)
