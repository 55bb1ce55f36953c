"""tools/general.py: a row of each kind on a few steps, what tells rows apart, and that a stopped recording goes on."""

import json
import sys
from itertools import islice
from pathlib import Path

import again
import general
import pytest
import record
import where
from small import save_backbone, save_glue


@pytest.fixture(autouse=True)
def short(monkeypatch, tmp_path):
    for name, value in {"STEPS": 2, "FEW_STEPS": 2, "NLI_STEPS": 2, "NLI_EXAMPLES": 20, "HEAD_EXAMPLES": 40}.items():
        monkeypatch.setattr(general, name, value)
    monkeypatch.setattr(record, "FOLDER", tmp_path)
    general._of_a_head.cache_clear()
    yield
    general._of_a_head.cache_clear()


def keys(jobs):
    return [key for key, _ in jobs]


@pytest.mark.parametrize(
    ("jobs", "runs", "ends"),
    [
        (general.run_wordings(), 5 * 5 * 15, 6),
        (general.run_shorter(), 5 * 5 * 2, 0),
        (general.run_few(), 5 * 3 * 3 * 13, 0),
        (general.run_minilm(""), 3 * 2 * 6, 0),
    ],
    ids=["wordings", "shorter", "few", "minilm"],
)
def test_no_row_is_taken_for_another(jobs, runs, ends):
    made = keys(jobs)
    assert len([key for key in made if "task" in key]) == runs
    assert len(made) == runs + ends
    assert not [one for one in made for other in made if one is not other and one.items() <= other.items()]


def test_seeds_are_recorded_one_by_one_and_the_most_telling_tasks_first():
    made = [key for key in keys(general.run_wordings()) if "task" in key]
    assert [key["seed"] for key in made] == sorted(key["seed"] for key in made)
    assert list(dict.fromkeys(key["task"] for key in made)) == ["cola", "rte", "mrpc", "sst2", "stsb"]
    plain = [key["lr"] for key in made[:15] if key["method"] == "vanilla" and key["init"] == "pretrained"]
    assert plain == [1e-3, 5e-4, 2.5e-4, 1.25e-4, 6.25e-5]


def test_a_run_that_ends_earlier_takes_its_own_number_of_steps(monkeypatch):
    monkeypatch.setattr(general, "heads", lambda *_: {})
    key = {"task": "sst2", "seed": 0, "lr": 1e-3, "init": "pretrained", "method": "vanilla"}
    shorter, usual, longer = (general.wordings({**key, **steps}) for steps in ({"steps": 1}, {}, {"steps": 4}))
    assert shorter["distance"] < usual["distance"] < longer["distance"]
    assert general.wordings({**key, "steps": 2}) == usual  # two are the usual number here


def test_a_run_on_some_wordings_is_asked_about_others_and_gets_heads_for_the_other_tasks():
    row = general.wordings({"task": "rte", "seed": 1, "lr": 1e-3, "init": "pretrained", "method": "lora(r=2)"})
    assert set(row) == {"score", "elsewhere", "source_loss", "facts", "distance", "heads"}
    assert set(row["heads"]) == {"cola", "mrpc", "sst2", "stsb"}
    assert row["facts"] > 0.9
    assert row["distance"] < 1
    assert row["score"] != row["elsewhere"]


def test_a_random_start_knows_nothing():
    key = {"task": "cola", "examples": 100, "seed": 0, "lr": 1e-3, "method": "vanilla"}
    pretrained, random = (general.few(key | {"init": init}) for init in ("pretrained", "random"))
    assert set(pretrained) == {"score", "source_loss", "facts", "distance"}
    assert pretrained["facts"] > 0.9
    assert random["facts"] < 0.1
    assert random["source_loss"] > 5 > pretrained["source_loss"]


def test_a_stopped_recording_goes_on(tmp_path):
    jobs = [general.run_few(), general.run_few()]
    record.record("few", islice(jobs[0], 1))
    first = json.loads((tmp_path / "few.json").read_text())["rows"]
    taken = []
    noted = ((key, lambda key=key, take=take: taken.append(key) or take()) for key, take in islice(jobs[1], 2))
    record.record("few", noted)
    both = json.loads((tmp_path / "few.json").read_text())["rows"]
    assert (len(first), len(both), len(taken)) == (1, 2, 1)
    assert both[0] == first[0]
    assert both[1]["lr"] == 5e-4


