"""By straight lines between three corners, in runs of all lengths."""

import math

import numpy as np

from recall_learn.practice import Mistake, array, case, wrong


def clear(steps, cut_frac):
    """Whether the product is not so near a whole number that rounding decides the floor."""
    product = cut_frac * steps
    return abs(product - round(product)) > 1e-6 or int(product) == round(product)


def drawn(rng, steps, cut_frac):
    while not clear(steps, cut_frac):
        steps += 1
    return case(steps, round(float(rng.uniform(1e-4, 1e-2)), 6), cut_frac, float(rng.integers(4, 40)), steps=steps)


def cases(rng):
    n = [int(each) for each in rng.integers(2, 9, size=4)]
    return [
        drawn(rng, 10 * n[0] + 9, 0.1),
        drawn(rng, 10 * n[1] + 5, 0.2),
        drawn(rng, 40, 0.25),
        drawn(rng, 100, 0.1),
        drawn(rng, n[2], 0.1),  # no rise
        drawn(rng, 20 + n[3], 0.35),
        drawn(rng, 12, 0.0),
        drawn(rng, 1, 0.1),
    ]


def corners(steps, lr, cut_frac, ratio, cut=None, end=None, foot=None, first=0):
    """The rates between the foot, the peak and the end."""
    cut = math.floor(cut_frac * steps) if cut is None else cut
    foot = lr / ratio if foot is None else foot
    end = steps if end is None else end
    xs, ys = ([0, cut, end], [foot, lr, foot]) if cut > 0 else ([0, end], [lr, foot])
    return [float(np.interp(t + first, xs, ys)) for t in range(steps)]


def reference(steps, lr, cut_frac, ratio):
    return corners(steps, lr, cut_frac, ratio)


def published(steps, lr, cut_frac, ratio, clamp=False):
    cut = math.floor(cut_frac * steps)
    ps = [t / cut if t < cut else 1 - (t - cut) / (cut * (1 / cut_frac - 1)) for t in range(steps)]
    return [lr * (1 + (max(p, 0) if clamp else p) * (ratio - 1)) / ratio for p in ps]


def where_it_rises(mistake):
    """A mistake that cannot be seen where there is no rise: there it is right."""
    return lambda *given: mistake(*given) if math.floor(given[2] * given[0]) else reference(*given)


def p_alone(steps, lr, cut_frac, ratio):
    return [lr * (rate / lr - 1 / ratio) / (1 - 1 / ratio) for rate in reference(steps, lr, cut_frac, ratio)]


def rounded(steps, lr, cut_frac, ratio, how):
    return corners(steps, lr, cut_frac, ratio, cut=how(cut_frac * steps))


MISTAKES = [
    Mistake(
        "that is the formula as printed. It takes the rise for exactly cut_frac of the steps; the floor makes it "
        "shorter, so the fall is too steep, and below 0 at the end of a short run. Divide by the steps that are left.",
        where_it_rises(published),
    ),
    Mistake(
        "you cut the printed formula off at p = 0. The rate then stays at the foot before the run is over. Here it "
        "falls in one straight line to the end: divide by the steps that are left.",
        where_it_rises(lambda *given: published(*given, clamp=True)),
    ),
    Mistake(
        "your fall is at the foot in the last step, steps - 1. It would be there at step `steps`, which is not taken.",
        lambda steps, lr, cut_frac, ratio: corners(steps, lr, cut_frac, ratio, end=max(steps - 1, 1)),
    ),
    Mistake(
        "your t begins at 1. It counts the steps that have been taken, so it is 0 before the first.",
        lambda *given: corners(*given, first=1),
    ),
    Mistake("your rate is 0 at the foot. It is lr / ratio there: p is 0, not the rate.", p_alone),
    Mistake(
        "you round cut to the nearest whole number. It is rounded down.",
        lambda *given: rounded(*given, how=lambda x: int(x + 0.5)),
    ),
    Mistake("you round cut up. It is rounded down.", lambda *given: rounded(*given, how=math.ceil)),
    Mistake(
        "you never let cut be 0, so that a run too short for a rise begins at the foot. It begins at the peak.",
        lambda *given: rounded(*given, how=lambda x: max(1, int(x))),
    ),
    Mistake(
        "yours rises slowly and falls fast: the triangle is slanted the other way.",
        lambda steps, lr, cut_frac, ratio: corners(
            steps, lr, cut_frac, ratio, cut=steps - math.floor(cut_frac * steps)
        ),
    ),
    Mistake("your rates are shares of the highest. Multiply by lr.", lambda s, lr, c, r: corners(s, 1.0, c, r)),
]


def is_never_below_the_foot(answer, rng):
    for steps in (3, 19, 99, 105, 109):
        lr, ratio = float(rng.uniform(1e-3, 1e-2)), 32.0
        found = array(answer(steps, lr, 0.1, ratio))
        if found.min() < lr / ratio * (1 - 1e-4):
            t = int(found.argmin())
            wrong(
                f"in a run of {steps} steps your rate at t = {t} is {found[t] / lr:.3g} of the highest; the "
                f"foot is {1 / ratio:.3g}"
            )


LAWS = [is_never_below_the_foot]
