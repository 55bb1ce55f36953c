"""What people get wrong in offset_left, and other right answers."""

import math

import numpy as np
import torch

PRODUCT = "np.prod(1 - rate * (1 - Sigmoid(k, t0)(t)) * gamma)"

MUTANTS = [
    ("counts from zero", {"np.arange(1, t0 + 1)": "np.arange(t0)"}, "begin at 0"),
    ("leaves out the last step", {"np.arange(1, t0 + 1)": "np.arange(1, t0)"}, "ends at step t0 - 1"),
    (
        "takes the exponential of a sum",
        {PRODUCT: "np.exp(-np.sum(rate * (1 - Sigmoid(k, t0)(t)) * gamma))"},
        "into an exponential",
    ),
    ("lets the task's part pull", {"(1 - Sigmoid(k, t0)(t))": "Sigmoid(k, t0)(t)"}, "where 1 - lambda belongs"),
    (
        "ignores the warm-up",
        {"np.where(t <= warmup, rising, falling)": "(steps - t + 1) / steps"},
        "warm-up is not in yours",
    ),
    ("takes sizes", {"np.prod(": "np.prod(np.abs(", "* gamma)": "* gamma))"}, "right but for its sign"),
    (
        "stops at home",
        {"np.prod(": "np.prod(np.maximum(0, ", "* gamma)": "* gamma))"},
        "for one that ends at home",
    ),
    (
        "takes logarithms",
        {PRODUCT: "np.exp(np.sum(np.log1p(-rate * (1 - Sigmoid(k, t0)(t)) * gamma)))"},
        "has no logarithm",
    ),
    ("is never negative", {PRODUCT: f"max(0.0, {PRODUCT})"}, "cut off at 0"),
    ("takes one step at least", {"np.arange(1, t0 + 1)": "np.arange(1, max(t0, 1) + 1)"}, "a product of no factors"),
    ("has the next step's rate", {"(t - 1) /": "t /", "(steps - t + 1)": "(steps - t)"}, "one step ahead"),
]


def looped(k, t0, warmup, steps, lr, gamma):
    left = 1.0
    for done in range(t0):
        rate = done / warmup if done < warmup else (steps - done) / (steps - warmup)
        weight = 1 / (1 + math.exp(-k * (done + 1 - t0)))
        left *= 1 - lr * rate * gamma * (1 - weight)
    return left


def by_logarithms(k, t0, warmup, steps, lr, gamma):
    done = np.arange(t0, dtype=np.float64)
    rate = np.interp(done, [0, warmup, steps] if warmup else [0, steps], [0, 1, 0] if warmup else [1, 0])
    factors = 1 - lr * gamma * rate / (1 + np.exp(k * (done + 1 - t0)))
    return np.sign(factors).prod() * np.exp(np.log(np.abs(factors)).sum())


def in_torch(k, t0, warmup, steps, lr, gamma):
    t = torch.arange(1, t0 + 1)
    rate = torch.where(t <= warmup, (t - 1) / max(warmup, 1), (steps - t + 1) / (steps - warmup))
    return torch.prod(1 - rate * lr * torch.sigmoid(k * (t0 - t)) * gamma)


OTHERS = [looped, by_logarithms, in_torch]
