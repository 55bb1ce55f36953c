"""Against torch.optim.Adam on the mixed loss, whose gradient torch takes."""

import torch

from recall_learn.practice import Mistake, case, wrong

TOLERANCE = 1e-5


def cases(rng):
    drawn, shapes = [], ((7,), (2, 5), (3, 2, 2), (8,))
    steps, lams = (1, 2, int(rng.integers(5, 20)), int(rng.integers(50, 300))), rng.permutation([0.2, 0.35, 0.65, 0.8])
    for shape, t, lam in zip(shapes, steps, lams, strict=True):
        theta, anchor, g, m = (torch.tensor(rng.normal(size=shape)) for _ in range(4))
        v = torch.tensor(rng.uniform(0.5, 2, size=shape)) * (1 - 0.999 ** (t - 1))
        lr, lam, gamma = float(rng.uniform(0.1, 0.4)), float(lam + rng.uniform(-0.05, 0.05)), float(rng.uniform(0.7, 3))
        drawn.append(
            case(theta, anchor, g, m * (1 - 0.9 ** (t - 1)), v, t, lr, lam, gamma, learning_rate=lr, gamma=gamma)
        )
    theta, anchor, g = (torch.tensor(rng.normal(size=6) * 10 ** rng.uniform(-8, -6, size=6)) for _ in range(3))
    small = theta, anchor, g, torch.zeros_like(g), torch.zeros_like(g), 1, 0.3, 0.5, 1.5  # where eps stands shows here
    return [*drawn, case(*small, learning_rate=0.3, gamma=1.5)]


def adam(theta, g, m, v, t, lr):
    weights = torch.nn.Parameter(theta.clone())
    optimizer = torch.optim.Adam([weights], lr=lr, betas=(0.9, 0.999), eps=1e-8, foreach=False)
    state = {"step": torch.tensor(float(t - 1)), "exp_avg": m.clone(), "exp_avg_sq": v.clone()}
    optimizer.state[weights] = state
    weights.grad = g.clone()
    optimizer.step()
    return weights.detach(), state["exp_avg"], state["exp_avg_sq"]


def reference(theta, anchor, g, m, v, t, lr, lam, gamma):
    at = theta.clone().requires_grad_()
    loss = lam * (g * at).sum() + (1 - lam) * gamma / 2 * (at - anchor).square().sum()
    return adam(theta, torch.autograd.grad(loss, at)[0], m, v, t, lr)


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


def by_hand(below=lambda v: v**0.5 + 1e-8, corrected=True, keep="raw"):
    """Adam on the mixed gradient, with something else below the step, in the correction or in what is given back."""

    def step(theta, anchor, g, m, v, t, lr, lam, gamma):
        g = lam * g + (1 - lam) * gamma * (theta - anchor)
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
        m_hat, v_hat = (m / (1 - 0.9**t), v / (1 - 0.999**t)) if corrected else (m, v)
        return theta - lr * m_hat / below(v_hat), *((m, v) if keep == "raw" else (m_hat, v_hat))

    return step


MISTAKES = [
    Mistake(
        "your eps is inside the root. Take the root of v_hat first, then add eps.",
        by_hand(below=lambda v: (v + 1e-8) ** 0.5),
    ),
    Mistake(
        "there is no eps in your denominator. A weight whose gradients are about 1e-8 shows it.",
        by_hand(below=lambda v: v**0.5),
    ),
    Mistake(
        "the bias correction is missing. Divide m by 1 - beta1^t and v by 1 - beta2^t before the step.",
        by_hand(corrected=False),
    ),
    Mistake(
        "you give back the corrected averages. The next step would correct them once more: give back m and v as they "
        "are before the correction.",
        by_hand(keep="corrected"),
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
        "this is RecAdam, the decoupled form: the spring passes by the averages. Here it is a part of the gradient, "
        "before m and v.",
        decoupled,
    ),
    Mistake(
        "your pull passes by the averages, as a second step. Here it is a part of the gradient, before m and v.",
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
