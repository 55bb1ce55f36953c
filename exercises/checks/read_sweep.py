"""Against NumPy's medians in a table, on sweeps in which each way to be fooled has a setting that it falls for."""

from statistics import median_high, median_low

import numpy as np

from recall_learn.practice import Mistake, case, wrong

GRID = [(k, t0) for k in (0.01, 0.03, 0.1, 0.3, float("inf")) for t0 in (50.0, 100.0, 200.0)]
ABOVE = {
    "right": lambda n: [0.0] * n if n % 2 else [-0.06] * (n // 2) + [0.06] * (n // 2),
    "halves": lambda n: [-0.2] * (n - n // 2) + [0.1] * (n // 2),
    "second": lambda n: [-0.02] * n,
    "lucky": lambda n: [-0.3] * (n - 1) + [0.5],
    "swings": lambda n: [-0.04] * (n - (n - 1) // 2) + [0.3] * ((n - 1) // 2),
    "costly": lambda n: [0.1] * n,
    "uneven": lambda n: [0.01] * n,
    "partly": lambda n: [0.15] * ((n - 1) // 2) + [-0.2] * (n - (n - 1) // 2),
    "keeps": lambda n: [-0.25] * n,
}
"""How far the scores of a setting's runs lie above those of the right one."""
LOST = {
    "right": lambda n: [-0.2] * (n - 1) + [0.25],
    "halves": lambda n: [-0.25] * n,
    "second": lambda n: [-0.3] * n,
    "lucky": lambda n: [-0.3] * n,
    "swings": lambda n: [-0.35] * n,
    "costly": lambda n: [0.6] * n,
    "uneven": lambda n: [-1.2] * ((n - 1) // 2) + [0.2] * (n - (n - 1) // 2),
    "partly": lambda n: [-0.1] * ((n - 1) // 2) + [0.5] * (n - (n - 1) // 2),
    "keeps": lambda n: [-0.9] * n,
}
"""How far their source losses lie above the budget."""


def setting(rng, role, place, n, base, budget):
    """The runs of one setting."""
    scores = base + np.array(ABOVE[role](n)) + rng.uniform(-0.003, 0.003, n)
    losses = budget + np.array(LOST[role](n)) + rng.uniform(-0.04, 0.04, n)
    return [
        {"k": place[0], "t0": place[1], "seed": seed, "score": round(float(s), 5), "source_loss": round(float(loss), 5)}
        for seed, (s, loss) in enumerate(zip(scores, losses, strict=True))
    ]


def sweep(rng, roles, seeds):
    """Records and a budget; ``seeds`` is a number, or a function that draws one for each setting."""
    base, budget = rng.uniform(0.35, 0.45), round(float(rng.uniform(2.0, 3.0)), 5)
    places = [GRID[i] for i in rng.choice(len(GRID), size=len(roles), replace=False)]
    found = {}
    for role, place in zip(roles, places, strict=True):
        found[role] = setting(rng, role, place, seeds() if callable(seeds) else seeds, base, budget)
    return found, budget


def shuffled(rng, found, first=None):
    """All records in random order, but one of the first setting's in front."""
    rows = [row for runs in found.values() for row in runs]
    rows = [rows[i] for i in rng.permutation(len(rows))]
    return rows if first is None else sorted(rows, key=lambda row: row is not found[first][0])


def tied(rng, seeds, right_first):
    """A second setting with the same scores and a higher loss, before or behind the right one in any order."""
    found, budget = sweep(rng, list(ABOVE), seeds)
    taken = {(row["k"], row["t0"]) for role in found if role != "right" for row in found[role]}
    free = [place for place in GRID if place not in taken]
    pairs = [(a, b) for a in free for b in free if a[0] < b[0] and a[1] < b[1]]
    if not pairs:
        return tied(rng, seeds, right_first)
    low, high = pairs[rng.integers(len(pairs))]
    own, other = (low, high) if right_first else (high, low)
    right = [row | {"k": own[0], "t0": own[1]} for row in found["right"]]
    tie = [row | {"k": other[0], "t0": other[1], "source_loss": round(row["source_loss"] + 0.05, 5)} for row in right]
    found |= {"right": right, "tie": tie}
    return shuffled(rng, found, "right" if right_first else "tie"), budget


def cases(rng):
    roles = list(ABOVE)
    drawn = [tied(rng, n, right_first) for n, right_first in ((5, False), (3, True), (7, False), (5, True))]
    for seeds in (4, lambda: int(rng.integers(3, 8))):
        found, budget = sweep(rng, roles, seeds)
        drawn.append((shuffled(rng, found), budget))
    found, _ = sweep(rng, roles, 5)  # exactly at the budget
    drawn.append((shuffled(rng, found), sorted(row["source_loss"] for row in found["right"])[2]))
    found, budget = sweep(rng, ["costly", "uneven", "partly"], 5)
    drawn.append((shuffled(rng, found), budget))
    return [case(*each) for each in drawn]


def table(records):
    """``settings, scores, losses``: in the order in which they appear."""
    settings = list(dict.fromkeys((row["k"], row["t0"]) for row in records))
    of = {s: [row for row in records if (row["k"], row["t0"]) == s] for s in settings}
    return settings, *([[row[c] for row in of[s]] for s in settings] for c in ("score", "source_loss"))


def best(records, budget, score=np.median, loss=np.median, within=np.less_equal, tie=-1.0):
    """The best setting; ``tie`` says how a loss counts between equal scores."""
    settings, scores, losses = table(records)
    marks = [
        (score(mine), tie * np.median(lost), -i)
        for i, (mine, lost) in enumerate(zip(scores, losses, strict=True))
        if within(loss(lost), budget)
    ]
    return settings[-max(marks)[2]] if marks else None


def reference(records, budget):
    return best(records, budget)


def no_budget(records, budget):
    return best(records, np.inf)


def checked_afterwards(records, budget):
    chosen = best(records, np.inf)
    lost = [row["source_loss"] for row in records if (row["k"], row["t0"]) == chosen]
    return chosen if np.median(lost) <= budget else None


def runs_in_budget(records, budget):
    return best([row for row in records if row["source_loss"] <= budget], np.inf)


def single_run(records, budget):
    row = max((row for row in records if row["source_loss"] <= budget), key=lambda row: row["score"])
    return row["k"], row["t0"]


def last_of_the_tied(records, budget):
    return best(sorted(records, key=lambda row: (row["k"], row["t0"]), reverse=True), budget, tie=0.0)


ONE_RUN = (
    "you take the setting with the best single run. That is luck, and more seeds have more of it: take the median "
    "score over the seeds of each setting, then compare the settings."
)
MEAN = "you take means over the seeds. One run that collapsed or shone moves a mean: take the median."
EVEN = (
    "of an even number of runs you take the {} of the two in the middle. Their mean is the median; `statistics.median` "
    "and `np.median` do that."
)
TIE = (
    "two settings have the same median score, and you take the one that {}. The lower median source loss has to decide."
)
MISTAKES = [
    Mistake(EVEN.format("upper"), lambda r, b: best(r, b, score=median_high, loss=median_high)),
    Mistake(EVEN.format("lower"), lambda r, b: best(r, b, score=median_low, loss=median_low)),
    Mistake(EVEN.format("upper"), lambda r, b: best(r, b, score=median_high)),
    Mistake(EVEN.format("lower"), lambda r, b: best(r, b, score=median_low)),
    Mistake(
        "a setting whose median source loss is exactly the budget is left out. At most the budget means `<=`.",
        lambda r, b: best(r, b, within=np.less),
    ),
    Mistake(
        "the budget is ignored: the setting you return loses more at the source than it may. Leave out the settings "
        "whose median source loss is over the budget, then take the best of the rest.",
        no_budget,
    ),
    Mistake(
        "you choose the best of all settings first, and then ask whether it keeps to the budget. Leave out those that "
        "do not, and choose among the rest.",
        checked_afterwards,
    ),
    Mistake(
        "you drop single runs that are over the budget, and judge a setting by the runs that are left. The budget is "
        "for the setting's median source loss: keep all of its runs, or none.",
        runs_in_budget,
    ),
    Mistake(
        "you ask that each run of a setting keep to the budget. One run may be over it: what counts is the setting's "
        "median source loss.",
        lambda r, b: best(r, b, loss=max),
    ),
    Mistake(
        "you ask that one run of a setting keep to the budget. What counts is the setting's median source loss.",
        lambda r, b: best(r, b, loss=min),
    ),
    Mistake(ONE_RUN, lambda r, b: best(r, b, score=max)),
    Mistake(ONE_RUN, lambda r, b: best(r, np.inf, score=max)),
    Mistake(ONE_RUN, single_run),
    Mistake(MEAN, lambda r, b: best(r, b, score=np.mean)),
    Mistake(MEAN, lambda r, b: best(r, b, score=np.mean, loss=np.mean)),
    Mistake(
        "your scores are medians, and your source losses are means. One run moves a mean: take the median of both.",
        lambda r, b: best(r, b, loss=np.mean),
    ),
    Mistake(TIE.format("comes first"), lambda r, b: best(r, b, tie=0.0)),
    Mistake(TIE.format("comes last, or has the larger k"), last_of_the_tied),
    Mistake(TIE.format("has the higher source loss"), lambda r, b: best(r, b, tie=1.0)),
    Mistake(
        "you take the setting with the lowest source loss. The budget is kept by others too: among them the best score "
        "decides.",
        lambda r, b: best(r, b, score=lambda mine: 0.0),
    ),
]


def a_seed_is_only_a_name(answer, rng):
    found, budget = sweep(rng, list(ABOVE), 5)
    records = shuffled(rng, found)
    renamed = [row | {"seed": 100 - row["seed"]} for row in records]
    if tuple(answer(records, budget)) != tuple(answer(renamed, budget)):
        wrong("your choice changes when the seeds get other names. Leave `seed` aside: it only tells the runs apart")


def the_order_does_not_matter(answer, rng):
    found, budget = sweep(rng, list(ABOVE), 5)
    if tuple(answer(shuffled(rng, found), budget)) != tuple(answer(shuffled(rng, found), budget)):
        wrong("your choice changes when the records come in another order")


LAWS = [a_seed_is_only_a_name, the_order_does_not_matter]
