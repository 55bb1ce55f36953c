"""Against torch.optim.AdamW, one weight at a time: a weight of the child is stepped by it, another one is not."""

import numpy as np
import torch

from recall_learn.practice import Mistake, array, built, case, wrong
from recall_learn.practice.fixtures import in_columns

TOLERANCE = 1e-5
NAMES = ("theta", "m", "v")


def exactly(values):
    """Numbers that float32 holds too, so that "to the bit" can be asked in either."""
    return torch.as_tensor(values).float().double()


def drawn(rng, shape, t):
    """Weights, gradient and averages of step t; at t = 1 the averages are 0."""
    theta, g = (exactly(rng.normal(size=shape)) for _ in range(2))
    m = torch.tensor(rng.normal(size=shape)) * (1 - 0.9 ** (t - 1))
    v = torch.tensor(rng.uniform(0.5, 2, size=shape)) * (1 - 0.999 ** (t - 1))
    return theta, g, m, v, t


def child(rng, shape, share):
    """A random mask of at least two weights inside and two outside."""
    row = torch.zeros(shape).flatten().bool()
    row[: min(max(2, round(share * len(row))), len(row) - 2)] = True
    return row[torch.tensor(rng.permutation(len(row)))].view(shape)


def cases(rng):
    found = []
    steps = (1, 2, int(rng.integers(5, 20)), int(rng.integers(300, 2000)), int(rng.integers(20, 50)), 3, 2)
    shapes = ((10,), (3, 5), (2, 3, 2), (9,), (4,), (), (7,))
    for shape, t, share in zip(shapes, steps, (0.3, 0.2, 0.7, 0.4, 0.0, 1.0, 0.5), strict=True):
        mask = child(rng, shape, share) if 0 < share < 1 else torch.full(shape, share == 1.0)
        lr, decay = float(rng.uniform(0.05, 0.2)), float(rng.uniform(0.5, 1.5))
        if shape == (7,):
            decay = 0.0
        theta, g, m, v, t = drawn(rng, shape, t)
        if shape == (2, 3, 2):  # no gradient, inside the child and outside: the averages still move what is inside
            g[tuple(mask.nonzero()[0])] = g[tuple((~mask).nonzero()[0])] = 0
        if shape == (9,):  # as small as eps, where its place matters
            size = 10 ** rng.uniform(-7, -6)
            g, m, v = exactly(size * g), size * m, size**2 * v
        known = {"learning_rate": lr, "share_of_the_child": float(mask.double().mean())}
        arranged = [built(in_columns, x) if shape == (3, 5) else x for x in (theta, g, m, v)]
        found.append(case(*arranged, t, mask, lr, decay, **known))
    return found


def adamw(theta, g, m, v, t, lr, decay, kind=torch.optim.AdamW):
    weights = torch.nn.Parameter(theta.clone())
    optimizer = kind([weights], lr=lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=decay, foreach=False)
    state = {"step": torch.tensor(float(t - 1)), "exp_avg": m.clone(), "exp_avg_sq": v.clone()}
    optimizer.state[weights] = state
    weights.grad = g.clone()
    optimizer.step()
    return weights.detach(), state["exp_avg"], state["exp_avg_sq"]


def reference(theta, g, m, v, t, mask, lr, decay):
    found = [x.clone().flatten() for x in (theta, m, v)]
    for i, inside in enumerate(mask.flatten().tolist()):
        mine = [x.flatten()[i : i + 1] for x in (theta, g if inside else 0 * g, m, v)]
        stepped, found[1][i], found[2][i] = adamw(*mine, t, lr, decay)
        if inside:
            found[0][i] = stepped
    return tuple(x.view(theta.shape) for x in found)


def varied(gradient=None, outside=None, inside=None):
    """A step with another gradient for the averages, or other weights outside or inside the child."""

    def step(theta, g, m, v, t, mask, lr, decay):
        masked = gradient(theta, g, mask, decay) if gradient else g * mask
        right = adamw(theta, masked, m, v, t, lr, decay)
        at = (theta, masked, m, v, t, lr, decay)
        within = inside(*at) if inside else right[0]
        without = outside(*at) if outside else theta
        return torch.where(mask, within, without), *right[1:]

    return step


def stepped(theta, g, m, v, t, lr, decay):
    return adamw(theta, g, m, v, t, lr, decay)[0]


def shrunk(theta, g, m, v, t, lr, decay):
    return theta * (1 - lr * decay)


