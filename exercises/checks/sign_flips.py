"""Against how often each sum comes, counted seed by seed."""

import math
from collections import Counter
from itertools import combinations

from scipy import stats

from recall_learn.practice import Mistake, case, wrong

TOLERANCE = 1e-5


def drawn(rng, n, ahead=0.4, own=0.8):
    """Scores of n seeds, multiples of 1/8: a seed's luck is in both, and the method is ahead on average."""
    luck = rng.normal(scale=1.5, size=n)
    old = [round(8 * float(60 + x)) / 8 for x in luck]
    new = [round(8 * (score + float(gap))) / 8 for score, gap in zip(old, rng.normal(ahead, own, size=n), strict=True)]
    return old, new


def cases(rng):
    found = []
    for n, alpha in ((5, 0.05), (8, 0.05), (6, 0.03), (7, 0.2), (4, 0.001), (9, 0.1)):
        found.append(case(*drawn(rng, n), alpha))
    old, new = drawn(rng, 8, ahead=-1.0, own=1.2)  # behind
    found.append(case(old, new, 0.0625))
    old, new = drawn(rng, 6)
    found.append(
        case(old, [score + gap for score, gap in zip(old, (1.0, 1.0, 0.5, 0.0, -0.5, 0.25), strict=True)], 0.25)
    )
    found.append(
        case(old, [score + gap for score, gap in zip(old, (1.0, 0.5, 0.25, 0.125, 0.75, 3.0), strict=True)], 0.01)
    )
    gaps = (0.5, 0.25, -0.5, 0.75, -0.25, -0.75)  # 0 on average
    found.append(case(old, [score + gap for score, gap in zip(old, gaps, strict=True)], 1.0))
    return found


def differences(baseline, method):
    return [float(new) - float(old) for old, new in zip(baseline, method, strict=True)]


def mean(d):
    return math.fsum(d) / len(d)


def found_by(p=None, difference=mean, least=lambda m: 2.0 / 2**m, enough=lambda x, a: x <= a):
    """The three numbers, with a mistaken rule in place of a right one."""

    def found(baseline, method, alpha):
        d = differences(baseline, method)
        needed = 1
        while not enough(least(needed), alpha):
            needed += 1
        return {
            "difference": difference(d),
            "p": p(d, baseline, method) if p else tail(d),
            "needed": needed,
        }

    return found


def sums(d):
    """How often each sum comes under all signs, in eighths."""
    counts = Counter({0: 1})
    for each in d:
        eighths = round(8 * each)
        new = Counter()
        for value, often in counts.items():
            new[value + eighths] += often
            new[value - eighths] += often
        counts = new
    return counts


def tail(d, far=lambda value, own: abs(value) >= abs(own)):
    own = round(8 * math.fsum(d))
    return sum(often for value, often in sums(d).items() if far(value, own)) / 2 ** len(d)


reference = found_by()


def divided(d, baseline, method):
    """Over all ways to divide the scores in two, as if nobody knew the pairs."""
    everything = [round(8 * float(score)) for score in (*method, *baseline)]
    n, own = len(method), round(8 * math.fsum(d))
    parts = [2 * sum(part) - sum(everything) for part in combinations(everything, n)]
    return sum(abs(each) >= abs(own) for each in parts) / len(parts)


def wins(d, *_):
    """Of the signs alone, two-sided; no difference is left out."""
    signs = [each for each in d if each]
    return stats.binomtest(sum(each > 0 for each in signs), len(signs)).pvalue if signs else 1.0


