"""The live figure: thinned, and drawn from what was recorded and what is set."""

import math
from dataclasses import replace

import numpy as np
import pytest

from recall_learn.lab.live_figure import FIXED, LiveFigure, Thinned, asked
from recall_learn.runs.recipe import Recipe
from recall_learn.runs.record import Run
from recall_learn.theory.annealing import Sigmoid

RECIPE = Recipe(backbone="tiny", task="world/cola", method="recadam", steps=100, k=0.1, t0=60.0)


def history(count, lam=0.25):
    generator = np.random.default_rng(0)
    return [
        {"step": t, "loss": float(generator.normal()), "lambda": lam, "lr": 1e-3, "pull": 0.1}
        for t in range(1, count + 1)
    ]


@pytest.mark.parametrize("count", [0, 1, 7, 8, 9, 16, 17, 1000])
def test_what_is_thinned_keeps_its_mean_and_its_range(count):
    records, thinned = history(count), Thinned(most=8)
    for start in range(0, count + 1, 5):  # it grows while it is read
        x, y = thinned.read(records[: start + 5], "loss")
    assert len(x) == len(y) <= 8
    if count:
        sizes = [min(thinned.width, count - i * thinned.width) for i in range(len(x))]
        losses = [record["loss"] for record in records]
        starts = np.cumsum([0, *sizes])
        assert starts[-1] == count  # every step is in one of the means
        for i, size in enumerate(sizes):
            part = slice(starts[i], starts[i] + size)
            assert y[i] == pytest.approx(np.mean(losses[part]), abs=1e-12)
            assert x[i] == pytest.approx(np.mean(range(starts[i] + 1, starts[i] + size + 1)))


@pytest.mark.parametrize("grown", [20, 50, 60])
def test_a_run_that_went_back_is_read_anew(grown):
    """However far it has come again at the next look."""
    records, thinned = history(50), Thinned(most=100)
    thinned.read(records, "loss")
    again = [{**record, "loss": -record["loss"]} for record in history(grown)]
    x, y = thinned.read(again, "loss")
    assert (x, y) == (list(range(1, grown + 1)), [record["loss"] for record in again])
    again.append({**again[-1], "step": grown + 1})
    assert len(thinned.read(again, "loss")[0]) == grown + 1


@pytest.mark.parametrize("grown", [20, 50, 60])
def test_a_run_that_went_back_is_drawn_anew(grown):
    figure, run = LiveFigure(), Run(RECIPE, history=history(50))
    figure.begin(RECIPE, ["RecAdam"], [])
    figure.show([run], None)
    run.truncate(10)
    run.history += [{**record, "loss": -record["loss"]} for record in history(grown)[10:]]
    figure.show([run], None)
    assert list(curves(figure)["loss 0"].y) == [record["loss"] for record in run.history]


def curves(figure):
    return {key: figure.widget.data[index] for key, index in figure._traces.items()}


def evaluation(step, **more):
    return {"step": step, "metrics": {"matthews_correlation": step / 100}, "distance": step / 10, **more}


def test_lambda_is_what_was_and_what_will_be():
    figure = LiveFigure()
    figure.begin(RECIPE, ["RecAdam", "plain"], [])
    run = Run(RECIPE, history=history(40), changes=[{"step": 31, "k": 0.5, "t0": 50.0}])
    beside = Run(Recipe(backbone="tiny", task="world/cola"), history=history(40, lam=1.0))
    figure.show_lambda([run, beside], (31, Run(RECIPE)))
    drawn = curves(figure)
    assert set(drawn["lambda 0"].y) == {0.25}  # as it was recorded, whatever is set now
    assert list(drawn["lambda 0"].x) == list(range(1, 41))
    ahead = drawn["ahead"]
    assert (ahead.x[0], ahead.x[-1]) == (41, 100)
    np.testing.assert_array_equal(ahead.y, Sigmoid(0.5, 50.0)(ahead.x))
    ghost = drawn["ghost"]
    assert (ghost.x[0], ghost.x[-1]) == (31, 100)
    np.testing.assert_array_equal(ghost.y, Sigmoid(0.1, 60.0)(ghost.x))
    assert (list(drawn["now"].x), list(drawn["now"].y)) == ([40], [0.25])
    assert set(drawn["lambda 1"].y) == {1.0}


