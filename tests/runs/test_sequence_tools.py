"""The recordings of sequences, of a little data and then more, and of runs that fail: short ones, and their laws."""

import json
import sys
from itertools import islice
from pathlib import Path

import builds
import equal_loss
import instability
import loop
import numpy as np
import parts
import pytest
import record
import sequences
import torch
from pandas import read_parquet
from safetensors.torch import load_file
from small import save_backbone, save_glue, short_text
from transformers import BertForMaskedLM

from recall_learn.models import backbones
from recall_learn.runs.finetune import finetune
from recall_learn.runs.recipe import Recipe
from recall_learn.world.tasks import make


def keys(jobs):
    return [key for key, _ in jobs]


@pytest.mark.parametrize(
    ("made", "count"),
    [
        (keys(sequences.run_orders()), 3 * 3 * 14),
        (keys(sequences.run_answers()), 3 * 2 * 9),
        (keys(sequences.run_pairs()), 3 * (5 + 20 + 1)),
        (keys(sequences.run_minilm(Path())), 2 * 2 * 6),
        (keys(parts.jobs()), 3 * 2 * 2 * 3 * 10),
        (keys(equal_loss.jobs()), 5 * (2 + 6 * 2)),
        (keys(instability.run_tiny()), 20 * 8),
        (keys(instability.run_minilm("", "", Path())), 10 * 5),
    ],
    ids=["orders", "answers", "pairs", "minilm", "parts", "equal", "tiny", "minilm-rte"],
)
def test_no_row_is_taken_for_another_and_seeds_come_one_by_one(made, count):
    assert len(made) == count
    assert not [one for one in made for other in made if one is not other and one.items() <= other.items()]
    assert [key["seed"] for key in made] == sorted(key["seed"] for key in made)


@pytest.mark.parametrize("hold", [{}, {"together": True}])
def test_a_sequence_gives_its_matrix_and_what_is_kept(monkeypatch, hold):
    monkeypatch.setattr(sequences, "STEPS", 2)
    key = {"tasks": ["rte", "cola"], "method": "vanilla", "lr": 1e-3, **hold, "seed": 1}
    row = sequences.through(key, ["world/rte", "world/cola"])
    rows = 2 if "together" in hold else 3
    assert np.shape(row["scores"]) == (rows, 2)
    assert {len(row[name]) for name in ("source_loss", "facts", "distance")} == {rows}
    assert row["average"] == pytest.approx(np.mean(row["scores"][-1]), abs=1e-4)
    assert ("forgetting" in row) is ("together" not in hold)


def test_a_real_encoder_goes_through_samples_of_real_tasks(monkeypatch, tmp_path):
    tasks = ("mrpc", "cola", "sentences/trec")
    save_backbone(tmp_path / "bert")
    data = save_glue(tmp_path / "data", *tasks, "stsb", train=40, evaluation=30)
    for name, value in {"REAL": (tasks,), "REAL_STEPS": 2, "REAL_LENGTH": 16, "REAL_SCORED": 12}.items():
        monkeypatch.setattr(sequences, name, value)
    monkeypatch.setattr(record, "FOLDER", tmp_path)
    monkeypatch.setattr(sequences, "run_minilm", lambda folder, all_of=sequences.run_minilm: islice(all_of(folder), 1))
    monkeypatch.setattr(sequences, "BACKBONE", str(tmp_path / "bert"))
    monkeypatch.setattr(sys, "argv", ["sequences.py", "minilm", "--data", str(data)])
    sequences.main()
    text = (tmp_path / "sequences-minilm.json").read_text()
    (row,) = json.loads(text)["rows"]
    assert str(tmp_path) not in text
    assert np.shape(row["scores"]) == (4, 3)
    assert len(row["similarity"]) == 4
    right = 12 * np.array(row["scores"])[:, ::2]  # accuracies of as many examples
    np.testing.assert_allclose(right, right.round(), atol=1e-2)
    assert row["guess"][1] == 0.0  # no Matthews correlation in one class
    assert [12 * each for each in row["guess"][::2]] == pytest.approx(
        np.round(12 * np.array(row["guess"][::2])), abs=1e-2
    )