def test_two_that_record_one_file_would_lose_each_others_rows(tmp_path):
    def meanwhile():
        with pytest.raises(ValueError, match=r"few\.json is being written by .*; wait for it"):
            record.record("few", general.run_few())
        return {"score": 1.0}

    record.record("few", [({"task": "cola"}, meanwhile)])
    assert [row["score"] for row in json.loads((tmp_path / "few.json").read_text())["rows"]] == [1.0]


@pytest.mark.parametrize("what", ["versions", "world", "backbone"])
def test_rows_of_one_file_are_taken_on_the_same(tmp_path, what):
    record.record("few", [({"seed": 0}, lambda: {"score": 1.0})])
    file = tmp_path / "few.json"
    there = json.loads(file.read_text())
    there["environment"][what] = "another"
    file.write_text(json.dumps(there))
    before = file.read_text()
    with pytest.raises(ValueError, match=f"was recorded with another {what}; remove it to record all of it anew"):
        record.record("few", [({"seed": 1}, lambda: pytest.fail("it was taken"))])
    assert file.read_text() == before


def test_what_is_asked_of_one_seed_in_depth_is_asked_of_plain_fine_tuning_with_every_seed():
    deep = [key for key, _ in where.run_where() if "seed" in key and where.in_depth(key)]
    assert len(deep) == 55 + 4 * 5
    assert {(key["method"], key["lr"]) for key in deep if key["seed"]} == {("vanilla", 1e-3)}


def test_the_second_seeds_are_none_of_the_first_and_their_runs_the_same():
    for first, second in ((where.run_where(), again.run_where()), (general.run_wordings(), again.run_wordings())):
        keys_of_both = [[key for key in keys(jobs) if "task" in key] for jobs in (first, second)]
        assert not {key["seed"] for key in keys_of_both[0]} & {key["seed"] for key in keys_of_both[1]}
        others = [{**key, "seed": None} for key in keys_of_both[0]]
        assert all({**key, "seed": None} in others for key in keys_of_both[1])
        assert len(keys_of_both[1]) == len({json.dumps(key) for key in keys_of_both[1]})


def test_a_real_model_is_scored_on_other_sets_by_what_their_classes_mean(monkeypatch, tmp_path):
    save_backbone(tmp_path / "bert")
    data = save_glue(tmp_path / "data", "nli/snli", "nli/mnli", "nli/scitail", "rte", evaluation=30)
    save_glue(tmp_path, "sick", evaluation=30)
    (data / "sick").mkdir()
    (tmp_path / "sick").rename(data / "sick" / "data")
    monkeypatch.setattr(general, "MODEL", str(tmp_path / "bert"))
    monkeypatch.setattr(general, "LENGTH", 40)
    monkeypatch.setattr(general, "ASKED", 12)
    monkeypatch.setattr(sys, "argv", ["general.py", "minilm", "--data", str(data)])
    monkeypatch.setattr(general, "run_minilm", lambda folder, all_of=general.run_minilm: islice(all_of(folder), 6))
    general.main()
    text = (tmp_path / "general-minilm.json").read_text()
    rows = json.loads(text)["rows"]
    assert len(rows) == 6
    assert {row["task"] for row in rows} == {"nli/snli"}
    for row in rows:
        assert set(row["elsewhere"]) == {"nli/mnli", "sick", "nli/scitail", "rte"}
        assert all(12 * share == pytest.approx(round(12 * share), abs=1e-3) for share in row["elsewhere"].values())
        assert all(row["majority"][task] >= 1 / 3 for task in row["majority"])
    assert len({round(row["distance"], 4) for row in rows}) == 6  # six methods, six ways
    assert str(tmp_path) not in text


def test_the_lesson_knows_what_is_recorded():
    text = (Path(__file__).parents[2] / "book" / "14_generalise.md").read_text(encoding="utf-8")
    counts = {"wanted": general.run_wordings(), "wanted_few": general.run_few(), "wanted_real": general.run_minilm("")}
    for name, jobs in counts.items():
        assert f"\n{name} = {sum('task' in key for key in keys(jobs))}\n" in text
    for hold in (*general.HELD, *general.FEW, *general.MINILM):
        assert f'"{hold["method"]}": "' in text or hold["method"] == "vanilla"
    assert f"count == {len(general.HELD)})" in text
    assert f"== {len(general.HELD) - len(general.PLAIN) - 1}}}" in text
