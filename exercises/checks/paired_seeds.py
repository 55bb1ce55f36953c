"""Against Student's distribution in closed form, and sums one by one."""

import math
from functools import cache
from statistics import NormalDist, fmean, median, stdev

import numpy as np

from recall_learn.practice import Mistake, case, wrong

TOLERANCE = 1e-3  # a difference of two scores in float32


def inside(t, freedom):
    """The probability of ``-t`` to ``t`` in Student's distribution (Abramowitz and Stegun, 26.7.3 and 26.7.4)."""
    angle = math.atan(t / math.sqrt(freedom))
    odd, term, square = freedom % 2, 1.0, math.cos(angle) ** 2
    total = term if freedom > 1 else 0.0
    for k in range(2 + odd, freedom - 1, 2):
        term *= (k - 1) / k * square
        total += term
    if not odd:
        return math.sin(angle) * total
    return 2 / math.pi * (angle + math.sin(angle) * math.cos(angle) * total)


@cache
def quantile(freedom, probability=0.975):
    """The t with that much under it: by halving, and for many degrees of freedom by an expansion (26.7.5 there)."""
    if freedom > 50:
        x = NormalDist().inv_cdf(probability)
        terms = (
            x,
            (x**3 + x) / 4,
            (5 * x**5 + 16 * x**3 + 3 * x) / 96,
            (3 * x**7 + 19 * x**5 + 17 * x**3 - 15 * x) / 384,
        )
        return sum(term / freedom**k for k, term in enumerate(terms))
    low, high = 0.0, 700.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if inside(middle, freedom) < 2 * probability - 1 else (low, middle)
    return high


def half(s, n, q=quantile):
    return q(n - 1) * s / math.sqrt(n)


def fewest(wide, gain):
    """The smallest number from 2 on that is not too wide; it gets narrower with each."""
    low, high = 1, 2
    while wide(high) > gain:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if wide(middle) > gain else (low, middle)
    return high


def scores(rng, common, lone=(2, 1), crashed=2, centre=60.0, unit=1.0, together=1.0, ahead=0.5, own=0.7):
    """Two dictionaries, seed -> score, in different orders.

    Args:
        rng: of everything drawn.
        common: seeds with a score in both.
        lone: seeds that only one of the two has.
        crashed: seeds whose score is nan in one of the two.
        centre: where scores are.
        unit: what everything is multiplied by.
        together: how much of its luck a seed gives to both methods; negative gives it to one and takes it of the other.
        ahead: of the second method.
        own: the luck of each run alone.
    """
    n = common + sum(lone) + crashed
    seeds = [int(seed) for seed in rng.choice(40, size=n, replace=False)]
    seeds[0] = 0  # a seed like any other
    seeds[1:] = [seed or 41 for seed in seeds[1:]]
    luck = rng.normal(size=n)
    old = unit * (centre + luck + own * rng.normal(size=n))
    new = unit * (centre + ahead + together * luck + own * rng.normal(size=n))
    first, second = ({seed: round(float(each), 6) for seed, each in zip(seeds, row, strict=True)} for row in (old, new))
    for i, seed in enumerate(seeds[common:]):
        mine = (first, second)[i % 2]
        if i < crashed:
            mine[seed] = math.nan
        else:
            del (second if i - crashed < lone[0] else first)[seed]
    return tuple({seed: each[seed] for seed in map(int, rng.permutation(list(each)))} for each in (first, second))


def differences(baseline, method):
    return [method[seed] - baseline[seed] for seed in shared(baseline, method)]


def shared(baseline, method):
    return [seed for seed in baseline if math.isfinite(baseline[seed]) and math.isfinite(method.get(seed, math.nan))]


def gain_for(given, number):
    """A gain for which so many seeds are needed, well inside, so that no rounding makes it one more or one less."""
    s = stdev(differences(*given))
    wide = half(s, number)
    return wide * 1.15 if number == 2 else math.sqrt(wide * half(s, number - 1))


def plainly_ahead(rng, **how):
    """The difference is no small part of a score: nothing of it is lost in float32."""
    while True:
        given = scores(rng, **how)
        gaps = differences(*given)
        if abs(fmean(gaps)) > 0.3 * stdev(gaps):
            return given