def test_a_guess_is_the_class_that_is_most_frequent_in_training(tmp_path):
    data = save_glue(tmp_path, "sentences/trec", train=50, evaluation=40)
    folder = data / "sentences" / "trec"
    labels = {
        split: read_parquet(next(folder.glob(f"{split}*")))["label"].tolist() for split in ("train", "validation")
    }
    most = max(set(labels["train"]), key=labels["train"].count)
    share = labels["validation"].count(most) / len(labels["validation"])
    assert 0 < share < 1
    assert sequences.guess("sentences/trec", data) == pytest.approx(share, abs=1e-4)


def test_a_real_encoder_meets_rte_alone_and_after_mnli(monkeypatch, tmp_path):
    save_backbone(tmp_path / "bert", model_class=BertForMaskedLM)
    data = save_glue(tmp_path / "data", "rte", "nli/mnli", "stsb", train=40, evaluation=12)
    small = {"REAL_EXAMPLES": 20, "REAL_STEPS": 3, "REAL_LENGTH": 16, "FIRST_EXAMPLES": 30, "FIRST_STEPS": 2}
    for name, value in {**small, "BACKBONE": str(tmp_path / "bert"), "REAL_SEEDS": range(2)}.items():
        monkeypatch.setattr(instability, name, value)
    tuned = []
    monkeypatch.setattr(instability, "finetune", lambda *args, **how: tuned.append(args[0]) or finetune(*args, **how))
    (tmp_path / "text").write_text("one two three. " * 400)
    rows = [
        {**key, **take()}
        for key, take in instability.run_minilm(str(data), str(tmp_path / "text"), tmp_path)
        if key["method"] == "vanilla" and not key["warmup"]
    ]
    assert [(row["after"], row["seed"]) for row in rows] == [(None, 0), ("nli/mnli", 0), (None, 1), ("nli/mnli", 1)]
    assert [each.task for each in tuned] == ["rte", "nli/mnli", "rte", "rte", "rte"]  # MNLI once
    assert [each.limit_train for each in tuned] == [20, 30, 20, 20, 20]
    alone, after = rows[:2]
    assert alone["source_loss"] > 0
    assert "source_loss" not in after
    assert alone["loss"] != after["loss"]  # of one head, on another encoder
    assert rows[1]["loss"] != rows[3]["loss"]
    assert len(json.loads((tmp_path / "nli-mnli" / "model" / "config.json").read_text())["id2label"]) == 3


def test_minilm_says_what_it_needs(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["sequences.py", "minilm"])
    with pytest.raises(SystemExit, match="minilm needs --data: the folder with mrpc"):
        sequences.main()
    monkeypatch.setattr(sys, "argv", ["instability.py", "minilm", "--data", "there"])
    with pytest.raises(SystemExit, match="minilm needs --data, the folder with rte and nli/mnli, and --source-text"):
        instability.main()


def test_a_model_of_each_build_is_pretrained_tuned_recorded_and_forgotten(monkeypatch, tmp_path):
    for name, value in {"STATES": tmp_path / "states", "STEPS": 2, "SIZE": 60, "ORDERS": (("rte", "cola"),)}.items():
        monkeypatch.setattr(builds, name, value)
    monkeypatch.setattr(sequences, "STEPS", 2)
    monkeypatch.setattr(record, "FOLDER", tmp_path)
    with short_text(train=1500, held_out=40):
        record.record(builds.NAME, (job for job in builds.jobs() if job[0] == {"build": "cnn", "seed": 1}))
    model, *runs = json.loads((tmp_path / "builds.json").read_text())["rows"]
    assert model["command"] == "recall-learn world pretrain --seed 1 --steps 2 --build cnn"
    assert [(each["method"], each["lr"]) for each in runs] == [(hold["method"], hold["lr"]) for hold in builds.HOLD]
    assert {np.shape(each["scores"]) for each in runs} == {(3, 2)}
    assert runs[0]["distance"][-1] > runs[1]["distance"][-1] > runs[2]["distance"][-1] == 0  # frozen states
    assert str(tmp_path) not in (tmp_path / "builds.json").read_text()
    assert not list((tmp_path / "states").iterdir())
    assert record.recorded(builds.NAME, {"build": "cnn", "seed": 1})


