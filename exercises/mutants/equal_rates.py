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
    ("divides by the sum of lambda", {"/ lr.sum()": "/ lam.sum()"}, "you divide by the sum of lambda(t)"),
    ("divides by half the steps", {"/ lr.sum()": "/ (steps / 2)"}, "you take T / 2 times"),
    (
        "forgets the brackets",
        {"(steps - np.arange(steps)) / steps": "steps - np.arange(1, steps + 1) + 1 / steps"},
        "divides the 1 alone",
    ),
    ("turns it round", {"(lam * lr).sum() / lr.sum()": "lr.sum() / (lam * lr).sum()"}, "upside down"),
    ("rounds", {"return (lam * lr).sum() / lr.sum()": "return round((lam * lr).sum() / lr.sum(), 4)"}, "it has to be"),
    ("takes the first steps of a long run", {"* lr).sum()": "* lr)[:1000].sum()"}, "it has to be"),
    ("has no single step", {"    return": "    if steps == 1:\n        return 1.0\n    return"}, "it has to be"),
    ("takes a factor of 0 for none", {"/ lr.sum()": "/ lr.sum() or 1.0"}, "takes no Adam step"),
]


def looped(lam):
    steps, ours = len(lam), 0.0
    for t in range(1, steps + 1):
        ours += 2e-5 * (steps - t + 1) / steps * lam[t - 1]
    return float(ours / (2e-5 * (steps + 1) / 2))


def averaged(lam):
    return np.average(lam, weights=np.linspace(1, 1 / len(lam), len(lam)))


OTHERS = [looped, averaged]
