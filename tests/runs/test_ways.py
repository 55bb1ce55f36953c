"""Recorded sequences, way by way, against sums written out in another way, and their laws."""

import json
from pathlib import Path

import numpy as np
import pytest
import sequences as recording
from small import refused

from recall_learn.runs import ways
from recall_learn.runs.sequence_recipe import SequenceRecipe
from recall_learn.runs.sequence_record import SequenceRun
from recall_learn.runs.ways import Way

PLAIN = Way("vanilla", 1e-3)
TASKS = ("cola", "rte", "sst2")
GUESS = {"cola": 0.0, "rte": 0.5, "sst2": 0.5}


def row(method="vanilla", seed=0, tasks=TASKS, lr=1e-3, home="last", together=False, **more):
    """A line as it is recorded, its numbers drawn: a task that was learned scores more than before."""
    rng = np.random.default_rng([seed, len(method), int(1e6 * lr), together, home == "last", *map(len, tasks)])
    count = 2 if together else len(tasks) + 1
    scores = rng.uniform(0.1, 0.5, (count, len(tasks)))
    for j in range(len(tasks)):
        scores[-1 if together else j + 1 :, j] += 0.5
    drawn = {"scores": scores.round(4).tolist(), "facts": [0.5, *rng.uniform(0, 0.5, count - 1).round(4).tolist()]}
    drawn["source_loss"] = rng.uniform(0.6, 2.0, count).round(4).tolist()
    key = {"tasks": list(tasks), "lr": lr, "home": home, "together": together, "method": method, "seed": seed}
    return {**key, **drawn, **more}


def recorded():
    rows = []
    for seed in (0, 1):
        for tasks in (TASKS, TASKS[::-1]):
            rows += [row(seed=seed, tasks=tasks), row(seed=seed, tasks=tasks, lr=2.5e-4)]
            rows += [row("recadam", seed, tasks), row("recadam", seed, tasks, home="pretrained")]
            rows += [row(seed=seed, tasks=tasks, together=True)]
    return rows


def by_columns(rows):
    """g and p of each task, gathered task by task instead of row by row."""
    found = {}
    for task in TASKS:
        at = [each["tasks"].index(task) for each in rows]
        own = [
            each["scores"][j + 1][j]
            for each, j in zip(rows, at, strict=True)
            if each["method"] == "vanilla" and each["lr"] == 1e-3 and not each["together"]
        ]
        found[task] = GUESS[task], np.mean(own)
    return found


def test_a_share_is_0_for_a_guess_and_1_as_plain_fine_tuning_learns_it():
    rows = recorded()
    scale = ways.scale(rows, PLAIN, GUESS)
    for task, (guess, learned) in by_columns(rows).items():
        assert scale.share(task, guess) == pytest.approx(0, abs=1e-12)
        assert scale.share(task, learned) == pytest.approx(1)
        assert scale.share(task, (guess + 3 * learned) / 4) == pytest.approx(0.75)


@pytest.mark.parametrize("at", range(5))
def test_what_a_row_kept_is_its_columns_one_by_one(at):
    rows = recorded()
    taken, ends = rows[at], by_columns(rows)
    found = ways.kept(taken, ways.scale(rows, PLAIN, GUESS))
    last, own = {}, {}
    for j, task in enumerate(TASKS):
        column = [each[j] for each in taken["scores"]]
        low, high = ends[task]
        last[task] = (column[-1] - low) / (high - low)
        own[task] = (column[-1 if taken["together"] else 1 + j] - low) / (high - low)
    assert found.earlier == pytest.approx((last["cola"] + last["rte"]) / 2)
    assert found.every == pytest.approx(sum(last.values()) / 3)
    assert found.learned == pytest.approx((own["cola"] + own["rte"]) / 2)
    assert found.facts == taken["facts"][-1]
    assert found.source_loss == taken["source_loss"][-1]
    if taken["together"]:
        assert found.forgetting is None
    else:
        r = np.array(taken["scores"])
        lost = [max(r[1, 0], r[2, 0]) - r[3, 0], r[2, 1] - r[3, 1]]
        assert found.forgetting == pytest.approx(np.mean(lost))


