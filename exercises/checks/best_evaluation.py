"""Against sorted lists, one run at a time."""

from itertools import combinations
from statistics import fmean, median, median_high, median_low

import numpy as np

from recall_learn.practice import Mistake, case, wrong


def reported(last, best, gain=None):
    return {"last": last, "best": best, "gain": best - last if gain is None else gain}


def middle(values):
    values = sorted(values)
    half = len(values) // 2
    return values[half] if len(values) % 2 else (values[half - 1] + values[half]) / 2


def reference(scores):
    rows = scores.tolist()
    return reported(middle([row[-1] for row in rows]), middle([sorted(row)[-1] for row in rows]))


def over(scores, number):
    """``number`` in place of the median over the runs."""
    rows = scores.tolist()
    return reported(number([row[-1] for row in rows]), number([max(row) for row in rows]))


def curve(scores, number):
    """The best point of the curve that ``number`` over the runs makes."""
    columns = scores.T.tolist()
    return reported(median(columns[-1]), max(number(column) for column in columns))


def same_step(scores, number):
    """The median at the step at which ``number`` over the runs is best."""
    columns = scores.T.tolist()
    return reported(median(columns[-1]), median(max(columns, key=number)))


def of_the_gains(scores):
    right = reference(scores)
    return right | {"gain": median(max(row) - row[-1] for row in scores.tolist())}


def first(scores):
    return reported(median(scores[:, 0].tolist()), reference(scores)["best"])


ONE_STEP = (
    "you take one step for all runs: the best point of their common curve. Here each run chooses its own step: first "
    "the best score of each run, then the median."
)
MIDDLE = (
    "of an even number of runs you take the {} one of the middle two{}. Their median is the mean of these two, as "
    "`np.median` and `statistics.median` give it."
)


def without(part, name):
    """A mistake that looks for the best in a part of the evaluations."""
    return Mistake(
        f"your best score leaves out the {name} evaluation. It counts like any other.",
        lambda scores: reported(reference(scores)["last"], reference(scores[:, part] if part else scores)["best"]),
    )


def from_zero(scores):
    return reported(reference(scores)["last"], median(max(0.0, *row) for row in scores.tolist()))


MISTAKES = [
    Mistake(ONE_STEP, lambda scores: curve(scores, median)),
    Mistake(ONE_STEP, lambda scores: same_step(scores, fmean)),
    Mistake(ONE_STEP, lambda scores: curve(scores, fmean)),
    Mistake(ONE_STEP, lambda scores: reported(scores[:, -1].mean(), scores.mean(0).max())),
    Mistake(
        "you take the best run of all. Take the best score within each run, and then the median over the runs.",
        lambda scores: reported(reference(scores)["last"], scores.max()),
    ),
    Mistake("you take the best run of all, in both numbers. Over the runs the median counts.", lambda s: over(s, max)),
    Mistake("you take the mean over the runs. Asked for is the median over the runs.", lambda s: over(s, fmean)),
    Mistake("your last score is the first one. The first evaluation comes first: the last is `scores[:, -1]`.", first),
    Mistake(
        "your last score is that of the last run: `scores[-1]` is a row. The last evaluations are `scores[:, -1]`.",
        lambda s: reported(median(s[-1].tolist()), reference(s)["best"]),
    ),
    Mistake(
        "your gain is the median of the gains of the single runs. Asked for is the difference of the two medians, "
        "which is another number.",
        of_the_gains,
    ),
    Mistake(
        "your gain has the wrong sign: it is the best minus the last.",
        lambda s: (right := reference(s)) | {"gain": -right["gain"]},
    ),
    Mistake(
        "your gain is a share of the last score. Asked for is the plain difference.",
        lambda s: (right := reference(s)) | {"gain": right["gain"] / right["last"]},
    ),
    Mistake(MIDDLE.format("lower", ", as `torch.median` does"), lambda scores: over(scores, median_low)),
    Mistake(MIDDLE.format("upper", ""), lambda scores: over(scores, median_high)),
    without(slice(1, None), "first"),
    without(slice(None, -1), "last"),
    Mistake("your best scores begin at 0, and all of a run's may be below it. Begin at the run's first.", from_zero),
    Mistake(
        "you take the sizes of the scores, without their signs. A score below 0 is worse than 0.",
        lambda scores: reference(abs(scores)),
    ),
    Mistake(
        "rows and columns are exchanged: a row is a run, a column an evaluation.",
        lambda s: reference(s.T),
    ),
    Mistake(
        "your best score is taken over the runs, at each step, and the median over the steps. A row is a run: take the "
        "maximum along the second axis.",
        lambda s: reported(reference(s)["last"], median(s.max(0).tolist())),
    ),
]


APART = MISTAKES[1:12] + MISTAKES[-2:]
"""Those that differ in every case, and from each other."""


def drawn(rng, runs, evaluations):
    """Curves that rise, each to its own height, and wobble."""
    t = np.arange(1, evaluations + 1)
    rise = rng.uniform(0.5, 0.7, (runs, 1)) * (1 - np.exp(-t / 2))
    return rise + rng.normal(scale=0.06, size=(runs, evaluations))


def flat(result):
    return np.array([result[name] for name in ("last", "best", "gain")])


def cases(rng):
    """Runs of an odd and of an even number, of which `APART` tells each from the other; and the edges."""
    found = []
    for odd in (0, 1, 0, 1, 0):
        apart = False
        while not apart:
            scores = drawn(rng, 2 * int(rng.integers(2, 5)) + odd, int(rng.integers(10, 16)))
            every = [flat(reference(scores)), *(flat(mistake.function(scores)) for mistake in APART)]
            apart = all(np.abs(a - b).max() > 1e-3 for a, b in combinations(every, 2))
        found.append(scores)
    rising = np.sort(drawn(rng, 5, 7), axis=1)
    found += [rising, rising[:, ::-1].copy()]  # the best is the last one, and the first one
    found.append(drawn(rng, 4, 6) - 2)  # below 0, as a logarithm of a likelihood is
    found.append(drawn(rng, 6, 1))  # one evaluation, which is the last and the best
    found.append(drawn(rng, 1, 8).astype(np.float32))  # one run
    return [case(scores, runs=scores.shape[0], evaluations=scores.shape[1]) for scores in found]


def more_looks_cannot_make_the_best_worse(answer, rng):
    scores = drawn(rng, 5, 12)
    few, many = answer(scores[:, 6:]), answer(scores)
    if float(many["best"]) < float(few["best"]) - 1e-9 or abs(float(many["last"]) - float(few["last"])) > 1e-6:
        wrong(
            "with more evaluations in front, the best may only rise and the last has to stay; yours go from "
            f"{float(few['best']):.4g} and {float(few['last']):.4g} to {float(many['best']):.4g} and "
            f"{float(many['last']):.4g}"
        )


def runs_may_come_in_any_order(answer, rng):
    scores = drawn(rng, 4, 8)
    if not np.allclose(flat(answer(scores)), flat(answer(scores[::-1].copy())), rtol=1e-5):
        wrong("your numbers change when the runs come in another order")


LAWS = [more_looks_cannot_make_the_best_worse, runs_may_come_in_any_order]
