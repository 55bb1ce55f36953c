"""Number by number, with the way home and what a second and third step would do."""

import copy

import numpy as np
import torch

from recall_learn.practice import Mistake, case, same, wrong
from recall_learn.practice.compare import array
from recall_learn.practice.values import plain

EXACT = ((2.0**-10, 0.5, 2048.0), (2.0**-9, 0.5, 2048.0))
"""Learning rate, lambda and gamma with c = 1 and c = 2, exactly, in whatever order they are multiplied."""


def settings(rng, c):
    """A learning rate, lambda and gamma that make c."""
    lr, lam = 10 ** rng.uniform(-5, -2), rng.choice([0.1, 0.2, 0.3, 0.7, 0.8])
    return float(lr), float(lam), float(c / (lr * (1 - lam)))


def drawn(rng, shape, numbers, dtype=torch.float64, home=False):
    theta = torch.tensor(rng.normal(size=shape), dtype=dtype)
    anchor = theta.clone() if home else torch.tensor(rng.normal(1.0, 1.0, size=shape), dtype=dtype)
    lr, lam, gamma = numbers
    return case(theta, anchor, lr, lam, gamma, c=lr * (1 - lam) * gamma)


def cases(rng):
    shares = (rng.uniform(0.05, 0.4), rng.uniform(0.6, 0.9), rng.uniform(1.1, 1.8), rng.uniform(2.2, 4))
    shapes = ((3,), (2, 4), (5, 1), (2,), (4,), (2, 2))
    numbers = [settings(rng, c) for c in shares] + list(EXACT)
    limits = [drawn(rng, (3,), settings(rng, c), torch.float32) for c in (0.98, 1.02, 1.98, 2.02)]
    no_pull = [drawn(rng, shape, each) for shape, each in (((2,), (0.5, 1.0, 8.0)), ((), (0.25, 0.5, 0.0)))]
    at_home = drawn(rng, (2,), settings(rng, 1.5), home=True)
    return [*(drawn(rng, shape, each) for shape, each in zip(shapes, numbers, strict=True)), *limits, *no_pull, at_home]


def play(entry, theta, anchor, lr, lam, gamma):
    """The step. The new weights may share no memory with the old ones or the anchors: these are moved, and put back."""
    found = entry(theta, anchor, lr, lam, gamma)
    before, homes = copy.deepcopy(plain(found)), (theta.clone(), anchor.clone())
    theta += 1.0
    anchor += 1.0
    moved = not same(before, found)
    theta.copy_(homes[0])
    anchor.copy_(homes[1])
    if moved:
        wrong(
            "your new weights share their memory with an argument: when that moves, they move. Return a new tensor, "
            "also where c is 0 or 1"
        )
    return found


def word(c):
    """By what the displacement does: it is multiplied by 1 - c each time."""
    left = 1 - c
    return "diverges" if abs(left) >= 1 and c != 0 else "overshoots" if left < 0 else "holds"


def result(share, called=word, to=1.0):
    """What comes out with another share of the way, or another word for it, or another place to go to."""

    def function(theta, anchor, lr, lam, gamma):
        c = share(lr, lam, gamma)
        now, home = np.array(theta.tolist()), to * np.array(anchor.tolist())
        return (1 - c) * now + c * home, called(c)

    return function


def right(lr, lam, gamma):
    return lr * gamma - lr * lam * gamma


def reference(theta, anchor, lr, lam, gamma):
    return result(right)(theta, anchor, lr, lam, gamma)


def pushed(theta, anchor, lr, lam, gamma):
    return result(lambda *numbers: -right(*numbers), lambda c: word(-c))(theta, anchor, lr, lam, gamma)


def displacement(theta, anchor, lr, lam, gamma):
    c = right(lr, lam, gamma)
    return (1 - c) * (theta.double() - anchor.double()), word(c)


def change(theta, anchor, lr, lam, gamma):
    c = right(lr, lam, gamma)
    return c * (anchor.double() - theta.double()), word(c)


