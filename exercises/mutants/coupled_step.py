"""What people get wrong in coupled_step, and other right answers."""

import math

import torch

MIX = "    g = lam * g + (1 - lam) * gamma * (theta - anchor)\n"
STEP = "theta - lr * m_hat / (v_hat**0.5 + EPS)"

MUTANTS = [
    (
        "decouples",
        {
            MIX: "    pull = lr * (1 - lam) * gamma * (theta - anchor)\n",
            STEP: STEP.replace("lr", "lr * lam") + " - pull",
        },
        "decoupled form",
    ),
    ("scales the step", {"lam * g + (1": "g + (1", "lr * m_hat": "lam * lr * m_hat"}, "lambda is on your step. Here"),
    ("pulls to zero", {"(theta - anchor)": "theta"}, "towards 0"),
    ("reverses lambda", {"lam * g + (1 - lam) * gamma": "(1 - lam) * g + lam * gamma"}, "reversed"),
    ("eps inside the root", {"v_hat**0.5 + EPS": "(v_hat + EPS)**0.5"}, "inside the root"),
    ("no eps", {"v_hat**0.5 + EPS": "v_hat**0.5"}, "no eps in your denominator"),
    ("puts lr into the gradient", {"(1 - lam) * gamma": "lr * (1 - lam) * gamma"}, "learning rate is in your gradient"),
]


def with_lerp(theta, anchor, g, m, v, t, lr, lam, gamma):
    mixed = torch.lerp(gamma * (theta - anchor), g, lam)
    m, v = torch.lerp(m, mixed, 0.1), v.lerp(mixed.square(), 0.001)
    return theta.addcdiv(m, v.sqrt() / math.sqrt(1 - 0.999**t) + 1e-8, value=-lr / (1 - 0.9**t)), m, v


def in_numpy(theta, anchor, g, m, v, t, lr, lam, gamma):
    theta, anchor, g, m, v = (x.numpy() for x in (theta, anchor, g, m, v))
    g = lam * g - (1 - lam) * gamma * (anchor - theta)
    m, v = m + 0.1 * (g - m), v + 0.001 * (g * g - v)
    return theta - lr * (m / (1 - 0.9**t)) / ((v / (1 - 0.999**t)) ** 0.5 + 1e-8), m, v


OTHERS = [with_lerp, in_numpy]
