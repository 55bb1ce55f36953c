"""Against the binomial distribution: every number of kept steps, with its probability."""

import math

import torch

from recall_learn.practice import Mistake, built, case, wrong
from recall_learn.practice.fixtures import in_columns


def cases(rng):
    drawn = []
    for shape, n, low in (((3,), 1, 0.55), ((2, 3), int(rng.integers(2, 6)), 0.2), ((), 40, 0.3), ((4,), 150, 0.7)):
        p, lr = float(low + rng.uniform(0, 0.1)), float(10 ** rng.uniform(-2, 0.5))
        g = torch.as_tensor(rng.uniform(0.3, 3, size=shape) * rng.choice([-1, 1], size=shape))
        if shape == (2, 3):
            g[1, int(rng.integers(3))] = 0.0  # nothing moves this weight, and nothing spreads its way
            g = built(in_columns, g)
        drawn.append(case(g, p, n, lr, steps=n, p=p, learning_rate=lr))
    return drawn


def reference(g, p, n, lr):
    weight = [math.comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(n + 1)]
    ways = [lr * g.double() * k / p for k in range(n + 1)]
    mean = sum(w * way for w, way in zip(weight, ways, strict=True))
    return mean, sum(w * (way - mean) ** 2 for w, way in zip(weight, ways, strict=True)).sqrt()


def spread(of):
    """The right mean, and ``of(g, p, n, lr)`` for the standard deviation."""
    return lambda g, p, n, lr: (n * lr * g, of(g.abs(), p, n, lr))


def root(inside):
    return spread(lambda g, p, n, lr: lr * g * (n * inside(p)) ** 0.5)


UNDIVIDED = (
    "your standard deviation is that of masks without the division: p (1 - p) is the variance of the coin. The kept "
    "gradients are divided by p, so the variance is divided by p squared."
)

MISTAKES = [
    Mistake(
        "mean and standard deviation are those of masks without the division. The kept gradients are divided by p: the "
        "mean way is that of plain SGD.",
        lambda g, p, n, lr: (n * lr * g * p, lr * g.abs() * (n * p * (1 - p)) ** 0.5),
    ),
    Mistake(UNDIVIDED, root(lambda p: p * (1 - p))),
    Mistake(
        "your mean is p times too small: the kept gradients are divided by p, and the mean way is that of plain SGD.",
        lambda g, p, n, lr: (n * lr * g * p, lr * g.abs() * (n * (1 - p) / p) ** 0.5),
    ),
    Mistake(
        "your mean is divided by p once too often: the mean of M / p is 1.",
        lambda g, p, n, lr: (n * lr * g / p, lr * g.abs() * (n * (1 - p) / p) ** 0.5),
    ),
    Mistake(
        "your spread grows with n. The coins are independent: the variances of the steps add up, so the standard "
        "deviation grows with the root of n.",
        spread(lambda g, p, n, lr: n * lr * g * ((1 - p) / p) ** 0.5),
    ),
    Mistake(
        "your spread is that of one step. The variances of all n steps add up.",
        spread(lambda g, p, n, lr: lr * g * ((1 - p) / p) ** 0.5),
    ),
    Mistake(
        "in your variance the division by p squared is right, and the coin's own variance is not: it is p (1 - p), of "
        "which you have 1 - p.",
        root(lambda p: (1 - p) / p**2),
    ),
    Mistake(
        "your spread is the root of the mean square, g^2 / p for each step. The square of the mean has to come off: "
        "the variance is the mean square less g^2.",
        root(lambda p: 1 / p),
    ),
    Mistake(
        "you give back the variance. The standard deviation is its root.",
        spread(lambda g, p, n, lr: lr**2 * g**2 * n * (1 - p) / p),
    ),
    Mistake(
        "the learning rate is under your root alone. The variance has its square, so it stands before the root.",
        spread(lambda g, p, n, lr: g * (lr * n * (1 - p) / p) ** 0.5),
    ),
    Mistake(
        "the learning rate is missing in your standard deviation.",
        spread(lambda g, p, n, lr: g * (n * (1 - p) / p) ** 0.5),
    ),
    Mistake(
        "your standard deviation is negative where g is. Take the size of g.",
        lambda g, p, n, lr: (n * lr * g, lr * g * (n * (1 - p) / p) ** 0.5),
    ),
    Mistake(
        "your mean has the wrong sign: the way is counted downhill, so it has the sign of g.",
        lambda g, p, n, lr: (-n * lr * g, lr * g.abs() * (n * (1 - p) / p) ** 0.5),
    ),
]


def rests_without_coins(answer, rng):
    g, lr = torch.tensor(rng.normal(size=5)), float(rng.uniform(0.1, 1))
    mean, spread_ = (torch.as_tensor(x).double() for x in answer(g, 1.0, 12, lr))
    if spread_.abs().max() > 1e-6 or not torch.allclose(mean, 12 * lr * g, rtol=1e-3):
        wrong(
            "at p = 1 nothing is masked: the way is that of SGD, and nothing is spread. For g = "
            f"{float(g[0]):.4g}, lr = {lr:.4g} and n = 12 you say {float(mean[0]):.4g} and {float(spread_[0]):.4g}"
        )


def agrees_with_throws(answer, rng):
    """A simulation, with ten standard errors of room."""
    p, n, lr, throws = float(rng.uniform(0.3, 0.7)), 20, 0.5, 20_000
    kept = torch.tensor(rng.binomial(n, p, size=throws)).double()
    ways = lr * 1.5 * kept / p
    mean, spread_ = (float(torch.as_tensor(x).reshape(-1)[0]) for x in answer(torch.tensor([1.5]).double(), p, n, lr))
    error = float(ways.std()) / throws**0.5
    if abs(mean - float(ways.mean())) > 10 * error or abs(spread_ - float(ways.std())) > 10 * error:
        wrong(
            f"in {throws:,} tosses with g = 1.5, p = {p:.2f}, n = {n} and lr = {lr} the mean way was "
            f"{float(ways.mean()):.3f} and its standard deviation {float(ways.std()):.3f}; you say {mean:.3f} and "
            f"{spread_:.3f}"
        )


LAWS = [rests_without_coins, agrees_with_throws]
