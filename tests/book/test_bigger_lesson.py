"""What lesson 17 says with no recording, with the first rows of one, and with all of them."""

import re
import shutil
from pathlib import Path
from types import SimpleNamespace

import equal_loss
import pytest
import scale
from cells import cells, run
from sized import GUESS, brought, by_size

from recall_learn.book import front

LESSON = Path(__file__).parents[2] / "book" / "17_bigger.md"
RANK = {"stopped": 0, "narrow": 1, "noise": 2, "cut": 3, "tuned": 4, "recovered": 5}


def lived(scores, losses):
    """A run that nobody has to train."""
    looks = zip(range(0, 70, 10), scores, losses, strict=True)
    return SimpleNamespace(
        primary="score", evaluations=[{"step": t, "metrics": {"score": s}, "source_loss": v} for t, s, v in looks]
    )


def said():
    """The texts that the page shows, the claims of its figures, and its names."""
    texts, claims = [], []

    def display(each):
        if hasattr(each, "layout"):
            claims.append(each.layout.meta["claim"])
            assert each.to_json()
        elif hasattr(each, "data"):
            texts.append(each.data)

    opening, live, *others = cells(LESSON)
    assert "finetune(recipe, progress=False)" in live
    names = {
        "display": display,
        "live": {
            "plain": lived([0.0, 0.2, 0.4, 0.5, 0.6, 0.7, 0.8], [0.7, 0.72, 0.76, 0.8, 0.84, 0.88, 0.9]),
            "quarter rate": lived([0.0, 0.1, 0.2, 0.3, 0.35, 0.4, 0.44], [0.7, 0.7, 0.71, 0.71, 0.72, 0.72, 0.72]),
        },
    }
    for cell in (opening, *others):
        run(cell, LESSON, names)
    return texts, claims, names


def spread(way, loss, seed):
    return 0.7 + 0.03 * RANK.get(way, 3) + 0.002 * seed


def test_what_the_page_knows_of_the_tools(world):
    _, _, names = said()
    assert names["wanted_models"] == len(scale.sizes())
    assert {axis: sorted(values) for axis, values in names["GRID"].items()} == {
        "width": sorted(scale.WIDTHS), "layers": sorted(scale.LAYERS), "steps": sorted(scale.STEPS),
        "variety": sorted(scale.VARIETY),
    }  # fmt: skip
    assert set(names["HOW"]) == {(hold["method"], hold.get("lr", 1e-3)) for hold in scale.HOLD}
    assert names["GUESS"] == GUESS
    assert names["TASKS"] == scale.TASKS == equal_loss.TASKS
    assert names["wanted_equal"] == len(list(equal_loss.jobs()))
    assert names["wanted_again"] == len(list(equal_loss.jobs("again")))
    assert {*names["UPPER"], *names["LOWER"]} == set(equal_loss.WAYS)
    assert (list(names["BROUGHT"]), names["LOSSES"]) == (list(equal_loss.WAYS), equal_loss.LOSSES)
    assert names["SEEDS"] == len(equal_loss.SEEDS["first"]) == len(equal_loss.SEEDS["again"])


def test_the_table_of_ways_has_the_names_that_are_shown(world):
    shown = re.findall(r"^\| (\w+) \| (?:a pre|the )", LESSON.read_text(encoding="utf-8"), re.MULTILINE)
    assert shown == list(said()[2]["BROUGHT"].values())


def test_without_recordings_it_says_which_commands_make_them(world):
    texts, claims, _ = said()
    assert any("None of the 72 models of `python tools/scale.py` is recorded yet" in text for text in texts)
    assert any("None of the 70 rows of `python tools/equal_loss.py first` is recorded yet" in text for text in texts)
    assert texts[-1] == "There are no runs yet from which to settle them."
    assert claims == [
        "After 60 steps: plain has risen by 0.200 nats and scores 0.80; the quarter rate by 0.020, and scores 0.44"
    ]
    assert "At the end the two losses differ by 0.180 nats, at a score of 0.4 by 0.040. So 78% of the diff" in texts[1]
    assert texts[0].startswith("**Designed, and not yet run.**")


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_with_few_models_nothing_is_said_of_an_axis(world, count):
    world("scale", by_size(count))
    texts, _, _ = said()
    assert any(
        f"{count} of 72 models {'is' if count == 1 else 'are'} recorded. **What follows" in text for text in texts
    )
    assert texts[-1].count("too few to say") == 4
    widths = "32" if count < 5 else "32 or 64"
    reached = ", ".join(f"{3 * count} of {3 * count} runs on {task}" for task in scale.TASKS)
    told = f"The models that are there have a width of {widths}. Half the way is reached by {reached}. So on no axis"
    assert any(text.startswith(told) for text in texts)
    assert "holds" not in texts[-1]
    assert "fails" not in texts[-1]


