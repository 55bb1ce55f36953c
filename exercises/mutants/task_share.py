"""What people get wrong in task_share, and other right answers."""

import math

import torch

MUTANTS = [
    ("takes the plain mean", {"(steps - t + 1) / steps": "np.ones(steps)"}, "plain mean of lambda"),
    ("takes the source's part", {"Sigmoid(k, t0)(t)": "(1 - Sigmoid(k, t0)(t))"}, "what the source gets"),
    ("counts from zero", {"np.arange(1, steps + 1)": "np.arange(steps)"}, "begin at 0"),
    ("is one step ahead", {"(steps - t + 1)": "(steps - t)"}, "one step ahead"),
    ("divides by the steps", {"/ np.sum(rate)": "/ steps"}, "number of steps"),
    ("rises", {"(steps - t + 1) / steps": "t / steps"}, "learning rate rises"),
]


def looped(k, t0, steps):
    task = whole = 0.0
    for done in range(steps):
        rate, late = 1 - done / steps, done + 1 - t0
        weight = 1 / (1 + math.exp(-k * late)) if late else 0.5
        task, whole = task + rate * weight, whole + rate
    return task / whole


def in_torch(k, t0, steps):
    late = torch.arange(1, steps + 1, dtype=torch.float64) - t0
    weight = torch.sigmoid(torch.where(late == 0, 0.0, k * late))
    rate = torch.linspace(1, 1 / steps, steps, dtype=torch.float64)
    return (weight @ rate) / ((steps + 1) / 2)


OTHERS = [looped, in_torch]
