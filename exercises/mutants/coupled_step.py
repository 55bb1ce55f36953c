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
    ("no eps", {"v_hat**0.5 + EPS": "v_hat**0.5"}, "one without eps"),
    ("puts lr into the gradient", {"(1 - lam) * gamma": "lr * (1 - lam) * gamma"}, "learning rate is in your gradient"),
    ("no correction of v", {"v / (1 - BETA2**t)": "v"}, "correct m and not v"),
    ("takes the task's square", {MIX: MIX.replace("g =", "task, g = lam * g,"), "g**2": "task**2"}, "not in your v"),
    (
        "gives back the old averages",
        {MIX: "    old = m, v\n" + MIX, "EPS), m, v": "EPS), *old"},
        "from before this step",
    ),
    (
        "changes what is in float32",
        {MIX: MIX + "    m = m.float().mul_(1.0).add_(0)\n    m += 0 * g + 1\n    m -= 1\n"},
        "in place",
    ),
    ("clips gamma", {MIX: "    gamma = min(gamma, 1 / lr)\n" + MIX}, "it has to be"),
    ("takes a gamma of 0 for none", {MIX: "    gamma = gamma or 5000\n" + MIX}, "it has to be"),
    ("rounds", {"return theta - ": "return (theta).round(decimals=6) - "}, "it has to be"),
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


def with_numbers_as_tensors(theta, anchor, g, m, v, t, lr, lam, gamma):
    t, lr, lam, gamma = map(torch.tensor, (t, lr, lam, gamma))  # in float32: 1 - 0.999**t has five digits
    g = lam * g + (1 - lam) * gamma * (theta - anchor)
    m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
    return theta - lr * m / (1 - 0.9**t) / ((v / (1 - 0.999**t)).sqrt() + 1e-8), m, v


OTHERS = [with_numbers_as_tensors, with_lerp, in_numpy]
