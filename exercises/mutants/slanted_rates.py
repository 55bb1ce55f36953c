"""What people get wrong in slanted_rates, and other right answers."""

import numpy as np
import torch

FALL = "(steps - t) / (steps - cut)"
CUT = "int(cut_frac * steps)"
PRINTED = "(1 - (t - cut) / (cut * (1 / cut_frac - 1)) if cut else (steps - t) / steps)"

MUTANTS = [
    ("writes it as printed", {FALL: PRINTED}, "that is the formula as printed"),
    ("cuts it off", {FALL: f"max(0, {PRINTED})"}, "you cut the printed formula off"),
    (
        "ends in the last step",
        {FALL: "(steps - 1 - t) / max(steps - 1 - cut, 1) if steps > 1 else 1"},
        "in the last step",
    ),
    ("counts from 1", {"range(steps)": "range(1, steps + 1)"}, "your t begins at 1"),
    ("falls to 0", {"lr * (1 + p * (ratio - 1)) / ratio": "lr * p"}, "your rate is 0 at the foot"),
    ("rounds", {CUT: "int(cut_frac * steps + 0.5)"}, "to the nearest whole number"),
    ("rounds up", {CUT: "-int(-cut_frac * steps // 1)"}, "you round cut up"),
    (
        "always rises",
        {CUT: "max(1, int(cut_frac * steps))", FALL: "(steps - t) / max(steps - cut, 1)"},
        "never let cut be 0",
    ),
    (
        "turns the triangle",
        {CUT: "steps - int(cut_frac * steps)", FALL: "(steps - t) / max(steps - cut, 1)"},
        "slanted the other way",
    ),
    ("gives shares", {"lr * (1": "(1"}, "shares of the highest"),
]


def by_interpolation(steps, lr, cut_frac, ratio):
    cut = int(cut_frac * steps)
    up, down = np.linspace(lr / ratio, lr, cut + 1)[:cut], np.linspace(lr, lr / ratio, steps - cut + 1)[:-1]
    return np.concatenate([up, down])


def in_torch(steps, lr, cut_frac, ratio):
    t, cut = torch.arange(steps, dtype=torch.float64), int(steps * cut_frac)
    p = torch.where(t < cut, t / max(cut, 1), (steps - t) / (steps - cut))
    return lr / ratio + p * (lr - lr / ratio)


OTHERS = [by_interpolation, in_torch]
