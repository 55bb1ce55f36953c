"""Whole runs on small models: every architecture, every method, and the laws that tie them together."""

import json
import math
import os
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from small import ARCHITECTURES, acting, save_backbone, save_glue
from torch.utils.data import DataLoader
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    BertForMaskedLM,
    DataCollatorWithPadding,
    get_linear_schedule_with_warmup,
)

from recall_learn.models import backbones
from recall_learn.models.fisher_files import save_fisher
from recall_learn.models.fishers import task_fisher
from recall_learn.runs import record as runs
from recall_learn.runs.finetune import DivergedError, finetune
from recall_learn.runs.recipe import Recipe
from recall_learn.support.shelf import Shelf
from recall_learn.tasks import loading, registry
from recall_learn.tasks.rows import batches

SETTINGS = {"max_length": 32, "steps": 8, "batch_size": 4, "lr": 1e-3, "k": 1.0, "t0": 3, "evaluate_every": 4}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A small pretrained BERT, and small GLUE tasks."""
    root = tmp_path_factory.mktemp("world")
    save_backbone(root / "bert")
    save_glue(root / "glue", "mrpc", "stsb", "mnli", "cola")
    return root


def recipe(world, **changes):
    return Recipe(backbone=str(world / "bert"), **acting({**SETTINGS, **changes}))


def run(world, on_step=None, out=None, fisher=None, **changes):
    return finetune(recipe(world, **changes), on_step, out=out, data_folder=world / "glue", fisher=fisher, device="cpu")


def final_weights(folder):
    return load_file(folder / "model" / "model.safetensors")


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_recadam_runs_on_every_architecture(architecture, tmp_path):
    save_backbone(tmp_path / "model", architecture)
    save_glue(tmp_path / "glue", "mrpc")
    seen = []

    def look(run, optimizer):
        recalled = {name for group in optimizer.param_groups if group["recall"] for name in group["param_names"]}
        free = {name for group in optimizer.param_groups if not group["recall"] for name in group["param_names"]}
        seen.append((recalled, free))

    settings = {**SETTINGS, "steps": 2, "gamma": 100.0, "method": "recadam"}
    done = finetune(
        Recipe(backbone=str(tmp_path / "model"), **settings), look, data_folder=tmp_path / "glue", device="cpu"
    )
    backbone = backbones.load(str(tmp_path / "model"), num_labels=2)
    recalled, free = seen[0]
    assert recalled == set(backbone.anchors)
    assert free == {name for name, _ in backbone.model.named_parameters()} - recalled
    assert free  # there is a head
    assert len(done.history) == 2
    assert 0 < done.final["distance"] < 1


def test_mnli_is_scored_on_matched_and_mismatched_texts(world, tmp_path):
    done = run(world, out=tmp_path, task="mnli")
    data = loading.load("mnli", world / "glue")
    model = AutoModelForSequenceClassification.from_pretrained(tmp_path / "model")
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "model")
    for split, name in (("validation_matched", "accuracy"), ("validation_mismatched", "accuracy_mm")):
        rows = data[split]
        batch = tokenizer(list(rows["premise"]), list(rows["hypothesis"]), padding=True, return_tensors="pt")
        said = model(**batch).logits.argmax(-1)
        assert done.final["metrics"][name] == pytest.approx((said == torch.tensor(rows["label"])).float().mean().item())
    assert set(done.final["metrics"]) == {"accuracy", "accuracy_mm"}
    assert set(run(world).final["metrics"]) == {"accuracy", "f1"}


def test_vanilla_is_the_loop_that_anybody_would_write(world, tmp_path):
    run(world, out=tmp_path)
    backbone = backbones.load(str(world / "bert"), num_labels=2)
    model, data = backbone.model, loading.load("mrpc", world / "glue")["train"]
    rows = loading.tokenize(data, "mrpc", backbone.tokenizer, 40)
    collator = DataCollatorWithPadding(backbone.tokenizer)
    generator, order = np.random.default_rng([0, 1]), []
    while len(order) < 8 * 4:
        order += list(generator.permutation(len(rows)))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.0, fused=True)
    schedule = get_linear_schedule_with_warmup(optimizer, 0, 8)
    torch.manual_seed(0)
    model.train()
    losses = []
    unused = torch.Generator()  # a loader draws a seed for its workers
    for batch in DataLoader(rows.select(order[:32]), batch_size=4, collate_fn=collator, generator=unused):
        loss = model(**batch).loss
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
    record = runs.load(tmp_path / "run.json")
    np.testing.assert_allclose(record.column("loss"), losses, rtol=1e-6)
    for name, weight in final_weights(tmp_path).items():
        torch.testing.assert_close(weight, model.state_dict()[name], rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(
    "method", ["vanilla", "recadam", "l2sp", "child-f", "child-d", "recadam+child-d", "recadam+child-f"]
)
def test_every_method_records_a_whole_run(world, tmp_path, method):
    gamma = {"recadam": 100.0}.get(method.split("+")[0])
    done = run(world, out=tmp_path, method=method, gamma=gamma)
    record = json.loads((tmp_path / "run.json").read_text())
    assert record["recipe"]["method"] == recipe(world, method=method, gamma=gamma).method
    assert {"device", "versions", "date", "commit"} <= record["environment"].keys()
    assert [r["step"] for r in record["history"]] == list(range(1, 9))
    assert all({"step", "loss", "lambda", "lr", "pull"} <= r.keys() for r in record["history"])
    assert [r["step"] for r in record["history"] if "distance" in r] == [4, 8]
    assert [r["step"] for r in record["evaluations"]] == [0, 4, 8]
    assert record["evaluations"][0]["distance"] == 0
    assert {"step", "metrics", "distance", "seconds"} <= record["final"].keys()
    assert record["final"]["metrics"].keys() == {"accuracy", "f1"}
    assert record["stopped"] is None
    lambdas = [1 / (1 + math.exp(-(t - 3))) if "recadam" in method else 1.0 for t in range(1, 9)]
    np.testing.assert_allclose(done.column("lambda"), lambdas, rtol=1e-12)
    pulls = [(1 - lam) * 1e-3 * (1 - (t - 1) / 8) * (gamma or 0) for t, lam in zip(range(1, 9), lambdas, strict=True)]
    np.testing.assert_allclose(done.column("pull"), pulls, rtol=1e-9, atol=1e-18)
    assert not list(tmp_path.glob("checkpoint-*"))


def test_ewc_takes_a_fisher_from_a_file(world, tmp_path):
    backbone = backbones.load(str(world / "bert"), num_labels=1)
    rows = loading.tokenize(loading.load("stsb", world / "glue")["train"], "stsb", backbone.tokenizer, 40)
    fisher = task_fisher(backbone, batches(rows, DataCollatorWithPadding(backbone.tokenizer), 8), "exact")
    file = tmp_path / "fisher.safetensors"
    save_fisher(file, fisher, backbone="bert", anchors=backbone.fingerprint, task="stsb")
    free = run(world, method="ewc", fisher=file, gamma=0.0)
    held = run(world, method="ewc", fisher=file, gamma=1e6)
    assert free.column("loss") == run(world).column("loss")  # no strength: plain fine-tuning
    assert held.final["distance"] < free.final["distance"]
    assert held.history[0]["penalty"] == 0  # it starts at home
    assert held.history[-1]["penalty"] > 0
    taken = held.environment["fisher"]
    assert {**taken, "tensors": ""} == {"task": "stsb", "labels": "exact", "examples": "24", "tensors": ""}
    with pytest.raises(ValueError, match="method vanilla takes no Fisher"):
        run(world, fisher=file)
    with pytest.raises(ValueError, match="--fisher"):
        run(world, method="ewc")
    save_backbone(tmp_path / "other", "electra")
    other = Recipe(backbone=str(tmp_path / "other"), **acting({**SETTINGS, "method": "ewc"}))
    with pytest.raises(ValueError, match=r"Fisher of bert, not of"):
        finetune(other, data_folder=world / "glue", fisher=file, device="cpu")


def test_limits_meet_plain_fine_tuning(world):
    plain = run(world).column("loss")
    assert run(world, method="recadam", gamma=100.0, k=math.inf, t0=0).column("loss") == plain
    assert run(world, method="child-f", p=1.0).column("loss") == plain
    assert run(world, method="child-d", p=1.0).column("loss") == plain
    assert run(world, seed=1).column("loss") != plain


def test_what_the_checkpoint_does_not_hold_is_not_recalled(world, tmp_path):
    save_backbone(tmp_path, model_class=BertForMaskedLM)  # without a pooler
    seen = []

    def look(run, optimizer):
        seen.append({name for group in optimizer.param_groups if group["recall"] for name in group["param_names"]})

    settings = {**SETTINGS, "steps": 2, "gamma": 100.0, "method": "recadam"}
    finetune(Recipe(backbone=str(tmp_path), **settings), look, data_folder=world / "glue", device="cpu")
    assert "bert.embeddings.word_embeddings.weight" in seen[0]
    assert "bert.pooler.dense.weight" not in seen[0]


def test_evaluations_leave_no_trace(world):
    often, rarely = (run(world, method="recadam", gamma=100.0, evaluate_every=n) for n in (1, 8))
    assert often.column("loss") == rarely.column("loss")
    assert often.final["metrics"] == rarely.final["metrics"]


def test_a_pull_keeps_the_model_nearer_home(world):
    far, near = run(world).final["distance"], run(world, method="recadam", k=0.0, gamma=900.0).final["distance"]
    assert near < 0.5 * far


def test_child_d_moves_only_its_share_of_the_layers(world, tmp_path):
    run(world, out=tmp_path, method="child-d", p=0.25, weight_decay=0.1)
    backbone = backbones.load(str(world / "bert"), num_labels=2)
    layers = [name for name in backbone.anchors if ".layer." in name]
    trained = final_weights(tmp_path)
    moved = sum(int((trained[name] != backbone.anchors[name]).sum()) for name in layers)
    total = sum(backbone.anchors[name].numel() for name in layers)
    assert 0.1 * total < moved <= round(0.25 * total)


def test_a_random_start_is_recalled_to_the_pretrained_weights(world):
    done = run(world, method="recadam", init="random", k=1.0, t0=1000, gamma=900.0, steps=8, evaluate_every=2)
    distances = [record["distance"] for record in done.evaluations]
    assert distances[0] > 1
    assert all(later < earlier for earlier, later in pairwise(distances))
    # nothing but the pull acts: each step leaves the share 1 - pull of the way
    left = np.prod([1 - pull for pull in done.column("pull")])
    assert distances[-1] == pytest.approx(distances[0] * left, rel=1e-3)


@pytest.mark.parametrize("task", ["stsb", "mnli", "cola"])
def test_other_tasks_have_their_own_scores(world, task):
    done = run(world, task=task)
    assert {name.removesuffix("_mm") for name in done.final["metrics"]} == set(registry.named(task).metrics)


def test_the_probe_is_taken_at_every_evaluation(world):
    done = run(world, probe="stsb")
    assert all(-1 <= record["similarity"] <= 1 for record in done.evaluations)
    assert len({record["similarity"] for record in done.evaluations}) > 1


def test_a_loss_that_diverges_is_named_and_the_record_kept(world, tmp_path):
    def break_it(run, optimizer):
        if len(run.history) == 5:
            with torch.no_grad():
                optimizer.param_groups[0]["params"][0].fill_(math.nan)

    with pytest.raises(DivergedError, match="the loss is nan at step 6"):
        run(world, break_it, out=tmp_path)
    kept = runs.load(tmp_path / "run.json")
    assert kept.column("step") == [1, 2, 3, 4, 5]
    assert kept.stopped["step"] == 5
    assert "nan" in kept.stopped["why"]
    assert kept.final is None


def test_a_penalty_that_overflows_is_named_and_the_record_kept(world, tmp_path):
    with pytest.raises(DivergedError, match=r"the penalty is (inf|nan) at step"):
        run(world, out=tmp_path, method="l2sp", gamma=1e39)
    kept = runs.load(tmp_path / "run.json")
    assert kept.stopped["step"] == len(kept.history)


def test_a_fisher_that_another_run_left_is_not_taken(world, tmp_path):
    with pytest.raises(ValueError, match="keeps no"):
        run(world, out=tmp_path, method="child-d", p=1e-9, task="cola")
    assert (tmp_path / "fisher.safetensors").exists()
    assert run(world, out=tmp_path, method="child-d").environment["fisher"]["task"] == "mrpc"


def test_longer_texts_than_the_model_has_positions_are_refused(world):
    with pytest.raises(ValueError, match="at most the model's 40 tokens, got 41"):
        run(world, max_length=41)


def test_on_step_sees_each_step_and_can_change_the_next(world):
    seen = []

    def slide(run, optimizer):
        seen.append(run.history[-1]["step"])
        for group in optimizer.param_groups:
            group["gamma"] = 0.0

    done = run(world, slide, method="recadam", gamma=100.0, k=0.0)
    assert seen == list(range(1, 9))
    assert done.history[0]["pull"] > 0
    assert done.column("pull")[1:] == [0.0] * 7


def test_two_runs_of_one_recipe_are_equal(world, tmp_path):
    for name in "ab":
        run(world, out=tmp_path / name, method="recadam+child-f", gamma=100.0)
    one, other = (runs.load(tmp_path / name / "run.json") for name in "ab")
    assert one.history == other.history
    assert same(final_weights(tmp_path / "a"), final_weights(tmp_path / "b"))


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"out": 3}, "out is 3; it has to be a path, as text"),
        ({"out": b"here"}, "out is b'here'; it has to be a path"),
        ({"data_folder": 3}, "data_folder is 3; it has to be a path"),
        ({"fisher": 3}, "fisher is 3; it has to be a path"),
        ({"source_text": ["a"]}, r"source_text is \['a'\]; it has to be a path"),
        ({"recipe": {"task": "mrpc"}}, "recipe is {'task': 'mrpc'}; it has to be a Recipe"),
        ({"on_step": 3}, "on_step is 3; it has to be a function"),
        ({"steer": {"k": 1}}, "steer is {'k': 1}; it has to be a function"),
    ],
)
def test_an_argument_of_another_kind_is_named(world, arguments, text):
    with pytest.raises(ValueError, match=text):
        finetune(**{"recipe": recipe(world), "data_folder": world / "glue", **arguments})


def test_a_run_from_a_shelf_is_the_same_run(world, tmp_path):
    """Data, backbone and first evaluation are another run's; nothing of that run is in this one."""
    shelf, data = Shelf(), {"data_folder": world / "glue", "device": "cpu", "progress": False}
    asked = recipe(world, method="recadam", gamma=100.0, steps=4)
    alone = finetune(asked, out=tmp_path / "alone", **data)
    for seed in (7, 0, 0):
        again = finetune(
            replace(asked, seed=seed), shelf=shelf, out=tmp_path / f"{len(list(tmp_path.iterdir()))}", **data
        )
    assert (again.history, again.evaluations) == (alone.history, alone.evaluations)
    assert same(final_weights(tmp_path / "alone"), final_weights(tmp_path / "3"))
    file = next(path for path in (world / "glue" / "mrpc").rglob("*") if path.is_file())
    os.utime(file, ns=(1, 1))  # it may hold something else now
    with pytest.raises(ValueError, match="limit_train"):
        finetune(replace(asked, limit_train=10**6), shelf=shelf, **data)
    assert finetune(asked, shelf=shelf, **data).history == alone.history