def carried(theta, g, m, v, t, lr, decay):
    return adamw(theta, g, m, v, t, lr, 0.0)[0]


def decayed_last(theta, g, m, v, t, lr, decay):
    return carried(theta, g, m, v, t, lr, decay) * (1 - lr * decay)


def adam_decayed(theta, g, m, v, t, mask, lr, decay):
    """Decay as a part of the gradient."""
    new, m, v = adamw(theta, torch.where(mask, g + decay * theta, 0), m, v, t, lr, 0.0)
    return torch.where(mask, new, theta), m, v


def unmasked(theta, g, m, v, t, mask, lr, decay):
    return adamw(theta, g, m, v, t, lr, decay)


def no_correction(theta, g, m, v, t, lr, decay):
    m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
    return theta - lr * decay * theta - lr * m / (v.sqrt() + 1e-8)


def eps_inside(theta, g, m, v, t, lr, decay):
    m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
    return theta - lr * decay * theta - lr * m / (1 - 0.9**t) / (v / (1 - 0.999**t) + 1e-8).sqrt()


def squares_all(theta, g, m, v, t, mask, lr, decay):
    new, m, _ = reference(theta, g, m, v, t, mask, lr, decay)
    return new, m, 0.999 * v + 0.001 * g * g


def still_averages(theta, g, m, v, t, mask, lr, decay):
    new = reference(theta, g, m, v, t, mask, lr, decay)
    return new[0], torch.where(mask, new[1], m), torch.where(mask, new[2], v)


def eps_before(theta, g, m, v, t, lr, decay):
    m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
    return theta - lr * decay * theta - lr * (1 - 0.999**t) ** 0.5 / (1 - 0.9**t) * m / (v.sqrt() + 1e-8)


def no_eps(theta, g, m, v, t, lr, decay):
    m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
    return theta - lr * decay * theta - lr * m / (1 - 0.9**t) / (v / (1 - 0.999**t)).sqrt()


def at_step(shift):
    return lambda theta, g, m, v, t, mask, lr, decay: reference(theta, g, m, v, t + shift, mask, lr, decay)


def returns(change):
    """The right step, of which something else is returned."""
    return lambda theta, g, m, v, t, mask, lr, decay: change(*reference(theta, g, m, v, t, mask, lr, decay), t, mask)


AFTER = (
    "your averages take in the whole gradient: you mask after them, or the step alone. Mask the gradient first: "
    "then m and v see zeros outside the child."
)
DIVIDED = (
    "you divide the gradient by p. That is F's, whose coins need it to keep the mean; D's mask never changes, and does "
    "not divide."
)

