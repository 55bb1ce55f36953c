"""What people get wrong in gamma_from_fisher, and other right answers."""

import numpy as np
import torch

MEAN = "examples * total / weights"
SHARE = "lr * (1 - lam) * gamma"
LEFT = "(1 - c) ** steps"

MUTANTS = [
    (
        "means over tensors",
        {MEAN: "examples * sum(float(f.mean()) for f in fisher.values()) / len(fisher)"},
        "the mean over tensors",
    ),
    ("adds up", {MEAN: "examples * total"}, "you add up the Fisher"),
    ("divides by the tensors", {MEAN: "examples * total / len(fisher)"}, "by the number of tensors"),
    ("counts rows", {"f.numel()": "(len(f) if f.ndim else 1)"}, "you count the rows"),
    ("forgets N", {MEAN: "total / weights"}, "N is missing"),
    ("leaves out zeros", {"f.numel()": "int((f > 0).sum())"}, "whose Fisher is 0"),
    ("leaves out single numbers", {"fisher.values())": "fisher.values() if f.ndim)"}, "without a dimension"),
    ("halves gamma", {MEAN: f"{MEAN} / 2"}, "your gamma is half"),
    ("forgets lambda", {SHARE: "lr * gamma"}, "1 - lambda is missing in c"),
    ("exchanges lambda", {"(1 - lam)": "lam"}, "lambda where 1 - lambda belongs"),
    ("forgets the rate", {SHARE: "(1 - lam) * gamma"}, "the learning rate is missing"),
    ("takes one step", {LEFT: "1 - c"}, "what one step leaves"),
    ("adds the shares", {LEFT: "1 - c * steps"}, "of the first offset"),
    ("takes an exponential", {LEFT: "2.718281828459045 ** (-c * steps)"}, "you have exp(-c)"),
    ("loses the sign", {LEFT: "abs(1 - c) ** steps"}, "has lost its sign"),
    ("stops at home", {LEFT: "max(0.0, 1 - c) ** steps"}, "stops at 0"),
    ("gives what is gone", {LEFT: "1 - (1 - c) ** steps"}, "is what is gone"),
    ("is strict at 1", {"c <= 1": "c < 1"}, "wrong at c = 1: there"),
    ("is strict at 2", {"c < 2": "c <= 2"}, "wrong at c = 2: the offset"),
    (
        "judges by lr * gamma",
        {'if c <= 1 else "overshoots" if c < 2': 'if lr * gamma <= 1 else "overshoots" if lr * gamma < 2'},
        "your word is for lr * gamma",
    ),
    ("forgets the word", {", (1 - c) ** steps, word": ", (1 - c) ** steps"}, "you return no word"),
]


def in_torch(fisher, examples, lr, lam, steps):
    gamma = examples * torch.cat([f.flatten() for f in fisher.values()]).mean()
    factor = 1 - lr * (1 - lam) * gamma
    word = "diverges" if factor <= -1 else "overshoots" if factor < 0 else "holds"
    return [gamma, factor.pow(steps), word]


def in_numpy(fisher, examples, lr, lam, steps):
    arrays = [np.asarray(f) for f in fisher.values()]
    gamma = examples * np.average([a.mean() for a in arrays], weights=[a.size for a in arrays])
    c = gamma * lr * (1 - lam)
    words = np.array(["holds", "overshoots", "diverges"])
    return gamma, np.prod(np.full(steps, 1 - c)), words[int(c > 1) + int(c >= 2)]


def looped(fisher, examples, lr, lam, steps):
    total, count = 0.0, 0
    for f in fisher.values():
        for value in f.flatten().tolist():
            total, count = total + value, count + 1
    gamma, offset = examples * (total / count), 1.0
    pull = lr * (gamma - lam * gamma)
    for _ in range(steps):
        offset = offset - pull * offset
    if pull >= 2:
        return gamma, offset, "diverges"
    return gamma, offset, "overshoots" if pull > 1 else "holds"


def of_the_sum(fisher, examples, lr, lam, steps):
    flat = torch.nn.utils.parameters_to_vector([f.double() for f in fisher.values()])
    gamma = (flat * examples).sum() / len(flat)
    c = float(gamma) * lr * (1.0 - lam)
    sign = -1.0 if c > 1 and steps % 2 else 1.0
    word = {True: "holds", False: "overshoots"}[c <= 1] if c < 2 else "diverges"
    return float(gamma), sign * abs(1 - c) ** steps, word


OTHERS = [in_torch, in_numpy, looped, of_the_sum]
