"""An offset that is walked home step by step, and what comes out of other walks."""

import math

from recall_learn.practice import Mistake, case, wrong

PUBLISHED = ((0.05, 100, 0, 13_400, 2e-5, 5000.0), (0.05, 100, 1340, 13_400, 2e-5, 5000.0))


def drawn(rng, t0, warmup, steps, strength, suits=lambda *arguments: True):
    """A case in which lr times gamma is about ``strength``, and which ``suits``."""
    while True:
        lr = float(10 ** rng.uniform(-5, -3))
        k = float(rng.uniform(2, 6)) / t0
        arguments = k, t0, warmup, steps, lr, float(strength * rng.uniform(0.8, 1.2)) / lr
        if min(abs(1 - c) for c in shares(*arguments)) > 0.02 and suits(*arguments):  # float32 tells them from 0
            return case(*arguments, steps=steps, t0=t0)


def cases(rng):
    return [
        drawn(rng, int(rng.integers(12, 20)), 0, int(rng.integers(40, 60)), 0.15),
        drawn(rng, int(rng.integers(25, 35)), int(rng.integers(8, 14)), int(rng.integers(60, 90)), 0.2),
        drawn(rng, int(rng.integers(15, 25)), int(rng.integers(30, 50)), int(rng.integers(100, 150)), 0.3),
        drawn(rng, int(rng.integers(3, 6)), 1, int(rng.integers(7, 10)), 0.4),
        drawn(rng, int(rng.integers(4, 7)), 0, int(rng.integers(40, 60)), 1.5, lambda *case: reference(*case) < 0),
        drawn(rng, int(rng.choice([5, 7])), 2, int(rng.integers(40, 60)), 2.8, farther),
        case(0, int(rng.integers(4, 8)), 0, int(rng.integers(12, 20)), 1e-3, float(rng.uniform(200, 400))),
        case(float(rng.uniform(0.1, 0.5)), 0, 0, int(rng.integers(12, 20)), 1e-3, float(rng.uniform(200, 400))),
        *(case(*each) for each in PUBLISHED),
    ]


def shares(k, t0, warmup, steps, lr, gamma):
    """c of each step."""
    return [lr * rate(t, warmup, steps) * late(k, t0, t) * gamma for t in range(1, t0 + 1)]


def farther(*arguments):
    """Whether a step ends farther away than it began, and the offset has its sign again at the end."""
    return max(shares(*arguments)) > 2.1 and reference(*arguments) > 0


def late(k, t0, t):
    """1 - lambda, as a fraction of its own."""
    return 1 / (1 + math.exp(k * (t - t0)))


def rate(t, warmup, steps):
    """The schedule's multiplier at step t, by its two straight lines."""
    return min((t - 1) / warmup if warmup else 1.0, (steps - t + 1) / (steps - warmup))


def walk(first=1, last=0, rates=rate, weights=late):
    """A function that multiplies the factors of the steps ``first`` to ``t0 + last``."""

    def function(k, t0, warmup, steps, lr, gamma):
        offset = 1.0
        for t in range(first, t0 + last + 1):
            offset -= offset * lr * rates(t, warmup, steps) * weights(k, t0, t) * gamma
        return offset

    return function


reference = walk()


def added(k, t0, warmup, steps, lr, gamma):
    return sum(shares(k, t0, warmup, steps, lr, gamma))


def factors(change):
    """The product of what ``change`` makes of the factors 1 - c."""
    return lambda *arguments: math.prod(change(1 - c) for c in shares(*arguments))


def piecewise(t, warmup, steps):
    """The two cases of the statement, for steps out of their range too."""
    return (t - 1) / warmup if t <= warmup else (steps - t + 1) / (steps - warmup)


def one_early(t, warmup, steps):
    """The rate of the next step."""
    return t / warmup if t < warmup else (steps - t) / (steps - warmup)


def constant(t, warmup, steps):
    return min((t - 1) / warmup if warmup else 1.0, 1.0)


def from_the_start(t, warmup, steps):
    return (t - 1) / warmup if t <= warmup else (steps - t + 1) / steps


