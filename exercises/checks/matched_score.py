"""Against exact fractions, piece by piece along the way."""

from fractions import Fraction
from itertools import pairwise

import numpy as np

from recall_learn.practice import Mistake, case, wrong

TOLERANCE = 1e-5


def looks(rng, scores, every=8):
    """A run with these scores in 32nds; its loss rises and falls in 64ths, never twice the same."""
    start = int(rng.integers(0, 4))
    losses = [int(rng.integers(40, 70))]
    while len(losses) < len(scores):
        new = losses[-1] + int(rng.integers(-6, 15))
        if new not in losses and new > 20:
            losses.append(new)
    return [(start + every * i, s / 32, v / 64) for i, (s, v) in enumerate(zip(scores, losses, strict=True))]


def risen(rng, n, low, high):
    """Scores in 32nds that rise from look to look."""
    return sorted(rng.choice(np.arange(low, high), n, replace=False).tolist())


def shifted(run, by):
    return [(step, score, loss + by) for step, score, loss in run]


def cases(rng):
    high = lambda: int(rng.integers(27, 32))  # noqa: E731
    low = lambda: int(rng.integers(2, 9))  # noqa: E731
    rise = [low(), 11, 14, 18, 22, high()]
    wavers = [low(), 17, low() + 1, 15, 21, 13, high(), 24]  # over the line, back under it, over it again
    falls = [low() + 3, low() - 1, 13, high(), 30]
    drawn = [
        lambda: (looks(rng, rise), looks(rng, [low(), *risen(rng, 4, 11, 32), 32], 12), 16.5 / 32),
        lambda: (looks(rng, wavers), looks(rng, [0, *rise], 5), 16 / 32),
        lambda: (looks(rng, [0, *rise, 31]), looks(rng, wavers[:-1], 7), 16.5 / 32),
        lambda: (looks(rng, falls), looks(rng, rise, 10), 12.5 / 32),
        lambda: (looks(rng, [20, 9, 15, high(), 32]), looks(rng, rise), 17 / 32),  # the start is enough
        lambda: (looks(rng, rise), looks(rng, [19, 12, 8, 25, 29], 6), 19 / 32),  # just enough
        lambda: (looks(rng, [low(), 9, 12, 13, 12]), looks(rng, rise), 13.5 / 32),  # one never is
        lambda: (looks(rng, wavers), looks(rng, [low(), 15, 14, 12]), 16 / 32),
        lambda: (looks(rng, [low(), 12, 20, 20, high()]), looks(rng, [low(), 15, 20, 18]), 20 / 32),  # at a look
        lambda: (looks(rng, rise), looks(rng, [low(), 10, high()], 20), 10.5 / 32),
    ]
    found = [differing(make) for make in drawn]
    level = looks(rng, [low(), 10, 16, 24, 30])
    found.append(case(level, shifted(level, 0.25), 16 / 32))  # as much
    close = looks(rng, [low(), 9, 16, 25, 31])
    found.append(case(close, [(step, score, loss + (score == 16) / 2**12) for step, score, loss in close], 16 / 32))
    nearly = looks(rng, wavers)
    found.append(case(nearly, [(3 * step, *rest) for step, *rest in shifted(nearly, -0.125)], 21 / 32))
    return found


def differing(make):
    """A case whose two rises are not the same by chance: rounding may tell equal ones apart between two looks."""
    while True:
        given = make()
        right = reference(*given)
        if right is None or right["less"] != "neither":
            return case(*given)


def first(run, wanted, enough=lambda score, w: score >= w):
    """Step and loss where a walk along the straight pieces first has the score."""
    if enough(run[0][1], wanted):
        return run[0][0], run[0][2]
    for before, after in pairwise(run):
        if enough(after[1], wanted):
            return between(before, after, wanted)
    return None


def between(before, after, wanted):
    (t, s, v), (u, r, w) = ([Fraction(x) for x in each] for each in (before, after))
    share = (Fraction(wanted) - s) / (r - s) if r != s else Fraction(1)
    return t + share * (u - t), v + share * (w - v)


def told(one, other):
    return "neither" if one == other else "one" if one < other else "other"


def found_by(point=first, start=lambda run, runs: run[0][2], less=told, missing=None, judged=None):
    """The dictionary, with a mistaken rule in place of a right one.

    Args:
        point: of a run.
        start: the loss that a rise is counted from.
        less: which of two numbers is the smaller one.
        missing: what a run without a point gets in its place.
        judged: what ``less`` looks at, in place of the rises.
    """

    def found(one, other, wanted):
        points = []
        for run in (one, other):
            at = point(run, wanted)
            if at is None and missing is not None:
                at = missing(run, wanted)
            if at is None:
                return None
            points.append(at)
        rises = [loss - Fraction(start(run, (one, other))) for run, (_, loss) in zip((one, other), points, strict=True)]
        looked = rises if judged is None else judged(points)
        return {"steps": [float(t) for t, _ in points], "rises": [float(each) for each in rises], "less": less(*looked)}

    return found


reference = found_by()


def last(run, wanted):
    """The last crossing from below."""
    over = [i for i in range(1, len(run)) if run[i][1] >= wanted > run[i - 1][1]]
    return between(run[over[-1] - 1], run[over[-1]], wanted) if over else first(run, wanted)


