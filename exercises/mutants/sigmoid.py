"""What people get wrong in sigmoid, and other right answers."""

import math

import numpy as np
import torch

FIRST, SECOND = "np.minimum(x, 0) - small", "np.minimum(-x, 0) - small"
BOTH = f"{FIRST}, {SECOND}"
LAMBDA = "(lambda small: np.where(x < 0, small, 1) / (1 + small))(np.exp(-abs(x)))"
X = "np.multiply(k, late, out=np.zeros_like(late), where=late != 0)"
LIBRARY = "__import__('recall_learn').Sigmoid(k, t0)(t)"

MUTANTS = [
    ("falls", {X: f"-{X}"}, "are exchanged"),
    ("takes the logarithm of lambda", {BOTH: f"np.log({LAMBDA}), np.log1p(-{LAMBDA})"}, "a finished weight"),
    ("takes what the rest is", {SECOND: "np.log1p(-np.exp(np.minimum(x, 0) - small))"}, "a finished weight"),
    ("takes it as it stands", {BOTH: "-np.log(1 + np.exp(-x)), -np.log(1 + np.exp(x))"}, "a finished weight"),
    ("asks the library", {BOTH: f"(lambda y: (np.log(y), np.log(1 - y)))({LIBRARY})"}, "a finished weight"),
    ("overflows", {BOTH: "-np.log1p(np.exp(-x)), -np.log1p(np.exp(x))"}, "e to a positive power"),
    ("adds to 1", {"np.log1p(np.exp(-np.abs(x)))": "np.log(1 + np.exp(-np.abs(x)))"}, "the tiny one is lost"),
    ("subtracts x", {SECOND: "np.minimum(x, 0) - small - x"}, "has no digit left"),
    ("adds x", {FIRST: "np.minimum(-x, 0) - small + x"}, "has no digit left"),
    ("has no step", {X: "k * late"}, "infinity times zero"),
    ("has a largest k", {"np.multiply(k,": "np.multiply(min(k, 20),"}, "is made finite"),
    ("has a largest k, far off", {"np.multiply(k,": "np.multiply(min(k, 1e300),"}, "is made finite"),
    ("makes all finite", {BOTH: f"np.nan_to_num({FIRST}), np.nan_to_num({SECOND})"}, "is made finite"),
    ("subtracts infinities", {X: "k * np.asarray(t) - k * t0"}, "infinity minus infinity"),
    ("begins the step too early", {X: f"np.where((late == 0) & np.isinf(k), np.inf, {X})"}, "is not 1/2"),
    ("forgets t0", {" - t0": ""}, "t0 is not in yours"),
    ("takes base 10", {BOTH: f"({FIRST}) / np.log(10), ({SECOND}) / np.log(10)"}, "to base 10"),
    ("gives the weights", {BOTH: f"np.exp({FIRST}), np.exp({SECOND})"}, "the weights themselves"),
]


def by_logaddexp(t, k, t0):
    late = np.asarray(t, dtype=np.float64) - t0
    with np.errstate(invalid="ignore"):
        x = np.where(late == 0, 0.0, k * late)
    return [-np.logaddexp(0, -x), -np.logaddexp(0, x)]


def one_by_one(t, k, t0):
    def both(step):
        if isinstance(step, list):
            parts = [both(each) for each in step]
            return [part[0] for part in parts], [part[1] for part in parts]
        x = 0.0 if step == t0 else k * (step - t0)
        left = math.log1p(math.exp(-abs(x)))
        return (x - left, -left) if x < 0 else (-left, -x - left)

    return both(t.tolist() if isinstance(t, np.ndarray) else t)


def in_torch(t, k, t0):
    late = torch.as_tensor(t, dtype=torch.float64) - t0
    x = torch.where(late == 0, 0.0, k * late)
    return torch.nn.functional.logsigmoid(x), torch.nn.functional.logsigmoid(-x)


def in_float32(t, k, t0):
    late = (np.asarray(t) - t0).astype(np.float32)
    x = np.where(late == 0, np.float32(0), np.float32(k) * np.where(late == 0, np.float32(1), late))
    small = np.log1p(np.exp(-np.abs(x)))
    return np.where(x < 0, x, 0) - small, np.where(x > 0, -x, 0) - small


OTHERS = [by_logaddexp, one_by_one, in_torch, in_float32]
