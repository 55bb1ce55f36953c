"""What people get wrong in task_share, and other right answers."""

import math

import torch

MUTANTS = [
    ("takes the plain mean", {"(steps - t + 1) / steps": "np.ones(steps)"}, "plain mean of lambda"),
    ("takes the source's part", {"Sigmoid(k, t0)(t)": "(1 - Sigmoid(k, t0)(t))"}, "what the source gets"),
    ("counts from zero", {"np.arange(1, steps + 1)": "np.arange(steps)"}, "begin at 0"),
    ("is one step ahead", {"(steps - t + 1)": "(steps - t)"}, "one step ahead"),
    ("divides by the steps", {"/ np.sum(rate)": "/ steps"}, "number of steps"),
    ("has a largest k", {"Sigmoid(k, t0)": "Sigmoid(min(k, 20), t0)"}, "infinite k is made finite"),
    ("has a whole t0", {"Sigmoid(k, t0)": "Sigmoid(k, int(t0))"}, "made a whole number"),
    ("ends with the run", {"Sigmoid(k, t0)": "Sigmoid(k, min(t0, steps))"}, "cut off at T"),
    (
        "is 1 at t0",
        {"Sigmoid(k, t0)(t)": "np.where((k == np.inf) & (t == t0), 1, Sigmoid(k, t0)(t))"},
        "yours is 1 there",
    ),
    ("takes per cent", {"np.sum(S": "100 * np.sum(S"}, "per cent"),
    ("rises", {"(steps - t + 1) / steps": "t / steps"}, "learning rate rises"),
]


def looped(k, t0, steps):
    task = whole = 0.0
    for done in range(steps):
        rate, late = 1 - done / steps, done + 1 - t0
        weight = 0.5 * (1 + math.tanh(k * late / 2)) if late else 0.5
        task, whole = task + rate * weight, whole + rate
    return task / whole


def in_torch(k, t0, steps):
    late = torch.arange(1, steps + 1, dtype=torch.float64) - t0
    weight = torch.sigmoid(torch.where(late == 0, 0.0, k * late))
    rate = torch.linspace(1, 1 / steps, steps, dtype=torch.float64)
    return (weight @ rate) / ((steps + 1) / 2)


OTHERS = [looped, in_torch]