def cases(rng):
    drawn = [
        (plainly_ahead(rng, common=5), int(rng.integers(9, 16))),
        (plainly_ahead(rng, common=8, lone=(0, 2), crashed=0), int(rng.integers(3, 6))),
        (plainly_ahead(rng, common=6, lone=(3, 0), unit=0.01), int(rng.integers(17, 30))),  # scores from 0 to 1
        (plainly_ahead(rng, common=5, lone=(1, 2), crashed=3, ahead=-0.8), int(rng.integers(50, 90))),
        (plainly_ahead(rng, common=4, lone=(1, 1), together=-0.7), int(rng.integers(25, 35))),
        (plainly_ahead(rng, common=2, lone=(2, 2), crashed=0), int(rng.integers(6, 12))),
        (plainly_ahead(rng, common=9, lone=(0, 0), crashed=0, own=0.3), 2),
        (plainly_ahead(rng, common=7, together=0.3), int(rng.integers(1010, 1100))),  # there is no most
    ]
    zero = plainly_ahead(rng, common=6, lone=(1, 1), centre=0.0)
    one = shared(*zero)[-1]
    zero[0][one] = 0.0  # Matthews' correlation of a run that says the same to all
    drawn.append((zero, int(rng.integers(20, 30))))
    found = [case(*given, gain_for(given, number), n=len(shared(*given))) for given, number in drawn]
    seeds = [int(seed) for seed in rng.permutation(12)[:5]]
    steady = {seed: float(rng.integers(100, 140)) / 2 for seed in seeds}  # each seed gains 1.5
    found.append(case(steady, {seed: steady[seed] + 1.5 for seed in sorted(seeds)}, 0.5, n=5))
    return found


def together(baseline, method):
    seeds = shared(baseline, method)
    return [baseline[seed] for seed in seeds], [method[seed] for seed in seeds]


def by_place(baseline, method):
    """The first with the first, without those that crashed."""
    old, new = ([each for each in scores.values() if math.isfinite(each)] for scores in (baseline, method))
    n = min(len(old), len(new))
    return old[:n], new[:n]


def of_shared_by_place(baseline, method):
    """The right seeds, and each dictionary's own order."""
    seeds = shared(baseline, method)
    return tuple([each for seed, each in scores.items() if seed in seeds] for scores in (baseline, method))


def by_sorted_seed(baseline, method):
    """Each dictionary sorted by its seeds, and then the first with the first."""
    return by_place(*(dict(sorted(scores.items())) for scores in (baseline, method)))


def by_size(baseline, method):
    """The best with the best."""
    old, new = together(baseline, method)
    return sorted(old), sorted(new)


def without_zeros(baseline, method):
    old, new = zip(*(pair for pair in zip(*together(baseline, method), strict=True) if all(pair)), strict=True)
    return list(old), list(new)


def without_seed_0(baseline, method):
    return together({seed: each for seed, each in baseline.items() if seed}, method)


def kept(baseline, method):
    """Runs of each method that ended, whether the other has them or not."""
    return tuple([each for each in scores.values() if math.isfinite(each)] for scores in (baseline, method))


def told(pairs=together, deviation=stdev, paired=None, unpaired=None, needed=None, difference=None):
    """What comes out with something else in the place of a part.

    Args:
        pairs: of the two dictionaries, the scores of both.
        deviation: of a list.
        paired: of s and n.
        unpaired: of the two deviations and n.
        needed: of s, n, gain.
        difference: of the list of differences.
    """

    def result(baseline, method, gain):
        old, new = pairs(baseline, method)
        gaps = [b - a for a, b in zip(old, new, strict=True)]
        s, n = deviation(gaps), len(gaps)
        two = math.sqrt(deviation(old) ** 2 + deviation(new) ** 2)
        return {
            "difference": (difference or fmean)(gaps),
            "paired": (paired or half)(s, n),
            "unpaired": unpaired(deviation(old), deviation(new), n)
            if unpaired
            else quantile(2 * n - 2) * two / math.sqrt(n),
            "needed": needed(s, n, gain) if needed else fewest(lambda m: half(s, m), gain),
        }

    return result


reference = told()


def population(values):
    return stdev(values) * math.sqrt((len(values) - 1) / len(values))


