"""What people get wrong in sigmoid, and other right answers."""

import math

import numpy as np

STABLE = "np.where(x < 0, small, 1.0) / (1.0 + small)"

MUTANTS = [
    ("falls", {"x = k * late": "x = -k * late", "np.heaviside(late, 0.5)": "np.heaviside(-late, 0.5)"}, "yours falls"),
    ("overflows", {STABLE: "1 / (1 + np.exp(-x))"}, "e to a positive power"),
    (
        "overflows in a branch",
        {STABLE: "np.where(x < 0, np.exp(x) / (1 + np.exp(x)), 1 / (1 + np.exp(-x)))"},
        "e to a positive power",
    ),
    ("has no step", {"np.isinf(k)": "False"}, "no number at t = t0"),
    ("begins the step too early", {"np.heaviside(late, 0.5)": "np.where(late >= 0, 1.0, 0.0)"}, "already"),
    ("forgets t0", {" - t0": ""}, "t0 is not in yours"),
]


def by_tanh(t, k, t0):
    late = np.asarray(t, dtype=np.float64) - t0
    x = np.multiply(k, late, out=np.zeros_like(late), where=late != 0)
    return (1 + np.tanh(x / 2)) / 2


def one_by_one(t, k, t0):
    def one(step):
        x = 0.0 if step == t0 else k * (step - t0)
        return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))

    return np.vectorize(one, otypes=[float])(t) if np.ndim(t) else one(t)


OTHERS = [by_tanh, one_by_one]