def test_ways_are_alike_by_the_cosine_of_all_their_weights(monkeypatch):
    monkeypatch.setattr(sequences, "STEPS", 2)
    monkeypatch.setattr(sequences, "TASKS", ("rte", "cola"))
    one, other = (sequences.way(task, 0).numpy() for task in sequences.TASKS)
    cosine = one @ other / np.sqrt((one @ one) * (other @ other))
    np.testing.assert_allclose(sequences.alike(0)["cosine"], [[1, cosine], [cosine, 1]], atol=1e-4)
    assert 0 < abs(cosine) < 0.99


def test_the_loop_takes_the_steps_of_a_run(tmp_path):
    finetune(
        Recipe("tiny", "world/cola", method="l2sp(gamma=0.1)", steps=4, lr=1e-3, seed=3, warmup=0.5, probe="none"),
        out=tmp_path,
        progress=False,
    )
    backbone = backbones.load("tiny", num_labels=2, seed=3)
    rows, losses = loop.made("cola", 2500, backbone)["train"], []
    how = {"method": "l2sp(gamma=0.1)", "steps": 4, "lr": 1e-3, "seed": 3, "warmup": 0.5}
    loop.train(backbone, rows, each=lambda step, loss: losses.append((step, loss)), **how)
    assert [step for step, _ in losses] == [1, 2, 3, 4]
    weights = load_file(tmp_path / "model" / "model.safetensors")
    for name, p in backbone.model.named_parameters():
        torch.testing.assert_close(p.detach(), weights[name], rtol=1e-5, atol=1e-7, msg=name)


@pytest.fixture
def few(monkeypatch):
    for name, value in {"SIZES": (20, 40), "MORE": 40, "ASKED": 30, "MADE": 400, "FIRST": 2, "STEPS": 3}.items():
        monkeypatch.setattr(parts, name, value)
    monkeypatch.setattr(loop, "PASSAGES", 10)
    parts.parts.cache_clear()
    yield
    parts.parts.cache_clear()


def rows_of(data):
    return {tuple(ids) for ids in data["input_ids"]}


@pytest.mark.parametrize("kind", parts.KINDS)
def test_no_example_of_a_is_one_of_b_or_is_asked(few, kind):
    small, large = (parts.parts("cola", kind, size, 0) for size in parts.SIZES)
    assert rows_of(small.a) < rows_of(large.a)
    apart = [rows_of(large.a), rows_of(large.b), *map(rows_of, large.asked.values())]
    assert sum(map(len, apart)) == len(set().union(*apart)) == 40 + 40 + 30 + 30
    worded = make("cola-wordings", 400)
    there = set(worded["elsewhere" if kind == "other" else "train"]["sentence"])
    tokenizer = backbones.load("tiny", num_labels=2).tokenizer
    assert rows_of(large.b) <= {tuple(ids) for ids in tokenizer(sorted(there))["input_ids"]}


def test_every_way_goes_elsewhere(few, monkeypatch):
    found, kept = [], loop.kept

    def seen(backbone):
        found.append(sum(float(p.double().abs().sum()) for p in backbone.model.parameters()))
        return kept(backbone)

    monkeypatch.setattr(loop, "kept", seen)
    for way in parts.WAYS:
        row = parts.take({"task": "cola", "kind": "other", "a": 20, "way": way, "seed": 0})
        assert set(row) == {"scores", "on A itself", "source_loss", "facts"}
        assert row["source_loss"] < 2
    assert len(set(found)) == len(parts.WAYS)


def test_a_run_is_looked_at_and_taken_home_from_the_top(monkeypatch):
    for name, value in {"EXAMPLES": 60, "STEPS": 11, "EVERY": 10}.items():
        monkeypatch.setattr(instability, name, value)
    monkeypatch.setattr(loop, "PASSAGES", 10)
    row = instability.take({"setting": "plain", "seed": 0})
    assert next(iter(row["norms"])) == "bert.embeddings"
    assert list(row["norms"])[-1] == "classifier"
    assert {len(norms) for norms in row["norms"].values()} == {2}
    assert row["back"][0] == row["source_loss"]
    assert len(row["back"]) == 5
    assert row["back"][-1] == loop.kept(backbones.load("tiny", num_labels=2))["source_loss"]


