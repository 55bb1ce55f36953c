"""The formula as it stands, in decimals of 60 digits."""

import math
from decimal import Decimal, localcontext

import numpy as np

from recall_learn.practice import Mistake, case


def cases(rng):
    t0 = int(rng.integers(20, 300))
    k = float(10 ** rng.uniform(-1.5, -0.5))
    near = np.array([[-3, -1, 0], [1, 2, 5]]) / k
    far, other = rng.uniform(40, 60, size=2)
    return [
        case(t0 + near[0] * rng.uniform(0.5, 1.5), k, t0),
        case(t0 + near, k, float(t0)),
        case([int(t) for t in rng.integers(1, 60, size=4)], float(rng.uniform(0.2, 0.5)), int(rng.integers(10, 40))),
        case(int(rng.integers(30, 36)), float(rng.uniform(0.1, 0.4)), int(rng.integers(37, 40))),
        case(float(rng.integers(42, 46)), float(rng.uniform(0.1, 0.4)), int(rng.integers(37, 40))),
        case(1, 1, 1000),  # the steepest and latest of the published grid
        case(13_400, 1.0, 1000),
        case(np.array([1.0, 100.0]), 1.0, 1000),
        case(t0 - far / k, k, t0),  # each number alone: a tolerance is relative to the largest of an array
        case(t0 - (far + np.array([[0.5], [1.0]])) / k, k, t0),
        case(t0 + other / k, k, t0),
        case(t0 + (other + np.array([0.0, 0.5, 1.0])) / k, k, t0),
        case(np.arange(1, 9).reshape(2, 4), 0, 3),
        case([1, 2, 3], 0.0, 3.0),
        case(float(t0 + 5), 0, t0),
        case(np.array([t0 - 2.0, t0, t0 + 1.0]), np.inf, t0),
        case([t0 - 1, t0 + 3, t0], np.inf, t0),
        case(t0, np.inf, float(t0)),
        case(t0 + 0.25, np.inf, t0),
        case(t0 - 0.25, np.inf, float(t0)),
        case(np.array([t0 - 1.0, t0 + 1.0]), 1e5, t0),
    ]


def each(function):
    """Of a function of one step that gives both numbers, one of as many steps as there are."""

    def over(t, k, t0):
        with np.errstate(all="ignore"):
            pairs = [function(np.float64(one), np.float64(k), np.float64(t0)) for one in np.ravel(t)]
        both = (np.array([float(pair[i]) for pair in pairs]).reshape(np.shape(t)) for i in (0, 1))
        return tuple(part if np.ndim(t) else part.item() for part in both)

    return over


def logarithms(x):
    """Of lambda and of what is left, at x = k (t - t0)."""
    if abs(x) > 1e5:  # e^-|x| is 0 in any float, and beyond what a decimal holds
        return min(x, 0.0), min(-x, 0.0)
    with localcontext() as context:
        context.prec = 60
        shares = (1 / (1 + (sign * Decimal(float(x))).exp()) for sign in (-1, 1))
        return tuple(float(share.ln()) for share in shares)


def right(t, k, t0):
    return logarithms(k * (t - t0) if t != t0 else 0.0)


reference = each(right)


def at_the_step(first, second):
    """What comes out if only the values at t0 of an infinitely steep shift are other ones."""
    return each(lambda t, k, t0: (first, second) if k == math.inf and t == t0 else right(t, k, t0))


def of(exponent):
    """What comes out with another x, of t, k and t0."""
    return each(lambda t, k, t0: logarithms(exponent(t, k, t0)))


def out_of(function):
    """What a formula in floats makes of x."""
    return each(lambda t, k, t0: function(k * (t - t0) if t != t0 else np.float64(0.0)))


def share(x):
    """Lambda, as the library has it: right, but for what a float cannot hold."""
    small = np.exp(-np.abs(x))
    return np.where(x < 0, small, 1.0) / (1.0 + small)


def task(x):
    return np.minimum(x, 0) - np.log1p(np.exp(-np.abs(x)))


def in_base(base):
    return each(lambda t, k, t0: tuple(value / math.log(base) for value in right(t, k, t0)))