def with_quantiles(one, two):
    """Other quantiles, of n, in all three."""
    return told(
        paired=lambda s, n: one(n) * s / math.sqrt(n),
        unpaired=lambda a, b, n: two(n) * math.hypot(a, b) / math.sqrt(n),
        needed=lambda s, n, gain: fewest(lambda m: one(m) * s / math.sqrt(m), gain),
    )


def z(n):
    return NormalDist().inv_cdf(0.975)


def of_all_runs(baseline, method, gain):
    """The unpaired interval of all runs that ended (Welch's standard error, n1 + n2 - 2)."""
    old, new = kept(baseline, method)
    error = math.sqrt(stdev(old) ** 2 / len(old) + stdev(new) ** 2 / len(new))
    freedom = len(old) + len(new) - 2
    return reference(baseline, method, gain) | {"unpaired": quantile(freedom) * error}


def means_of_all_runs(baseline, method, gain):
    old, new = kept(baseline, method)
    return reference(baseline, method, gain) | {"difference": fmean(new) - fmean(old)}


def all_of_all_runs(baseline, method, gain):
    unpaired = of_all_runs(baseline, method, gain)["unpaired"]
    return means_of_all_runs(baseline, method, gain) | {"unpaired": unpaired}


def gone_as_zero(baseline, method):
    """A score of 0 for each run that is missing or crashed."""
    seeds = sorted({*baseline, *method})
    return tuple(
        [each if math.isfinite(each := scores.get(seed, math.nan)) else 0.0 for seed in seeds]
        for scores in (baseline, method)
    )


def nan_stays(baseline, method):
    seeds = [seed for seed in baseline if seed in method]
    return [baseline[seed] for seed in seeds], [method[seed] for seed in seeds]


def counts_nan(baseline, method, gain):
    """Means and deviations without nan, and n of all seeds that are in both."""
    n = len(nan_stays(baseline, method)[0])
    return told(
        paired=lambda s, _: half(s, n),
        unpaired=lambda a, b, _: quantile(2 * n - 2) * math.hypot(a, b) / math.sqrt(n),
    )(baseline, method, gain)


def closed(q, up=math.ceil):
    """``(q s / gain)^2``, which is right for a quantile that does not change with the number."""
    return lambda s, n, gain: max(2, up((q(n) * s / gain) ** 2))


