"""Against torch.optim.Adam, whose state is set by hand."""

import torch

from recall_learn.practice import Mistake, case, wrong


def cases(rng):
    """Sizes of the gradients from 1e-9 to 1, for the place of eps; then the edges of a real run."""
    start = [
        drawn(rng, (9,), 1),
        drawn(rng, (2, 5), 2),
        drawn(rng, (3, 2, 2), rng.integers(5, 20), dtype=torch.float32),
    ]
    late = drawn(rng, (8,), rng.integers(100, 400)), still(rng), loud(rng), tiny(rng)
    return [case(*given, learning_rate=given[-1], t=given[-2]) for given in (*start, *late)]


def drawn(rng, shape, t, least=-9, most=0, before=1.0, dtype=torch.float64):
    """Arguments; gradients from 10**least to 10**most, and ``before`` times as large in the steps before this one."""
    t, n = int(t), int(torch.Size(shape).numel())
    size = torch.tensor(rng.permutation(torch.logspace(least, most, n, dtype=torch.float64).numpy())).reshape(shape)
    theta, g, m = (torch.tensor(rng.normal(size=shape)) for _ in range(3))
    m = before * size * m * (1 - 0.9 ** (t - 1))
    v = (before * size) ** 2 * torch.tensor(rng.uniform(0.5, 2, size=shape)) * (1 - 0.999 ** (t - 1))
    return *(x.to(dtype) for x in (theta, size * g, m, v)), t, float(rng.uniform(0.1, 0.5))


def still(rng):
    """Far into a run, and smaller gradients than before: some are 0, as those of words that are not in the batch."""
    theta, g, m, v, t, lr = drawn(rng, (2, 4), rng.integers(2000, 4000), -2, 0, before=5.0, dtype=torch.float32)
    theta[0, 0] = g[0, :2] = 0.0
    return theta, g, m, v, t, lr


def loud(rng):
    """A sudden large gradient after quiet: Adam's step is over three learning rates long."""
    theta, g, m, v, t, _ = drawn(rng, (2, 1, 3), rng.integers(2000, 4000), 2, 3, before=1e-3)
    return theta, g, m, v, t, float(rng.uniform(1, 2))


def tiny(rng):
    """One weight, of the size that it has in a real model, and a rate to go with it."""
    _, *given, _ = drawn(rng, (1,), 1, -3, -3)
    return torch.tensor(rng.choice([-1, 1], size=1) * rng.uniform(4e-5, 6e-5)), *given, float(rng.uniform(1e-5, 2e-5))


def reference(theta, g, m, v, t, lr):
    weights = torch.nn.Parameter(theta.clone())
    optimizer = torch.optim.Adam([weights], lr=lr, betas=(0.9, 0.999), eps=1e-8, foreach=False)
    state = {"step": torch.tensor(float(t - 1)), "exp_avg": m.clone(), "exp_avg_sq": v.clone()}
    optimizer.state[weights] = state
    weights.grad = g.clone()
    optimizer.step()
    return weights.detach(), state["exp_avg"], state["exp_avg_sq"]


