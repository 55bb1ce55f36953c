"""Rules of thumb that confuse two defects, and other right rules."""

import numpy as np

SPLIT = "    split = int((lam < 0.1).sum())\n"
LATE = '"lambda reversed" if to_home[-1] < to_home[split] / 2 else "anchors move along"'

MUTANTS = [
    ("looks at the end alone", {SPLIT: "    split = -1\n"}, "It ends at home, and it is broken"),
    (
        "takes any fall of the norm",
        {SPLIT: SPLIT + '    if norm[split] < norm[0] and norm.min() > 0:\n        return "pull to zero"\n'},
        "The norm falls a little",
    ),
    ("looks at the first rate", {"(1 - lam)).max() > 2": "(1 - lam))[0] > 2"}, "has a warm-up"),
    ("takes the encoder's step", {'record["head_step"][0]': 'record["step"][0]'}, "first step holds the pull"),
    ("does not look late", {LATE: '"anchors move along"'}, "comes too late"),
    ("takes half of it for above 2", {".max() > 2": ".max() > 0.57"}, "lr * gamma is under 1"),
    (
        "asks the loss for the norm",
        {"norm[split] < norm[0] / 2": "record['loss'][-1] > record['loss'][0]"},
        "Something is pulled",
    ),
    (
        "compares with a fixed number",
        {"to_home[split] < to_home[0] / 2": "to_home[split] < 0.1"},
        "depends on the scale",
    ),
]


def by_the_pull(record):
    """The share of the way that is taken in a step, beside what lr, gamma and lambda promise."""
    promised = record["lr"] * record["gamma"] * (1 - record["lam"])
    if promised.max() > 2:
        return "lr * gamma above 2"
    if not 0.5 < record["head_step"][0] / record["lr"][0] < 2:
        return "no bias correction"
    early = np.flatnonzero(record["lam"] < 0.05)[:12]
    expected = np.prod(1 - promised[early])
    last = early[-1] + 1
    for name, size in (("fine", record["to_home"]), ("pull to zero", record["norm"])):
        if size[last] / size[0] < expected**0.5:
            return name
    return "lambda reversed" if record["to_home"][-1] < 0.3 * record["to_home"][0] else "anchors move along"


def by_the_least_distance(record):
    """Where in the run the distance to home, and that to 0, are smallest."""
    home, norm, lam = record["to_home"], record["norm"], np.append(0.0, record["lam"])
    if max(record["lr"]) * record["gamma"] >= 2:
        return "lr * gamma above 2"
    if record["head_step"][0] / record["lr"][0] > 3:
        return "no bias correction"
    if norm.min() < 0.2 * norm[0]:
        return "pull to zero"
    if home.min() > 0.4 * home[0]:
        return "anchors move along"
    return "fine" if lam[home.argmin()] < 0.9 else "lambda reversed"


OTHERS = [by_the_pull, by_the_least_distance]
