"""What people get wrong in adam_step, and other right answers."""

import math

import torch

NEW_M = "    m = BETA1 * m + (1 - BETA1) * g\n"
OLD = "    old = m, v\n"
IN_PLACE = "    m = m.float().mul_(BETA1).add_((1 - BETA1) * g)\n"
LAST = "    return theta - lr * m_hat / (v_hat**0.5 + EPS), m, v\n"

MUTANTS = [
    ("eps inside the root", {"(v_hat**0.5 + EPS)": "(v_hat + EPS) ** 0.5"}, "eps is inside the root"),
    ("no bias correction", {" / (1 - BETA1**t)": "", " / (1 - BETA2**t)": ""}, "bias correction is missing"),
    ("averages g", {"g**2": "g"}, "gradients themselves"),
    ("counts t from 0", {"**t": "**(t + 1)"}, "one step ahead"),
    ("swaps the betas", {"BETA1, BETA2, EPS = 0.9, 0.999": "BETA1, BETA2, EPS = 0.999, 0.9"}, "betas are swapped"),
    ("gives back the corrected averages", {"EPS), m, v": "EPS), m_hat, v_hat"}, "corrected averages"),
    ("gives back the old averages", {NEW_M: OLD + NEW_M, "EPS), m, v": "EPS), *old"}, "averages from before this step"),
    (
        "gives back another order",
        {LAST: LAST.replace("return", "return m, v,")[:-7] + "\n"},
        "another order",
    ),
    ("changes what is in float32", {NEW_M: IN_PLACE}, "argument `m` in place"),
    ("clips the gradient", {NEW_M: "    g = g.clamp(-1, 1)\n" + NEW_M}, "ten times as large"),
    ("clips the step", {LAST: "    m_hat = m_hat.clamp(-v_hat**0.5, v_hat**0.5)\n" + LAST}, "it has to be"),
    ("leaves a weight without a gradient alone", {LAST: LAST.replace("- lr", "- (g != 0) * lr")}, "it has to be"),
    ("rounds", {LAST: LAST.replace("return theta", "return theta.round(decimals=6)")}, "it has to be"),
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


def with_numbers_as_tensors(theta, g, m, v, t, lr):
    t, lr = torch.tensor(t), torch.tensor(lr)  # in float32: 1 - 0.999**t has five digits
    m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
    return theta - lr * m / (1 - 0.9**t) / ((v / (1 - 0.999**t)).sqrt() + 1e-8), m, v


OTHERS = [with_numbers_as_tensors, with_lerp, looped]
