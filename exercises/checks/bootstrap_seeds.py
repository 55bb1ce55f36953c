"""Against how often each seed is drawn, and quantiles from sorted lists."""

import math
import statistics
from collections import Counter

import torch

from recall_learn.practice import Mistake, case, wrong

TOLERANCE = 1e-5


def seeded(rng):
    return torch.Generator().manual_seed(int(rng.integers(2**40)))


def drawn(rng, n, draws, both=0.3):
    """Scores in eighths: some seeds fail with both settings, some with one; one score is chance itself."""
    chance = 0.5
    good = lambda: 0.5 + float(rng.integers(1, 30)) / 64  # noqa: E731
    bad = lambda: 0.5 - float(rng.integers(0, 6)) / 64  # noqa: E731
    while True:
        kinds = [(rng.uniform() < both, rng.uniform()) for _ in range(n)]
        plain = [bad() if shared or own < 0.15 else good() for shared, own in kinds]
        changed = [bad() if shared or own > 0.6 else good() for shared, own in kinds]
        counts = [sum(score <= chance for score in each) for each in (plain, changed)]
        if 0 < counts[0] != counts[1] and 2 < counts[1] < n - 2:
            break
    changed[changed.index(min(changed))] = chance
    return case(plain, changed, chance, draws, seeded(rng))


def cases(rng):
    return [
        drawn(rng, 20, 399),
        drawn(rng, 12, 150),
        drawn(rng, 9, 211),
        drawn(rng, 14, 260, both=0.0),
        drawn(rng, 16, 333, both=0.5),
        drawn(rng, 10, 190),
    ]


def quantile(values, share):
    """Between the two sorted values that lie around it."""
    found = sorted(values)
    place = share * (len(found) - 1)
    low = math.floor(place)
    high = min(low + 1, len(found) - 1)
    return found[low] + (place - low) * (found[high] - found[low])


def percentiles(values, point, ends=(0.025, 0.975)):
    return [quantile(values, end) for end in ends]


def rows_of(n, draws, generator):
    return torch.randint(n, (draws, n), generator=generator).tolist()


def found_by(
    draw=rows_of,
    again=(),
    ends=percentiles,
    middle=statistics.median,
    fails=lambda score, chance: score <= chance,
    less=lambda new, old: new - old,
    which=1,
):
    """The dictionary, with a mistaken rule in place of a right one.

    Args:
        again: what draws rows of its own: "median", "difference", "plain".
        which: of the two settings, of which ``share`` and ``median`` are.
    """

    def found(plain, changed, chance, draws, generator):
        n, lists = len(plain), ([float(x) for x in plain], [float(x) for x in changed])
        rows = draw(n, draws, generator)
        for_median = draw(n, draws, generator) if "median" in again else rows
        for_both = draw(n, draws, generator) if "difference" in again else rows
        for_old = draw(n, draws, generator) if "plain" in again else for_both
        failed = [[1.0 if fails(score, chance) else 0.0 for score in each] for each in lists]

        def share(of, row):
            counts = Counter(row)
            return math.fsum(failed[of][seed] * often for seed, often in counts.items()) / len(row)

        every = list(range(n))
        shares = [share(which, row) for row in rows]
        gaps = [less(share(1, row), share(0, other)) for row, other in zip(for_both, for_old, strict=True)]
        middles = [middle([lists[which][seed] for seed in row]) for row in for_median]
        return {
            "share": ends(shares, share(which, every)),
            "median": ends(middles, middle(lists[which])),
            "difference": ends(gaps, less(share(1, every), share(0, every))),
        }

    return found


reference = found_by()


def permuted(n, draws, generator):
    return [torch.randperm(n, generator=generator).tolist() for _ in range(draws)]


def turned(n, draws, generator):
    return torch.randint(n, (n, draws), generator=generator).T.tolist()


def one_by_one(n, draws, generator):
    return [torch.randint(n, (n,), generator=generator).tolist() for _ in range(draws)]