def test_curves_have_a_value_before_training_and_one_after_each_task():
    rows = recorded()
    scale = ways.scale(rows, PLAIN, GUESS)
    low, high = by_columns(rows)["cola"]
    column = np.array(rows[0]["scores"])[:, 0]
    np.testing.assert_allclose(ways.first_task(rows[0], scale), (column - low) / (high - low))
    assert ways.shares(rows[0], scale, 2)[0] == pytest.approx(ways.first_task(rows[0], scale)[2])


def test_a_way_is_what_differs_but_order_and_seed():
    rows = recorded()
    found = ways.by_way(rows)
    assert [len(each) for each in found.values()] == [4] * 5
    assert list(found) == [
        PLAIN,
        Way("vanilla", 2.5e-4),
        Way("recadam", 1e-3),
        Way("recadam", 1e-3, "pretrained"),
        Way("vanilla", 1e-3, together=True),
    ]
    assert ways.way({"method": "vanilla", "lr": 1e-3}) == PLAIN


def test_every_recorded_way_is_one_of_its_own():
    keys = [key for key, _ in recording.run_orders()]
    assert len({ways.way(key) for key in keys}) == len(recording.HOLD)
    assert len({ways.cell(key) for key in keys}) == len(keys) / len(recording.HOLD)


def test_only_whole_cells_are_compared():
    rows = recorded()
    assert ways.whole(rows) == rows
    assert ways.whole(rows[:17]) == rows[:15]  # the fourth order and seed has two of five ways
    assert ways.whole(rows[:3]) == rows[:3]
    assert ways.whole([]) == []


def test_what_plain_fine_tuning_has_not_learned_has_no_scale():
    refused(
        lambda: ways.scale([row("recadam")], PLAIN, GUESS), ValueError, "cola has no scale: no row of vanilla at 0.001"
    )
    flat = row(scores=np.tile([0.0, 0.9, 0.5], (4, 1)).tolist())
    refused(lambda: ways.scale([flat], PLAIN, GUESS), ValueError, "cola has no scale")


def test_a_recording_that_is_not_there_has_no_rows_and_a_damaged_one_is_refused(tmp_path):
    path = tmp_path / "sequences-orders.json"
    assert ways.read(path) == []
    path.write_text(json.dumps({"environment": None, "rows": [row()]}))
    assert ways.read(path) == [row()]
    path.write_text('{"rows": [')
    refused(lambda: ways.read(path), ValueError, "is damaged", "restore it, or record it anew")


def test_the_lesson_knows_every_way_and_every_row():
    """Its tables count to what the recordings ask for, and have a name for each way."""
    import builds
    import parts

    text = (Path(__file__).parents[2] / "book" / "15_sequences.md").read_text(encoding="utf-8")
    for name, jobs in {"wanted": recording.run_orders(), "wanted_parts": parts.jobs()}.items():
        assert f"\n{name} = {len(list(jobs))}\n" in text
    models = len(list(builds.jobs()))
    assert f"\nwanted_builds = {models * (1 + len(builds.ORDERS) * len(builds.HOLD))}\n" in text
    for hold in recording.HOLD:
        told = {**recording.USUAL, **hold}
        assert f'Way("{told["method"]}", {told["lr"]:g}, "{told["home"]}", {told["together"]}): (' in text, hold
    for name in parts.WAYS:
        assert f'"{name}"' in text, name


def test_swept_sequences_give_the_same_rows():
    """Each recorded row, made a sequence's record, comes back; one that was stopped has none."""
    runs = []
    for each in recorded():
        asked = {"backbone": "tiny", **each, "tasks": [f"world/{task}" for task in each["tasks"]]}
        found = {name: asked.pop(name) for name in ("scores", "facts", "source_loss")}
        run = SequenceRun.of(SequenceRecipe.from_dict(asked))
        columns = zip(*found.values(), strict=True)
        run.rows = [dict(zip(found, values, strict=True)) for values in columns]
        run.final = {"average": 0.5}
        runs.append(run)
    rows = ways.rows_of(runs)
    known = {runs[0].recipe.method: "vanilla", runs[2].recipe.method: "recadam"}
    assert [{**row, "method": known[row["method"]]} for row in rows] == recorded()
    assert ways.way(rows[0]) == PLAIN
    runs[0].final = None
    assert ways.rows_of(runs) == rows[1:]