def of_medians(d, *_):
    """With the median in place of the mean."""
    own = sorted(d)[len(d) // 2] if len(d) % 2 else sum(sorted(d)[len(d) // 2 - 1 : len(d) // 2 + 1]) / 2
    total = 0
    for number in range(2 ** len(d)):
        turned = sorted(each * (1 if number >> i & 1 else -1) for i, each in enumerate(d))
        middle = (turned[(len(d) - 1) // 2] + turned[len(d) // 2]) / 2
        total += abs(middle) >= abs(own)
    return total / 2 ** len(d)


def at_least(d, *_):
    return tail(d, lambda value, own: value >= own)


MISTAKES = [
    Mistake(
        "your p looks at one side alone. A mean as far below 0 counts, too: compare sizes.",
        found_by(at_least),
    ),
    Mistake(
        "your p looks at one side alone, the one below. Compare sizes.",
        found_by(lambda d, *_: tail(d, lambda value, own: value <= own)),
    ),
    Mistake(
        "your p is twice that of one side, which is more than 1 where the mean is 0. Count the lists on both "
        "sides, each "
        "once.",
        found_by(lambda d, *_: 2 * at_least(d)),
    ),
    Mistake(
        "your p leaves out what is as far from 0 as your list, and so the list itself. At least as far: >=.",
        found_by(lambda d, *_: tail(d, lambda value, own: abs(value) > abs(own))),
    ),
    Mistake(
        "your p leaves the list as it is out of the count, and out of the number of lists. It is one of the "
        "equally likely "
        "ones.",
        found_by(lambda d, *_: (tail(d) * 2 ** len(d) - 1) / (2 ** len(d) - 1)),
    ),
    Mistake(
        "you add 1 to the count and to the number of lists. That is for draws at random; all lists are here, "
        "and yours is "
        "among them already.",
        found_by(lambda d, *_: (tail(d) * 2 ** len(d) + 1) / (2 ** len(d) + 1)),
    ),
    Mistake(
        "your p is of the signs alone: how often the method wins. The sizes count: take the mean under each pattern of "
        "signs.",
        found_by(wins),
    ),
    Mistake(
        "this p is Student's, which assumes a bell curve. Count the patterns of signs instead.",
        found_by(lambda d, old, new: stats.ttest_rel(new, old).pvalue),
    ),
    Mistake(
        "this p is that of Student's test without pairs. Take the differences, seed by seed, and count the patterns of "
        "signs.",
        found_by(lambda d, old, new: stats.ttest_ind(new, old).pvalue),
    ),
    Mistake(
        "this p is that of ranks (Wilcoxon). Take the differences themselves.",
        found_by(lambda d, *_: stats.wilcoxon(d, method="exact").pvalue),
    ),
    Mistake(
        "you divide all scores in two in every way, as if nobody knew which belong to the same seed. Keep the "
        "pairs: only "
        "signs change.",
        found_by(divided),
    ),
    Mistake("you compare medians. Asked for is the mean under each pattern of signs.", found_by(of_medians)),
    Mistake(
        "your difference is baseline less method. The gain of the method is method less baseline.",
        found_by(difference=lambda d: -mean(d)),
    ),
    Mistake(
        "your difference is a sum. Divide it by the number of seeds.",
        found_by(difference=math.fsum),
    ),
    Mistake(
        "your difference is without its sign. It says which of the two is ahead.",
        found_by(difference=lambda d: abs(mean(d))),
    ),
    Mistake(
        "`needed` is for one side alone in yours: p counts both, so the smallest one is 2 of the lists.",
        found_by(least=lambda m: 1.0 / 2**m),
    ),
    Mistake(
        "`needed` asks for less than alpha in yours. At most: a p of alpha will do.",
        found_by(enough=lambda x, a: x < a),
    ),
]


def no_p_is_under_its_least(answer, rng):
    for n in (3, 6):
        old = [float(x) for x in rng.integers(0, 50, size=n)]
        found = float(answer(old, [score + 0.5 * (i + 1) for i, score in enumerate(old)], 0.5)["p"])
        if abs(found - 2 / 2**n) > 1e-6:
            right = f"two of the {2**n} lists are as far from 0: p is {2 / 2**n:g}"
            wrong(f"if all of {n} seeds gain, {right}; yours is {found:g}")


def who_is_which_does_not_matter(answer, rng):
    old, new = drawn(rng, 7)
    one, other = (float(answer(*both, 0.1)["p"]) for both in ((old, new), (new, old)))
    if abs(one - other) > 1e-6:
        wrong(f"with baseline and method exchanged, p stays the same; yours is {one:g} and {other:g}")


def nothing_is_no_news(answer, rng):
    old, _ = drawn(rng, 5)
    found = float(answer(old, list(old), 0.1)["p"])
    if abs(found - 1) > 1e-6:
        wrong(f"where no seed differs, every list is as far from 0 as yours, so p is 1; yours is {found:g}")


LAWS = [no_p_is_under_its_least, who_is_which_does_not_matter, nothing_is_no_news]
