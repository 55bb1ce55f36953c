"""Against torch.optim.Adam for the first part and the gradient of the penalty, by torch, for the second."""

import torch

from recall_learn.practice import Mistake, case, wrong
from recall_learn.practice.fixtures import drawn, loud, still, tiny


def cases(rng):
    """Sizes of the gradients from 1e-9 to 1, for the place of eps; then the edges of a real run."""
    shares, pulls = rng.permutation([0.15, 0.3, 0.7, 0.85]) + rng.uniform(-0.05, 0.05, size=4), rng.uniform(0.3, 0.9, 4)
    start = drawn(rng, (9,), 1), drawn(rng, (2, 5), 2), drawn(rng, (3, 2, 2), rng.integers(5, 20), dtype=torch.float32)
    usual = [
        (given, rng.uniform(0.05, 0.3), lam, pull)
        for given, lam, pull in zip((*start, drawn(rng, (8,), rng.integers(50, 300))), shares, pulls, strict=True)
    ]
    edges = [
        (still(rng), rng.uniform(0.1, 0.3), 0.6, 0.0),
        (loud(rng), rng.uniform(1, 2), 0.4, rng.uniform(2.2, 2.8)),  # it overshoots, and that is the step
        (tiny(rng), rng.uniform(1e-5, 2e-5), 0.5, rng.uniform(0.3, 0.9)),
        (drawn(rng, (5,), 7), rng.uniform(0.05, 0.3), 0.0, rng.uniform(0.3, 0.9)),
        (drawn(rng, (4, 1), 3), rng.uniform(0.05, 0.3), 1.0, rng.uniform(0.3, 0.9)),
    ]
    return [
        case(*given, float(lr), float(lam), float(pull / lr), learning_rate=float(lr), gamma=float(pull / lr))
        for given, lr, lam, pull in [*usual, *edges]
    ]


def adam(theta, g, m, v, t, lr):
    weights = torch.nn.Parameter(theta.clone())
    optimizer = torch.optim.Adam([weights], lr=lr, betas=(0.9, 0.999), eps=1e-8, foreach=False)
    state = {"step": torch.tensor(float(t - 1)), "exp_avg": m.clone(), "exp_avg_sq": v.clone()}
    optimizer.state[weights] = state
    weights.grad = g.clone()
    optimizer.step()
    return weights.detach(), state["exp_avg"], state["exp_avg_sq"]


def penalty_gradient(theta, anchor, gamma):
    weights = theta.clone().requires_grad_()
    return torch.autograd.grad(gamma / 2 * (weights - anchor).square().sum(), weights)[0]


def reference(theta, anchor, g, m, v, t, lr, lam, gamma):
    stepped, m, v = adam(theta, g, m, v, t, lr * lam)
    return stepped - lr * (1 - lam) * penalty_gradient(theta, anchor, gamma), m, v


def with_pull(pull):
    """Adam at lambda times the rate, less ``pull(theta, stepped, anchor, lr, lam, gamma)``."""

    def step(theta, anchor, g, m, v, t, lr, lam, gamma):
        stepped, m, v = adam(theta, g, m, v, t, lr * lam)
        return stepped - pull(theta, stepped, anchor, lr, lam, gamma), m, v

    return step


def through_the_moments(gradient, share=1):
    """Adam on ``gradient(g, away, lr, lam)``; with a share of None lambda is on the step."""

    def step(theta, anchor, g, m, v, t, lr, lam, gamma):
        mixed = gradient(g, gamma * (theta - anchor), lr, lam)
        return adam(theta, mixed, m, v, t, lr * (lam if share is None else share))

    return step


def reversed_lambda(theta, anchor, g, m, v, t, lr, lam, gamma):
    return reference(theta, anchor, g, m, v, t, lr, 1 - lam, gamma)


def on_the_gradient(theta, anchor, g, m, v, t, lr, lam, gamma):
    stepped, m, v = adam(theta, lam * g, m, v, t, lr)
    return stepped - lr * (1 - lam) * gamma * (theta - anchor), m, v


def whole_adam(theta, anchor, g, m, v, t, lr, lam, gamma):
    stepped, m, v = adam(theta, g, m, v, t, lr)
    return stepped - lr * (1 - lam) * gamma * (theta - anchor), m, v