ZERO = (
    "you pull to zero: that is weight decay. The spring is fixed at the anchor, so what shrinks is theta - anchor, and "
    "not theta."
)
MISTAKES = [
    Mistake(
        "lambda and 1 - lambda are exchanged. Lambda is the task's part, and the spring gets the rest: at lambda = 1 "
        "nothing may pull.",
        result(lambda lr, lam, gamma: lr * lam * gamma),
    ),
    Mistake(ZERO, result(right, to=0.0)),
    Mistake(
        "the learning rate is not in your share. As line 12 of the paper's Algorithm 1 can be read, the share would be "
        "(1 - lambda) * gamma: thousands of times the way home in a step. Here it is lr * (1 - lambda) * gamma.",
        result(lambda lr, lam, gamma: (1 - lam) * gamma),
    ),
    Mistake(
        "1 - lambda is not in your share: the spring pulls in full at every lambda.",
        result(lambda lr, lam, gamma: lr * gamma),
    ),
    Mistake(
        "gamma is not in your share: it is lr * (1 - lambda) * gamma.",
        result(lambda lr, lam, gamma: lr * (1 - lam)),
    ),
    Mistake(
        "the weights are right, and your word is for another c: 1 - lambda is missing where you compare it with 1 and "
        "2.",
        lambda theta, anchor, lr, lam, gamma: result(right, lambda c: word(lr * gamma))(theta, anchor, lr, lam, gamma),
    ),
    Mistake(
        "you stop at the anchor. The step goes the whole share c, past the anchor too when c is above 1: that is what "
        '"overshoots" is about.',
        lambda *given: (result(lambda *n: min(1.0, right(*n)))(*given)[0], reference(*given)[1]),
    ),
    Mistake("your step goes away from the anchor: look at its sign.", pushed),
    Mistake(
        'past 1 you say "diverges". There the weight lands beyond its anchor, and nearer than it was: |1 - c| is still '
        "below 1. It diverges from c = 2 on.",
        result(right, lambda c: "holds" if c <= 1 else "diverges"),
    ),
    Mistake(
        "only the word at c = 2 is wrong, exactly there. The weight changes sides for ever and comes no nearer: the "
        'statement calls that "diverges".',
        result(right, lambda c: "holds" if c <= 1 else "overshoots" if c <= 2 else "diverges"),
    ),
    Mistake(
        "only the word at c = 1 is wrong, exactly there. The weight lands on its anchor and stays: the pull holds.",
        result(right, lambda c: "holds" if c < 1 else "overshoots" if c < 2 else "diverges"),
    ),
    Mistake(
        "your word is for what these weights do, and weights at their anchors show nothing. It is asked of c: "
        "at most 1, between 1 and 2, or 2 and above.",
        lambda theta, anchor, lr, lam, gamma: (
            result(right)(theta, anchor, lr, lam, gamma)[0],
            "holds" if torch.equal(theta, anchor) else word(right(lr, lam, gamma)),
        ),
    ),
    Mistake("you return the displacement after the step, theta - anchor. Wanted is the weight itself.", displacement),
    Mistake("you return what the step adds. Wanted is the weight after it.", change),
    Mistake(
        "your share is twice the right one. The source loss is 1/2 gamma (theta - anchor)^2; the 2 of its derivative "
        "cancels the 1/2.",
        result(lambda *numbers: 2 * right(*numbers)),
    ),
    Mistake(
        "your share is half the right one. The 1/2 of the source loss is gone in its derivative.",
        result(lambda *numbers: right(*numbers) / 2),
    ),
]


def near(mine, right):
    return np.allclose(array(mine), right.numpy(), atol=1e-6)


def the_task_alone_pulls_nothing(answer, rng):
    theta, anchor = torch.tensor(rng.normal(size=4)), torch.tensor(rng.normal(size=4))
    after, called = answer(theta, anchor, 1e-3, 1.0, 100.0)
    if not near(after, theta):
        wrong("at lambda = 1 only the task counts, and your pull still moves the weights")
    if called != "holds":
        wrong(
            'at lambda = 1 c is 0, and the weight stays where it is. The statement calls that "holds", and you call it '
            f"{called!r}"
        )


def who_is_at_home_stays(answer, rng):
    anchor = torch.tensor(rng.normal(size=4))
    if not near(answer(anchor.clone(), anchor, 1e-3, 0.25, 500.0)[0], anchor):
        wrong("weights that are at their anchors already should stay there, and yours move")


LAWS = [the_task_alone_pulls_nothing, who_is_at_home_stays]
