"""Against torch.optim.AdamW that is given the child's weights and no others."""

import torch

from recall_learn.practice import Mistake, case, wrong

TOLERANCE = 1e-5


def cases(rng):
    """In the middle of a run: momentum and its square are there outside the child as well."""
    drawn = []
    steps = (2, 3, int(rng.integers(5, 20)), int(rng.integers(50, 300)))
    for shape, t in zip(((9,), (3, 5), (3, 2, 2), (16,)), steps, strict=True):
        theta, g, m = (torch.tensor(rng.normal(size=shape)) for _ in range(3))
        v = torch.tensor(rng.uniform(0.5, 2, size=shape)) * (1 - 0.999 ** (t - 1))
        mask = torch.tensor(rng.permutation([i < max(2, theta.numel() // 3) for i in range(theta.numel())])).reshape(
            shape
        )
        lr, decay = float(rng.uniform(0.1, 0.4)), float(rng.uniform(0.3, 1))
        drawn.append(case(theta, g, m * (1 - 0.9 ** (t - 1)), v, mask, t, lr, decay, child=int(mask.sum())))
    return drawn


def adam(theta, g, m, v, t, lr, decay=0.0, coupled=False):
    weights = torch.nn.Parameter(theta.clone())
    kind = torch.optim.Adam if coupled else torch.optim.AdamW
    optimizer = kind([weights], lr=lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=decay, foreach=False)
    state = {"step": torch.tensor(float(t - 1)), "exp_avg": m.clone(), "exp_avg_sq": v.clone()}
    optimizer.state[weights] = state
    weights.grad = g.clone()
    optimizer.step()
    return weights.detach(), state["exp_avg"], state["exp_avg_sq"]


def reference(theta, g, m, v, mask, t, lr, weight_decay):
    theta, m, v = theta.clone(), 0.9 * m, 0.999 * v
    inside = adam(theta[mask], g[mask], m[mask] / 0.9, v[mask] / 0.999, t, lr, weight_decay)
    theta[mask], m[mask], v[mask] = inside
    return theta, m, v


def after_the_moments(theta, g, m, v, mask, t, lr, weight_decay):
    moved, m, v = adam(theta, g, m, v, t, lr, weight_decay)
    return torch.where(mask, moved, theta), m, v


def masked_only(theta, g, m, v, mask, t, lr, weight_decay):
    return adam(theta, g * mask, m, v, t, lr, weight_decay)


def decay_outside(theta, g, m, v, mask, t, lr, weight_decay):
    right, m, v = reference(theta, g, m, v, mask, t, lr, weight_decay)
    return torch.where(mask, right, theta * (1 - lr * weight_decay)), m, v


def momentum_outside(theta, g, m, v, mask, t, lr, weight_decay):
    moved, m, v = adam(theta, g * mask, m, v, t, lr)
    return moved - lr * weight_decay * theta * mask, m, v


def divided(share):
    def step(theta, g, m, v, mask, t, lr, weight_decay):
        return reference(theta, g / share(mask), m, v, mask, t, lr, weight_decay)

    return step


def masked_moments(masked):
    """The averages of some gradient, masked themselves."""

    def step(theta, g, m, v, mask, t, lr, weight_decay):
        right, m, v = reference(theta, g, m, v, mask, t, lr, weight_decay)
        return right, m * mask, v * mask if masked == "both" else v

    return step


def coupled(theta, g, m, v, mask, t, lr, weight_decay):
    moved, m, v = adam(theta, g * mask, m, v, t, lr, weight_decay, coupled=True)
    return torch.where(mask, moved, theta), m, v


def coupled_inside(theta, g, m, v, mask, t, lr, weight_decay):
    moved, m, v = adam(theta, (g + weight_decay * theta) * mask, m, v, t, lr)
    return torch.where(mask, moved, theta), m, v


def no_decay(theta, g, m, v, mask, t, lr, weight_decay):
    return reference(theta, g, m, v, mask, t, lr, 0.0)


def kept_moments(theta, g, m, v, mask, t, lr, weight_decay):
    right, new_m, new_v = reference(theta, g, m, v, mask, t, lr, weight_decay)
    return right, torch.where(mask, new_m, m), torch.where(mask, new_v, v)


COUPLED = "your decay goes through the averages. In AdamW it is a second step beside them: - lr * weight_decay * theta."

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
        "your mask comes after the averages: m and v have seen the gradients of all weights. Mask the gradient first.",
        after_the_moments,
    ),
    Mistake(
        "weight decay moves your frozen weights. A gradient of 0 does not stop it: give back the old weight where the "
        "mask is False.",
        decay_outside,
    ),
    Mistake(
        "your frozen weights go on by their momentum. A gradient of 0 does not stop it: give back the old weight where "
        "the mask is False.",
        momentum_outside,
    ),
    Mistake(
        "momentum and weight decay move your frozen weights: a mask on the gradient stops neither. Give back the old "
        "weight where the mask is False.",
        masked_only,
    ),
    Mistake(
        "you divide the gradient by p. F does, to keep the mean of a lottery; D's mask is fixed, and nothing is "
        "divided.",
        divided(lambda mask: mask.double().mean()),
    ),
    Mistake(
        "you mask the averages themselves. Mask the gradient: outside the child the averages keep 0.9 and 0.999 of "
        "what they were.",
        masked_moments("both"),
    ),
    Mistake("you mask m itself. Mask the gradient: outside the child m keeps 0.9 of what it was.", masked_moments("m")),
    Mistake(
        "your averages stand still outside the child. They take in a gradient of 0 there: they keep 0.9 and 0.999 of "
        "what they were.",
        kept_moments,
    ),
    Mistake(COUPLED, coupled),
    Mistake(COUPLED, coupled_inside),
    Mistake("there is no weight decay in your child: it shrinks by lr * weight_decay * theta, as in AdamW.", no_decay),
    Mistake(
        "your mask is the other way round: True is for the weights that train.",
        lambda theta, g, m, v, mask, *rest: reference(theta, g, m, v, ~mask, *rest),
    ),
]


def started(rng, share=0.4):
    theta, g, m = (torch.tensor(rng.normal(size=20)).float().double() for _ in range(3))
    mask = torch.tensor(rng.permutation([i < 20 * share for i in range(20)]))
    return theta, g, m, torch.tensor(rng.uniform(0.5, 2, size=20)), mask


def frozen_to_the_bit(answer, rng):
    theta, g, m, v, mask = started(rng)
    for t in range(1, 6):
        got = torch.as_tensor(answer(theta, g, m, v, mask, t, 1e-3, 1e-2)[0]).double()
        if not torch.equal(got[~mask], theta[~mask]):
            wrong("a weight outside the child changes, if only in its last digits. It has to stay exactly the same")


def is_adamw_with_a_full_mask(answer, rng):
    theta, g, m, v, mask = started(rng, share=1.0)
    got = torch.as_tensor(answer(theta, g, m, v, mask, 4, 0.1, 0.5)[0]).double()
    if not torch.allclose(got, adam(theta, g, m, v, 4, 0.1, 0.5)[0], atol=1e-4):
        wrong("with all weights in the child it has to be torch's AdamW; yours is not")


LAWS = [frozen_to_the_bit, is_adamw_with_a_full_mask]
