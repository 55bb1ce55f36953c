"""Against NumPy's medians in a table, on sweeps in which each way to be fooled has a setting that it falls for."""

from itertools import groupby
from statistics import median_high, median_low

import numpy as np

from recall_learn.practice import Mistake, case, wrong

GRID = [(k, t0) for k in (0.01, 0.03, 0.1, 0.3, 1.0, float("inf")) for t0 in (50.0, 100.0, 200.0)]
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
    "one low": lambda n: [0.01] + [0.04] * (n - 1),
    "crossed": lambda n: [-0.05] * ((n - 1) // 2) + [0.02] * (2 - n % 2) + [0.1] * ((n - 1) // 2),
}
"""How far the scores of a setting's runs lie above those of the right one."""
LOST = {
    "right": lambda n: [-0.2] * (n - 1) + [0.25 if n > 1 else -0.2] if n % 2 else [-0.3] * (n // 2) + [0.1] * (n // 2),
    "halves": lambda n: [-0.25] * n,
    "second": lambda n: [-0.3] * n,
    "lucky": lambda n: [-0.3] * n,
    "swings": lambda n: [-0.35] * n,
    "costly": lambda n: [0.6] * n,
    "uneven": lambda n: [-1.2] * ((n - 1) // 2) + [0.2] * (n - (n - 1) // 2),
    "partly": lambda n: [-0.1] * ((n - 1) // 2) + [0.5] * (n - (n - 1) // 2),
    "keeps": lambda n: [-0.9] * n,
    "one low": lambda n: [-0.1] + [0.5] * (n - 1),
    "crossed": lambda n: [0.5] * ((n - 1) // 2) + [-0.1] * (2 - n % 2) + [0.5] * ((n - 1) // 2),
}
"""How far their source losses lie above the budget."""


INFINITE = [place for place in GRID if place[0] == float("inf")]


def setting(rng, role, place, n, base, budget):
    """The runs of one setting."""
    scores = base + np.array(ABOVE[role](n)) + rng.uniform(-0.003, 0.003, n)
    losses = budget + np.array(LOST[role](n)) + rng.uniform(-0.04, 0.04, n)
    return [
        {"k": place[0], "t0": place[1], "seed": seed, "score": round(float(s), 5), "source_loss": round(float(loss), 5)}
        for seed, (s, loss) in enumerate(zip(scores, losses, strict=True))
    ]


def sweep(rng, roles, seeds, right=None, base=0.4):
    """Runs by role, and a budget.

    Args:
        rng: of everything drawn.
        roles: of the settings.
        seeds: the number of runs of a role, ``seeds(role)``, or one number for all.
        right: the place of the right setting; drawn if None.
        base: about the score of the right one.
    """
    base, budget = base + rng.uniform(-0.05, 0.05), round(float(rng.uniform(2.0, 3.0)), 5)
    places = [GRID[i] for i in rng.choice(len(GRID), size=len(roles), replace=False)]
    if right is not None:
        places = [right, *[place for place in places if place != right]][: len(roles)]
    found = {}
    for role, place in zip(roles, places, strict=True):
        found[role] = setting(rng, role, place, seeds(role) if callable(seeds) else seeds, base, budget)
    return found, budget


def shuffled(rng, found, first=None):
    """All records in random order, but one of the first setting's in front."""
    rows = [row for runs in found.values() for row in runs]
    rows = [rows[i] for i in rng.permutation(len(rows))]
    return rows if first is None else sorted(rows, key=lambda row: row is not found[first][0])


def tied(rng, seeds, right_first, lower_mean):
    """A second setting with the same scores and a higher median loss, before or behind the right one in any order."""
    found, budget = sweep(rng, list(ABOVE), seeds)
    taken = {(row["k"], row["t0"]) for role in found if role != "right" for row in found[role]}
    free = [place for place in GRID if place not in taken and place not in INFINITE]
    pairs = [(a, b) for a in free for b in free if a[0] < b[0] and a[1] < b[1]]
    if not pairs:
        return tied(rng, seeds, right_first, lower_mean)
    low, high = pairs[rng.integers(len(pairs))]
    own, other = (low, high) if right_first else (high, low)
    right = [row | {"k": own[0], "t0": own[1]} for row in found["right"]]
    tie = [row | {"k": other[0], "t0": other[1], "source_loss": round(row["source_loss"] + 0.05, 5)} for row in right]
    least = min(range(seeds), key=lambda i: tie[i]["source_loss"])
    tie[least] = tie[least] | {"source_loss": round(tie[least]["source_loss"] - 1.5 * lower_mean, 5)}
    found |= {"right": right, "tie": tie}
    return shuffled(rng, found, "right" if right_first else "tie"), budget


def close(rng, apart):
    """A second setting whose median score is a little lower, and its loss too: the same if one rounds."""
    found, budget = sweep(rng, [role for role in ABOVE if role != "keeps"], 5)
    taken = {(row["k"], row["t0"]) for runs in found.values() for row in runs}
    k, t0 = next(place for place in GRID if place not in taken)
    runs = found["right"]
    middle = sorted(row["score"] for row in runs)[2]
    up = round(middle, 2) + 2 * apart - middle
    found["right"] = [row | {"score": round(row["score"] + up, 5)} for row in runs]
    down = [("score", apart), ("source_loss", 0.05)]
    near = [row | {"k": k, "t0": t0} | {name: round(row[name] - by, 5) for name, by in down} for row in found["right"]]
    return shuffled(rng, found | {"near": near}, "near"), budget


def repeated(rng):
    """The right setting has the same score three times: a set of its scores has another median."""
    found, budget = sweep(rng, list(ABOVE), 5)
    top = max(row["score"] for row in found["right"])
    found["right"] = [row | {"score": round(top - 0.1 * (i > 2), 5)} for i, row in enumerate(found["right"])]
    return found, budget


def neighboured(rng):
    """Beside the right setting two that are the same as it if one rounds k or t0, and are much worse."""
    found, budget = sweep(rng, list(ABOVE), 3, right=(0.012, 62.5))
    base = np.median([row["score"] for row in found["right"]])
    for place in ((0.01, 62.5), (0.012, 62.0)):
        found[place] = setting(rng, "keeps", place, 5, base, budget)
    return found, budget


def just_over(rng):
    """A setting that has a better score, and a median source loss that is over the budget by 0.0004."""
    found, budget = sweep(rng, list(ABOVE), 5)
    over = sorted(row["source_loss"] for row in found["costly"])[2] - budget - 0.0004
    found["costly"] = [row | {"source_loss": round(row["source_loss"] - over, 5)} for row in found["costly"]]
    return found, budget


def cases(rng):
    roles = list(ABOVE)
    ties = (5, False, False), (3, True, False), (7, False, True), (5, True, True)
    drawn = [tied(rng, *each) for each in ties]
    infinite = INFINITE[rng.integers(len(INFINITE))]
    for found, budget in (
        sweep(rng, roles, 4),
        sweep(rng, roles, lambda role: int(rng.integers(3, 8))),
        sweep(rng, roles, 5, right=infinite),
        sweep(rng, roles, lambda role: 1 if role == "right" else 5),
        sweep(rng, roles, 5, base=-0.6),
        sweep(rng, ["costly", "uneven", "partly"], 5),
        sweep(rng, ["costly"], 1),
        sweep(rng, roles, 5, base=0.65),
        neighboured(rng),
        repeated(rng),
        just_over(rng),
    ):
        drawn.append((shuffled(rng, found), budget))
    drawn += [close(rng, 0.001), close(rng, 0.00002)]
    found, budget = sweep(rng, roles, 7)  # in stretches: some runs of each setting, then the rest of each
    found = {role: [runs[i] for i in rng.permutation(7)] for role, runs in found.items()}
    low_first = enumerate(sorted(found["right"], key=lambda row: row["seed"]))  # its first five runs say too little
    found["right"] = [row | {"score": round(row["score"] - 0.1 * (i < 3), 5)} for i, row in low_first]
    parts = (slice(4), slice(4, 7))
    drawn.append(([row for part in parts for runs in found.values() for row in runs[part]], budget))
    found, _ = sweep(rng, roles, 5)  # exactly at the budget
    drawn.append((shuffled(rng, found), sorted(row["source_loss"] for row in found["right"])[2]))
    return [case(*each) for each in drawn]


def table(records):
    """``settings, scores, losses``: in the order in which they appear."""
    settings = list(dict.fromkeys((row["k"], row["t0"]) for row in records))
    of = {s: [row for row in records if (row["k"], row["t0"]) == s] for s in settings}
    return settings, *([[row[c] for row in of[s]] for s in settings] for c in ("score", "source_loss"))


def best(records, budget, score=np.median, loss=np.median, within=np.less_equal, tie=-1.0, tied=np.median):
    """The best setting; ``tie`` says how a loss counts between equal scores, and ``tied`` which loss that is."""
    settings, scores, losses = table(records)
    marks = [
        (score(mine), tie * tied(lost), -i)
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


def only(keep, tie=-1.0):
    """The best of the settings whose runs ``keep(runs, most)`` wants; ``most`` is the largest number of runs."""

    def answer(records, budget):
        settings = {(row["k"], row["t0"]) for row in records}
        of = {s: [row for row in records if (row["k"], row["t0"]) == s] for s in settings}
        most = max(map(len, of.values()))
        return best([row for row in records if keep(of[row["k"], row["t0"]], most)], budget, tie=tie)

    return answer


def above_zero(runs, most):
    return np.median([row["score"] for row in runs]) > 0


def fewest(number):
    return only(lambda runs, most: len(runs) >= (number or most))


def of_middle_run(records, budget, place=lambda n: n // 2, own_score=False):
    """The source loss, and perhaps the score too, of the run in the middle of a setting's scores."""
    settings, scores, losses = table(records)
    marks = []
    for i, (mine, lost) in enumerate(zip(scores, losses, strict=True)):
        run = sorted(range(len(mine)), key=mine.__getitem__)[place(len(mine))]
        if lost[run] <= budget:
            marks.append((mine[run] if own_score else np.median(mine), -lost[run], -i))
    return settings[-max(marks)[2]] if marks else None


def merged(key):
    """The best of groups of settings; of a group the place of its first run."""

    def answer(records, budget):
        first = {}
        for row in records:
            first.setdefault(key(row["k"], row["t0"]), (row["k"], row["t0"]))
        places = [first[key(row["k"], row["t0"])] for row in records]
        return best([row | {"k": k, "t0": t0} for row, (k, t0) in zip(records, places, strict=True)], budget)

    return answer


def rounded(digits):
    return lambda values: round(float(np.median(values)), digits)


def neighbours(records, budget, last):
    """Each stretch of neighbours with the same setting is a group; only the last of a setting counts, or each does."""
    groups = [(place, list(rows)) for place, rows in groupby(records, key=lambda row: (row["k"], row["t0"]))]
    groups = list(dict(groups).items()) if last else groups
    marks = [
        [place, *(np.median([row[c] for row in rows]) for c in ("score", "source_loss"))] for place, rows in groups
    ]
    kept = [mark for mark in marks if mark[2] <= budget]
    return max(kept, key=lambda mark: (mark[1], -mark[2]))[0] if kept else None


def at(place):
    """The entry there, in the order of the records."""
    return lambda values: values[place(len(values))]


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
INF = (
    "you leave out the settings with k = inf. Such a k is a number like the others (plain fine-tuning from t0 on), and "
    "its setting may be the best."
)
FEW = (
    "you leave out settings that have few seeds. The statement asks for no number of them: a setting counts however "
    "many of its runs were finished."
)
POSITIVE = (
    "you take a setting only if its median score is above 0. Matthews' correlation may be negative: begin with "
    "`-inf`, or with nothing, and not with 0."
)
MIDDLE_RUN = (
    "you take the source loss of the run that has the median score. Each column has a median of its own: that of the "
    "source losses may be another run's."
)
ROUND = (
    "you round the medians before you compare them. Two that are a little apart are then the same, and the wrong one "
    "may win: compare them as they are."
)
LAST = (
    "you judge a setting by what comes {} in the list, and not by all of its runs. Collect all of its runs in a list, "
    "one list for each (k, t0), then take the median."
)
NEIGHBOURS = (
    "you group only records that stand next to each other. They come in any order, and `itertools.groupby` does not "
    "sort: sort by (k, t0) first, or use a dictionary of lists."
)
GROUPS = (
    "you lump two settings together. A setting is the pair of its two numbers, (k, t0), as they are: no rounding, and "
    "not one of them alone."
)
UNSORTED = (
    "you take the value in the middle of the list as it comes. A median needs the values in order: sort them first."
)
NOTHING = "no setting keeps to the budget in this case. Return None, the value itself, where nothing is left to choose."
NO_CHOICE = ((), (None, None), "None", "", 0.0, False, (0.0, 0.0))
"""What people return where no setting keeps to the budget."""
MISTAKES = [
    *(Mistake(NOTHING, lambda r, b, instead=instead: best(r, b) or instead) for instead in NO_CHOICE),
    Mistake(INF, only(lambda runs, most: runs[0]["k"] != np.inf)),
    Mistake(POSITIVE, only(above_zero)),
    Mistake(EVEN.format("upper"), lambda r, b: best(r, b, score=median_high, loss=median_high)),
    Mistake(EVEN.format("lower"), lambda r, b: best(r, b, score=median_low, loss=median_low)),
    Mistake(EVEN.format("upper"), lambda r, b: best(r, b, score=median_high)),
    Mistake(EVEN.format("lower"), lambda r, b: best(r, b, score=median_low)),
    Mistake(EVEN.format("upper"), lambda r, b: best(r, b, loss=median_high)),
    Mistake(EVEN.format("lower"), lambda r, b: best(r, b, loss=median_low)),
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
        "you ask only that at least one run of a setting keep to the budget. What counts is the setting's median "
        "source loss.",
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
    Mistake(
        "between two settings with the same median score you compare the means of the source losses. Their medians "
        "have to decide.",
        lambda r, b: best(r, b, tied=np.mean),
    ),
    Mistake(TIE.format("comes first"), lambda r, b: best(r, b, tie=0.0)),
    Mistake(TIE.format("comes last, or has the larger k"), last_of_the_tied),
    Mistake(TIE.format("has the higher source loss"), lambda r, b: best(r, b, tie=1.0)),
    Mistake(
        "you take the setting with the lowest source loss. The budget is kept by others too: among them the best score "
        "decides.",
        lambda r, b: best(r, b, score=lambda mine: 0.0),
    ),
    *(Mistake(FEW, fewest(number)) for number in (0, 2, 3, 4, 5)),
    Mistake(MIDDLE_RUN, of_middle_run),
    Mistake(MIDDLE_RUN, lambda r, b: of_middle_run(r, b, own_score=True)),
    Mistake(MIDDLE_RUN, lambda r, b: of_middle_run(r, b, lambda n: (n - 1) // 2)),
    Mistake(MIDDLE_RUN, lambda r, b: of_middle_run(r, b, lambda n: (n - 1) // 2, own_score=True)),
    *(Mistake(ROUND, lambda r, b, digits=digits: best(r, b, score=rounded(digits))) for digits in (2, 3, 4)),
    Mistake(
        "you allow a little more than the budget. At most the budget means `lost <= budget`, as it stands.",
        lambda r, b: best(r, b + 0.001),
    ),
    Mistake(ROUND, lambda r, b: best(r, b, loss=rounded(2))),
    Mistake(ROUND, lambda r, b: best(r, round(b, 2), loss=rounded(2))),
    Mistake(
        "you judge a setting by its first five runs. A setting may have more: take the median of all of them.",
        lambda r, b: best(r, b, score=lambda mine: np.median(mine[:5])),
    ),
    Mistake(
        "you judge a setting by its first five runs. A setting may have more: take the median of all of them.",
        lambda r, b: best(r, b, *[lambda values: np.median(values[:5])] * 2),
    ),
    Mistake(
        "equal scores count once for you, as in a set. A median takes all runs of a setting.",
        lambda r, b: best(r, b, score=lambda mine: np.median(sorted(set(mine)))),
    ),
    Mistake(GROUPS, merged(lambda k, t0: (k, int(t0)))),
    Mistake(GROUPS, merged(lambda k, t0: (round(k, 2) if k < 9 else k, t0))),
    Mistake(GROUPS, merged(lambda k, t0: k)),
    Mistake(GROUPS, merged(lambda k, t0: t0)),
    Mistake(ROUND, lambda r, b: best(r, b, score=rounded(2), loss=rounded(2))),
    Mistake(LAST.format("last"), lambda r, b: best(r, b, score=at(lambda n: -1), loss=at(lambda n: -1))),
    Mistake(LAST.format("first"), lambda r, b: best(r, b, score=at(lambda n: 0), loss=at(lambda n: 0))),
    Mistake(NEIGHBOURS, lambda r, b: neighbours(r, b, last=True)),
    Mistake(NEIGHBOURS, lambda r, b: neighbours(r, b, last=False)),
    Mistake(UNSORTED, lambda r, b: best(r, b, score=at(lambda n: n // 2), loss=at(lambda n: n // 2))),
    Mistake(f"{POSITIVE} Also: {TIE.format('comes first')}", only(above_zero, tie=0.0)),
]


def numbers_come_back(answer, rng):
    found, budget = sweep(rng, list(ABOVE), 5)
    said = answer(shuffled(rng, found), budget)
    if isinstance(said, str) or any(isinstance(each, str) for each in (() if said is None else said)):
        wrong(f"you return {said!r}, with strings in it. Return the two numbers of the records, a tuple (k, t0)")


def choices(answer, *sweeps):
    """What comes back each time; lists and arrays as tuples."""
    said = [answer(*each) for each in sweeps]
    return [each if each is None else tuple(map(float, each)) for each in said]


def a_seed_is_only_a_name(answer, rng):
    found, budget = sweep(rng, list(ABOVE), 5)
    records = shuffled(rng, found)
    renamed = [row | {"seed": 100 - row["seed"]} for row in records]
    first, second = choices(answer, (records, budget), (renamed, budget))
    if first != second:
        wrong("your choice changes when the seeds get other names. Leave `seed` aside: it only tells the runs apart")


def the_order_does_not_matter(answer, rng):
    found, budget = sweep(rng, list(ABOVE), 5)
    if len(set(choices(answer, *((shuffled(rng, found), budget) for _ in range(3))))) > 1:
        wrong(
            "your choice changes when the records come in another order. The usual causes: a dictionary that keeps "
            "only the last run of each setting, `itertools.groupby` without sorting by (k, t0) first, or the middle of "
            "a list that was not sorted"
        )


LAWS = [numbers_come_back, the_order_does_not_matter, a_seed_is_only_a_name]


def nothing_kept(says, records, budget):
    return "No setting keeps to the budget here: return None." if best(records, budget) is None else ""


RAISED = dict.fromkeys(("ValueError", "IndexError", "TypeError", "KeyError", "UnboundLocalError"), nothing_kept)
