"""A little data and then more: gains and gaps against loops over the rows, and what has to hold."""

import itertools

import numpy as np
import parts
import pytest

from recall_learn.runs import more_data

ON, AGAIN, REMEDY = "A, then B", "A and B", "A, then B at a quarter of the rate"


def rows(ways=(ON, AGAIN, REMEDY), seeds=(0, 1, 2)):
    """Every question and way, its numbers drawn."""
    rng = np.random.default_rng(0)
    return [
        {
            "task": task, "kind": kind, "a": size, "way": way, "seed": seed,
            "scores": dict(zip(("as A", "elsewhere"), rng.uniform(0.4, 1, 2).tolist(), strict=True)),
        }
        for seed, task, kind, size, way in itertools.product(seeds, ("cola", "mrpc"), parts.KINDS, (100, 1000), ways)
    ]  # fmt: skip


def looked_up(found, task, kind, size, way, seed):
    (one,) = [
        each
        for each in found
        if (each["task"], each["kind"], each["a"], each["way"], each["seed"]) == (task, kind, size, way, seed)
    ]
    both = one["scores"].values()
    return np.mean(list(both)) if kind == "other" else one["scores"]["as A"]


def test_gains_are_differences_of_the_same_seed():
    found = rows()
    gained = more_data.gains(found, AGAIN, ON)
    assert list(gained) == sorted(itertools.product(("cola", "mrpc"), parts.KINDS, (100, 1000)))
    for asked, values in gained.items():
        expected = [looked_up(found, *asked, AGAIN, seed) - looked_up(found, *asked, ON, seed) for seed in range(3)]
        assert values == pytest.approx(expected)
        assert more_data.gains(found, ON, AGAIN)[asked] == pytest.approx([-value for value in values])
    assert not any(map(any, more_data.gains(found, ON, ON).values()))


def test_a_seed_or_question_that_one_way_lacks_does_not_count():
    found = [each for each in rows() if not (each["way"] == AGAIN and (each["seed"] == 1 or each["kind"] == "alike"))]
    gained = more_data.gains(found, AGAIN, ON)
    assert {asked[1] for asked in gained} == {"other"}
    assert {len(values) for values in gained.values()} == {2}
    asked = ("mrpc", "other", 1000)
    right = [looked_up(found, *asked, AGAIN, seed) - looked_up(found, *asked, ON, seed) for seed in (0, 2)]
    assert gained[asked] == pytest.approx(right)


@pytest.mark.parametrize("task", ["cola", "mrpc"])
@pytest.mark.parametrize("kind", parts.KINDS)
def test_a_gap_is_closed_by_what_the_remedy_gains_of_it(task, kind):
    found = rows()
    told = more_data.closed(found, REMEDY, ON, AGAIN, task, kind)
    gap, gain = [], []
    for size in (100, 1000):
        mean = {w: np.mean([looked_up(found, task, kind, size, w, s) for s in range(3)]) for w in (ON, AGAIN, REMEDY)}
        gap.append(mean[AGAIN] - mean[ON])
        gain.append(mean[REMEDY] - mean[ON])
    assert (told.gap, told.gain) == (pytest.approx(np.mean(gap)), pytest.approx(np.mean(gain)))
    assert (told.ahead, told.sizes) == (sum(value > 0 for value in gain), 2)
    assert told.share == (pytest.approx(np.mean(gain) / np.mean(gap)) if np.mean(gap) > 0 else None)


def test_who_begins_again_has_closed_the_whole_gap_and_who_goes_on_nothing():
    found = rows()
    assert more_data.closed(found, ON, ON, AGAIN, "cola", "other").gain == 0
    whole = more_data.closed(found, AGAIN, ON, AGAIN, "cola", "other")
    assert whole.gain == whole.gap
    backwards = more_data.closed(found, REMEDY, AGAIN, ON, "cola", "other")
    assert whole.gap == pytest.approx(-backwards.gap)
    assert None in (whole.share, backwards.share)  # one of the two gaps is none


def test_without_all_three_there_is_nothing_to_say():
    assert more_data.closed(rows((ON, REMEDY)), REMEDY, ON, AGAIN, "cola", "other") is None
    assert more_data.closed([], REMEDY, ON, AGAIN, "cola", "other") is None
    alike = [each for each in rows() if each["kind"] == "alike"]
    assert more_data.closed(alike, REMEDY, ON, AGAIN, "cola", "other") is None
