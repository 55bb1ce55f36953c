"""One number at a time, with Python's math, and far from t0 under the eyes of NumPy's warnings."""

import math
import warnings

import numpy as np

from recall_learn.practice import Mistake, case, wrong
from recall_learn.practice.compare import array
from recall_learn.practice.guard import Complaint


def cases(rng):
    t0 = int(rng.integers(20, 300))
    k = float(10 ** rng.uniform(-1.5, -0.5))
    near = np.array([[-3, -1, 0], [1, 2, 5]]) / k
    return [
        case(t0 + near[0] * rng.uniform(0.5, 1.5), k, t0, k=k),
        case(t0 + near, k, float(t0), k=k),
        case(np.arange(1, 60), float(rng.uniform(0.2, 0.5)), int(rng.integers(10, 40))),
        case(float(rng.integers(30, 36)), float(rng.uniform(0.1, 0.4)), int(rng.integers(37, 40))),
        case(np.arange(1.0, 9.0).reshape(2, 4), 0.0, 3.0),
        case(np.array([t0 - 2.0, t0 - 1.0, t0, t0 + 1.0]), np.inf, t0),
        case(float(t0), np.inf, float(t0)),
    ]


def each(function):
    """A function of one number, over an array of them."""

    def over(t, k, t0):
        values = [function(float(one), k, t0) for one in np.ravel(t)]
        return np.reshape(values, np.shape(t)) if np.ndim(t) else values[0]

    return over


@each
def reference(t, k, t0):
    if t == t0:
        return 0.5
    return 0.5 + 0.5 * math.tanh(0.5 * k * (t - t0))


def at_the_step(value):
    """What comes out if only the value at t0 of an infinitely steep shift is another one."""
    right = reference
    return each(lambda t, k, t0: value if k == math.inf and t == t0 else right(t, k, t0))


def play(entry, t, k, t0, loud=False):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        value = entry(t, k, t0)
    return (value, [str(each.message) for each in caught]) if loud else value


MISTAKES = [
    Mistake(
        "yours falls: the task begins with all of the weight and ends with none. The exponent is -k (t - t0), and the "
        "minus is missing.",
        lambda t, k, t0: 1 - reference(t, k, t0),
    ),
    Mistake(
        "at k = inf yours is no number at t = t0. The exponent is infinity times zero there; the value is 1/2, as for "
        "every other k.",
        at_the_step(math.nan),
    ),
    Mistake(
        "at k = inf yours is 1 at t = t0 already. All curves pass through 1/2 there, and so does the step: 0 before "
        "t0, 1/2 at it, 1 after it.",
        at_the_step(1.0),
    ),
    Mistake(
        "at k = inf yours is still 0 at t = t0. All curves pass through 1/2 there, and so does the step: 0 before t0, "
        "1/2 at it, 1 after it.",
        at_the_step(0.0),
    ),
    Mistake("t0 is not in yours: it is at 1/2 at t = 0.", lambda t, k, t0: reference(t, k, 0.0)),
    Mistake(
        "k multiplies t alone in yours. It is k (t - t0), with the brackets: k is a rate, and t0 a step.",
        each(lambda t, k, t0: 1 / (1 + math.exp(t0 - k * t))),
    ),
    Mistake(
        "you divide by k. k is a rate, per step: the larger it is, the steeper the shift.",
        each(lambda t, k, t0: 1 / (1 + math.exp(-(t - t0) / k))),
    ),
    Mistake(
        "k multiplies t alone in yours. It is k (t - t0), with the brackets: k is a rate, and t0 a step.",
        each(lambda t, k, t0: 0.5 + 0.5 * math.tanh(0.5 * (k * t - t0))),
    ),
    Mistake(
        "you divide by k. k is a rate, per step: the larger it is, the steeper the shift.",
        each(lambda t, k, t0: 0.5 + 0.5 * math.tanh(0.5 * (t - t0) / k)),
    ),
    Mistake(
        "the exponent is twice the right one in yours. With tanh it is 1/2 (1 + tanh(x / 2)), where x = k (t - t0).",
        lambda t, k, t0: reference(t, 2 * k, t0),
    ),
]

FAR = (
    "e to a positive power is on your way, and for k = 1, t0 = 1000 at {where} it is too large for a number{what}. "
    "Multiply top and bottom by what makes the exponent negative, and mind that np.where computes both its branches."
)


def stays_finite(answer, rng):
    k, t0 = 1.0, 1000  # the steepest and latest of the published grid
    for where, t in (("t = 1", 1.0), ("t = 13400", 13_400.0), ("t = 1, 2, ... 13400", np.arange(1, 13_401, 67))):
        try:
            value, said = answer(t, k, t0, True)
        except Complaint as complaint:
            if "Overflow" in str(complaint) or "ZeroDivision" in str(complaint):
                wrong(FAR.format(where=where, what=f" ({str(complaint).splitlines()[0]})"))
            raise
        if said:
            wrong(FAR.format(where=where, what=f" (NumPy: {said[0]})"))
        if np.isnan(array(value)).any():
            wrong(FAR.format(where=where, what=", and the result is none"))
        if not np.allclose(array(value), array(reference(t, k, t0)), atol=1e-6):
            wrong("for k = 1, t0 = 1000 lambda is as good as 0 at step 1 and 1 at step 13,400. Yours is something else")


LAWS = [stays_finite]
