"""What people get wrong in equal_rates, and other right answers."""

import numpy as np

MUTANTS = [
    ("takes the mean of lambda", {"(lam * lr).sum() / lr.sum()": "lam.mean()"}, "this is the mean of lambda"),
    ("takes the pull's part", {"(lam * lr)": "((1 - lam) * lr)"}, "That is the pull's part"),
    ("is 0 in the last step", {"np.arange(steps)": "np.arange(1, steps + 1)"}, "it is 0 in the last step"),
    (
        "squares",
        {"(lam * lr).sum() / lr.sum()": "((lam * lr) ** 2).sum() / (lr**2).sum()"},
        "you compare sums of squares",
    ),
    ("divides by the steps", {"/ lr.sum()": "/ steps"}, "by the number of steps"),
    ("turns it round", {"(lam * lr).sum() / lr.sum()": "lr.sum() / (lam * lr).sum()"}, "upside down"),
]


def looped(lam):
    steps, ours = len(lam), 0.0
    for t in range(1, steps + 1):
        ours += 2e-5 * (steps - t + 1) / steps * lam[t - 1]
    return float(ours / (2e-5 * (steps + 1) / 2))


def averaged(lam):
    return np.average(lam, weights=np.linspace(1, 1 / len(lam), len(lam)))


OTHERS = [looped, averaged]
