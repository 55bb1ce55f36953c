"""What people get wrong in released_step, and other right answers."""

import math

import torch

RATE = "    rate = lr * (1 - BETA2**t) ** 0.5 / (1 - BETA1**t)\n    theta = theta - lam * rate * m / (v**0.5 + EPS)\n"
SKIP = (
    "    if lam == 0:\n        return (anchor + (1 - lr * gamma) * (theta - anchor)) * (1 - lr * weight_decay), m, v\n"
)
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
    ("eps inside the root", {"(v**0.5 + EPS)": "(v + EPS) ** 0.5"}, "inside the root"),
    ("no eps", {"(v**0.5 + EPS)": "v**0.5"}, "one without eps"),
    ("decays only until lambda is 1", {DECAY: "    if lam < 1:\n    " + DECAY}, "it has to be"),
    ("skips Adam while lambda is 0", {"    m = BETA1": SKIP + "    m = BETA1"}, "it has to be"),
    ("clips the pull", {"lr * (1 - lam) * gamma": "min(1, lr * (1 - lam) * gamma)"}, "it has to be"),
    ("clips the gradient", {"    m = BETA1": "    g = g.clamp(-1, 1)\n    m = BETA1"}, "it has to be"),
    ("gives back another order", {"return theta, m, v": "return m, v, theta"}, "another order"),
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


def with_numbers_as_tensors(theta, anchor, g, m, v, t, lr, lam, gamma, weight_decay):
    t, lr, lam, gamma, weight_decay = map(
        torch.tensor, (t, lr, lam, gamma, weight_decay)
    )  # in float32: 1 - 0.999**t has five digits
    m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
    theta = theta - lam * lr * (1 - 0.999**t).sqrt() / (1 - 0.9**t) * m / (v.sqrt() + 1e-8)
    theta = theta - (1 - lam) * lr * gamma * (theta - anchor)
    return theta - lr * weight_decay * theta, m, v


OTHERS = [with_numbers_as_tensors, with_lerp, in_numpy]
