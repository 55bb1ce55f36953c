"""The test that was laid down beforehand: against every exchange of the names, and rows whose answer is known."""

import itertools

import equal_loss
import numpy as np
import pytest
from sized import brought

from recall_learn.runs import equal_loss as found_by
from recall_learn.runs.equal_loss import apart, sides, verdict

RANK = {"stopped": 0, "narrow": 1, "noise": 2, "cut": 3, "tuned": 4, "recovered": 5}


def spread(way, loss, seed):
    """Ways apart, the same order at both losses."""
    return 0.7 + 0.03 * RANK.get(way, 3) + 0.002 * seed


def exchanged(scores):
    """Of all ways to hand out the names, the share whose highest and lowest lie nearer."""
    pool = [score for each in scores.values() for score in each]
    sizes = [len(each) for each in scores.values()]
    gaps = []
    for order in itertools.permutations(pool):
        rest, means = list(order), []
        for size in sizes:
            means.append(np.mean(rest[:size]))
            rest = rest[size:]
        gaps.append(max(means) - min(means))
    own = [np.mean(each) for each in scores.values()]
    return np.mean(np.array(gaps) < max(own) - min(own) - 1e-9)


@pytest.mark.parametrize("seed", range(4))
def test_the_exchanges_are_as_many_as_all_of_them_say(seed):
    rng = np.random.default_rng(seed)
    scores = {"a": rng.normal(0.5, 1, 3), "b": rng.normal(0, 1, 2), "c": rng.normal(0, 1, 2)}
    found = apart(scores, draws=20_000)
    assert found.nearer == pytest.approx(exchanged(scores), abs=0.02)
    assert found.gap == pytest.approx(max(map(np.mean, scores.values())) - min(map(np.mean, scores.values())))


def test_ends_and_ties():
    found = apart({"a": [1.0, 1.0], "b": [0.0, 2.0], "c": [0.5]})
    assert (found.highest, found.lowest, found.gap) == (("a", "b"), ("c",), 0.5)
    same = apart({"a": [1.0], "b": [1.0]})
    assert (same.gap, same.nearer, same.enough) == (0.0, 0.0, False)


def test_the_global_numbers_are_left_alone():
    np.random.seed(0)  # noqa: NPY002
    before = np.random.get_state()[1].tolist()  # noqa: NPY002
    assert apart({"a": [1.0, 2.0], "b": [3.0, 4.0]}) == apart({"a": [1.0, 2.0], "b": [3.0, 4.0]})
    assert np.random.get_state()[1].tolist() == before  # noqa: NPY002


@pytest.mark.parametrize(
    ("scores", "words"),
    [
        ({"a": [1.0]}, r"scores has \{'a': 1\} runs; two ways need one each"),
        ({"a": [1.0], "b": []}, "two ways need one each"),
        ({"a": [1.0], "b": [np.nan]}, "scores holds nan; all have to be finite"),
    ],
)
def test_what_is_wrong_is_refused(scores, words):
    with pytest.raises(ValueError, match=words):
        apart(scores)


def asked(rows, task="cola"):
    return verdict(rows, task, list(equal_loss.WAYS), equal_loss.LOSSES)


def test_ways_that_keep_their_places_far_apart_prove_it_wrong():
    found = asked(brought(score=spread))
    assert found.runs == len(equal_loss.SEEDS["first"])
    assert found.keeps_places
    assert found.wrong
    for each in found.at.values():
        assert (each.highest, each.lowest) == (("recovered",), ("stopped",))
        assert each.gap == pytest.approx(0.15)


def test_ways_that_change_places_do_not():
    def turned(way, loss, seed):
        return spread(way, loss, seed) if loss == 1.1 else 1.5 - spread(way, loss, seed)

    found = asked(brought(score=turned))
    assert all(each.enough for each in found.at.values())
    assert not found.keeps_places
    assert not found.wrong


def test_a_difference_at_one_loss_alone_does_not():
    def once(way, loss, seed):
        small = 1e-4 * RANK.get(way, 3)
        return spread(way, loss, seed) if loss == 1.1 else 0.7 + small + 0.05 * ((seed * 7 + RANK.get(way, 3) * 3) % 5)

    found = asked(brought(score=once))
    assert found.at[1.1].enough
    assert not found.at[1.4].enough
    assert not found.wrong


def test_luck_alone_is_rarely_taken_for_a_way():
    rng = np.random.default_rng(1)
    times = [asked(brought(score=lambda **_: rng.normal(0.8, 0.02))).wrong for _ in range(20)]
    assert not any(times)


def test_a_way_without_a_run_leaves_it_open():
    assert asked([]) is None
    rows = brought(score=spread)
    assert asked([row for row in rows if (row["way"], row["loss"]) != ("cut", 1.4)]) is None
    assert asked([row for row in rows if row["seed"] == 0]).runs == 1


def test_two_groups_beside_each_other():
    rows = brought(score=spread)
    found = sides(rows, "rte", ["tuned", "recovered"], ["noise", "cut"], equal_loss.LOSSES)
    for loss, at in found.items():
        mean = {way: np.mean([row["rte"] for row in rows if (row["way"], row["loss"]) == (way, loss)]) for way in RANK}
        assert at.upper == pytest.approx(mean["tuned"])
        assert at.lower == pytest.approx(mean["cut"])
        assert at.apart
    assert list(found) == list(equal_loss.LOSSES)
    assert not sides(rows, "rte", ["tuned", "noise"], ["cut"], (1.1,))[1.1].apart
    same = brought(score=lambda **_: 0.8)
    assert not sides(same, "rte", ["tuned"], ["cut"], (1.1,))[1.1].apart  # equal is not higher
    assert sides(rows[:9], "rte", ["tuned"], ["cut"], equal_loss.LOSSES) is None


def test_the_line_is_that_of_the_tool():
    assert f"{found_by.ENOUGH * 100:.0f} of 100 random exchanges" in " ".join(equal_loss.__doc__.split())
