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
    return [*drawn, case(math.inf, int(rng.integers(2, 5)), steps, T=steps)]


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
        "late one: weigh each lambda(t) with its rate.",
        mean(lambda t, steps: 1),
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
        "your learning rate rises. It is highest at step 1, as T - t + 1, and 1 in T of that at the last.",
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
