"""Against torch.optim.Adam on the mixed loss, whose gradient torch takes."""

from functools import partial

import torch

from recall_learn.practice import Mistake, case, wrong
from recall_learn.practice.fixtures import drawn, loud, still, tiny

large = partial(drawn, least=-2)


def cases(rng):
    shares, gammas = rng.permutation([0.2, 0.35, 0.65, 0.8]) + rng.uniform(-0.05, 0.05, size=4), rng.uniform(0.7, 3, 4)
    start = large(rng, (7,), 1), large(rng, (2, 5), 2), large(rng, (3, 2, 2), rng.integers(5, 20), dtype=torch.float32)
    usual = [
        (given, rng.uniform(0.1, 0.4), lam, gamma)
        for given, lam, gamma in zip((*start, large(rng, (8,), rng.integers(50, 300))), shares, gammas, strict=True)
    ]
    edges = [
        (near(rng), 0.3, 0.5, 1.5),
        (still(rng), rng.uniform(0.1, 0.3), 0.6, 0.0),
        (loud(rng), rng.uniform(1, 2), 0.4, rng.uniform(10, 20)),
        (tiny(rng), rng.uniform(1e-5, 2e-5), 0.3, 5000.0),
        (large(rng, (5,), 7), rng.uniform(0.1, 0.4), 0.0, rng.uniform(0.7, 3)),
        (large(rng, (4, 1), 3), rng.uniform(0.1, 0.4), 1.0, rng.uniform(0.7, 3)),
    ]
    return [
        case(*given, float(lr), float(lam), float(gamma), learning_rate=float(lr), gamma=float(gamma))
        for given, lr, lam, gamma in [*usual, *edges]
    ]


def near(rng):
    """Gradients and ways home from 1e-9 to 1e-6: where eps stands shows here."""
    zero = torch.zeros(7, dtype=torch.float64)
    sizes = torch.logspace(-9, -6, 7, dtype=torch.float64)
    theta, anchor, g = (torch.tensor(rng.choice([-1, 1], size=7) * rng.uniform(0.5, 2, size=7)) for _ in range(3))
    g = torch.sign(theta - anchor) * g.abs()  # both are small, and do not cancel
    return sizes * theta, sizes * anchor, sizes * g, zero, zero, 1


def adam(theta, g, m, v, t, lr, eps=1e-8):
    weights = torch.nn.Parameter(theta.clone())
    optimizer = torch.optim.Adam([weights], lr=lr, betas=(0.9, 0.999), eps=eps, foreach=False)
    state = {"step": torch.tensor(float(t - 1)), "exp_avg": m.clone(), "exp_avg_sq": v.clone()}
    optimizer.state[weights] = state
    weights.grad = g.clone()
    optimizer.step()
    return weights.detach(), state["exp_avg"], state["exp_avg_sq"]


def mixed(theta, anchor, g, m, v, t, lr, lam, gamma):
    at = theta.clone().requires_grad_()
    loss = lam * (g * at).sum() + (1 - lam) * gamma / 2 * (at - anchor).square().sum()
    return torch.autograd.grad(loss, at)[0]


def reference(*given):
    theta, _, _, m, v, t, lr, _, _ = given
    return adam(theta, mixed(*given), m, v, t, lr)


def on(gradient, share=lambda lam: 1.0):
    """Adam on ``gradient(g, theta, anchor, lr, lam, gamma)``, with a share of the learning rate."""

    def step(theta, anchor, g, m, v, t, lr, lam, gamma):
        return adam(theta, gradient(g, theta, anchor, lr, lam, gamma), m, v, t, lr * share(lam))

    return step


def decoupled(theta, anchor, g, m, v, t, lr, lam, gamma):
    stepped, m, v = adam(theta, g, m, v, t, lr * lam)
    return stepped - lr * (1 - lam) * gamma * (theta - anchor), m, v


def pull_outside(theta, anchor, g, m, v, t, lr, lam, gamma):
    stepped, m, v = adam(theta, lam * g, m, v, t, lr)
    return stepped - lr * (1 - lam) * gamma * (theta - anchor), m, v


