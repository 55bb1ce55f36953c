"""The kernel's loss and every gradient, tensor by tensor, against torch in double precision; and finite differences."""

import copy

import numpy as np
import pytest
import torch
from wasm_model import NO_SLOPE, WasmModel, session

from recall_learn.measures.facts import cloze_rows
from recall_learn.measures.probes import world_of
from recall_learn.models.masked_lm import attach
from recall_learn.theory.fisher import fisher_diagonal

TASKS = ("cola", "sst2", "mrpc", "rte", "stsb")


def _rows(task, count):
    return [session(task).data["train"][i] for i in range(count)]


def _long(task, rows, length):
    """Rows of one length, of any tokens and both types."""
    draw = np.random.default_rng(0)
    for row in _rows(task, rows):
        ids, split = draw.integers(5, 545, length).tolist(), int(draw.integers(1, length + 1))
        yield {"input_ids": ids, "token_type_ids": [0] * split + [1] * (length - split), "labels": row["labels"]}


def _oracle(task, rows):
    model = copy.deepcopy(session(task).backbone.model).double()
    batch = dict(session(task).collator([{**row, "attention_mask": [1] * len(row["input_ids"])} for row in rows]))
    if task == "stsb":
        batch["labels"] = batch["labels"].double()
    loss = model(**batch).loss
    loss.backward()
    return loss.item(), {name: p.grad.numpy().ravel() for name, p in model.named_parameters()}


def _check(task, rows):
    kernel = WasmModel(session(task).task.num_labels)
    found = kernel.train(rows)
    loss, gradients = _oracle(task, rows)
    assert found == pytest.approx(loss, rel=1e-6)
    scale = max(np.abs(wanted).max() for wanted in gradients.values())
    for name, wanted in gradients.items():
        error = np.abs(kernel.tensor(kernel.gradient, name) - wanted).max()
        assert error <= (1e-7 * scale if name.endswith(NO_SLOPE) else 5e-6 * np.abs(wanted).max() + 1e-12 * scale), name


@pytest.mark.parametrize("task", TASKS)
def test_loss_and_every_gradient(task):
    _check(task, _rows(task, 16))


@pytest.mark.parametrize("rows", [1, 3, 30])
def test_any_number_of_rows(rows):
    _check("mrpc", _rows("mrpc", rows))


@pytest.mark.parametrize(("rows", "length"), [(32, 64), (3, 1), (2, 63)])
def test_any_length_up_to_the_models(rows, length):
    _check("rte", list(_long("rte", rows, length)))


def test_rows_of_other_lengths_do_not_see_each_other():
    kernel, rows = WasmModel(), [*_rows("cola", 9), *_long("cola", 2, 64)]
    alone = np.concatenate([kernel.classify([row]) for row in rows])
    assert np.abs(kernel.classify(rows) - alone).max() < 1e-6


def test_what_an_earlier_batch_left_does_not_matter():
    kernel, rows = WasmModel(), _rows("cola", 5)
    first = kernel.train(rows), kernel.gradient.copy()
    kernel.train(list(_long("cola", 32, 64)))
    assert kernel.train(rows) == first[0]
    assert np.array_equal(kernel.gradient, first[1])


@pytest.mark.parametrize("task", ["cola", "stsb"])
def test_the_loss_falls_along_the_gradient_as_fast_as_it_says(task):
    kernel, rows = WasmModel(session(task).task.num_labels), _rows(task, 8)
    kernel.train(rows)
    slope, start = kernel.gradient.copy(), kernel.theta.copy()
    way, size, losses = slope / np.linalg.norm(slope), 2e-3, []
    for sign in (1, -1):
        kernel.theta[: len(way)] = start[: len(way)] + sign * size * way
        losses.append(kernel.train(rows))
    assert (losses[0] - losses[1]) / (2 * size) == pytest.approx(np.linalg.norm(slope), rel=2e-3)


@pytest.mark.parametrize("task", ["cola", "stsb"])
def test_squares_are_the_empirical_fisher_of_the_layers(task):
    rows, place = _rows(task, 21), session(task)
    model = copy.deepcopy(place.backbone.model).double()
    batch = dict(place.collator(rows))
    if task == "stsb":
        batch["labels"] = batch["labels"].double()
    right = fisher_diagonal(model, [batch], labels="empirical")
    kernel = WasmModel(place.task.num_labels)
    for chosen in (rows[:13], rows[13:]):
        kernel.call("squares", kernel.put(chosen, [row["labels"] for row in chosen]))
    layers = [name for name in right if ".layer." in name]
    for name in layers:
        wanted = right[name].numpy().ravel()
        error = np.abs(kernel.tensor(kernel.fisher, name) / len(rows) - wanted).max()
        assert error <= (1e-12 if name.endswith(NO_SLOPE) else 1e-5 * wanted.max()), name
    others = kernel.fisher.sum() - sum(kernel.tensor(kernel.fisher, name).sum() for name in layers)
    assert others == pytest.approx(0, abs=1e-3)


def test_a_cloze_gives_the_loss_and_the_likeliest_word_of_the_masked_language_model():
    backbone = session("cola").backbone
    examples = cloze_rows(backbone.tokenizer, world_of(backbone).facts).take(range(0, 320, 5))
    model = copy.deepcopy(attach(backbone)).double()
    logits = torch.cat([model(**inputs) for inputs, _ in examples.batches(64, range(len(examples)))]).detach()
    right = torch.nn.functional.cross_entropy(logits, torch.tensor(examples.words).flatten(), reduction="none")
    losses, said = WasmModel().cloze(examples, backbone.tokenizer.mask_token_id)
    assert np.abs(losses - right.numpy()).max() < 1e-5
    assert said.tolist() == logits.argmax(-1).tolist()
