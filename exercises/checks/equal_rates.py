"""Against sums in whole numbers and one step at a time."""

from math import fsum, sqrt

import numpy as np

from recall_learn.practice import Mistake, case, wrong


def cases(rng):
    drawn = [rng.uniform(size=int(n)) for n in rng.integers(3, 9, size=2)]
    for steps, k in ((30, 0.5), (100, 0.1), (300, 0.03), (int(rng.integers(1500, 2500)), 0.01)):
        t = np.arange(1, steps + 1)
        drawn.append(1 / (1 + np.exp(-k * rng.uniform(0.7, 1.4) * (t - rng.uniform(0.2, 0.6) * steps))))
    late = np.zeros(int(rng.integers(150, 250)))  # let go in the last steps: the factor is under a thousandth
    late[-3:] = np.sort(rng.uniform(size=3))
    drawn += [late, rng.uniform(size=2), rng.uniform(size=1)]
    return [case(lam, number_of_steps=len(lam)) for lam in drawn]


def weighted(values, weights):
    return fsum(v * w for v, w in zip(values, weights, strict=True)) / sum(weights)


def falling(lam, last=1):
    """T, ..., 1 (or to another last one): in proportion to the learning rates."""
    return [len(lam) - i - 1 + last for i in range(len(lam))]


def reference(lam):
    return weighted(lam.tolist(), falling(lam))


def by_lambda(lam):
    return fsum(lam * falling(lam)) / len(lam) / fsum(lam)


def mean(lam):
    return fsum(lam.tolist()) / len(lam)


MISTAKES = [
    Mistake(
        "this is the mean of lambda: as if the learning rate did not fall. Early steps have the higher rates, so they "
        "count more: weight each lambda(t) by η_t.",
        mean,
    ),
    Mistake(
        "you add up 1 - lambda(t). That is the pull's part. The Adam step is taken times lambda(t).",
        lambda lam: 1 - reference(lam),
    ),
    Mistake(
        "you add up 1 - lambda(t), and the learning rate does not fall. The Adam step is taken times "
        "lambda(t), at η_t.",
        lambda lam: 1 - mean(lam),
    ),
    Mistake(
        "your learning rate falls one step too early: it is 0 in the last step. It is the full one in step 1 and 1 / T "
        "of it in step T.",
        lambda lam: weighted(lam.tolist(), falling(lam, last=0)),
    ),
    Mistake(
        "your learning rate is over the full one in step 1: it is (T - t + 1) / T in step t, and NumPy counts from 0.",
        lambda lam: weighted(lam.tolist(), falling(lam, last=2)),
    ),
    Mistake(
        "your learning rate rises. It falls: T / T in step 1, 1 / T in step T.",
        lambda lam: weighted(lam.tolist(), falling(lam)[::-1]),
    ),
    Mistake(
        "you compare sums of squares. Asked for are equal sums of the learning rates themselves.",
        lambda lam: weighted((lam**2).tolist(), np.square(falling(lam)).tolist()),
    ),
    Mistake(
        "you compare the roots of sums of squares. Asked for are equal sums of the learning rates themselves.",
        lambda lam: sqrt(weighted((lam**2).tolist(), np.square(falling(lam)).tolist())),
    ),
    Mistake(
        "this is RecAdam's sum, in units of the highest rate. The factor is how large it is beside plain "
        "fine-tuning's: divide by the sum of η_t.",
        lambda lam: reference(lam) * (len(lam) + 1) / 2,
    ),
    Mistake(
        "you divide RecAdam's sum by the number of steps. Divide it by plain fine-tuning's own sum, that of η_t.",
        lambda lam: reference(lam) * (len(lam) + 1) / 2 / len(lam),
    ),
    Mistake(
        "you divide by the sum of lambda(t). That gives a mean of the rates; divide by the sum of η_t.",
        by_lambda,
    ),
    Mistake(
        "for the sum of the rates you take T / 2 times the highest one. Added up from T / T down to 1 / T, the sum is "
        "(T + 1) / 2 times the highest.",
        lambda lam: reference(lam) * (len(lam) + 1) / len(lam),
    ),
    Mistake(
        "for the sum of the rates you take (T - 1) / 2 times the highest one. Added up from T / T down to 1 / T, the "
        "sum is (T + 1) / 2 times the highest.",
        lambda lam: reference(lam) * (len(lam) + 1) / (len(lam) - 1),
    ),
    Mistake(
        "brackets are missing in your learning rate: T - t + 1 / T divides the 1 alone. Write (T - t + 1) / T.",
        lambda lam: weighted(lam.tolist(), falling(lam, last=1 / len(lam))),
    ),
    Mistake(
        "brackets are missing in your learning rate: the division by T comes first, and T stays whole before it. Write "
        "(T - t + 1) / T.",
        lambda lam: weighted(lam.tolist(), [len(lam) - i / len(lam) for i in range(len(lam))]),
    ),
    Mistake(
        "your fraction is upside down: this is what RecAdam's rate would be multiplied by. Plain fine-tuning has to "
        "get less, so the factor is at most 1.",
        lambda lam: 1 / reference(lam),
    ),
]


def plain_fine_tuning_needs_no_factor(answer, rng):
    if abs(float(answer(np.ones(int(rng.integers(4, 40))))) - 1) > 1e-5:
        wrong("where lambda is 1 in all steps, RecAdam is plain fine-tuning: the factor has to be 1")


def a_switch_has_what_is_left(answer, rng):
    steps = int(rng.integers(20, 60))
    t0 = int(rng.integers(2, steps - 2))
    left = (steps - t0) * (steps - t0 + 1) / (steps * (steps + 1))
    found = float(answer((np.arange(1, steps + 1) > t0).astype(float)))
    if abs(found - left) > 1e-4:
        wrong(
            f"a run that is held for {t0} of {steps} steps, then let go, has {left:.4g} of the sum left (what this "
            f"lesson calls the share not yet spent); your factor is {found:.4g}"
        )


def where_nothing_moves_nothing_is_left(answer, rng):
    if abs(float(answer(np.zeros(int(rng.integers(4, 40)))))) > 1e-9:
        wrong("where lambda is 0 in all steps, RecAdam takes no Adam step: the factor has to be 0")


LAWS = [where_nothing_moves_nothing_is_left, plain_fine_tuning_needs_no_factor, a_switch_has_what_is_left]
