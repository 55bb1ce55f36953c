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
    ("leaves a weight without a gradient alone", {"adam - pull": "(g != 0) * adam - pull"}, "it has to be"),
    ("clips the pull", {"pull = lr * (1 - lam) * gamma": "pull = min(1, lr * (1 - lam) * gamma)"}, "it has to be"),
    ("takes a gamma of 0 for none", {"pull = lr": "gamma = gamma or 5000\n    pull = lr"}, "it has to be"),
    (
        "cuts the root off at eps",
        {"** 0.5 + EPS)": "** 0.5).clamp(min=EPS)"},
        "the least that your denominator",
    ),
    ("gives back another order", {"- adam - pull, m, v": "- adam - pull, v, m"}, "another order"),
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


def with_numbers_as_tensors(theta, anchor, g, m, v, t, lr, lam, gamma):
    t, lr, lam, gamma = map(torch.tensor, (t, lr, lam, gamma))  # in float32: 1 - 0.999**t has five digits
    m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
    adam = lr * m / (1 - 0.9**t) / ((v / (1 - 0.999**t)).sqrt() + 1e-8)
    return theta - lam * adam - (1 - lam) * lr * gamma * (theta - anchor), m, v


OTHERS = [with_numbers_as_tensors, with_lerp, in_numpy]
