"""Models of several sizes, pair by pair: against loops over the rows, and what has to hold."""

import itertools

import numpy as np
import pytest
import scale
from sized import by_size, model, tuned

from recall_learn.runs import scaling

SIZE = {"width": 32, "layers": 1, "steps": 1250, "variety": 1.0, "seed": 0}
VALUES = {"width": scale.WIDTHS, "layers": scale.LAYERS, "steps": scale.STEPS, "variety": sorted(scale.VARIETY)}


def one(**how):
    (run,) = scaling.runs([tuned(SIZE, "cola", {"method": "vanilla"}, **how)])
    return run


def test_models_and_runs_are_told_apart():
    rows = model(SIZE)
    assert len(scaling.runs(rows)) == len(scale.TASKS) * len(scale.HOLD)
    assert list(scaling.models(rows)) == [scaling.Size(**SIZE)]
    assert {run.way for run in scaling.runs(rows)} == {(h["method"], h.get("lr", 1e-3)) for h in scale.HOLD}


def test_the_axes_are_those_of_the_tool():
    (size, *_) = scale.sizes()
    assert set(vars(size)) == {*scaling.AXES, "seed"}


@pytest.mark.parametrize("axis", scaling.AXES)
def test_a_pair_differs_in_one_axis_by_one_place_of_the_grid(axis):
    runs = scaling.runs(by_size())
    found = list(scaling.pairs(runs, axis, VALUES[axis]))
    asked = [vars(run.size) | {"task": run.task, "way": run.way} for run in runs]
    expected = 0
    for a, b in itertools.product(asked, asked):
        same = all(a[name] == b[name] for name in a if name != axis)
        expected += same and list(VALUES[axis]).index(b[axis]) == list(VALUES[axis]).index(a[axis]) + 1
    assert len(found) == expected > 0
    for smaller, larger in found:
        assert getattr(larger.size, axis) > getattr(smaller.size, axis)
        assert (smaller.task, smaller.way, smaller.size.seed) == (larger.task, larger.way, larger.size.seed)


def test_no_pair_leaps_over_a_place():
    runs = scaling.runs([*model(SIZE), *model({**SIZE, "width": 128})])
    assert not list(scaling.pairs(runs, "width", scale.WIDTHS))
    assert not list(scaling.pairs([], "width", scale.WIDTHS))
    with pytest.raises(ValueError, match="axis is 'depth'; it has to be one of width, layers, steps, variety"):
        list(scaling.pairs(runs, "depth", (1, 2)))


def test_what_was_lost_at_the_end_and_on_the_way():
    run = one(rise=1.0, top=0.9, before=0.7, known=0.8, lost=0.25)
    assert scaling.rise(run) == pytest.approx(1.0)
    assert scaling.facts_lost(run) == pytest.approx(0.25)
    for wanted in (0.2, 0.45, 0.8):  # score and loss rise together here
        assert scaling.rise(run, wanted) == pytest.approx(wanted / 0.9, abs=1e-3)
        assert scaling.facts_lost(run, wanted) == pytest.approx(0.25 * wanted / 0.9, abs=1e-3)
    assert scaling.rise(run, 0.91) is scaling.facts_lost(run, 0.91) is None


def test_whoever_knew_next_to_nothing_lost_no_facts():
    assert scaling.facts_lost(one(known=0.05)) is None
    assert scaling.facts_lost(one(known=0.1, lost=0.5)) == pytest.approx(0.5)
    assert scaling.facts_lost(one(lost=-0.1)) == pytest.approx(-0.1, abs=1e-3)  # it knows more than before


def test_who_is_never_back_took_longer_than_anybody():
    assert scaling.steps_back(one(back=None)) > scaling.steps_back(one(back=200)) > scaling.steps_back(one(back=0)) == 0


def test_a_tally_counts_each_pair_once():
    low, high, nothing = one(rise=0.5), one(rise=1.0), one(rise=0.1, top=0.1)
    made = [(high, low), (high, low), (low, high), (low, low), (low, nothing)]
    found = scaling.tally(made, lambda run: scaling.rise(run, 0.5))
    assert (found.less, found.equal, found.more, found.unasked) == (2, 1, 1, 1)
    assert found.asked == 4
    assert found.share == 2.5 / 4
    assert scaling.tally([], scaling.rise).share is None


def test_two_that_are_never_back_are_equal():
    never = one(back=None)
    assert scaling.tally([(never, never), (never, one(back=5))], scaling.steps_back) == scaling.Tally(1, 1, 0, 0)


@pytest.mark.parametrize(("takes", "share"), [(0.2, 1.0), (-0.2, 0.0), (0.0, 0.5)])
def test_where_width_alone_matters_width_alone_is_seen(takes, share):
    runs = scaling.runs(by_size(width=takes))
    for lost in (scaling.rise, scaling.facts_lost, lambda run: scaling.rise(run, {"cola": 0.5}.get(run.task, 0.75))):
        assert scaling.tally(scaling.pairs(runs, "width", scale.WIDTHS), lost).share == share
        for axis in ("layers", "steps", "variety"):
            assert scaling.tally(scaling.pairs(runs, axis, VALUES[axis]), lost).share == 0.5


def test_a_score_that_is_scaled_reorders_nothing():
    rng = np.random.default_rng(0)
    rises = rng.uniform(0.1, 2, 6)
    made = [(one(rise=a), one(rise=b)) for a, b in itertools.permutations(rises, 2)]
    assert scaling.tally(made, scaling.rise).share == 0.5  # each pair comes both ways round