def by_hand(
    below=lambda v: v**0.5 + 1e-8,
    betas=(0.9, 0.999),
    enters=lambda g, m, task: g * g,
    corrections=lambda first, second: (first, second),
    ahead=0,
    kept=lambda old, new, hat: new,
    along=1,
):
    """Adam on the mixed gradient, with something else in one of its parts."""

    def step(theta, anchor, g, m, v, t, lr, lam, gamma):
        old, task = (m, v), lam * g
        g = task + (1 - lam) * gamma * (theta - anchor)
        m = betas[0] * m + (1 - betas[0]) * g
        v = betas[1] * v + (1 - betas[1]) * enters(g, m, task)
        first, second = corrections(*(1 - beta ** (t + ahead) for beta in betas))
        hat = m / first, v / second
        return theta - along * lr * hat[0] / below(hat[1]), *kept(old, (m, v), hat)

    return step


MISTAKES = [
    Mistake(
        "your eps is inside the root. Take the root of v_hat first, then add eps.",
        by_hand(below=lambda v: (v + 1e-8) ** 0.5),
    ),
    Mistake(
        "you add eps to the root of v, before the bias correction, as the released RecAdam does. Here it is added to "
        "the root of v_hat.",
        lambda *given: adam(given[0], mixed(*given), *given[3:7], eps=1e-8 / (1 - 0.999 ** given[5]) ** 0.5),
    ),
    Mistake(
        "eps is the least that your denominator can be. It has to be added to the root of v_hat, for every weight.",
        by_hand(below=lambda v: (v**0.5).clamp(min=1e-8)),
    ),
    Mistake(
        "your step is the one without eps. Add it to the root of v_hat, for every weight: one whose gradients are "
        "about 1e-8 shows it.",
        by_hand(below=lambda v: v**0.5),
    ),
    Mistake(
        "the bias correction is missing. Divide m by 1 - beta1^t and v by 1 - beta2^t before the step.",
        by_hand(corrections=lambda first, second: (1, 1)),
    ),
    Mistake(
        "you correct v and not m. Divide m by 1 - beta1^t as well.",
        by_hand(corrections=lambda first, second: (1, second)),
    ),
    Mistake(
        "you correct m and not v. Divide v by 1 - beta2^t as well.",
        by_hand(corrections=lambda first, second: (first, 1)),
    ),
    Mistake("your bias correction takes t + 1. The t that you get is 1 at the first step already.", by_hand(ahead=1)),
    Mistake("your bias correction takes t - 1. The t that you get is 1 at the first step.", by_hand(ahead=-1)),
    Mistake("the root of v_hat is missing.", by_hand(below=lambda v: v + 1e-8)),
    Mistake("your betas are swapped: m has to keep 0.9 of its old value, and v 0.999.", by_hand(betas=(0.999, 0.9))),
    Mistake(
        "your v averages the gradients themselves. It has to average their squares.",
        by_hand(enters=lambda g, m, task: g),
    ),
    Mistake(
        "the spring is in your m and not in your v: v takes in the square of the mixed gradient, all of it.",
        by_hand(enters=lambda g, m, task: task * task),
    ),
    Mistake(
        "your v takes in the two squares, one of the task and one of the spring. It is the square of their sum.",
        by_hand(enters=lambda g, m, task: task * task + (g - task) ** 2),
    ),
    Mistake(
        "your v takes in the square of m. It takes in the square of g_t.", by_hand(enters=lambda g, m, task: m * m)
    ),
    Mistake("you walk uphill: the step has to be taken off the weights, not added.", by_hand(along=-1)),
    Mistake(
        "you give back the corrected averages. The next step would correct them once more: give back m and v as they "
        "are before the correction.",
        by_hand(kept=lambda old, new, hat: hat),
    ),
    Mistake(
        "beside the new weights you return the averages from before this step. The next step needs the new ones, m_t "
        "and v_t.",
        by_hand(kept=lambda old, new, hat: old),
    ),
    Mistake(
        "gamma is missing on your pull: in the gradient it is (1 - lam) * gamma * (theta - anchor).",
        lambda theta, anchor, g, m, v, t, lr, lam, gamma: reference(theta, anchor, g, m, v, t, lr, lam, 1.0),
    ),
    Mistake(
        "you give back the weights alone. The next step needs the averages as well: return theta, m, v.",
        lambda *given: reference(*given)[0],
    ),
    Mistake(
        "you give back the step in place of the weights. Take it off theta.",
        lambda theta, *given: (theta - reference(theta, *given)[0], *reference(theta, *given)[1:]),
    ),
    Mistake(
        "you give back the step in place of the weights. Add it to theta.",
        lambda theta, *given: (reference(theta, *given)[0] - theta, *reference(theta, *given)[1:]),
    ),
    Mistake(
        "this is RecAdam, the decoupled form: the spring bypasses the averages. Here it is a part of the gradient, "
        "before m and v.",
        decoupled,
    ),
    Mistake(
        "your pull bypasses the averages, as a second step. Here it is a part of the gradient, before m and v.",
        pull_outside,
    ),
    Mistake(
        "lambda is on your step. Here it is in the gradient, and the step has the whole learning rate.",
        on(lambda g, theta, anchor, lr, lam, gamma: g + (1 - lam) * gamma * (theta - anchor), lambda lam: lam),
    ),
    Mistake(
        "lambda is on your step as well as in the gradient. Adam's step has the whole learning rate here.",
        on(lambda g, theta, anchor, lr, lam, gamma: lam * g + (1 - lam) * gamma * (theta - anchor), lambda lam: lam),
    ),
    Mistake(
        "you pull towards 0: that is L2 regularisation. The pull goes to the pretrained weights, theta - anchor.",
        on(lambda g, theta, anchor, lr, lam, gamma: lam * g + (1 - lam) * gamma * theta),
    ),
    Mistake(
        "lambda is reversed: it is the share of the task, so it stands on g, and 1 - lambda on the pull.",
        on(lambda g, theta, anchor, lr, lam, gamma: (1 - lam) * g + lam * gamma * (theta - anchor)),
    ),
    Mistake(
        "the learning rate is in your gradient. It is in the step already; the pull in the gradient is "
        "(1 - lam) * gamma * (theta - anchor).",
        on(lambda g, theta, anchor, lr, lam, gamma: lam * g + lr * (1 - lam) * gamma * (theta - anchor)),
    ),
    Mistake(
        "your task gradient is there in full: multiply it by lambda.",
        on(lambda g, theta, anchor, lr, lam, gamma: g + (1 - lam) * gamma * (theta - anchor)),
    ),
    Mistake(
        "your pull is there in full: multiply it by 1 - lambda.",
        on(lambda g, theta, anchor, lr, lam, gamma: lam * g + gamma * (theta - anchor)),
    ),
    Mistake(
        "your pull is half of the right one. The penalty is gamma / 2 times the square: its derivative has no half.",
        on(lambda g, theta, anchor, lr, lam, gamma: lam * g + (1 - lam) * gamma / 2 * (theta - anchor)),
    ),
    Mistake(
        "your pull pushes the weights away from home: the gradient of the penalty is along theta - anchor.",
        on(lambda g, theta, anchor, lr, lam, gamma: lam * g - (1 - lam) * gamma * (theta - anchor)),
    ),
]