# --- models of the same source loss ---


@pytest.mark.parametrize("way", [equal_loss.noise, equal_loss.cut])
def test_ways_that_seek_a_loss_come_to_it(monkeypatch, way):
    monkeypatch.setattr(loop, "PASSAGES", 60)
    start = way(1.1, 0)
    assert equal_loss.asker()(start.weights) == pytest.approx(1.1, rel=0.01)
    assert all(0 < size < 1 for size in start.made.values())


def test_one_pretraining_is_kept_as_it_comes_down_to_each_loss(monkeypatch):
    for name, value in {"LOSSES": (5.9, 6.2), "LOOKS": 2, "PRETRAINED": 80}.items():
        monkeypatch.setattr(equal_loss, name, value)
    monkeypatch.setattr(loop, "PASSAGES", 30)
    late, early = (equal_loss.stopped(loss, 0, width=32) for loss in equal_loss.LOSSES)
    assert late.made["steps"] > early.made["steps"] > 2
    for start, loss in zip((late, early), equal_loss.LOSSES, strict=True):
        reached = loop.kept(equal_loss.opened(start))["source_loss"]
        assert loss - 0.2 < reached <= loss
    monkeypatch.setattr(equal_loss, "LOSSES", (0.01, 6.2))  # too low for it
    assert equal_loss.stopped(6.2, 0, width=32).made == early.made
    with pytest.raises(ValueError, match=r"loss is 0.01; a pretraining of width 32 comes down to 6.2"):
        equal_loss.stopped(0.01, 0, width=32)


def test_the_second_set_has_pretrainings_of_its_own(monkeypatch):
    """From other random weights, into a file of its own, and without the two starts that are not made."""
    begun = []

    class Begun(equal_loss.Pretraining):
        def train_step(self):
            begun.append(loop.weights_of(self.masked_lm.model.base_model))
            self.step = self.steps

    monkeypatch.setattr(equal_loss, "Pretraining", Begun)
    for seed in (0, 4, 5, 9):
        with pytest.raises(ValueError, match="comes down to"):
            equal_loss.stopped(1.1, seed, width=64)
    first, second = begun  # one a set
    assert first.keys() == second.keys()
    assert any(not torch.equal(first[name], second[name]) for name in first)
    told = []
    monkeypatch.setattr(equal_loss, "record", lambda name, jobs: told.append((name, [key for key, _ in jobs])))
    for name in equal_loss.SEEDS:
        monkeypatch.setattr("sys.argv", ["equal_loss.py", name])
        equal_loss.main()
    assert [(name, len(keys)) for name, keys in told] == [("equal_loss", 70), ("equal_loss-again", 60)]
    assert {key["seed"] for key in told[1][1]} == {5, 6, 7, 8, 9}
    assert all(key["loss"] for key in told[1][1])


def test_the_smallest_weights_are_cut():
    p = torch.tensor([[1.0, -4.0], [-2.0, 3.0]])
    assert equal_loss._cut(p, 0.5).tolist() == [[0.0, -4.0], [0.0, 3.0]]
    assert torch.equal(equal_loss._cut(p, 0.0), p)


def test_another_task_takes_a_model_away_and_the_way_back_is_pretraining(monkeypatch):
    monkeypatch.setattr(equal_loss, "AWAY", 40)
    monkeypatch.setattr(loop, "PASSAGES", 60)
    backbone, passed = equal_loss._other(0)
    assert len(passed) == equal_loss.AWAY + 1
    assert all(torch.equal(passed[0][name], anchor) for name, anchor in backbone.anchors.items())
    away = equal_loss.asker()(passed[-1])
    monkeypatch.setattr(equal_loss, "_other", lambda seed: (backbone, passed))
    asked, loss = equal_loss.asker(), (0.67 + away) / 2
    longest = equal_loss.tuned(loss, 0)
    assert asked(longest.weights) <= loss < asked(passed[longest.made["steps"] + 1])
    back = equal_loss.recovered(loss, 0)
    assert back.made["steps"] > 0
    assert 0.67 < asked(back.weights) <= loss
    with pytest.raises(ValueError, match="do not raise"):
        equal_loss.tuned(away + 1, 0)