def other(
    betas=(0.9, 0.999), power=2, of_m=0, of_v=0, eps="outside", moments="new", sign=1, keep="raw", root=0.5, share=None
):
    """Adam with something else in it. ``of_m`` and ``of_v`` are added to t; None leaves the correction out."""

    def step(theta, g, m, v, t, lr):
        b1, b2 = betas
        new_m, new_v = b1 * m + (share or 1 - b1) * g, b2 * v + (1 - b2) * g**power
        c1 = 1.0 if of_m is None else 1 - b1 ** (t + of_m)
        c2 = 1.0 if of_v is None else 1 - b2 ** (t + of_v)
        m_hat, v_hat = (new_m / c1, new_v / c2) if moments == "new" else (m / c1, v / c2)
        if eps == "inside":
            below = (v_hat + 1e-8).sqrt()
        elif eps == "before":
            below = ((v_hat * c2).sqrt() + 1e-8) / c2**0.5
        else:
            below = v_hat**root + 1e-8 * (eps == "outside")
        below = below.clamp(min=1e-8) if eps == "clamp" else below
        kept = (new_m, new_v) if keep == "raw" else (new_m / c1, new_v / c2)
        return theta - sign * lr * m_hat / below, *kept

    return step


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
        "beside the new weights you return the averages from before this step. The next step needs the new ones, m_t "
        "and v_t.",
        lambda theta, g, m, v, t, lr: (reference(theta, g, m, v, t, lr)[0], m, v),
    ),
    Mistake(
        "your eps is inside the root. There 1e-8 acts as 1e-4, and weights with smaller gradients hardly move. Take "
        "the root of v_hat first, then add eps.",
        other(eps="inside"),
    ),
    Mistake(
        "you add eps to the root of v, before the bias correction, as the released RecAdam does. Here it is added to "
        "the root of v_hat.",
        other(eps="before"),
    ),
    Mistake(
        "eps is the least that your denominator can be. It has to be added to the root of v_hat, for every weight.",
        other(eps="clamp"),
    ),
    Mistake(
        "your step is the one without eps. Add it to the root of v_hat, for every weight: one whose gradients are "
        "about 1e-8 shows it.",
        other(eps="none"),
    ),
    Mistake(
        "the bias correction is missing: m and v began at 0 and are too small at first. Divide m by 1 - beta1^t and v "
        "by 1 - beta2^t before the step.",
        other(of_m=None, of_v=None),
    ),
    Mistake("you correct v and not m. Divide m by 1 - beta1^t as well.", other(of_m=None)),
    Mistake("you correct m and not v. Divide v by 1 - beta2^t as well.", other(of_v=None)),
    Mistake("your v averages the gradients themselves. It has to average their squares, g**2.", other(power=1)),
    Mistake(
        "your bias correction is one step ahead: it takes t + 1. The t that you get is 1 at the first step already.",
        other(of_m=1, of_v=1),
    ),
    Mistake(
        "your bias correction is one step behind: it takes t - 1. The t that you get is the number of this step, 1 at "
        "the first.",
        other(of_m=-1, of_v=-1),
    ),
    Mistake("the root of v_hat is missing.", other(root=1.0)),
    Mistake("(1 - beta1) is missing on g in your m.", other(share=1.0)),
    Mistake("your betas are swapped: m has to keep 0.9 of its old value, and v 0.999.", other(betas=(0.999, 0.9))),
    Mistake(
        "you step along the averages of the step before. Put this step's gradient into them first.",
        other(moments="old"),
    ),
    Mistake(
        "you give back the corrected averages. The next step would correct them once more: give back m and v as they "
        "are before the correction.",
        other(keep="corrected"),
    ),
    Mistake("you walk uphill: the step has to be taken off the weights, not added.", other(sign=-1)),
]


def first_step_is_one_learning_rate(answer, rng):
    g = torch.tensor(rng.choice([-1, 1], size=6) * 10 ** rng.uniform(-3, 3, size=6))
    zero, lr = torch.zeros(6, dtype=torch.float64), float(rng.uniform(0.1, 1))
    theta = torch.as_tensor(answer(zero, g, zero, zero, 1, lr)[0]).double()
    if not torch.allclose(theta, -lr * g.sign(), rtol=1e-3):
        wrong("from m = v = 0 the first step has to be one learning rate against the gradient's sign; yours is not")


def size_does_not_matter(answer, rng):
    theta, g, m = (torch.tensor(rng.normal(size=7)) for _ in range(3))
    v, t, lr = torch.tensor(rng.uniform(0.5, 2, size=7)), 3, 0.3
    once, again = answer(theta, g, m, v, t, lr)[0], answer(theta, 10 * g, 10 * m, 100 * v, t, lr)[0]
    if not torch.allclose(torch.as_tensor(once), torch.as_tensor(again), rtol=1e-3, atol=1e-4):
        wrong("with all gradients ten times as large, Adam's step stays the same; yours does not")


LAWS = [first_step_is_one_learning_rate, size_does_not_matter]