def walks_home_at_one_learning_rate(answer, rng):
    theta, anchor, g = (torch.tensor(rng.normal(size=6)) for _ in range(3))
    zero, gamma = torch.zeros(6, dtype=torch.float64), float(10 ** rng.uniform(-2, 2))
    got = torch.as_tensor(answer(theta, anchor, g, zero, zero, 1, 0.1, 0.0, gamma)[0]).double()
    if not torch.allclose(got, theta - 0.1 * (theta - anchor).sign(), atol=1e-3):
        wrong("at lambda = 0 the first step has to be one learning rate towards home, whatever gamma is; yours is not")


def is_adam_at_lambda_1(answer, rng):
    theta, anchor, g, m = (torch.tensor(rng.normal(size=6)) for _ in range(4))
    v, t = torch.tensor(rng.uniform(0.5, 2, size=6)), int(rng.integers(2, 9))
    got = torch.as_tensor(answer(theta, anchor, g, m, v, t, 0.1, 1.0, 1e6)[0]).double()
    if not torch.allclose(got, adam(theta, g, m, v, t, 0.1)[0], atol=1e-3):
        wrong("at lambda = 1 it has to be Adam, whatever gamma and the anchors are; yours is not")


LAWS = [walks_home_at_one_learning_rate, is_adam_at_lambda_1]
