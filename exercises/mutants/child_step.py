"""What people get wrong in child_step, and other right answers."""

import torch

END = "torch.where(mask, moved, theta), m, v"

MUTANTS = [
    ("masks after the averages", {"    g = g * mask\n": ""}, "mask comes after the averages"),
    ("masks the gradient alone", {END: "moved, m, v"}, "momentum and weight decay move your frozen weights"),
    ("decays all", {"- lr * step": "- lr * step * mask", END: "moved, m, v"}, "A gradient of 0 does not stop it: give"),
    ("divides by p", {"g = g * mask": "g = g * mask / mask.double().mean()"}, "you divide the gradient by p"),
    (
        "masks the averages",
        {"    g = g * mask\n": "", "    step = ": "    m, v = m * mask, v * mask\n    step = "},
        "you mask the averages themselves",
    ),
    (
        "decays through the averages",
        {"g = g * mask": "g = (g + weight_decay * theta) * mask", " - lr * weight_decay * theta": ""},
        "decay goes through the averages",
    ),
]


def on_the_child_alone(theta, g, m, v, mask, t, lr, weight_decay):
    theta, m, v = theta.clone(), m * 0.9, v * 0.999
    m[mask] += 0.1 * g[mask]
    v[mask] += 0.001 * g[mask] ** 2
    unbias = (1 - 0.999**t) ** 0.5
    step = m[mask] / (1 - 0.9**t) / (v[mask].sqrt() / unbias + 1e-8)
    theta[mask] -= lr * (step + weight_decay * theta[mask])
    return theta, m, v


def decays_first(theta, g, m, v, mask, t, lr, weight_decay):
    masked = g.masked_fill(~mask, 0.0)
    m, v = torch.lerp(m, masked, 0.1), v.lerp(masked.square(), 0.001)
    shrunk = theta * (1 - lr * weight_decay * mask)
    hats = m / (1 - 0.9**t), v / (1 - 0.999**t)
    return shrunk - lr * mask * hats[0] / (hats[1].sqrt() + 1e-8), m, v


OTHERS = [on_the_child_alone, decays_first]
