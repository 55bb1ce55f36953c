"""A small least-squares problem, and the settings of RecAdam that torch's generic tests are run with."""

import io

import torch
from torch.nn import Parameter

from recall_learn.methods.recadam.optimizer import RecAdam
from recall_learn.theory.annealing import Constant, Sigmoid

INPUTS = {
    "default": {},
    "weight decay": {"weight_decay": 0.1},
    "maximize": {"maximize": True},
    "maximize and weight decay": {"weight_decay": 0.1, "maximize": True},
    "tensor lr": {"lr": torch.tensor(0.001)},
    "released": {"algorithm": "released", "weight_decay": 0.1},
    "coupled": {"algorithm": "coupled"},
    "lambda 1": {"anneal": Constant(1)},
    "sigmoid": {"anneal": Sigmoid(1, 4)},
    "gamma by name": {"gamma": {"weight": torch.rand(10, 5), "bias": torch.rand(10)}},
    "foreach": {"foreach": True},
    "fused": {"fused": True},
    "loop": {"foreach": False},
}


def problem(dtype=torch.float32, transposed=False):
    torch.manual_seed(0)
    weight = torch.randn(5, 10).t() if transposed else torch.randn(10, 5)
    params = {"weight": Parameter(weight.to(dtype)), "bias": Parameter(torch.randn(10).to(dtype))}
    rows = torch.randn(5).to(dtype)

    def loss():
        return (params["weight"].mv(rows) + params["bias"]).square().sum()

    return params, loss


def make(params, **given):
    settings = {"lr": 0.001, "anneal": Constant(0.5), "gamma": 5.0} | given
    return RecAdam(params.items() if isinstance(params, dict) else params, **settings)


def step(optimizer, loss):
    def closure():
        optimizer.zero_grad()
        value = loss()
        value.backward()
        return value

    return optimizer.step(closure)


def equal(left, right):
    return all(torch.equal(a, b) for a, b in zip(left, right, strict=True))


def through_a_file(state):
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    return torch.load(file, weights_only=True)