def altered(
    betas=(0.9, 0.999),
    enters=lambda g, m: g * g,
    correct_m=lambda beta, t: 1 - beta**t,
    correct_v=lambda beta, t: 1 - beta**t,
    below=lambda v, correction: (v / correction).sqrt() + 1e-8,
):
    """A step with one piece of Adam put in another way; ``enters`` is what the average v takes in."""

    def step(theta, anchor, g, m, v, t, lr, lam, gamma):
        m = betas[0] * m + (1 - betas[0]) * g
        v = betas[1] * v + (1 - betas[1]) * enters(g, m)
        direction = m / correct_m(betas[0], t) / below(v, correct_v(betas[1], t))
        return theta - lr * (lam * direction + (1 - lam) * gamma * (theta - anchor)), m, v

    return step


def both_corrected(correction):
    """The step with ``correction(beta, t)`` under m and under v."""
    return altered(correct_m=correction, correct_v=correction)


def corrected_averages(*given):
    theta, m, v = reference(*given)
    return theta, m / (1 - 0.9 ** given[5]), v / (1 - 0.999 ** given[5])


MISTAKES = [
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
        "lambda is reversed: it is the share of the task, so it stands on Adam's step, and 1 - lambda on the pull.",
        reversed_lambda,
    ),
    Mistake(
        "you pull towards 0, as weight decay does. The pull goes to the pretrained weights: theta - anchor.",
        with_pull(lambda theta, stepped, anchor, lr, lam, gamma: lr * (1 - lam) * gamma * theta),
    ),
    Mistake(
        "you take the pull after Adam's step, at the weights that it has moved. That is the released code; here both "
        "parts are taken at the old theta.",
        with_pull(lambda theta, stepped, anchor, lr, lam, gamma: lr * (1 - lam) * gamma * (stepped - anchor)),
    ),
    Mistake(
        "the learning rate is missing in your pull: it is lr * (1 - lam) * gamma * (theta - anchor), and lr * gamma "
        "has to stay under 2.",
        with_pull(lambda theta, stepped, anchor, lr, lam, gamma: (1 - lam) * gamma * (theta - anchor)),
    ),
    Mistake(
        "your pull goes through the averages: that is line 6, the coupled form. Here m and v see the task's gradient "
        "alone, and the pull is a second step beside Adam's.",
        through_the_moments(lambda g, away, lr, lam: lam * g + (1 - lam) * away),
    ),
    Mistake(
        "your pull goes through the averages, and Adam divides it by its own size. Give m and v the task's gradient "
        "alone, and take the pull beside Adam's step.",
        through_the_moments(lambda g, away, lr, lam: g + (1 - lam) * away, share=None),
    ),
    Mistake(
        "lambda is on your gradient. Adam divides it out again: the averages take g as it is, and lambda multiplies "
        "the step.",
        on_the_gradient,
    ),
    Mistake("your pull is right, and Adam's step is taken in full. Multiply it by lambda.", whole_adam),
    Mistake(
        "your pull is always there in full: multiply it by 1 - lambda.",
        with_pull(lambda theta, stepped, anchor, lr, lam, gamma: lr * gamma * (theta - anchor)),
    ),
    Mistake(
        "your pull is half of the right one. The penalty is gamma / 2 times the square: its derivative has no half.",
        with_pull(lambda theta, stepped, anchor, lr, lam, gamma: lr * (1 - lam) * gamma / 2 * (theta - anchor)),
    ),
    Mistake(
        "your pull pushes the weights away from home. It is taken off, or it goes along anchor - theta.",
        with_pull(lambda theta, stepped, anchor, lr, lam, gamma: -lr * (1 - lam) * gamma * (theta - anchor)),
    ),
    Mistake(
        "gamma is missing in your pull: it is lr * (1 - lam) * gamma * (theta - anchor).",
        with_pull(lambda theta, stepped, anchor, lr, lam, gamma: lr * (1 - lam) * (theta - anchor)),
    ),
    Mistake(
        "your weights are right, and beside them you return the averages from before this step. The next step needs "
        "the new ones, m_t and v_t.",
        lambda theta, anchor, g, m, v, *rest: (reference(theta, anchor, g, m, v, *rest)[0], m, v),
    ),
    Mistake(
        "your weights are right, and beside them you return m_hat and v_hat. The next step goes on from m and v "
        "themselves: the corrected ones are for this step's direction alone.",
        corrected_averages,
    ),
    Mistake(
        "your eps is inside the root. Take the root of v_hat first, then add eps.",
        altered(below=lambda v, correction: (v / correction + 1e-8).sqrt()),
    ),
    Mistake(
        "you add eps to the root of v, and correct the bias after that, as the released code does. That makes "
        "eps larger too. Here eps is added to the root of v_hat.",
        altered(below=lambda v, correction: (v.sqrt() + 1e-8) / correction**0.5),
    ),
    Mistake(
        "eps is the least that your denominator can be. It has to be added to the root of v_hat, for every weight.",
        altered(below=lambda v, correction: (v / correction).sqrt().clamp(min=1e-8)),
    ),
    Mistake(
        "your step is the one without eps: where the gradients are as small as eps, it is too long. Add eps to the "
        "root of v_hat, for every weight.",
        altered(below=lambda v, correction: (v / correction).sqrt()),
    ),
    Mistake(
        "the root is missing: Adam divides by the root of v_hat, and eps is added to the root.",
        altered(below=lambda v, correction: v / correction + 1e-8),
    ),
    Mistake(
        "your betas are swapped: BETA1 = 0.9 belongs to m, BETA2 = 0.999 to v.",
        altered(betas=(0.999, 0.9)),
    ),
    Mistake(
        "your v takes in the gradient as it is, and gets negative: the root of that is a nan. Square the gradient.",
        altered(enters=lambda g, m: g),
    ),
    Mistake(
        "your v takes in the square of m. It is the average of the squared gradients: g**2.",
        altered(enters=lambda g, m: m * m),
    ),
    Mistake(
        "the bias correction is missing: divide m by 1 - BETA1**t and v by 1 - BETA2**t before you take the step.",
        both_corrected(lambda beta, t: 1.0),
    ),
    Mistake(
        "the bias correction of v is missing: v_hat is v / (1 - BETA2**t).", altered(correct_v=lambda beta, t: 1.0)
    ),
    Mistake(
        "the bias correction of m is missing: m_hat is m / (1 - BETA1**t).", altered(correct_m=lambda beta, t: 1.0)
    ),
    Mistake(
        "your bias correction takes t + 1. t is counted from 1 here, so the power is t itself.",
        both_corrected(lambda beta, t: 1 - beta ** (t + 1)),
    ),
    Mistake(
        "your bias correction takes t - 1. t is counted from 1 here, so the power is t itself.",
        both_corrected(lambda beta, t: 1 - beta ** (t - 1)),
    ),
    Mistake(
        "your averages are right, and your weights are a nan: is v_hat negative, under its root? It is v divided by "
        "1 - BETA2**t, which is above 0: mind the order, and the power, `**`.",
        both_corrected(lambda beta, t: beta**t - 1),
    ),
    Mistake(
        "your v gets negative, and its root is a nan. The square of the gradient is added to it.",
        altered(enters=lambda g, m: -g * g),
    ),
]


