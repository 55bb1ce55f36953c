"""Step by step, with fractions of the whole run's rate."""

import math

from recall_learn.practice import Mistake, case, wrong


def cases(rng):
    drawn = []
    for low, high in ((5, 9), (10, 16), (20, 40), (50, 80)):
        steps = int(rng.integers(low, high))
        t0 = float(rng.uniform(0.2, 0.6) * steps)
        drawn.append(case(float(rng.uniform(2, 6) / t0), t0, steps, T=steps))
    steps = int(rng.integers(7, 12))
    return [
        *drawn,
        case(math.inf, int(rng.integers(2, 5)), steps, T=steps),
        case(math.inf, int(rng.integers(2, 5)) + 0.001, steps, T=steps),  # no step: k = 20 in its place is not the same
        case(float(rng.uniform(0.2, 0.6)), steps + 1.5, steps, T=steps),  # the run ends before lambda is 1/2
        case(math.inf, steps + 2, steps, T=steps),
        case(float(rng.uniform(0.5, 1)), 0, steps, T=steps),
        case(float(rng.uniform(0.5, 1)), 1.5, 1, T=1),
        case(0, steps, steps, T=steps),
    ]


def shift(k, t0, t):
    return 0.5 if t == t0 else 0.5 * (1 + math.tanh(0.5 * k * (t - t0)))


def mean(rate, weight=shift, steps_of=lambda steps: range(1, steps + 1), over=None):
    """A weighted mean, with a rate of (t, T), a weight of (k, t0, t) and steps of T."""

    def function(k, t0, steps):
        told = list(steps_of(steps))
        total = over(steps) if over else math.fsum(rate(t, steps) for t in told)
        return math.fsum(rate(t, steps) * weight(k, t0, t) for t in told) / total

    return function


def falling(t, steps):
    return steps - t + 1


reference = mean(falling, over=lambda steps: steps * (steps + 1) / 2)

FROM_ZERO = (
    "your steps begin at 0. The optimizer's first update is t = 1, and the last is t = T: `np.arange(1, steps + 1)`."
)


def zero_on(steps):
    return range(steps)


MISTAKES = [
    Mistake(
        "this is the plain mean of lambda. The learning rate falls, so an early step moves the weights more than a "
        "late one: weight each lambda(t) by its rate.",
        mean(lambda t, steps: 1),
    ),
    Mistake(
        "at t0 itself lambda is 1/2, also where k is infinite; yours is 1 there.",
        mean(falling, weight=lambda k, t0, t: 1.0 if k == math.inf and t == t0 else shift(k, t0, t)),
    ),
    Mistake(
        "at t0 itself lambda is 1/2, also where k is infinite; yours is 0 there.",
        mean(falling, weight=lambda k, t0, t: 0.0 if k == math.inf and t == t0 else shift(k, t0, t)),
    ),
    *(
        Mistake(
            "an infinite k is made finite in yours. At a step very near t0 that gives another lambda: a jump is more "
            "than a steep rise.",
            mean(falling, weight=lambda k, t0, t, most=most: shift(min(k, most), t0, t)),
        )
        for most in (10, 20, 30, 50, 100, 500, 700, 1000)
    ),
    *(
        Mistake("t0 is made a whole number in yours. It may lie between two steps.", mean(falling, weight=whole))
        for whole in (
            lambda k, t0, t: shift(k, int(t0), t),
            lambda k, t0, t: shift(k, round(t0), t),
            lambda k, t0, t: shift(k, math.ceil(t0), t),
        )
    ),
    Mistake(
        "t0 is cut off at T in yours. A run may end before lambda is 1/2.",
        lambda k, t0, steps: reference(k, min(t0, steps), steps),
    ),
    Mistake(
        "t0 = 0 is made 1 in yours. Lambda may be above 1/2 from the first step on.",
        lambda k, t0, steps: reference(k, max(t0, 1), steps),
    ),
    Mistake(
        "lambda is a step in yours, whatever k is.",
        mean(falling, weight=lambda k, t0, t: shift(math.inf, t0, t)),
    ),
    Mistake("this is in per cent; wanted is a share, from 0 to 1.", lambda *arguments: 100 * reference(*arguments)),
    Mistake(
        "this is the ratio of the task's part to the source's. Wanted is the task's share of the whole: divide by the "
        "sum of all rates.",
        lambda *arguments: reference(*arguments) / (1 - reference(*arguments)),
    ),
    Mistake(
        "this is what the source gets, the share of 1 - lambda. The task's part is lambda.",
        lambda *arguments: 1 - reference(*arguments),
    ),
    Mistake(FROM_ZERO, mean(falling, steps_of=zero_on)),
    Mistake(FROM_ZERO, mean(falling, weight=lambda k, t0, t: shift(k, t0, t - 1))),
    Mistake(FROM_ZERO, mean(falling, steps_of=lambda steps: range(steps + 1))),
    Mistake(
        "your learning rate is one step ahead: it is 0 at the last step, which then has not trained. Step t comes "
        "after t - 1 others, so its rate is as T - t + 1.",
        mean(lambda t, steps: steps - t),
    ),
    Mistake(
        "your last step is T - 1: `np.arange(1, steps)` leaves step T out.",
        mean(falling, steps_of=lambda steps: range(1, steps)),
    ),
    Mistake(
        "you divide by T, the number of steps. A weighted mean is divided by the sum of its weights: with lambda = 1 "
        "at every step the share has to be 1.",
        mean(lambda t, steps: falling(t, steps) / steps, over=lambda steps: steps),
    ),
    Mistake(
        "your sum is not divided by the sum of the rates. With lambda = 1 at every step the share has to be 1.",
        mean(lambda t, steps: falling(t, steps) / steps, over=lambda steps: 1),
    ),
    Mistake(
        "your learning rate rises. The rate has to go as T - t + 1: highest at step 1, and 1 / T of that at the last "
        "step.",
        mean(lambda t, steps: t),
    ),
]


def all_or_half(answer, rng):
    steps = int(rng.integers(5, 30))
    if abs(float(answer(math.inf, 0, steps)) - 1) > 1e-6:
        wrong("at k = inf and t0 = 0 lambda is 1 at every step: plain fine-tuning, and the share has to be 1")
    if abs(float(answer(0, 5, steps)) - 0.5) > 1e-6:
        wrong("at k = 0 lambda is 1/2 at every step, so the share has to be 1/2")


LAWS = [all_or_half]
