"""Weight by weight, with the formula as it is printed, and the mean over both values that a weight can have."""

import itertools

import torch

from recall_learn.practice import Mistake, array, case, same, wrong


def drawn(rng, shape, p, share=0.5, dtype=torch.float64, zero=False, at_home=False):
    """A layer with ``share`` of its inputs taken: at least one, and not all, if it is between 0 and 1."""
    w, g = (torch.tensor(rng.normal(size=shape), dtype=dtype) for _ in range(2))
    home = torch.zeros_like(w) if zero else w + torch.tensor(rng.normal(0.5, 1.0, size=shape), dtype=dtype)
    h = torch.tensor(rng.uniform(0.2, 3.0, size=shape), dtype=dtype)
    count = round(share * shape[1]) if share in (0, 1) else min(max(1, round(share * shape[1])), shape[1] - 1)
    taken = torch.tensor(rng.permutation([True] * count + [False] * (shape[1] - count)))
    return w, w.clone() if at_home else home, taken, float(p), g, h


def cases(rng):
    low, high = rng.uniform(0.1, 0.3), rng.uniform(0.7, 0.9)
    found = [
        drawn(rng, (3, 5), low),
        drawn(rng, (4, 4), high),
        drawn(rng, (2, 7), rng.uniform(0.55, 0.65), 0.7, torch.float32),
        drawn(rng, (5, 2), high),
        drawn(rng, (1, 3), low, zero=True),
        drawn(rng, (3, 4), high, 1),
        drawn(rng, (3, 4), low, 0),
        drawn(rng, (2, 3), 0.0, 0),
        drawn(rng, (2, 3), high, at_home=True),
    ]
    return [case(*each, p=each[3], share_taken=float(each[2].double().mean())) for each in found]


def reference(w, home, taken, p, g, h):
    mixed, slope, extra = torch.zeros_like(w).double(), torch.zeros_like(w).double(), 0.0
    for i, j in itertools.product(*map(range, w.shape)):
        here, there = float(w[i, j]), float(home[i, j])
        mixed[i, j] = there if taken[j] else (here - p * there) / (1 - p)
        slope[i, j] = 0.0 if taken[j] else float(g[i, j]) / (1 - p)
        moves = ((p, there - here), (1 - p, (here - there) * p / (1 - p)))  # with their probabilities
        extra += sum(chance * 0.5 * float(h[i, j]) * d**2 for chance, d in moves)
    return mixed, slope, extra


def varied(mixed=None, slope=None, extra=None):
    """The right results but for some, each a function of the case's arguments in float64."""

    def found(w, home, taken, p, g, h):
        w, home, g, h = (x.double() for x in (w, home, g, h))
        right = reference(w, home, taken, p, g, h)
        other = [each and each(w, home, taken.double(), p, g, h) for each in (mixed, slope, extra)]
        return tuple(b if a is None else a for a, b in zip(other, right, strict=True))

    return found


def loss(factor):
    """An extra loss with another factor in the place of 1/2 p / (1 - p)."""
    return varied(extra=lambda w, home, taken, p, g, h: float(factor(p) * (h * (w - home) ** 2).sum()))


