"""What people get wrong in released_step, and other right answers."""

import math

import torch

RATE = "    rate = lr * (1 - BETA2**t) ** 0.5 / (1 - BETA1**t)\n    theta = theta - lam * rate * m / (v**0.5 + EPS)\n"
PAPER = "    rate = lr / (1 - BETA1**t)\n    theta = theta - lam * rate * m / ((v / (1 - BETA2**t))**0.5 + EPS)\n"
OLD = RATE.replace("theta = theta", "old, theta = theta, theta")
DECAY = "    theta = theta - lr * weight_decay * theta\n"
PULL = "    theta = theta - lr * (1 - lam) * gamma * (theta - anchor)\n"

MUTANTS = [
    ("takes the paper's eps", {RATE: PAPER}, "your eps is the paper's"),
    ("pulls at the old weights", {RATE: OLD, "(theta - anchor)": "(old - anchor)"}, "pull at the old weights"),
    (
        "decays the old weights",
        {RATE: OLD, DECAY: DECAY.replace("decay * theta", "decay * old")},
        "decay the old weights",
    ),
    ("decays first", {DECAY: "", RATE: DECAY + RATE}, "your decay comes first"),
    ("scales the decay by lambda", {"lr * weight_decay": "lam * lr * weight_decay"}, "lambda scales your decay"),
    ("decays before the pull", {DECAY: "", PULL: DECAY + PULL}, "decay comes before the pull"),
]


def with_lerp(theta, anchor, g, m, v, t, lr, lam, gamma, weight_decay):
    m, v = torch.lerp(m, g, 0.1), v.lerp(g.square(), 0.001)
    root = math.sqrt(1 - 0.999**t)
    theta = theta.addcdiv(m, v.sqrt() / root + 1e-8 / root, value=-lr * lam / (1 - 0.9**t))
    return theta.lerp(anchor, lr * (1 - lam) * gamma) * (1 - lr * weight_decay), m, v


def in_numpy(theta, anchor, g, m, v, t, lr, lam, gamma, weight_decay):
    theta, anchor, g, m, v = (x.numpy() for x in (theta, anchor, g, m, v))
    m, v = m + 0.1 * (g - m), v + 0.001 * (g * g - v)
    away = theta - lam * lr * math.sqrt(1 - 0.999**t) / (1 - 0.9**t) * m / (v**0.5 + 1e-8) - anchor
    kept = 1 - lr * gamma * (1 - lam)
    return (1 - lr * weight_decay) * (anchor + kept * away), m, v


OTHERS = [with_lerp, in_numpy]