FROM_ZERO = (
    "your steps begin at 0. The optimizer's first update is t = 1, so the product runs over t = 1, 2, ..., t0: "
    "`np.arange(1, t0 + 1)`."
)
NO_FALL = "the rate does not fall in yours: from step W + 1 on it is lr * (T - t + 1) / (T - W)."
MISTAKES = [
    Mistake(FROM_ZERO, walk(first=0, last=-1, rates=piecewise)),
    Mistake(FROM_ZERO, walk(first=0, last=-1)),
    Mistake(FROM_ZERO, walk(first=0, last=0, rates=piecewise)),
    Mistake(FROM_ZERO, walk(first=0, last=0)),
    Mistake(FROM_ZERO, walk(weights=lambda k, t0, t: late(k, t0, t - 1))),
    Mistake(FROM_ZERO, walk(first=0, rates=one_early)),
    Mistake(
        "your product ends at step t0 - 1. The step t0 itself pulls too: `np.arange(1, t0)` leaves it out.",
        walk(last=-1),
    ),
    Mistake(
        "your learning rate is one step ahead. The first step has the rate that the schedule starts with: step t has "
        "t - 1 where you have t.",
        walk(rates=one_early),
    ),
    Mistake(
        "you add up the shares, and take the sum from 1. Each step takes its share of what is left by then, so what is "
        "left multiplies.",
        lambda *arguments: 1 - added(*arguments),
    ),
    Mistake(
        "you put the sum of the shares into an exponential. That is what many tiny steps would leave, and yours have a "
        "size: exp(-c) is more than 1 - c. Multiply the factors 1 - c.",
        lambda *arguments: math.exp(-added(*arguments)),
    ),
    Mistake(
        "you have lambda where 1 - lambda belongs. Lambda is the task's part; the spring gets what is left.",
        walk(weights=lambda k, t0, t: 1 - late(k, t0, t)),
    ),
    Mistake("lambda is not in yours: the spring pulls in full at every step.", walk(weights=lambda k, t0, t: 1.0)),
    Mistake(
        "the warm-up is not in yours. While it lasts the rate is small, and so is the pull: that is the whole trap.",
        walk(rates=lambda t, warmup, steps: (steps - t + 1) / steps),
    ),
    Mistake(
        "your learning rate is lr at every step: neither the warm-up nor the fall is in yours. See the two lines of "
        "eta_t.",
        walk(rates=lambda t, warmup, steps: 1.0),
    ),
    Mistake(
        "your warm-up is one step ahead: it begins at lr / W. Step t has t - 1 above W, so step 1 has the rate 0.",
        walk(rates=lambda t, warmup, steps: t / warmup if t <= warmup else rate(t, warmup, steps)),
    ),
    Mistake(
        "step W itself still belongs to the warm-up: t <= W.",
        walk(rates=lambda t, warmup, steps: (t - 1) / warmup if t < warmup else (steps - t + 1) / (steps - warmup)),
    ),
    Mistake(
        "your fall is one step ahead: it has T - t + 1 above T - W.",
        walk(rates=lambda t, warmup, steps: (t - 1) / warmup if t <= warmup else (steps - t) / (steps - warmup)),
    ),
    Mistake(NO_FALL, walk(rates=constant)),
    Mistake(
        "your rate falls as if the fall had begun at step 1. It begins to fall at the end of the warm-up, from the "
        "whole lr, so the fall takes T - W steps.",
        walk(rates=from_the_start),
    ),
    Mistake(
        "yours is right but for its sign. A step with c above 1 goes past home: its factor 1 - c is negative, and the "
        "offset is then on the other side. Leave out `abs`.",
        factors(abs),
    ),
    Mistake(
        "a step with c above 1 is taken for one that ends at home. It goes past: its factor 1 - c is negative.",
        factors(lambda factor: max(factor, 0.0)),
    ),
    Mistake(
        "a step that ends farther past home than it began is cut off in yours, at a factor of -1. The formula has no "
        "such limit.",
        factors(lambda factor: max(factor, -1.0)),
    ),
    Mistake(
        "an offset on the other side of home is a negative share; yours is cut off at 0.",
        lambda *arguments: max(reference(*arguments), 0.0),
    ),
    Mistake(
        "where a step has c above 1 your result is no number: its factor 1 - c is negative and has no logarithm. "
        "Multiply the factors.",
        factors(lambda factor: factor if factor > 0 else math.nan),
    ),
    Mistake(
        "t0 = 0 leaves no step to take, so all of the offset is left: a product of no factors is 1.",
        lambda *arguments: walk(last=not arguments[1])(*arguments),
    ),
    Mistake(
        "you return the share of the way that is done. Wanted is the share that is left.",
        lambda *arguments: 1 - reference(*arguments),
    ),
    Mistake(
        "with no warm-up your result is no number: (t - 1) / W is 0 / 0 in the first step. Let W = 0 have the falling "
        "line alone.",
        lambda *arguments: reference(*arguments) if arguments[2] else math.nan,
    ),
    Mistake(
        "you return what is left after each step. Wanted is one number, what is left after step t0: the last of them.",
        lambda *arguments: [walk(last=t - arguments[1])(*arguments) for t in range(1, arguments[1] + 1)],
    ),
]


def all_is_left_without_a_spring(answer, rng):
    if abs(float(answer(0.1, 30, 5, 100, 1e-3, 0.0)) - 1) > 1e-6:
        wrong("with gamma = 0 nothing pulls, so all of the offset is left: 1")


def one_step_at_half(answer, rng):
    lr = float(rng.uniform(1e-4, 1e-3))
    if abs(float(answer(0.3, 1, 0, 10, lr, 0.5 / lr)) - 0.75) > 1e-5:
        wrong(
            "take t0 = 1 and no warm-up. There is a single step, with lambda = 1/2 and the whole lr; at lr * gamma = "
            "0.5 it takes a quarter of the way, and 0.75 is left. Yours says something else"
        )


LAWS = [all_is_left_without_a_spring, one_step_at_half]
