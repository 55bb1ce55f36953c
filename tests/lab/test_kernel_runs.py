"""Whole runs of the kernel against `recall_learn.finetune`: the same losses, scores and facts, steered or not."""

from itertools import islice

import numpy as np
import pytest
import torch
from wasm_model import WasmModel, batches, session

from recall_learn.lab.browser import layout
from recall_learn.measures.facts import cloze_rows
from recall_learn.measures.probes import PASSAGES, world_of
from recall_learn.models.masked_lm import hide_each
from recall_learn.runs.finetune import finetune
from recall_learn.runs.recipe import Recipe
from recall_learn.runs.steering import at, replay
from recall_learn.tasks import scores

RECADAM = "recadam(k=0.05, t0=150, gamma=100, algorithm={})"
PLAIN = 3e-5
"""Without a pull rounding grows from step to step: where a gradient is nearly 0, Adam steps by lr times its sign."""
CHANGES = [{"step": 61, "k": 0.2}, {"step": 90, "t0": 250.0}, {"step": 121, "gamma": 40.0}, {"step": 200, "lr": 5e-4}]


def _recipe(method, task="cola", **changes):
    usual = {"steps": 300, "batch_size": 4, "evaluate_every": 300, "probe": "none"}
    return Recipe(backbone="tiny", task=f"world/{task}", method=method, **{**usual, **changes})


def _run(recipe, changes=()):
    """The kernel's run of a recipe: its losses, lambdas and pulls, and where it ended."""
    place = session(recipe.task.removeprefix("world/"), limit=recipe.limit_train)
    rows, records = list(place.data["train"]), []
    kernel = WasmModel(place.task.num_labels, recipe.seed)
    if "child-d" in recipe.method:
        for chosen in batches(rows):
            kernel.call("squares", kernel.put(chosen, [row["labels"] for row in chosen]))
        kernel.call("child_d_begin", recipe.p)
    for step, chosen in enumerate(islice(kernel.order(recipe.seed, len(rows), recipe.batch_size), recipe.steps), 1):
        now = at(recipe, changes, step)
        lr = now.lr * (1 - (step - 1) / recipe.steps)
        methods = {method.name.replace("-", "_"): method.values() for method in now.methods}
        records.append(kernel.step([rows[i] for i in chosen], step, lr, **methods))
    return records, kernel


def _worst(records, run, key="loss"):
    return max(abs(record[key] - noted[key]) for record, noted in zip(records, run.history, strict=True))


@pytest.fixture(scope="module")
def recadam():
    recipe = _recipe(RECADAM.format("paper"), batch_size=16, probe="auto")
    return finetune(recipe, device="cpu", progress=False), *_run(recipe)


def test_the_losses_of_300_steps_of_recadam(recadam):
    run, records, _ = recadam
    assert _worst(records, run) < 1e-5
    assert _worst(records, run, "lambda") < 1e-14
    assert _worst(records, run, "pull") < 1e-14


def test_what_it_scores_at_the_end(recadam):
    run, _, kernel = recadam
    place, last = session("cola"), run.evaluations[-1]
    rows = list(place.data["validation"])
    labels = torch.tensor([row["labels"] for row in rows])
    assert scores.metrics(place.task, torch.tensor(kernel.classify(rows)), labels) == last["metrics"]


def test_what_it_has_forgotten_at_the_end(recadam):
    run, _, kernel = recadam
    backbone, last = session("cola").backbone, run.evaluations[-1]
    tokenizer, world = backbone.tokenizer, world_of(backbone)
    facts = cloze_rows(tokenizer, world.facts)
    said = kernel.cloze(facts, tokenizer.mask_token_id)[1]
    lost = [fact.prompt for fact, word, (right,) in zip(world.facts, said, facts.words, strict=True) if word != right]
    assert lost == list(last["facts"]["lost"])
    passages = hide_each(world.text("held-out")[:PASSAGES], tokenizer)
    losses, said = kernel.cloze(passages, tokenizer.mask_token_id)
    assert losses.mean(dtype=np.float64) == pytest.approx(last["source_loss"], abs=1e-5)
    assert np.mean(said == [word for (word,) in passages.words]) == pytest.approx(last["source_accuracy"], abs=1e-12)
    assert kernel.call("distance", 0, layout.layout()["anchored"]) == pytest.approx(last["distance"], rel=1e-5)


@pytest.mark.parametrize("form", ["released", "coupled"])
def test_the_other_forms_of_recadam(form):
    recipe = _recipe(RECADAM.format(form))
    assert _worst(_run(recipe)[0], finetune(recipe, device="cpu", progress=False)) < 1e-5


def test_a_steered_run():
    recipe = _recipe(RECADAM.format("paper"))
    run = finetune(recipe, steer=replay(CHANGES), device="cpu", progress=False)
    assert run.changes == CHANGES
    records, _ = _run(recipe, CHANGES)
    assert _worst(records, run) < 1e-5
    assert _worst(records, run, "lambda") < 1e-14


@pytest.mark.parametrize("task", ["cola", "sst2", "mrpc", "rte", "stsb"])
def test_the_first_20_steps_of_adamw(task):
    recipe = _recipe("vanilla", task, steps=20, evaluate_every=20)
    run = finetune(recipe, device="cpu", progress=False)
    assert _worst(_run(recipe)[0], run) < PLAIN


@pytest.mark.parametrize("task", ["mrpc", "stsb"])
def test_child_tuning_d_with_the_fisher_of_the_task(task):
    recipe = _recipe("child-d(p=0.2)", task, steps=20, evaluate_every=20, limit_train=96)
    run = finetune(recipe, device="cpu", progress=False)
    assert _worst(_run(recipe)[0], run) < PLAIN
