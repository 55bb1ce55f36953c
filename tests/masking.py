"""Small parameters with given gradients, and steps over them: what the tests of Child-Tuning share."""

import numpy as np
import pytest
import torch
from torch import nn

from recall_learn.methods.child_tuning import ChildTuningF
from recall_learn.methods.recadam.optimizer import RecAdam
from recall_learn.theory.annealing import Sigmoid

SHAPES = {"embed": (4,), "layer.weight": (5, 3), "layer.bias": (5,), "scale": ()}


def named_parameters(dtype=torch.float64):
    random = np.random.default_rng(0)
    return {n: nn.Parameter(torch.tensor(random.normal(size=s), dtype=dtype)) for n, s in SHAPES.items()}


def gradients(steps, dtype=torch.float64):
    random = np.random.default_rng(1)
    return [{n: torch.tensor(random.normal(size=s), dtype=dtype) for n, s in SHAPES.items()} for _ in range(steps)]


def recadam(params):
    named = list(params)
    anchors = {name: torch.zeros_like(parameter) for name, parameter in named}
    return RecAdam(named, lr=0.01, weight_decay=0.1, anneal=Sigmoid(0.1, 5), gamma=20.0, anchors=anchors)


OPTIMIZERS = {
    "sgd": lambda params: torch.optim.SGD(params, lr=0.1, momentum=0.9, weight_decay=0.1),
    "adam": lambda params: torch.optim.Adam(params, lr=0.01, foreach=False),
    "adamw-foreach": lambda params: torch.optim.AdamW(params, lr=0.01, weight_decay=0.1, foreach=True),
    "adamw-fused": lambda params: torch.optim.AdamW(params, lr=0.01, weight_decay=0.1, fused=True),
    "rmsprop": lambda params: torch.optim.RMSprop(params, lr=0.01, momentum=0.9, weight_decay=0.1),
    "adagrad": lambda params: torch.optim.Adagrad(params, lr=0.01, weight_decay=0.1),
    "recadam": recadam,
}
every_optimizer = pytest.mark.parametrize("make", OPTIMIZERS.values(), ids=OPTIMIZERS)


def step(optimizer, parameters, grads):
    for name, parameter in parameters.items():
        parameter.grad = None if grads[name] is None else grads[name].clone()
    optimizer.step()


def train(make, attach=None, steps=6, warm=0, grads=None, dtype=torch.float64):
    """``steps`` steps, of which the first ``warm`` come before ``attach(optimizer)``."""
    parameters = named_parameters(dtype)
    optimizer = make(parameters.items())
    for i, grad in enumerate(grads or gradients(steps, dtype)):
        if attach is not None and i == warm:
            attach(optimizer)
        step(optimizer, parameters, grad)
    return {name: parameter.detach().clone() for name, parameter in parameters.items()}


def same_bits(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def seeded(seed):
    return torch.Generator().manual_seed(seed)


def drawn(mask, parameters, steps):
    """The masks that ``mask`` draws in so many steps, read off gradients of ones."""
    masks = []
    for _ in range(steps):
        step(mask.optimizer, parameters, {name: torch.ones_like(p) for name, p in parameters.items()})
        masks.append({name: parameter.grad != 0 for name, parameter in parameters.items()})
    return masks


def masks_of_f(p, steps, generator=None, dtype=torch.float64):
    parameters = named_parameters(dtype)
    return drawn(ChildTuningF(torch.optim.SGD(parameters.items(), lr=0.1), p, generator), parameters, steps)


def layer_fisher():
    random = np.random.default_rng(4)
    return {name: torch.tensor(random.exponential(size=SHAPES[name])) for name in ("layer.weight", "layer.bias")}


def all_of(optimizer):
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]