def drawn_at(rng):
    theta, anchor, g, m = (torch.tensor(rng.normal(size=6)) for _ in range(4))
    return theta, anchor, g, m, torch.tensor(rng.uniform(0.5, 2, size=6)), int(rng.integers(2, 9))


def is_adam_at_lambda_1(answer, rng):
    theta, anchor, g, m, v, t = drawn_at(rng)
    got = torch.as_tensor(answer(theta, anchor, g, m, v, t, 0.1, 1.0, 1e6)[0]).double()
    if not torch.allclose(got, adam(theta, g, m, v, t, 0.1)[0], rtol=1e-3, atol=1e-3):
        wrong("at lambda = 1 it has to be Adam, whatever gamma and the anchors are; yours is not")


def only_pulls_at_lambda_0(answer, rng):
    theta, anchor, g, m, v, t = drawn_at(rng)
    got, new_m, new_v = (torch.as_tensor(x).double() for x in answer(theta, anchor, g, m, v, t, 0.1, 0.0, 10.0))
    if not torch.allclose(got, anchor, atol=1e-4):
        wrong("at lambda = 0 and lr * gamma = 1 one step has to end at the anchors; yours does not")
    if not (stands(new_m, m) or stands(new_v, v)):
        return
    _, later_m, later_v = (torch.as_tensor(x).double() for x in answer(theta, anchor, g, m, v, t, 0.1, 0.5, 10.0))
    if stands(later_m, m) or stands(later_v, v):
        wrong("you return an average from before this step. The next step needs the new m and the new v")
    wrong("at lambda = 0 your averages stand still. They take in the gradient all the same: Adam is to be warm later")


def stands(new, old):
    return torch.allclose(new, old, rtol=1e-7, atol=1e-9)


LAWS = [is_adam_at_lambda_1, only_pulls_at_lambda_0]
