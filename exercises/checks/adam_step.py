"""Against torch.optim.Adam, whose state is set by hand."""

import math

import torch

from recall_learn.practice import Mistake, case, wrong

TOLERANCE = 1e-5


def cases(rng):
    """Sizes of the gradients from 1e-9 to 1: where eps stands shows at the small ones, and at few steps."""
    drawn = []
    for shape, t in (
        ((9,), 1),
        ((2, 5), 2),
        ((3, 2, 2), int(rng.integers(5, 20))),
        ((8,), int(rng.integers(100, 400))),
    ):
        n = math.prod(shape)
        size = torch.tensor(rng.permutation(10.0 ** torch.linspace(-9, 0, n).double().numpy())).reshape(shape)
        theta, g, m = (torch.tensor(rng.normal(size=shape)) for _ in range(3))
        v = size**2 * torch.tensor(rng.uniform(0.5, 2, size=shape)) * (1 - 0.999 ** (t - 1))
        lr = float(rng.uniform(0.1, 0.5))
        drawn.append(case(theta, size * g, size * m * (1 - 0.9 ** (t - 1)), v, t, lr, learning_rate=lr, t=t))
    return drawn


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
        "there is no eps in your denominator. A weight whose gradients are about 1e-8 shows it.",
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
        "your bias correction is one step behind: it takes t - 1, which divides by 0 at the first step. The t that you "
        "get is the number of this step.",
        other(of_m=-1, of_v=-1),
    ),
    Mistake("the root over v_hat is missing.", other(root=1.0)),
    Mistake("(1 - beta1) is missing on g in your m.", other(share=1.0)),
    Mistake("your betas are swapped: m keeps 0.9 of the old average, and v 0.999.", other(betas=(0.999, 0.9))),
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
