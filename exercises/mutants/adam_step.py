"""What people get wrong in adam_step, and other right answers."""

import math

import torch

MUTANTS = [
    ("eps inside the root", {"(v_hat**0.5 + EPS)": "(v_hat + EPS) ** 0.5"}, "eps is inside the root"),
    ("no bias correction", {" / (1 - BETA1**t)": "", " / (1 - BETA2**t)": ""}, "bias correction is missing"),
    ("averages g", {"g**2": "g"}, "gradients themselves"),
    ("counts t from 0", {"**t": "**(t + 1)"}, "one step ahead"),
    ("swaps the betas", {"BETA1, BETA2, EPS = 0.9, 0.999": "BETA1, BETA2, EPS = 0.999, 0.9"}, "betas are swapped"),
    ("gives back the corrected averages", {"EPS), m, v": "EPS), m_hat, v_hat"}, "corrected averages"),
]


def with_lerp(theta, g, m, v, t, lr):
    m, v = torch.lerp(m, g, 0.1), v.lerp(g.square(), 0.001)
    unbias = math.sqrt(1 - 0.999**t)
    return torch.addcdiv(theta, m, v.sqrt() / unbias + 1e-8, value=-lr / (1 - 0.9**t)), m, v


def looped(theta, g, m, v, t, lr):
    shape, rows = theta.shape, ([], [], [])
    for theta_i, g_i, m_i, v_i in zip(*(x.flatten().tolist() for x in (theta, g, m, v)), strict=True):
        m_i += 0.1 * (g_i - m_i)
        v_i += 0.001 * (g_i * g_i - v_i)
        theta_i -= lr * (m_i / (1 - 0.9**t)) / (math.sqrt(v_i / (1 - 0.999**t)) + 1e-8)
        for row, value in zip(rows, (theta_i, m_i, v_i), strict=True):
            row.append(value)
    return [torch.tensor(row).reshape(shape) for row in rows]


OTHERS = [with_lerp, looped]