def test_a_recorded_change_bends_the_curve_where_it_will_act():
    changes = [{"step": 10, "k": 1.0}, {"step": 61, "k": 0.02, "t0": 80.0}, {"step": 81, "k": "inf"}]
    run = Run(RECIPE, history=history(40), changes=changes)
    figure = LiveFigure()
    figure.begin(RECIPE, ["RecAdam"], [])
    figure.show_lambda([run], (31, Run(RECIPE, changes=changes[:1])))
    drawn, steps = curves(figure), np.arange(41, 101)
    parts = [Sigmoid(1.0, 60.0)(steps[:20]), Sigmoid(0.02, 80.0)(steps[20:40]), Sigmoid(math.inf, 80.0)(steps[40:])]
    np.testing.assert_array_equal(drawn["ahead"].x, steps)
    np.testing.assert_array_equal(drawn["ahead"].y, np.concatenate(parts))
    np.testing.assert_array_equal(drawn["ghost"].y, Sigmoid(1.0, 60.0)(np.arange(31, 101)))


def test_what_is_ahead_does_not_count_the_steps_that_fp16_skipped():
    recipe = replace(RECIPE, mixed_precision="fp16")
    records = history(40)
    for step in (1, 2, 35):
        records[step - 1]["skipped"] = True
    run = Run(recipe, history=records)
    assert (run.skipped, Run(RECIPE, history=history(40)).skipped) == ([1, 2, 35], [])
    figure = LiveFigure()
    figure.begin(recipe, ["RecAdam"], [])
    figure.show_lambda([run], (31, Run(recipe)))
    for key in ("ahead", "ghost"):
        drawn = curves(figure)[key]
        t = drawn.x - np.where(drawn.x > 35, 3, 2)  # the ghost begins at 31
        np.testing.assert_array_equal(drawn.y, Sigmoid(0.1, 60.0)(t))


def test_before_the_first_step_all_is_ahead():
    figure = LiveFigure()
    figure.begin(RECIPE, ["RecAdam"], [])
    figure.show_lambda([Run(RECIPE)], None)
    drawn = curves(figure)
    assert len(drawn["lambda 0"].x) == len(drawn["ghost"].x) == 0
    assert drawn["now"].y[0] == Sigmoid(0.1, 60.0)(1)
    assert drawn["lambda 1"].visible is False


def test_a_look_sends_one_message_with_the_curves_that_are_new():
    figure, sent = LiveFigure(), []
    figure.begin(RECIPE, ["RecAdam", "plain"], [])
    names = {index: name for name, index in figure._traces.items()}
    records, plain = history(20), Recipe(backbone="tiny", task="world/cola")
    runs = [Run(RECIPE), Run(plain)]
    figure.widget.observe(lambda change: change["new"] and sent.append(change["new"]), "_py2js_update")
    every_step = {"lambda 0", "lambda 1", "loss 0", "loss 1", "ahead", "now"}
    for steps, evaluations, new in (
        (10, (1, 1), every_step | {"distance 0", "distance 1", "score 0", "score 1"}),
        (11, (1, 1), every_step),
        (11, (1, 2), {"distance 1", "score 1"}),
        (11, (1, 2), set()),
    ):
        for run, count in zip(runs, evaluations, strict=True):
            run.history, run.evaluations = records[:steps], [evaluation(10 * i) for i in range(count)]
        sent.clear()
        figure.show(runs, None)
        assert [{names[index] for index in each["style_traces"]} for each in sent] == [new] * bool(new)


def test_each_chart_shows_its_column_and_a_gap_where_nothing_was_measured():
    figure = LiveFigure()
    first = evaluation(0, source_loss=0.7, facts={"known": 1.0, "lost": {}})
    later = evaluation(10, source_loss=0.9, facts={"known": 0.5, "lost": {}})
    assert asked(first) == ["source_loss", "facts"]
    assert asked(evaluation(0, similarity=0.8)) == ["similarity"]
    figure.begin(RECIPE, ["run"], asked(first))
    figure.show([Run(RECIPE, history=history(10), evaluations=[first, later])], None)
    drawn = curves(figure)
    assert figure.charts == [*FIXED, "source_loss", "facts"]
    found = {key: list(drawn[f"{key} 0"].y) for key in ("distance", "score", "5", "6")}
    assert found == {"distance": [0, 1], "score": [0, 0.1], "5": [0.7, 0.9], "6": [1.0, 0.5]}
    recovery = [evaluation(0, recovery=0), evaluation(10, recovery=None)]  # None: not within the limit
    figure.begin(RECIPE, ["run"], asked(recovery[0]))
    assert list(curves(figure)["5 0"].y) == []  # a new run begins with nothing
    figure.show([Run(RECIPE, evaluations=recovery)], None)
    values = curves(figure)["5 0"].y
    assert values[0] == 0
    assert math.isnan(values[1])
