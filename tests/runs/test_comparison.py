"""Settings side by side, and how each stands to the line through plain fine-tuning's rates."""

from itertools import pairwise

import numpy as np
import pytest

from recall_learn.runs import comparison
from recall_learn.runs.recipe import Recipe
from recall_learn.runs.recordings import Record, Records

COMMON = {"backbone": "tiny", "task": "world/cola", "steps": 300, "evaluate_every": 100}


def run(seed, score, loss, facts=0.9, frontier=None, **settings):
    columns = {"step": [0, 300], "score": [0.0, score], "loss": [None, 0.1], "source_loss": [0.6, loss]}
    columns["facts"] = [1.0, facts]
    return Record(Recipe(**COMMON | {"lr": 0.001} | settings, seed=seed), columns, frontier=frontier or {})


def line(seed, shift=0.0):
    """Plain fine-tuning at three rates: the more score, the more is lost."""
    return [
        run(seed, 0.7 + shift, 0.6, lr=0.0001),
        run(seed, 0.9 + shift, 0.8, lr=0.0005),
        run(seed, 0.9 + shift, 1.4),
    ]


def test_settings_are_in_order_and_have_their_seeds():
    runs = [*line(1), *line(0)[::-1], *(run(s, 0.8, 0.7, method="recadam", gamma=g) for g in (100, 10) for s in (0, 1))]
    found = comparison.collect(Records([], runs))
    assert [(each.names, each.label, sorted(each.seeds)) for each in found] == [
        ("vanilla", "lr 0.0001", [0, 1]),
        ("vanilla", "lr 0.0005", [0, 1]),
        ("vanilla", "lr 0.001", [0, 1]),
        ("recadam", "gamma 10", [0, 1]),
        ("recadam", "gamma 100", [0, 1]),
    ]
    assert found[0].values("score") == [0.7, 0.7]
    assert found[2].middle("source_loss") == 1.4


def test_what_tells_settings_apart_is_told_of_each_model_by_itself():
    """That LoRA has another rate on another model is no difference between two settings on this one."""
    mine = [run(0, 0.8, 0.7, method="lora", r=r) for r in (2, 8)]
    other = run(0, 0.8, 0.7, backbone="minilm", task="mrpc", method="lora", r=8, lr=0.002)
    other.columns["similarity"] = [0.87, 0.61]
    found = comparison.collect(Records([], mine), Records([], [other]))
    assert [(each.task, each.label) for each in found] == [
        ("world/cola", "r 2"),
        ("world/cola", "r 8"),
        ("mrpc", "r 8, alpha 16, dropout 0"),
    ]
    assert [each.values("similarity") for each in found] == [[], [], [0.61]]


def test_the_first_file_counts_and_how_often_it_was_evaluated_does_not():
    one, other = run(0, 0.7, 0.6), run(0, 0.8, 0.9, evaluate_every=30)
    (found,) = comparison.collect(Records([], [one]), Records([], [other, run(1, 0.6, 0.6, evaluate_every=30)]))
    assert found.values("score") == [0.7, 0.6]
    assert found.label == ""  # nothing differs, and plain fine-tuning has nothing but its rate


def test_matched_seeds_are_those_that_all_plain_rates_have():
    mine = [run(seed, 0.8, 0.7, method="recadam", gamma=gamma) for seed, gamma in ((0, 10), (1, 10), (1, 100))]
    found = comparison.collect(Records([], [*line(0), *line(1)[:2], *mine]), matched=True)
    assert [(each.names, each.label, sorted(each.seeds)) for each in found] == [
        ("vanilla", "lr 0.0001", [0]),
        ("vanilla", "lr 0.0005", [0]),
        ("vanilla", "lr 0.001", [0]),
        ("recadam", "gamma 10", [0]),
    ]


def test_a_run_that_was_stopped_has_no_end():
    stopped = Record(
        Recipe(**COMMON, lr=0.001), {"step": [0], "score": [0.1], "loss": [None]}, stopped="the loss is nan"
    )
    assert comparison.collect(Records([], [stopped])) == []


def test_a_frontier_is_a_setting_for_each_of_its_points():
    frontier = {"alpha": [1.0, 0.0, 0.5], "score": [0.9, 0.1, 0.5], "source_loss": [2.0, 1.0, 1.5]}
    found = comparison.collect(Records([], [run(0, 0.5, 1.5, frontier=frontier, method="mixout")]))
    assert [(each.label, each.values("score"), each.values("source_loss")) for each in found] == [
        ("alpha 0", [0.1], [1.0]),
        ("alpha 0.5", [0.5], [1.5]),
        ("alpha 1", [0.9], [2.0]),
    ]
    assert [each.values("facts") for each in found] == [[], [], []]


def test_other_budgets_are_not_compared():
    runs = [run(0, 0.7, 0.6), run(0, 0.7, 0.6, steps=600)]
    with pytest.raises(ValueError, match="world/cola have steps 300 and 600; only equal budgets"):
        comparison.collect(Records([], runs))