def look(place):
    """A look in place of the point between two."""

    def found(run, wanted):
        at = next((i for i, each in enumerate(run) if each[1] >= wanted), None)
        return None if at is None else (run[max(0, at + place)][0], run[max(0, at + place)][2])

    return found


def best(run, wanted):
    top = max(run, key=lambda each: each[1])
    return (top[0], top[2]) if top[1] >= wanted else None


def nearest(run, wanted):
    found = min(run, key=lambda each: abs(each[1] - wanted))
    return (found[0], found[2]) if first(run, wanted) else None


def end(run, wanted):
    return run[-1][0], run[-1][2]


def wrapped(run, wanted):
    """The look before the first one is the last one."""
    return between(run[-1], run[0], wanted) if run[0][1] >= wanted else first(run, wanted)


def of_numpy(run, wanted):
    if first(run, wanted) is None:
        return None
    steps, scores, losses = (list(each) for each in zip(*run, strict=True))
    return float(np.interp(wanted, scores, steps)), Fraction(float(np.interp(wanted, scores, losses)))


def half(run, wanted):
    """The step between the two looks, the loss of the look."""
    return (first(run, wanted)[0], look(0)(run, wanted)[1]) if first(run, wanted) else None


def more_than(run, wanted):
    return first(run, wanted, lambda score, w: score > w)


MISTAKES = [
    Mistake(
        "two rises that are close count as the same in yours. `neither` is for rises that are equal: compare them as "
        "they are.",
        found_by(less=lambda one, other: "neither" if round(one, 3) == round(other, 3) else told(one, other)),
    ),
    Mistake(
        "if the first look is enough, there is no look before it: index -1 is the last one. The point is that first "
        "look.",
        found_by(wrapped),
    ),
    Mistake(
        "a run that never scores so much gets its end in yours. It has no such point: return None.",
        found_by(missing=end),
    ),
    Mistake(
        "a run that never scores so much gets its best look in yours. It has no such point: return None.",
        found_by(missing=lambda run, wanted: best(run, -1)),
    ),
    Mistake(
        "you compare the ends. Find where each run first has the score.",
        found_by(lambda run, wanted: end(run, wanted) if first(run, wanted) else None),
    ),
    Mistake("you take the best look of each run. Find where it first has the score.", found_by(best)),
    Mistake(
        "you take the look whose score is nearest. Take the first that is enough, and the line from the look before "
        "it.",
        found_by(nearest),
    ),
    Mistake(
        "you take the first look that is enough as it is. The score was there earlier, between that look and the one "
        "before.",
        found_by(look(0)),
    ),
    Mistake("you take the look before the score is there. The point lies between it and the next.", found_by(look(-1))),
    Mistake(
        "you interpolate the step and not the loss: it is that of the look. The loss lies on a straight line, too.",
        found_by(half),
    ),
    Mistake(
        "where a score rises, falls and rises again, you take the last time that it passes the line. The first counts.",
        found_by(last),
    ),
    Mistake(
        "this is np.interp over all scores, which wants them to rise. Find the first look that is enough, and use it "
        "and the one before.",
        found_by(of_numpy),
    ),
    Mistake("a look with just the score is not enough in yours. At least: >=.", found_by(more_than)),
    Mistake(
        "your rises are the losses themselves. Take away the loss of the run's first look.",
        found_by(start=lambda run, runs: 0),
    ),
    Mistake(
        "both rises are counted from the first run's start. Each run has its own.",
        found_by(start=lambda run, runs: runs[0][0][2]),
    ),
    Mistake(
        "your rises are counted from the lowest loss of the run. Count from its first look.",
        found_by(start=lambda run, runs: min(loss for _, _, loss in run)),
    ),
    Mistake(
        "`less` compares the losses in yours. Compare the rises: the two runs began at different losses.",
        found_by(judged=lambda points: [loss for _, loss in points]),
    ),
    Mistake(
        "`less` says in yours who came to the score in fewer steps. Compare the rises.",
        found_by(judged=lambda points: [step for step, _ in points]),
    ),
    Mistake(
        "`less` names the run whose loss rose more.",
        found_by(less=lambda one, other: {"one": "other", "other": "one"}.get(told(one, other), "neither")),
    ),
    Mistake(
        "if both rose by as much, `less` is `neither`.",
        found_by(less=lambda one, other: "one" if one <= other else "other"),
    ),
    Mistake(
        "if both rose by as much, `less` is `neither`.",
        found_by(less=lambda one, other: "one" if one < other else "other"),
    ),
]


def what_comes_after_does_not_count(answer, rng):
    run, other = looks(rng, [3, 9, 20, 24]), looks(rng, [5, 12, 18, 30])
    more = [*run, (100, 2 / 32, 5.0), (110, 1.0, 9.0)]
    before, after = answer(run, other, 0.5), answer(more, other, 0.5)
    if before != after:
        wrong(
            "two more looks after the score was reached change your answer. What comes after the point does not count"
        )


def exchanged(answer, rng):
    run, other = looks(rng, [3, 9, 20, 24]), looks(rng, [5, 12, 18, 30], 11)
    one, two = answer(run, other, 0.5), answer(other, run, 0.5)
    if one is None or two is None:
        wrong("both runs reach the score here, so the answer is a dictionary; yours is None")
    if list(one["rises"]) != list(two["rises"])[::-1] or list(one["steps"]) != list(two["steps"])[::-1]:
        wrong("with the two runs exchanged, both lists are turned round; yours are not")


LAWS = [exchanged, what_comes_after_does_not_count]