@pytest.mark.parametrize("count", [8, 24, 61])
def test_with_a_part_of_the_models_the_counts_are_of_that_part(world, count):
    world("scale", by_size(count, width=0.1, steps=-0.1))
    texts, _, _ = said()
    assert any(f"{count} of 72 models are recorded. **What follows rests on what is there.**" in text for text in texts)
    for line, axis in zip(texts[-1].splitlines(), ("Width", "Depth", "Length", "Variety"), strict=False):
        assert line.startswith(f"- **{axis}**")
        few, counted = re.search(r"(\d+) pairs? of models so far", line), re.search(r"less in [\d.]+ of (\d+)", line)
        assert (few is None) != (counted is None)
        assert int(few[1]) < 6 if few else int(counted[1]) >= 6 * 9


def test_where_width_takes_the_rise_width_is_what_is_named(world):
    world("scale", by_size(width=0.2))
    texts, claims, _ = said()
    assert not any("What follows rests on" in text for text in texts)
    settled = texts[-1].splitlines()
    assert settled[0].startswith(
        "- **Width** (twice the width). At the same score the larger one lost less in 432 of 432"
    )
    assert settled[0].endswith("**The saying holds here**, in every task, way and world by itself.")
    assert all("**The saying fails here:** there is no clear direction." in line for line in settled[1:4])
    assert any(
        claim.startswith("At the same score: the larger one lost less most often by width, in 100% of")
        for claim in claims
    )
    assert any("0 pairs of" in text and "drop out" in text for text in texts)
    assert any("width 32, less lost in" in text for text in texts)


def test_the_reverse_and_an_exception_are_said(world):
    rows = by_size(steps=-0.2, variety=0.2)
    for row in rows:
        if row.get("task") == "rte" and row["variety"] == 1:  # there variety does harm
            row["source_loss"] = [
                row["source_loss"][0] + 4 * (loss - row["source_loss"][0]) for loss in row["source_loss"]
            ]
    world("scale", rows)
    texts, _, _ = said()
    settled = dict(re.findall(r"^- \*\*(\w+)\*\* .*?\. (At .*)$", texts[-1], re.MULTILINE))
    assert settled["Length"].endswith("**The reverse is more often true here.**")
    assert settled["Variety"].endswith("**The saying holds in most pairs**, but not with rte.")


def test_pairs_that_never_score_so_much_are_counted(world):
    rows = by_size(width=0.2)
    for row in rows:
        if "task" in row and row["width"] == 32:
            row["score"] = [GUESS[row["task"]]] * len(row["score"])
    world("scale", rows)
    texts, claims, _ = said()
    pairs = next(text for text in texts if "drop out" in text)
    found = re.search(
        r"(\d+) pairs of (\d+) drop out: in (\d+) the smaller one alone .*? in (\d+) the larger .*? in (\d+)", pairs
    )
    dropped, every, smaller, larger, neither = map(int, found.groups())
    assert larger == 0 < smaller
    assert dropped == smaller + neither < every
    assert any("in 100% of pairs" in claim for claim in claims)  # those that are left


def test_equal_loss_proved_wrong(world):
    world("equal_loss", brought(score=spread))
    texts, claims, _ = said()
    assert any("the hypothesis is proved wrong here, on cola and rte and mrpc.**" in text for text in texts)
    assert any("are the same at both losses, back and early" in claim for claim in claims)
    assert texts[-1].startswith("- **The loss alone.** Proved wrong here, on cola and rte and mrpc.")


