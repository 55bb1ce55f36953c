"""What people get wrong in mixed_weights, and other right answers."""

import numpy as np
import torch

MIXED = "home + kept * away"
SLOPE = "kept * g"
EXTRA = "h * p / (1 - p) * away**2"

MUTANTS = [
    ("has the slope of public code", {SLOPE: "~taken * g"}, "as that of public code does"),
    ("does not mask the slope", {SLOPE: "g / (1 - p)"}, "your slope is not masked"),
    ("hands on the gradient", {SLOPE: "g"}, "you hand on g as it came"),
    ("turns the mask round", {"(~taken)": "taken"}, "your mask is the wrong way round"),
    ("corrects nothing", {MIXED: "taken * home + ~taken * w"}, "nothing is corrected"),
    ("divides only", {MIXED: "(taken * home + ~taken * w) / (1 - p)"}, "without taking p theta* off first"),
    ("takes off only", {MIXED: "taken * home + ~taken * w - p * home"}, "do not divide by 1 - p"),
    ("drops", {MIXED: "kept * w"}, "as dropout does"),
    ("corrects as dropout", {MIXED: "taken * home + kept * w"}, "That is dropout's correction"),
    ("divides by p", {"(~taken) / (1 - p)": "(~taken) / (p or 1)"}, "you divide by p."),
    ("forgets the half", {"0.5 * ": ""}, "the 1/2 of the quadratic"),
    ("takes the variance of M", {EXTRA: "h * p * (1 - p) * away**2"}, "the variance of M"),
    ("takes the mean square", {EXTRA: "h / (1 - p) * away**2"}, "the mean square of"),
    ("counts the taken ones", {EXTRA: "h * p * away**2"}, "only the taken weights count"),
    ("counts the kept ones", {EXTRA: "h * p**2 / (1 - p) * away**2"}, "only the kept weights count"),
    ("takes a mean", {").sum()": ").mean()"}, "is a mean over the weights"),
    (
        "takes this mask",
        {EXTRA: "h * (home + kept * away - w) ** 2"},
        "is that of this very M",
    ),
    ("forgets the curvature", {EXTRA: "p / (1 - p) * away**2"}, "h is not in your `extra`"),
    ("does not square", {"away**2": "away"}, "is not squared"),
    ("measures from 0", {"away**2": "w**2"}, "is measured from 0"),
    ("mixes in place", {"    away = w - home": "    w += 1\n    away = w - home"}, "changes its argument `w`"),
    ("returns two", {", extra": ""}, "of 2; it has to be 3 values"),
]


def as_printed(w, home, taken, p, g, h):
    m = taken.to(w.dtype)
    mixed = (m * home + (1 - m) * w - p * home) / (1 - p)
    return mixed, g * (1 - m) / (1 - p), (h * (w - home) ** 2).sum() * p / (2 * (1 - p))


def by_columns(w, home, taken, p, g, h):
    mixed, slope, extra = home.clone(), torch.zeros_like(g), 0.0
    for j in range(w.shape[1]):
        away = w[:, j] - home[:, j]
        extra += float(h[:, j] @ away**2) * p / (2 - 2 * p)
        if not taken[j]:
            mixed[:, j] = w[:, j] + away * p / (1 - p)
            slope[:, j] = g[:, j] / (1 - p)
    return mixed, slope, extra


def by_autograd(w, home, taken, p, g, h):
    at = w.clone().requires_grad_()
    mixed = torch.lerp(home, at, (~taken).to(w.dtype) / (1 - p))
    (slope,) = torch.autograd.grad(mixed, at, g)
    return mixed.detach(), slope, 0.5 * (h * (w - home) ** 2).sum() * (1 / (1 - p) - 1)


def in_numpy(w, home, taken, p, g, h):
    w, home, taken, g, h = (np.asarray(x) for x in (w, home, taken, g, h))
    mixed = np.where(taken, home, (w - p * home) / (1 - p))
    both = p * (home - w) ** 2 + (1 - p) * ((w - p * home) / (1 - p) - w) ** 2
    return [mixed, np.where(taken, 0, g / (1 - p)), float((h * both).sum() / 2)]


OTHERS = [as_printed, by_columns, by_autograd, in_numpy]
