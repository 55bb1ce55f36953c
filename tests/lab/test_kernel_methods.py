"""A few steps of each method, against the same methods on torch's model."""

import copy

import numpy as np
import pytest
import torch
from wasm_model import NO_SLOPE, WasmModel, session

from recall_learn.lab.browser import layout
from recall_learn.methods.child_tuning import child_masks, layer_names
from recall_learn.runs.compose import compose
from recall_learn.theory.fisher import fisher_diagonal

LR, STEPS = 1e-3, 6
RECADAM = {"k": 0.7, "t0": 3.0, "gamma": 100.0}
CASES = {
    "vanilla": {},
    **{f"recadam(k=0.7, t0=3, gamma=100, algorithm={form})": {"recadam": {**RECADAM, "algorithm": form}}
       for form in ("paper", "released", "coupled")},
    "l2sp(gamma=0.5, beta=0.2)": {"l2sp": {"gamma": 0.5, "beta": 0.2}},
    "ewc(gamma=300)": {"ewc": {"gamma": 300.0}},
    "child-f(p=0.3)": {"child_f": {"p": 0.3}},
    "child-d(p=0.1)": {"child_d": {"p": 0.1}},
    "recadam(k=0.7, t0=3, gamma=100) + child-d(p=0.1)":
        {"recadam": {**RECADAM, "algorithm": "paper"}, "child_d": {"p": 0.1}},
    "l2sp(gamma=0.5, beta=0.2) + child-f(p=0.3)": {"l2sp": {"gamma": 0.5, "beta": 0.2}, "child_f": {"p": 0.3}},
}  # fmt: skip


def _batches(task):
    rows = session(task).data["train"]
    return [[rows[8 * n + i] for i in range(8)] for n in range(STEPS)]


def _torch(task, expression, decay, fisher):
    place = session(task)
    model = copy.deepcopy(place.backbone.model).train()
    settings = {"lr": LR, "weight_decay": decay, "anchors": place.backbone.anchors, "seed": 0}
    composed = compose(expression, model, **settings, fisher=fisher and {"source": fisher, "task": fisher})
    losses, penalties = [], []
    for rows in _batches(task):
        batch = place.collator(rows)
        outputs = model(**batch)
        penalties.append(sum(x.item() for x in composed.terms(batch, outputs).values()))
        composed.loss(outputs, batch).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        composed.optimizer.step()
        composed.optimizer.zero_grad()
        losses.append(outputs.loss.item())
    return losses, penalties, model


def _fisher(task):
    place = session(task)
    batch = dict(place.collator([place.data["train"][i] for i in range(24)]))
    return fisher_diagonal(place.backbone.model, [batch])


@pytest.mark.parametrize(
    ("task", "decay", "expression"),
    [
        *(("cola", decay, expression) for decay in (0.0, 0.1) for expression in CASES),
        *(("stsb", 0.0, expression) for expression in ("vanilla", "l2sp(gamma=0.5, beta=0.2)", "child-f(p=0.3)")),
    ],
)
def test_a_few_steps_end_where_torchs_end(task, decay, expression):
    methods = CASES[expression]
    fisher = _fisher(task) if {"ewc", "child_d"} & set(methods) else None
    losses, penalties, model = _torch(task, expression, decay, fisher)
    kernel = WasmModel(session(task).task.num_labels)
    if fisher:
        for name, tensor in fisher.items():
            kernel.tensor(kernel.fisher, name)[:] = tensor.numpy().ravel()
    if "child_d" in methods:
        kernel.call("child_d_begin", methods["child_d"]["p"])
    records = [kernel.step(rows, t + 1, LR, decay=decay, **methods) for t, rows in enumerate(_batches(task))]
    assert [record["loss"] for record in records] == pytest.approx(losses, rel=2e-5, abs=1e-6)
    assert [record.get("penalty", 0.0) for record in records] == pytest.approx(penalties, rel=1e-4, abs=1e-7)
    for name, p in model.named_parameters():
        away = np.abs(kernel.tensor(kernel.theta, name) - p.detach().numpy().ravel())
        # where a gradient is nearly 0 its sign is rounding's, and Adam's first steps are lr times the sign
        assert name.endswith(NO_SLOPE) or np.mean(away) < 2e-3 * LR * STEPS, name


@pytest.mark.parametrize("p", [1.0, 0.3, 1e-5])
def test_the_child_is_that_of_child_masks_also_where_entries_are_equal(p):
    kernel, model = WasmModel(), session("cola").backbone.model
    draw = np.random.default_rng(0)
    names = layer_names(model)
    fisher = {name: torch.tensor(draw.integers(0, 50, model.get_parameter(name).shape) / 7.0) for name in names}
    for name, tensor in fisher.items():
        kernel.tensor(kernel.fisher, name)[:] = tensor.float().numpy().ravel()
    masks = child_masks({name: tensor.float() for name, tensor in fisher.items()}, p)
    assert kernel.call("child_d_begin", p) == sum(int(mask.sum()) for mask in masks.values())
    for name, p in model.named_parameters():
        wanted = masks[name].numpy().ravel() if name in masks else np.ones(p.numel(), bool)
        assert np.array_equal(kernel.tensor(kernel.child, name) == -1, wanted), name


def test_a_child_of_no_weight_is_none():
    assert WasmModel().call("child_d_begin", 1e-9) == 0


def test_what_is_outside_of_the_child_stays_to_the_bit():
    kernel = WasmModel()
    kernel.fisher[:] = np.random.default_rng(0).random(len(kernel.fisher))
    kernel.call("child_d_begin", 0.2)
    start = kernel.theta[: len(kernel.child)].copy()
    recadam = {**RECADAM, "algorithm": "coupled"}
    for t, rows in enumerate(_batches("cola")):
        kernel.step(rows, t + 1, LR, decay=0.1, recadam=recadam, child_d={})
    now, outside = kernel.theta[: len(kernel.child)], kernel.child == 0
    assert np.array_equal(now[outside], start[outside])
    assert np.mean(now[~outside] != start[~outside]) > 0.5


def test_distance_is_that_of_the_anchored_weights():
    from recall_learn.measures.distance import distance_by_layer

    kernel, place = WasmModel(), session("cola")
    for t, rows in enumerate(_batches("cola")):
        kernel.step(rows, t + 1, LR)
    model = copy.deepcopy(place.backbone.model)
    with torch.no_grad():
        for name, p in model.named_parameters():
            p.copy_(torch.tensor(kernel.tensor(kernel.theta, name)).view_as(p))
    parts = distance_by_layer(model, place.backbone.anchors)
    found = {part["name"]: kernel.call("distance", part["from"], part["to"]) for part in layout.layout()["parts"]}
    assert found == pytest.approx(parts, rel=1e-6)
    whole = kernel.call("distance", 0, layout.layout()["anchored"])
    assert whole == pytest.approx(sum(part**2 for part in parts.values()) ** 0.5, rel=1e-6)