def bell(factor):
    """The point, and so many standard deviations of the draws to either side."""

    def ends(values, point):
        wide = factor * statistics.stdev(values)
        return [point - wide, point + wide]

    return ends


def of_the_scores(plain, changed, chance, draws, generator):
    right = reference(plain, changed, chance, draws, generator)
    return {**right, "median": percentiles([float(score) for score in changed], 0.0)}


MISTAKES = [
    Mistake(
        "your intervals have no width: the seeds are drawn without replacement, so each experiment is the one that you "
        "have. Some seeds have to come twice, and some not at all.",
        found_by(permuted),
    ),
    Mistake(
        "you draw [n, draws] and turn it. These are experiments, too, but not those that were asked for: (draws, n).",
        found_by(turned),
    ),
    Mistake(
        "you draw rows of their own for the median, and for the difference. Draw once, and use the rows for all three.",
        found_by(again=("median", "difference")),
    ),
    Mistake(
        "you draw rows of their own for the median. Draw once, and use the rows for all three.",
        found_by(again=("median",)),
    ),
    Mistake(
        "`difference` draws the two settings apart in yours, so what a seed does to both no longer drops out. Use the "
        "same rows for both.",
        found_by(again=("plain",)),
    ),
    Mistake(
        "this is an interval of 90 %: the 5 % and the 95 % quantile. Take those of 2.5 % and 97.5 %.",
        found_by(ends=lambda values, point: percentiles(values, point, (0.05, 0.95))),
    ),
    Mistake(
        "your ends are the smallest and the largest of all draws, and wander outwards with their number. Take the "
        "quantiles.",
        found_by(ends=lambda values, point: [min(values), max(values)]),
    ),
    Mistake(
        "you take the value and 1.96 standard deviations of the draws to either side. That assumes a bell curve, and "
        "may leave 0 to 1. Take the quantiles.",
        found_by(ends=bell(1.96)),
    ),
    Mistake(
        "your intervals are turned around the value (twice the value less the quantiles). Take the quantiles "
        "themselves.",
        found_by(ends=lambda values, point: [2 * point - end for end in percentiles(values, point)[::-1]]),
    ),
    Mistake(
        "your `median` holds 95 % of the scores. Asked for is where the median of all seeds might be: take the median "
        "of each row first.",
        of_the_scores,
    ),
    Mistake("you take means where medians are asked for.", found_by(middle=statistics.fmean)),
    Mistake(
        "where the number of seeds is even, you take the lower of the middle two (torch.median does). The median is "
        "the mean of both.",
        found_by(middle=statistics.median_low),
    ),
    Mistake(
        "a run whose score is chance itself counts as good in yours. At most: <=.",
        found_by(fails=lambda score, chance: score < chance),
    ),
    Mistake("your shares are those of the good runs.", found_by(fails=lambda score, chance: score > chance)),
    Mistake(
        "your difference is plain less changed. Asked for is changed less plain.",
        found_by(less=lambda new, old: old - new),
    ),
    Mistake("`share` and `median` are of the first setting in yours. Take `changed`, the second.", found_by(which=0)),
]


def alike_is_no_difference(answer, rng):
    plain = [0.5 + float(x) / 16 for x in rng.integers(-2, 6, size=11)]
    low, high = (float(end) for end in answer(plain, list(plain), 0.5, 100, seeded(rng))["difference"])
    if abs(low) > 1e-6 or abs(high) > 1e-6:
        wrong(
            f"where every seed has the same score with both settings, no drawn experiment has a difference; yours goes "
            f"from {low:.3g} to {high:.3g}. Draw the seeds for both at once"
        )


def all_failed_stay_failed(answer, rng):
    low, high = (float(end) for end in answer([0.75] * 8, [0.25] * 8, 0.5, 50, seeded(rng))["share"])
    if abs(low - 1) > 1e-6 or abs(high - 1) > 1e-6:
        wrong(
            f"where all runs fail, so do all that are drawn: the interval is 1 to 1, and yours {low:.3g} to {high:.3g}"
        )


LAWS = [alike_is_no_difference, all_failed_stay_failed]
