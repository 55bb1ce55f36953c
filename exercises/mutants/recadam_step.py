"""What people get wrong in recadam_step, and other right answers."""

import math

import torch

PULL = "    pull = lr * (1 - lam) * gamma * (theta - anchor)\n    return theta - adam - pull, m, v\n"

MUTANTS = [
    ("reverses lambda", {"lr * lam": "lr * (1 - lam)", "lr * (1 - lam) * gamma": "lr * lam * gamma"}, "reversed"),
    ("pulls to zero", {"(theta - anchor)": "theta"}, "towards 0"),
    (
        "pulls at the new weights",
        {PULL: "    theta = theta - adam\n    return theta - lr * (1 - lam) * gamma * (theta - anchor), m, v\n"},
        "after Adam's step",
    ),
    ("forgets lr in the pull", {"pull = lr * (1": "pull = (1"}, "learning rate is missing"),
    (
        "pulls through the gradient",
        {
            "    m = BETA1": "    g = lam * g + (1 - lam) * gamma * (theta - anchor)\n    m = BETA1",
            "lr * lam * direction": "lr * direction",
            " - pull": "",
        },
        "coupled form",
    ),
    (
        "scales the gradient",
        {"* g\n": "* lam * g\n", "* g**2": "* (lam * g) ** 2", "lr * lam *": "lr *"},
        "on your gradient",
    ),
]


def with_lerp(theta, anchor, g, m, v, t, lr, lam, gamma):
    m, v = torch.lerp(m, g, 0.1), v.lerp(g.square(), 0.001)
    home = torch.lerp(theta, anchor, lr * gamma * (1 - lam))
    return home.addcdiv(m, v.sqrt() / math.sqrt(1 - 0.999**t) + 1e-8, value=-lr * lam / (1 - 0.9**t)), m, v


def in_numpy(theta, anchor, g, m, v, t, lr, lam, gamma):
    theta, anchor, g, m, v = (x.numpy() for x in (theta, anchor, g, m, v))
    m, v = m + 0.1 * (g - m), v + 0.001 * (g * g - v)
    step = (m / (1 - 0.9**t)) / ((v / (1 - 0.999**t)) ** 0.5 + 1e-8)
    return theta - lr * (lam * step + (1 - lam) * gamma * (theta - anchor)), m, v


OTHERS = [with_lerp, in_numpy]