LOST = "the tiny one is lost: 1 + s is 1 in floats when s is below 1e-16. `np.log1p(s)` is ln(1 + s) without that sum."
LARGE = (
    "somewhere you take e to a positive power, and at x = k (t - t0) = -999 that is infinite. ln(1 + e^-x) is -x + "
    "ln(1 + e^x), where the exponential is small."
)
OF_LAMBDA = (
    "under your logarithm stands a finished weight, or 1 + e^-x. In floats lambda is 0 long before t0, so ln gives "
    "-inf; and long after it lambda and 1 + e^-x are 1, so nothing is left of what is tiny. With x = k (t - t0), "
    "ln lambda is -ln(1 + e^-x): keep e^-|x| alone, and give it to `np.log1p`."
)
NO_RATE = "k multiplies t alone in yours. It is k (t - t0), with the brackets: k is a rate, and t0 a step."
FINITE = (
    "infinity is made finite in yours. At k = inf, ln lambda is -infinity before t0, and ln(1 - lambda) is -infinity "
    "after it."
)
MISTAKES = [
    Mistake(
        "the two are exchanged: ln lambda comes first. If you did return it first, the minus in the exponent is "
        "missing: -k (t - t0).",
        lambda *arguments: reference(*arguments)[::-1],
    ),
    *(
        Mistake(
            "at k = inf and t = t0 yours is no number: the exponent is infinity times zero there. The limit has to be "
            "written down: both are ln 1/2, as for every other k.",
            at_the_step(*values),
        )
        for values in ((math.nan, math.nan), (math.nan, right(1.0, 0.0, 1.0)[0]), (right(1.0, 0.0, 1.0)[0], math.nan))
    ),
    *(
        Mistake(
            "at k = inf your lambda is not 1/2 at t = t0. All curves pass through 1/2 there, and so does the step.",
            at_the_step(*values),
        )
        for values in ((0.0, -math.inf), (-math.inf, 0.0), (-math.inf, -math.inf), (0.0, 0.0))
    ),
    Mistake(
        "at k = inf yours is no number at any t. If you take k t - k t0, that is infinity minus infinity: subtract the "
        "steps first.",
        each(lambda t, k, t0: (math.nan, math.nan) if k == math.inf else right(t, k, t0)),
    ),
    *(
        Mistake(FINITE, each(lambda t, k, t0, most=most: right(t, min(k, most), t0)))
        for most in (10, 20, 30, 50, 100, 500, 700, 1e3, 1e6, 1e9, 1e12, 1e100, 1e300)
    ),
    Mistake(FINITE, of(lambda t, k, t0: np.nan_to_num(k * (t - t0)))),
    *(
        Mistake(
            "ln lambda - ln(1 - lambda) = x is true, but do not take one of them from the other by it: far from t0 one "
            "is about x in size and the other tiny, and the difference has no digit left. ln(1 - lambda) is ln lambda "
            "at -x.",
            out_of(function),
        )
        for function in (
            lambda x: (task(x), task(x) - x),
            lambda x: (task(x), task(x) - x if np.isfinite(x) else np.minimum(-x, 0)),
            lambda x: (task(-x) + x, task(-x)),
            lambda x: (task(-x) + x if np.isfinite(x) else np.minimum(x, 0), task(-x)),
        )
    ),
    Mistake(
        LOST,
        out_of(
            lambda x: tuple(np.minimum(sign * x, 0) - np.log(1 + np.exp(-np.abs(x))) for sign in (1, -1)),
        ),
    ),
    *(
        Mistake(LARGE, out_of(function))
        for function in (
            lambda x: (-np.log1p(np.exp(-x)), -np.log1p(np.exp(x))),
            lambda x: (-np.log1p(np.exp(-x)), -x - np.log1p(np.exp(-x))),
            lambda x: (x - np.log1p(np.exp(x)), -np.log1p(np.exp(x))),
        )
    ),
    *(
        Mistake(OF_LAMBDA, out_of(function))
        for function in (
            lambda x: (np.log(share(x)), np.log(1 - share(x))),
            lambda x: (np.log(share(x)), np.log1p(-share(x))),
            lambda x: (np.log(share(x)), np.log(share(-x))),
            lambda x: (np.log(1 / (1 + np.exp(-x))), np.log(1 - 1 / (1 + np.exp(-x)))),
            lambda x: (np.log(1 / (1 + np.exp(-x))), np.log(1 / (1 + np.exp(x)))),
            lambda x: (-np.log(1 + np.exp(-x)), -np.log(1 + np.exp(x))),
            lambda x: (task(x), np.log(1 - share(x))),
            lambda x: (task(x), np.log1p(-share(x))),
            lambda x: (task(x), np.log(1 - np.exp(task(x)))),
            lambda x: (task(x), np.log1p(-np.exp(task(x)))),
        )
    ),
    Mistake("t0 is not in yours: your lambda is 1/2 at t = 0.", of(lambda t, k, t0: k * t if t else 0.0)),
    Mistake(NO_RATE, of(lambda t, k, t0: k * t - t0)),
    Mistake(
        "you divide by k. k is a rate, per step: the larger it is, the steeper the shift.",
        each(lambda t, k, t0: logarithms((t - t0) / k) if 0 < k < math.inf else (math.nan, math.nan)[:0]),
    ),
    Mistake("your logarithm is to base 10. ln is the natural one: np.log, np.log1p.", in_base(10)),
    Mistake("your logarithm is to base 2. ln is the natural one: np.log, np.log1p.", in_base(2)),
    Mistake(
        "these are the weights themselves. Wanted are their logarithms.",
        each(lambda t, k, t0: tuple(map(math.exp, right(t, k, t0)))),
    ),
    Mistake(
        "your signs are wrong: a weight is at most 1, so its logarithm is at most 0.",
        each(lambda t, k, t0: tuple(-value for value in right(t, k, t0))),
    ),
]
