"""Against halving: for each k the t0 that just keeps the first wish, and then the k that just keeps the second."""

import math

from recall_learn.practice import Mistake, case, wrong
from recall_learn.practice.compare import array

TOLERANCE = 1e-5  # t0 is much larger than k, and the tolerance is relative to the larger


def drawn(rng, a, b, steps):
    a, b = a * rng.uniform(0.8, 1.2), b * rng.uniform(0.8, 1.2)
    return case(float(a), float(b), int(steps), steps=int(steps))


def cases(rng):
    return [
        drawn(rng, 0.02, 0.1, rng.integers(8, 15)),
        drawn(rng, 0.1, 0.01, rng.integers(15, 30)),
        drawn(rng, 0.3, 0.2, rng.integers(3, 6)),
        drawn(rng, 0.001, 0.25, rng.integers(40, 60)),
        drawn(rng, 0.0001, 0.02, 2),  # k is above 10
        drawn(rng, 0.4, 0.45, 3),
        case(0.02, 0.02, 300, steps=300),
    ]


def at(k, t0, t):
    return 1 / (1 + math.exp(-k * (t - t0)))


def halved(keeps, low, high):
    """The smallest number for which ``keeps`` is true: it is false at ``low``, true at ``high``."""
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if keeps(middle) else (middle, high)
    return high


def reference(a, b, steps):
    def earliest(k):
        return halved(lambda t0: at(k, t0, 1) <= a, 0, 1 + 15 / k)

    k = halved(lambda k: at(k, earliest(k), steps) >= 1 - b, 1e-3, 40.0)
    return k, earliest(k)


def with_t0(function):
    """What comes out with the right k and another t0, of k, the two logits and T."""

    def result(a, b, steps):
        first, last = logit(a), logit(b)
        k = (first + last) / (steps - 1)
        return k, function(k, first, last, steps)

    return result


def with_logit(of):
    """What comes out with something else in the place of the logit."""
    return lambda a, b, steps: ((of(a) + of(b)) / (steps - 1), 1 + of(a) * (steps - 1) / (of(a) + of(b)))


def logit(p):
    return math.log((1 - p) / p)


def over_all(a, b, steps, since=1):
    k = (logit(a) + logit(b)) / steps
    return k, since + logit(a) / k


def even(logits):
    """Both wishes treated alike, with t0 in the middle."""
    return lambda a, b, steps: (2 * logits(logit(a), logit(b)) / (steps - 1), (1 + steps) / 2)


def by_width(share):
    def result(a, b, steps):
        k = 2 * math.log(9) / (steps - 1)
        return k, share(k, logit(a), steps)

    return result


COUNT = (
    "you divide the rise by T. From step 1 to step T there are T - 1 steps between: with T in its place the shift is a "
    "little too slow, and one wish is broken."
)
MIDDLE = (
    "your t0 is the middle of the run. It is that only for a = b. Where less of the task is allowed at the start than "
    "of the source at the end, the shift has to come later: t0 - 1 is to T - t0 as ln((1 - a) / a) is to ln((1 - b) / "
    "b)."
)
WIDTH = (
    "your k is 4.39 / (T - 1): that is the rise from 0.1 to 0.9. 4.39 is 2 ln 9, with ln 9 = ln(0.9 / 0.1). Put your "
    "own a and b in the place of the 0.1."
)
MISTAKES = [
    *(Mistake(COUNT, lambda *arguments, since=since: over_all(*arguments, since=since)) for since in (1, 0)),
    *(Mistake(MIDDLE, with_t0(lambda k, first, last, steps, since=since: (since + steps) / 2)) for since in (1, 0)),
    Mistake(
        "your t0 is one step early: it is counted from step 0. The first step is t = 1, so it is k (t0 - 1) that has "
        "to be ln((1 - a) / a).",
        with_t0(lambda k, first, last, steps: first / k),
    ),
    Mistake(
        "a and b are exchanged in your t0: a is the wish at the start, so the distance from step 1 to t0 comes from "
        "it.",
        with_t0(lambda k, first, last, steps: 1 + last / k),
    ),
    Mistake(
        "your logarithm is to base 10. The sigmoid has e in it, so the logarithm is the natural one: np.log, math.log.",
        with_logit(lambda p: math.log10((1 - p) / p)),
    ),
    Mistake(
        "you have ln(1 / a) for ln((1 - a) / a). Solve 1 / (1 + e^x) = a once more: 1 + e^x = 1 / a, and the 1 has to "
        "go to the other side.",
        with_logit(lambda p: math.log(1 / p)),
    ),
    *(
        Mistake(WIDTH, by_width(share))
        for share in (lambda k, first, steps: 1 + first / k, lambda k, first, steps: (1 + steps) / 2)
    ),
    Mistake(
        "you treat both wishes alike, with the stricter one and t0 in the middle. Both hold then, and the milder one "
        "by more than it has to: move t0, and a smaller k will do.",
        even(max),
    ),
    Mistake(
        "only a is in yours, and t0 in the middle. That is right for a = b; otherwise b, the wish at the end, needs a "
        "term of its own.",
        even(lambda first, last: first),
    ),
    Mistake("you return t0 first. The statement wants (k, t0).", lambda *arguments: reference(*arguments)[::-1]),
]


def keeps_both_wishes(answer, rng):
    a, b, steps = float(rng.uniform(0.01, 0.1)), float(rng.uniform(0.1, 0.3)), int(rng.integers(10, 40))
    k, t0 = array(answer(a, b, steps)).ravel()
    if k < 0:
        wrong(
            "your k is negative, so lambda falls. ln((1 - a) / a) is above 0 for an a below 1/2: is your fraction "
            "upside down?"
        )
    for says, value, most in (
        ("lambda(1) is {} and may be at most a", at(k, t0, 1), a),
        ("1 - lambda(T) is {} and may be at most b", 1 - at(k, t0, steps), b),
    ):
        if value > most * 1.01:
            numbers = f"with your k = {k:.4g} and t0 = {t0:.4g} for a = {a:.4g}, b = {b:.4g}, T = {steps}: "
            wrong(numbers + says.format(f"{value:.4g}") + f" = {most:.4g}")


def is_the_slowest(answer, rng):
    a, b, steps = float(rng.uniform(0.01, 0.1)), float(rng.uniform(0.1, 0.3)), int(rng.integers(10, 40))
    k, least = array(answer(a, b, steps)).ravel()[0], (logit(a) + logit(b)) / (steps - 1)
    if k > 1.01 * least:
        wrong(f"both wishes hold, and a smaller k would do: yours is {k:.4g}, and {least:.4g} is enough")


def mirrored(answer, rng):
    a, b, steps = float(rng.uniform(0.01, 0.1)), float(rng.uniform(0.1, 0.3)), int(rng.integers(10, 40))
    k, t0 = array(answer(a, b, steps)).ravel()
    same, turned = array(answer(b, a, steps)).ravel()
    if not math.isclose(k, same, rel_tol=1e-3) or not math.isclose(t0 + turned, 1 + steps, rel_tol=1e-3):
        wrong(
            "exchange a and b, and the run is seen from its end: the same k, and t0 as far from step T as it was from "
            "step 1. Yours does something else"
        )


LAWS = [keeps_both_wishes, is_the_slowest, mirrored]