def slowly(point, line):
    """The same by a dense walk along the line."""
    corners, walk = np.array(line, dtype=float), []
    for a, b in pairwise(corners):
        walk += [a + t * (b - a) for t in np.linspace(0, 1, 2001)]
    walk, (reached, kept) = np.array(walk), point
    as_good = walk[walk[:, 0] >= reached, 1]
    if ((walk[:, 0] >= reached) & (walk[:, 1] >= kept)).any():
        word = "behind"
    else:
        word = "ahead" if ((walk[:, 0] <= reached) & (walk[:, 1] <= kept)).any() else "beyond"
    return word, kept - as_good.max() if len(as_good) else None


def test_a_point_stands_as_a_walk_along_the_line_says():
    rng, words = np.random.default_rng(0), []
    for _ in range(300):
        corners = [tuple(each) for each in rng.uniform(size=(int(rng.integers(2, 6)), 2))]
        point = tuple(rng.uniform(-0.1, 1.1, size=2))
        word, gain = comparison.stands(point, corners)
        slow_word, slow_gain = slowly(point, corners)
        if min(abs(gain or 1.0), abs(slow_gain or 1.0)) > 2e-2:  # on the line a walk may step over it
            assert word == slow_word
        assert (gain is None) == (slow_gain is None)
        if gain is not None:
            assert gain == pytest.approx(slow_gain, abs=2e-2)
        words.append(word)
    assert {words.count(word) > 20 for word in ("ahead", "behind", "beyond")} == {True}


@pytest.mark.parametrize(
    ("point", "word", "gain"),
    [
        ((0.8, -0.75), "behind", -0.05),  # the line is at -0.7 there
        ((0.8, -0.65), "ahead", 0.05),
        ((0.8, -0.7), "behind", 0.0),  # on the line
        ((0.6, -0.5), "beyond", 0.1),  # keeps more than all of the line, and scores under all of it
        ((0.95, -1.0), "ahead", None),  # no point of the line scores as much, and one at 0.9 keeps less
        ((0.95, -2.0), "beyond", None),  # scores above all of the line, keeps less than all of it
    ],
)
def test_ahead_behind_and_beyond(point, word, gain):
    corners = [(0.7, -0.6), (0.9, -0.8), (0.9, -1.4)]
    found = comparison.stands(point, corners)
    assert found == (word, gain if gain is None else pytest.approx(gain))


def test_pairs_are_of_one_seed():
    """The same run is ahead of one seed's line and behind another's."""
    mine = [run(seed, 0.8, 0.68, method="recadam", gamma=100) for seed in (0, 1, 2)]
    lacking = line(2)[:2]  # of seed 2 a rate is missing
    (found,) = comparison.standings(comparison.collect(Records([], [*line(0), *line(1, 0.05), *lacking, *mine])))
    assert (found.ahead, found.behind, found.beyond, found.pairs) == ((0,), (1,), (), 2)
    assert found.gains == {0: pytest.approx(0.02), 1: pytest.approx(0.65 - 0.68)}


def test_of_facts_more_is_better():
    runs = [
        run(0, 0.7, 0.6, facts=1.0, lr=0.0001),
        run(0, 0.9, 1.4, facts=0.8),
        run(0, 0.8, 9.0, facts=0.95, method="recadam", gamma=100),
    ]
    found = comparison.collect(Records([], runs))
    assert [each.ahead for each in comparison.standings(found, "facts")] == [(0,)]
    assert [each.behind for each in comparison.standings(found)] == [(0,)]


def test_who_keeps_most_near_the_best_plain_score():
    mine = [run(0, 0.88, 0.62, method="recadam", gamma=g) for g in (100,)] + [run(0, 0.5, 0.6, method="l2sp", gamma=9)]
    found = comparison.collect(Records([], [*line(0), *mine]))
    assert comparison.keeps_most(found, give=0.0).label == "lr 0.0005"  # the plain rate with the best score
    assert comparison.keeps_most(found, give=0.03).names == "recadam"
    assert comparison.keeps_most([each for each in found if not each.plain]) is None


def test_what_is_recorded_is_counted():
    recipes = [Recipe(**COMMON, lr=lr, seed=seed) for lr in (0.001, 0.0005) for seed in (0, 1)]
    there = Records([], [run(0, 0.7, 0.6), run(1, 0.7, 0.6), run(0, 0.7, 0.6, lr=0.0005)])
    assert comparison.recorded(there, recipes, "a.json", "b.jsonl") == (
        "Recorded: 3 of 4 runs, 1 of 1 methods, 2 of 2 settings, 1 of them with all 2 seeds. "
        "The rest: `recall-learn sweep a.json --out b.jsonl`."
    )
    told = comparison.recorded(there, recipes, "a.json", "b.jsonl", "--data GLUE")
    assert told.endswith("The rest: `recall-learn sweep a.json --out b.jsonl --data GLUE`.")
    there.runs.append(run(1, 0.7, 0.6, lr=0.0005))
    assert comparison.recorded(there, recipes, "a.json", "b.jsonl") == (
        "Recorded: all 4 runs, 1 methods in 2 settings, with 2 seeds each."
    )