MISTAKES = [
    Mistake(
        "your slope lacks the 1 / (1 - p), as that of public code does. Differentiate the mixed weight by w: where w "
        "is kept, its factor is 1 / (1 - p).",
        varied(slope=lambda w, home, taken, p, g, h: g * (1 - taken)),
    ),
    Mistake(
        "your slope is not masked. Where theta* stands in for w, the loss does not depend on w, and the slope is 0.",
        varied(slope=lambda w, home, taken, p, g, h: g / (1 - p)),
    ),
    Mistake(
        "you hand on g as it came. The mixed weights depend on w by the factor (1 - M) / (1 - p).",
        varied(slope=lambda w, home, taken, p, g, h: g),
    ),
    Mistake(
        "your mask is the wrong way round: True is where theta* stands in.",
        lambda w, home, taken, p, g, h: reference(w, home, ~taken, p, g, h),
    ),
    Mistake(
        "your weights are those of one model or the other, and nothing is corrected. Their mean is then p theta* + "
        "(1 - p) w. Take p theta* off, and divide by 1 - p.",
        varied(mixed=lambda w, home, taken, p, g, h: taken * home + (1 - taken) * w),
    ),
    Mistake(
        "you divide by 1 - p without taking p theta* off first: a weight that is taken is then theta* / (1 - p).",
        varied(mixed=lambda w, home, taken, p, g, h: (taken * home + (1 - taken) * w) / (1 - p)),
    ),
    Mistake(
        "you take p theta* off and do not divide by 1 - p.",
        varied(mixed=lambda w, home, taken, p, g, h: taken * home + (1 - taken) * w - p * home),
    ),
    Mistake(
        "you drop weights to 0, as dropout does. Here theta* stands in for them.",
        varied(mixed=lambda w, home, taken, p, g, h: (1 - taken) * w / (1 - p)),
    ),
    Mistake(
        "your kept weights are w / (1 - p). That is dropout's correction; here it is (w - p theta*) / (1 - p).",
        varied(mixed=lambda w, home, taken, p, g, h: taken * home + (1 - taken) * w / (1 - p)),
    ),
    Mistake(
        "you divide by p. The kept ones come with probability 1 - p, and it is these that make up for the others.",
        varied(
            mixed=lambda w, home, taken, p, g, h: home + (1 - taken) * (w - home) / p,
            slope=lambda w, home, taken, p, g, h: (1 - taken) * g / p,
        ),
    ),
    Mistake("the 1/2 of the quadratic loss is missing in `extra`.", loss(lambda p: p / (1 - p))),
    Mistake(
        "your `extra` has the variance of M, p (1 - p). The mixed weight has M / (1 - p) in it, and so p / (1 - p).",
        loss(lambda p: 0.5 * p * (1 - p)),
    ),
    Mistake(
        "your `extra` has the mean square of (1 - M) / (1 - p). Its distance from 1 is what counts: 1 / (1 - p) - 1.",
        loss(lambda p: 0.5 / (1 - p)),
    ),
    Mistake(
        "in your `extra` only the taken weights count, with p. The kept ones are away from w too, on the other side.",
        loss(lambda p: 0.5 * p),
    ),
    Mistake(
        "in your `extra` only the kept weights count. The taken ones are theta* - w away from w, with probability p.",
        loss(lambda p: 0.5 * p**2 / (1 - p)),
    ),
    Mistake(
        "your `extra` is a mean over the weights. A loss adds up what each of them adds.",
        varied(extra=lambda w, home, taken, p, g, h: float(0.5 * p / (1 - p) * (h * (w - home) ** 2).mean())),
    ),
    Mistake(
        "your `extra` is that of this very M. Wanted is the mean over all M, whatever `taken` is.",
        varied(
            extra=lambda w, home, taken, p, g, h: float(
                0.5 * (h * ((1 - taken) * (w - home) / (1 - p) + home - w) ** 2).sum()
            )
        ),
    ),
    Mistake(
        "h is not in your `extra`: a weight counts by its curvature.",
        varied(extra=lambda w, home, taken, p, g, h: float(0.5 * p / (1 - p) * ((w - home) ** 2).sum())),
    ),
    Mistake(
        "the distance in your `extra` is not squared.",
        varied(extra=lambda w, home, taken, p, g, h: float(0.5 * p / (1 - p) * (h * (w - home)).sum())),
    ),
    Mistake(
        "your `extra` is measured from 0. Mixing moves a weight in the direction of theta*: the way is w - theta*.",
        varied(extra=lambda w, home, taken, p, g, h: float(0.5 * p / (1 - p) * (h * w**2).sum())),
    ),
]


def over_all_masks(answer, w, home, p, g, h):
    """The answer for every M, with its probability."""
    for bits in itertools.product((False, True), repeat=w.shape[1]):
        weight = p ** sum(bits) * (1 - p) ** (len(bits) - sum(bits))
        yield weight, answer(w, home, torch.tensor(bits), p, g, h)


def has_the_mean_w(answer, rng):
    w, home, _, p, g, h = drawn(rng, (2, 4), rng.uniform(0.3, 0.6))
    found = list(over_all_masks(answer, w, home, p, g, h))
    for what, place, right in (("mixed weights", 0, w), ("slope", 1, g)):
        mean = sum(weight * torch.as_tensor(array(each[place])) for weight, each in found)
        if not same(mean, right):
            wrong(
                f"over all masks, each with its probability, the mean of your {what} has to be "
                f"{'w' if place == 0 else 'g'}, and it is not"
            )


def adds_what_its_own_weights_add(answer, rng):
    w, home, taken, p, g, h = drawn(rng, (3, 3), rng.uniform(0.3, 0.6))
    right = sum(
        weight * 0.5 * float((h * (torch.as_tensor(array(each[0])) - w) ** 2).sum())
        for weight, each in over_all_masks(answer, w, home, p, g, h)
    )
    if not same(got := answer(w, home, taken, p, g, h)[2], right):
        wrong(
            f"the mean over all masks of what your own mixed weights add is {right:.6g}, and your `extra` is {got:.6g}"
        )


def adds_nothing_at_home(answer, rng):
    w, home, taken, p, g, h = drawn(rng, (3, 4), rng.uniform(0.3, 0.9), at_home=True)
    mixed, _, extra = answer(w, home, taken, p, g, h)
    if not same(mixed, w) or abs(extra) > 1e-9:
        wrong("weights that are at home stay there, whatever is taken, and nothing is added to the loss")


LAWS = [has_the_mean_w, adds_what_its_own_weights_add, adds_nothing_at_home]
