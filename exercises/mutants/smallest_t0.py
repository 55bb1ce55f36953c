"""What people get wrong in smallest_t0, and other right answers."""

import numpy as np

LOOP = "    for t0 in range(1, steps + 1):\n"

GIVEN = "left_after(t0, k, lr, gamma, steps, warmup)["
CURVE = "    curve = left_after(steps, k, lr, gamma, steps, warmup)\n"

MUTANTS = [
    ("looks a step late", {"[t0 - 1]": "[t0]"}, "the step after t0"),
    ("takes the last that fails", {"return t0\n": "return t0 - 1\n"}, "the last one that leaves too much"),
    ("looks at the end", {"[t0 - 1]": "[-1]"}, "the end of the run"),
    ("looks along one curve", {LOOP: CURVE + LOOP, GIVEN: "curve["}, "along one curve"),
    ("returns the last one", {"return None": "return steps"}, "not even t0 = 40"),
    ("leaves out T", {LOOP: LOOP.replace("steps + 1", "steps")}, "T is to be tried"),
    ("begins at 2", {LOOP: LOOP.replace("range(1", "range(2")}, "begin at 1"),
    ("begins at 0", {LOOP: LOOP.replace("range(1", "range(0")}, "you return 0"),
    ("turns the comparison", {"<= share": "> 1"}, "the comparison turned round"),
    ("below for at most", {"<= share": "< share"}, "At most is <="),
    ("lets the rest be left", {"<= share": "<= 1 - share"}, "you let 1 - share be left"),
    ("counts from 0", {"return t0\n": "return range(steps)[t0 - 1]\n"}, "the last one that leaves too much"),
    ("tries the first 200", {"steps + 1)": "min(steps, 200) + 1)"}, "Does your search end before T"),
    ("leaves the warm-up out", {GIVEN: GIVEN.replace("warmup", "0")}, "the warm-up is left out"),
]


def rates(lr, steps, warmup):
    rising = warmup * steps
    return lr * np.array([s / rising if s < rising else (steps - s) / (steps - rising) for s in range(steps)])


def after(t0, k, pulls):
    s = np.arange(1, t0 + 1)
    return np.prod(1 - pulls[:t0] / (1 + np.exp(k * (s - t0))))


def bisected(share, k, lr, gamma, steps, warmup):
    pulls = gamma * rates(lr, steps, warmup)
    if after(steps, k, pulls) > share:
        return None
    too_small, enough = 0, steps
    while enough - too_small > 1:
        middle = (enough + too_small) // 2
        too_small, enough = (too_small, middle) if after(middle, k, pulls) <= share else (middle, enough)
    return enough


def in_one_table(share, k, lr, gamma, steps, warmup):
    t = np.arange(1, steps + 1)
    held = 0.5 * (1 - np.tanh(0.5 * k * (t - t[:, None])))
    every = np.cumprod(1 - gamma * rates(lr, steps, warmup) * held, axis=1).diagonal()
    found = np.flatnonzero(every <= share)
    return int(found[0]) + 1 if len(found) else None


OTHERS = [bisected, in_one_table]