MISTAKES = [
    Mistake(
        "your gradient is not masked at all: this is plain AdamW, for all the weights.",
        unmasked,
    ),
    Mistake(AFTER, varied(lambda theta, g, mask, decay: g)),
    Mistake(AFTER, varied(lambda theta, g, mask, decay: g, outside=shrunk)),
    Mistake("your v squares the whole gradient. It sees the masked one, as m does.", squares_all),
    Mistake(
        "weights outside the child still move: by the decay, and by what m holds for them. A gradient of 0 does not "
        "stop either. Take the new weights where the mask is True, and the old ones elsewhere.",
        varied(outside=stepped),
    ),
    Mistake(
        "the decay still shrinks the weights outside the child. They have to stay where they are: let only the child "
        "decay.",
        varied(outside=shrunk),
    ),
    Mistake(
        "you keep the decay off the weights outside the child, but what m holds from earlier steps still moves them. "
        "Mask the whole step.",
        varied(outside=carried),
    ),
    Mistake(DIVIDED, varied(lambda theta, g, mask, decay: g * mask / mask.double().mean())),
    Mistake(
        "your averages stand still outside the child. They follow their lines there too, with a gradient of 0: m "
        "becomes 0.9 m.",
        still_averages,
    ),
    Mistake("the weights in your child do not decay. AdamW takes lr * decay * theta off them.", varied(inside=carried)),
    Mistake(
        "your decay goes into the gradient, and Adam divides it by its own size. AdamW takes it off the weights, "
        "beside Adam's step.",
        adam_decayed,
    ),
    Mistake(
        "you decay the weights after Adam's step. Here both are taken at the old theta.",
        varied(inside=decayed_last),
    ),
    Mistake(
        "the bias corrections are missing: divide m by 1 - beta1^t, and v by 1 - beta2^t.", varied(inside=no_correction)
    ),
    Mistake("your eps is inside the root. Take the root of v_hat first, then add eps.", varied(inside=eps_inside)),
    Mistake(
        "your mask is the wrong way round: True stands for the child, which trains.",
        lambda theta, g, m, v, t, mask, lr, decay: reference(theta, g, m, v, t, ~mask, lr, decay),
    ),
    Mistake(
        "your mask is the wrong way round where you put the weights together: True is the child, and it trains.",
        lambda theta, g, m, v, t, mask, lr, decay: (
            torch.where(mask, theta, adamw(theta, g * mask, m, v, t, lr, decay)[0]),
            *reference(theta, g, m, v, t, mask, lr, decay)[1:],
        ),
    ),
    Mistake(
        "your averages are 0 outside the child. They follow their lines there too: m becomes 0.9 m, and v 0.999 v.",
        returns(lambda theta, m, v, t, mask: (theta, m * mask, v * mask)),
    ),
    Mistake(
        "you return the corrected averages. The next step needs m and v as they are; the corrections are for theta.",
        returns(lambda theta, m, v, t, mask: (theta, m / (1 - 0.9**t), v / (1 - 0.999**t))),
    ),
    *(
        Mistake("your results come in another order. It is theta, m, v.", returns(change))
        for change in (lambda theta, m, v, t, mask: (m, v, theta), lambda theta, m, v, t, mask: (theta, v, m))
    ),
    Mistake("your corrections are those of step t + 1. The first step has t = 1: take t itself.", at_step(1)),
    Mistake("eps is missing: add it to the root of v_hat.", varied(inside=no_eps)),
    Mistake(
        "you add eps to the root of v. Divide v by 1 - beta2^t first, take the root, then add eps.",
        varied(inside=eps_before),
    ),
    Mistake(
        "your decay is not multiplied by the learning rate.",
        varied(inside=lambda theta, g, m, v, t, lr, decay: stepped(theta, g, m, v, t, lr, decay / lr)),
    ),
]


def of_all_sizes(rng, shape):
    """Weights from 1e-15 to 10: what is added to them and taken off again leaves a trace."""
    return exactly(rng.choice([-1, 1], size=shape) * 10 ** rng.uniform(-15, 1, size=shape))


def stays_to_the_bit(answer, rng):
    _, _, m, v, _ = drawn(rng, (4, 6), 50)
    theta = start = of_all_sizes(rng, (4, 6))
    mask = child(rng, (4, 6), 0.4)
    for t in range(50, 55):
        theta, m, v = answer(theta, exactly(rng.normal(size=(4, 6))), m, v, t, mask, 0.01, 0.1)
        theta, m, v = (torch.as_tensor(x) for x in (theta, m, v))
    gap = (theta[~mask].double() - start[~mask]).abs()
    if gap.any():
        i = int(gap.argmax())
        wrong(
            f"after five steps a weight of {float(start[~mask][i]):.9g} outside the child is {float(gap[i]):.1e} away. "
            "It has to be the same to the bit"
        )
    if torch.equal(theta[mask].double(), start[mask]):
        wrong("no weight of the child moves")


def does_not_see_gradients_outside(answer, rng):
    theta, g, m, v, t = drawn(rng, (9,), 4)
    mask = child(rng, (9,), 0.5)
    one, other = (answer(theta, x, m, v, t, mask, 0.1, 0.5) for x in (g, torch.where(mask, g, 1000 * g + 7)))
    if any(not torch.equal(torch.as_tensor(a), torch.as_tensor(b)) for a, b in zip(one, other, strict=True)):
        wrong("your result depends on the gradient outside the child, which the mask is to cover")


def is_adamw_where_all_is_child(answer, rng):
    theta, g, m, v, t = drawn(rng, (2, 4), 6)
    got = answer(theta, g, m, v, t, torch.ones(2, 4, dtype=torch.bool), 0.1, 0.5)
    want = adamw(theta, g, m, v, t, 0.1, 0.5)
    for name, mine, right in zip(NAMES, got, want, strict=True):
        gap = np.abs(array(mine) - array(right))
        if gap.max() > 1e-4:
            i = np.unravel_index(gap.argmax(), gap.shape)
            wrong(
                "with a mask that is True everywhere it has to be AdamW. Its "
                f"{name} is {array(right)[i]:.6g} where yours is {array(mine)[i]:.6g}"
            )


LAWS = [stays_to_the_bit, does_not_see_gradients_outside, is_adamw_where_all_is_child]