PLACE = (
    "you take the scores by their place in the two dictionaries. They come in another order, and some are missing: "
    "take both scores of one seed, `baseline[seed]` and `method[seed]`."
)
NAN = (
    "a seed whose score is nan in one of the two counts in yours, and makes everything nan. Leave it out in both, like "
    "one that is missing: `math.isnan` tells, and `==` does not, as nan is not equal to itself."
)
Z = (
    "1.96 is the quantile for very many seeds. With n of them s is uncertain itself, so the quantile is Student's with "
    "n - 1 degrees of freedom: 2.78 for five seeds."
)
ONE_SIDED = (
    "you take the 95 % quantile. That leaves 5 % above it and 5 % below: an interval of 90 %. The 97.5 % quantile "
    "leaves 2.5 % on either side."
)
MISTAKES = [
    Mistake(PLACE, told(pairs=by_place)),
    Mistake(PLACE, told(pairs=of_shared_by_place)),
    Mistake(
        "you sort both by their seeds and then take the first with the first. From the first seed that one of the two "
        "lacks, all pairs are wrong: take both scores of one seed.",
        told(pairs=by_sorted_seed),
    ),
    Mistake(
        "you sort the scores of each method, so that its best is paired with the other's best. A pair is two scores of "
        "one seed.",
        told(pairs=by_size),
    ),
    Mistake(
        "a score of 0 is left out in yours. It is a score like the others (a Matthews correlation is 0 where a model "
        "says the same to all): ask whether the seed is there, and not whether its score is true.",
        told(pairs=without_zeros),
    ),
    Mistake("seed 0 is left out in yours. It is a seed like the others.", told(pairs=without_seed_0)),
    Mistake(
        "a run that is missing or has crashed counts with a score of 0 in yours. Leave its seed out, in both methods.",
        told(pairs=gone_as_zero),
    ),
    Mistake(NAN, told(pairs=nan_stays, deviation=lambda values: float(np.std(values, ddof=1)))),
    Mistake(
        "your n counts seeds whose score is nan. It is the number of differences that there are.",
        counts_nan,
    ),
    Mistake(
        "your standard deviations divide by n. Divide by n - 1: with NumPy that is `ddof=1` (torch.std and "
        "statistics.stdev do it by themselves).",
        told(deviation=population),
    ),
    Mistake(Z, with_quantiles(z, z)),
    Mistake(
        "your quantiles are Student's with n degrees of freedom, or 2 n. One is spent on each mean: n - 1, and 2 n - "
        "2.",
        with_quantiles(quantile, lambda n: quantile(2 * n)),
    ),
    Mistake(
        "your quantile has n degrees of freedom. One is spent on the mean: n - 1.",
        with_quantiles(quantile, lambda n: quantile(2 * n - 2)),
    ),
    Mistake(ONE_SIDED, with_quantiles(lambda n: quantile(n - 1, 0.95), lambda n: quantile(2 * n - 2, 0.95))),
    Mistake(
        "you give the whole width of the intervals. Asked for is half of it, from the mean to an end.",
        told(
            paired=lambda s, n: 2 * half(s, n),
            unpaired=lambda a, b, n: 2 * quantile(2 * n - 2) * math.hypot(a, b) / math.sqrt(n),
        ),
    ),
    Mistake(
        "your difference is the baseline's score less the method's. It is the other way round: above 0 where the "
        "method is better.",
        told(difference=lambda gaps: -fmean(gaps)),
    ),
    Mistake(
        "your `difference` is a median. The interval is one of the mean.",
        told(difference=median),
    ),
    Mistake(
        "`difference` and `unpaired` are of all runs in yours. A seed that one of the two methods lacks counts for "
        "neither.",
        all_of_all_runs,
    ),
    Mistake(
        "`unpaired` is of all runs in yours, also of those whose seed crashed in the other method. Take the n shared "
        "ones: it is to be the same scores, with only the pairs forgotten.",
        of_all_runs,
    ),
    Mistake(
        "`difference` is the difference of the means over all runs in yours. A seed that one of the two methods lacks "
        "counts for neither.",
        means_of_all_runs,
    ),
    Mistake(
        "`paired` and `unpaired` are standard errors. Multiply each by its quantile.",
        told(paired=lambda s, n: s / math.sqrt(n), unpaired=lambda a, b, n: math.hypot(a, b) / math.sqrt(n)),
    ),
    Mistake(
        "your `paired` has 1.96 for the quantile. For n seeds it is Student's with n - 1 degrees of freedom.",
        told(paired=lambda s, n: z(n) * s / math.sqrt(n)),
    ),
    Mistake(
        "`paired` lacks the root of n: that is how far a single difference scatters, and not their mean.",
        told(paired=lambda s, n: quantile(n - 1) * s),
    ),
    Mistake(
        "your `unpaired` has n - 1 degrees of freedom. Two standard deviations with n - 1 each make 2 n - 2.",
        told(unpaired=lambda a, b, n: quantile(n - 1) * math.hypot(a, b) / math.sqrt(n)),
    ),
    Mistake(
        "your `unpaired` adds the two standard errors. Errors that have nothing to do with each other add by their "
        "squares.",
        told(unpaired=lambda a, b, n: quantile(2 * n - 2) * (a + b) / math.sqrt(n)),
    ),
    Mistake(
        "your `unpaired` has the mean of the two variances. The variance of a difference is their sum.",
        told(unpaired=lambda a, b, n: quantile(2 * n - 2) * math.hypot(a, b) / math.sqrt(2 * n)),
    ),
    Mistake(
        "in your `needed` the quantile stays that of the n seeds that you have. With m seeds it is that of m - 1 "
        "degrees of freedom.",
        told(needed=closed(lambda n: quantile(n - 1))),
    ),
    Mistake(
        "in your `needed` the quantile is 1.96, that of very many seeds. With m seeds it is Student's with m - 1 "
        "degrees of freedom.",
        told(needed=closed(z)),
    ),
    Mistake(
        "your `needed` has m degrees of freedom. With m seeds there are m - 1.",
        told(needed=lambda s, n, gain: fewest(lambda m: quantile(m) * s / math.sqrt(m), gain)),
    ),
    Mistake(
        "your `needed` is one too small: it is the largest number that is not enough yet. Asked for is the smallest "
        "that is.",
        told(needed=lambda s, n, gain: max(1, fewest(lambda m: half(s, m), gain) - 1)),
    ),
    Mistake(
        "your `needed` is one more than it has to be: the degrees of freedom are m - 1, and m is the number of seeds.",
        told(needed=lambda s, n, gain: fewest(lambda m: half(s, m), gain) + 1),
    ),
    Mistake(
        "your `needed` is never under the n seeds that you have. If they are more than enough, it is a smaller number.",
        told(needed=lambda s, n, gain: max(n, fewest(lambda m: half(s, m), gain))),
    ),
    Mistake(
        "your `needed` begins at 3. Two seeds have an interval, with one degree of freedom.",
        told(needed=lambda s, n, gain: max(3, fewest(lambda m: half(s, m), gain))),
    ),
    Mistake(
        "your `needed` divides by the root of n once more: it begins with the standard error s / sqrt(n) in the place "
        "of s. Divide s by the root of m alone.",
        told(needed=lambda s, n, gain: fewest(lambda m: half(s / math.sqrt(n), m), gain)),
    ),
    Mistake(
        "your `needed` asks for the whole width to be within the gain. Half of it has to be.",
        told(needed=lambda s, n, gain: fewest(lambda m: 2 * half(s, m), gain)),
    ),
    Mistake(
        "your `needed` forgets the root: the width falls as 1 / sqrt(m), and not as 1 / m.",
        told(needed=lambda s, n, gain: fewest(lambda m: quantile(m - 1) * s / m, gain)),
    ),
    Mistake(
        "your `needed` is how many more it takes. Asked for is how many in all.",
        told(needed=lambda s, n, gain: fewest(lambda m: half(s, m), gain) - n),
    ),
]


