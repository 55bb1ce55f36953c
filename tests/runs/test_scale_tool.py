"""The recording of models of several sizes: one of them from its pretraining to its runs, and what is left of all."""

import json
from itertools import groupby, product

import pytest
import record
import scale
from small import short_text


@pytest.fixture
def quick(tmp_path, monkeypatch):
    monkeypatch.setattr(record, "FOLDER", tmp_path / "world")
    monkeypatch.setattr(scale, "STATES", tmp_path / "states")
    for name, value in {"TUNED": 4, "EVERY": 2, "TASKS": ("cola",), "PASSAGES": 20, "SIZE": 60}.items():
        monkeypatch.setattr(scale, name, value)
    (tmp_path / "world").mkdir()
    with short_text(train=1500):
        yield tmp_path


def test_a_model_is_pretrained_tuned_recorded_and_forgotten(quick, capsys):
    size = scale.Size(width=32, layers=1, steps=3, variety=0.5, seed=1)
    record.record(scale.NAME, scale.jobs([size]))
    file = quick / "world" / "scale.json"
    model, *runs = json.loads(file.read_text())["rows"]
    assert model["command"] == ("recall-learn world pretrain --seed 1 --steps 3 --width 32 --layers 1 --variety 0.5")
    assert model["held_out_loss"] != model["all_wordings_loss"] > 5  # nats; it knows nothing yet
    assert [(each["method"], each.get("lr")) for each in runs] == [(h["method"], h.get("lr")) for h in scale.HOLD]
    for each in runs:
        assert each["step"] == [0, 2, 4]
        assert {len(each[name]) for name in ("score", "source_loss", "facts")} == {3}
        assert (each["width"], each["variety"], each["task"]) == (32, 0.5, "cola")
        assert each["distance"] > 0
    assert not scale.folder_of(size).exists()
    assert "model 1 of 1" in capsys.readouterr().err
    before = file.read_bytes()
    record.record(scale.NAME, scale.jobs([size]))  # it is there
    assert file.read_bytes() == before
    assert scale.plan([size]) == "1 of 1 models are recorded; the rest take 0.0 hours on one core here"


def test_the_plan_is_the_sum_of_what_is_missing(quick, monkeypatch):
    monkeypatch.setattr(scale, "seconds", lambda width, layers: 0.36 * layers)
    small, large = (scale.Size(32, layers, 5000, 1.0, 0) for layers in (1, 3))
    runs = 3 * (4 / 3 + 40)  # of one task
    hours = 4 * 0.36 * (5000 + runs) / 3600
    assert scale.plan([small, large]) == f"0 of 2 models are recorded; the rest take {hours:.1f} hours on one core here"


def test_the_sizes_are_those_of_a_grid_that_are_no_dearer_than_the_packaged_model():
    made = scale.sizes()
    assert len(set(made)) == len(made) == 72
    dear = {(3, 256, 5000), (1, 256, 20_000), (3, 256, 20_000), (1, 128, 20_000), (3, 128, 20_000), (3, 64, 20_000)}
    grid = set(product((1, 3), (32, 64, 128, 256), (1250, 5000, 20_000)))
    assert {(each.layers, each.width, each.steps) for each in made} == grid - dear
    assert [each.seed for each in made] == [0, 1] * (len(made) // 2)  # a size in all worlds before the next
    parts = [list(part) for _, part in groupby(made, key=lambda each: (each.steps, each.variety))]
    assert [(part[0].steps, part[0].variety) for part in parts] == list(product((5000, 1250, 20_000), (1.0, 0.25)))
    for part in parts:  # from cheap to dear
        work = [each.width * (each.layers + 1) for each in part]
        assert work == sorted(work)
