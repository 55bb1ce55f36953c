"""The random numbers of torch and numpy, drawn by the kernel: heads, orders, masks."""

from itertools import islice

import numpy as np
import pytest
import torch
from wasm_model import WasmModel, session

from recall_learn.lab.browser import layout
from recall_learn.models import backbones
from recall_learn.runs.recipe import Recipe
from recall_learn.runs.trainer import Order

SEEDS = (0, 1, 42, 2**31, 2**32 - 1)


@pytest.mark.parametrize("outputs", [1, 2])
@pytest.mark.parametrize("seed", SEEDS)
def test_the_head_of_any_seed_is_torchs(outputs, seed):
    model = backbones.load("tiny", num_labels=outputs, seed=seed).model
    kernel = WasmModel(outputs, seed)
    for name, p in model.named_parameters():
        away = np.abs(kernel.tensor(kernel.theta, name) - p.detach().numpy().ravel()).max()
        assert away < (1e-7 if name in ("bert.pooler.dense.weight", "classifier.weight") else 1e-38), name


def test_a_random_start_is_torchs_too():
    model = backbones.load("tiny", num_labels=2, init="random", seed=3).model
    kernel = WasmModel(2, 3, "random")
    for name, p in model.named_parameters():
        assert np.abs(kernel.tensor(kernel.theta, name) - p.detach().numpy().ravel()).max() < 1e-7, name


@pytest.mark.parametrize(("seed", "rows", "size"), [(0, 2500, 16), (7, 10, 4), (2**32 - 1, 1, 3), (2**31, 4097, 32)])
def test_the_order_of_examples_is_numpys(seed, rows, size):
    recipe = Recipe(backbone="tiny", task="world/cola", steps=400, batch_size=size, seed=seed)
    assert list(islice(WasmModel().order(seed, rows, size), 400)) == list(Order(rows, recipe))


@pytest.mark.parametrize("decayed", [False, True])
def test_the_masks_of_child_f_are_torchs(decayed):
    kernel, seed, p = WasmModel(2, 5), 5, 0.3
    generator = torch.Generator().manual_seed(seed + 1)
    model = session("cola").backbone.model
    names = _in_groups(model, session("cola").backbone.anchors, decayed)
    for _ in range(2):
        kernel.gradient[:] = 1
        kernel.call("child_f", p, int(decayed))
        inner = torch.Generator().manual_seed(int(torch.randint(2**63 - 1, (), generator=generator)))
        for name in names:
            wanted = (torch.rand(model.get_parameter(name).shape, generator=inner) < p).float() / p
            assert np.array_equal(kernel.tensor(kernel.gradient, name), wanted.numpy().ravel()), name


def _in_groups(model, anchors, decayed):
    from recall_learn.models.recalled import recall_groups

    groups = recall_groups(model, 0.1 if decayed else 0.0, anchors=anchors)
    return [name for group in groups for name, _ in group["params"]]


def test_a_draw_leaves_the_head_that_says_words():
    kernel, mlm = WasmModel(), layout.layout()["mlm"]
    before = kernel.theta[mlm:].copy()
    kernel.call("draw", 9.0)
    assert np.array_equal(kernel.theta[mlm:], before)