def the_number_is_the_first(answer, rng):
    given = plainly_ahead(rng, common=int(rng.integers(4, 9)))
    s, gain = stdev(differences(*given)), gain_for(given, int(rng.integers(12, 40)))
    found = float(answer(*given, gain)["needed"])
    if found != int(found) or found < 2:
        wrong(f"`needed` has to be a whole number of seeds, at least 2; yours is {found:g}")
    m = int(found)
    if half(s, m) > gain:
        wrong(
            f"with s = {s:.4g} and your {m} seeds half the width is {half(s, m):.4g}, and that is more than the gain "
            f"of {gain:.4g}"
        )
    if m > 2 and half(s, m - 1) <= gain:
        wrong(
            f"with s = {s:.4g} half the width is {half(s, m - 1):.4g} for {m - 1} seeds, which is within the gain of "
            f"{gain:.4g}: your {m} are more than it takes"
        )


def luck_that_both_share_drops_out(answer, rng):
    old, new = plainly_ahead(rng, common=6)
    luck = {seed: float(rng.normal(scale=4)) for seed in {*old, *new}}
    lucky = [{seed: each + luck[seed] for seed, each in scores.items()} for scores in (old, new)]
    before, after = (answer(*given, 0.9) for given in ((old, new), lucky))
    for name in ("difference", "paired"):
        if not math.isclose(float(before[name]), float(after[name]), rel_tol=5e-3):
            wrong(
                f"each seed's two scores were raised by the same amount, another for each seed, and your {name!r} has "
                f"changed from {float(before[name]):.4g} to {float(after[name]):.4g}. It is made of the differences "
                "alone, which are the same"
            )


def neither_method_is_the_first(answer, rng):
    given = plainly_ahead(rng, common=int(rng.integers(3, 8)))
    one, other = (answer(*each, 0.9) for each in (given, given[::-1]))
    for name, sign in (("difference", -1), ("paired", 1), ("unpaired", 1), ("needed", 1)):
        if not np.isclose(float(one[name]), sign * float(other[name]), rtol=5e-3):
            what = "its sign has to change, and nothing else" if sign < 0 else "it has to stay"
            wrong(
                f"with the two methods exchanged your {name!r} goes from {float(one[name]):.4g} to "
                f"{float(other[name]):.4g}: {what}"
            )


LAWS = [the_number_is_the_first, luck_that_both_share_drops_out, neither_method_is_the_first]