def test_equal_loss_not_proved_wrong(world):
    world("equal_loss", brought(score=lambda way, loss, seed: 0.8 + 0.01 * ((seed * 7 + RANK.get(way, 3) * 3) % 5)))
    texts, _, _ = said()
    assert any("the hypothesis is not proved wrong here.**" in text for text in texts)
    assert "By the first test not proved wrong here" in texts[-1]
    assert "second test" not in texts[-1]


@pytest.mark.parametrize("task", [None, "rte", "mrpc"])
def test_equal_loss_asked_again(world, task):
    """Proved wrong where each of the four lies above each of the two on both tasks; on one of them, or turned, not."""
    rows = brought(score=spread, name="again")
    if task:
        for row in rows:
            row[task] = 1.5 - row[task] if row["loss"] == equal_loss.LOSSES[1] else row[task]
    world("equal_loss-again", rows)
    world("equal_loss", brought(score=lambda way, loss, seed: 0.8))
    texts, _, _ = said()
    assert any("60 of 60 rows are recorded" in text for text in texts)
    table = next(text for text in texts if "lowest of the four" in text)
    assert "| rte | 1.1 | 0.800 | 0.800 | 0.774 | 0.744 |" in table
    assert (
        texts[-1].splitlines()[0].endswith("alone: proved wrong." if task is None else "second test: not proved wrong.")
    )
    assert any("second test the hypothesis is proved wrong here" in text for text in texts) == (task is None)
    assert any("In 1 case of 4 one of the two" in text for text in texts) == (task is not None)


def test_equal_loss_asked_again_is_open_while_runs_are_missing(world):
    world("equal_loss", brought(score=spread))
    world("equal_loss-again", brought(59, score=spread, name="again"))
    texts, _, _ = said()
    assert any("59 of 60 rows are recorded" in text for text in texts)
    assert any("lowest of the four" in text for text in texts)
    (told,) = (text for text in texts if "second test" in text)
    assert told == "**Nothing is decided yet:** the second test asks for 5 runs of each way."


@pytest.mark.parametrize("tie", [True, False])
def test_a_tie_at_the_top_is_told(world, tie):
    """Tuned is as high as recovered at one loss; without the tie another way is the highest there."""

    def score(way, loss, seed):
        turned = loss == equal_loss.LOSSES[0]
        return spread(
            {"tuned": "recovered" if turned else way, "recovered": way if tie else "cut" if turned else way}.get(
                way, way
            ),
            loss,
            seed,
        )

    world("equal_loss", brought(score=score))
    texts, claims, _ = said()
    (verdict,) = (text for text in texts if "By this test the hypothesis is not proved wrong here" in text)
    top = "tuned and back, then back" if tie else "tuned, then back"
    highest = f"on cola {top}; on rte {top}; on mrpc {top}."
    assert f"Highest, first at the lower loss and then at the higher: {highest}" in verdict
    assert ("**On cola and rte and mrpc a tie decides.**" in verdict) == tie
    assert any("they are not the same two alone at both losses" in claim for claim in claims)


@pytest.mark.parametrize("count", [1, 13, 14, 30, 69])
def test_equal_loss_undecided(world, count):
    world("equal_loss", brought(count, score=spread))
    texts, claims, _ = said()
    assert any(f"{count} of 70 rows {'is' if count == 1 else 'are'} recorded" in text for text in texts)
    assert not any("proved wrong here" in text for text in texts)
    if count >= 14:
        assert any(f"one way has {4 if count == 69 else count // 14}." in text for text in texts)
        assert texts[-1].startswith("- **The loss alone.** Not decided: runs are missing.")
    else:
        assert len(claims) == 1


def test_the_picture_is_of_the_rows(world, tmp_path):
    shutil.copytree(LESSON.parent / "pictures", tmp_path / "pictures")
    world("scale", by_size(2))
    assert front.draw(tmp_path, "LESSONS", "17_bigger") == (None, "")  # one width
    world("scale", by_size(width=0.2))
    picture, _ = front.draw(tmp_path, "LESSONS", "17_bigger")
    assert "from width 32 to 256" in picture.alt
    assert "1.00 to 0.51, 0.50 to 0.26, 0.25 to 0.13 nats" in picture.alt
