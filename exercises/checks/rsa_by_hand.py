"""Against pair after pair, and NumPy's correlation."""

import itertools

import numpy as np
import torch

from recall_learn.practice import Mistake, case, wrong


def drawn(rng, n, widths):
    """States that have something in common, away from the origin, with lengths of their own."""
    common = rng.normal(size=(n, 2))
    return tuple(
        torch.tensor(
            (common @ rng.normal(size=(2, width)) + 0.7 * rng.normal(size=(n, width)) + rng.normal(size=width))
            * rng.uniform(0.4, 2.5, size=(n, 1))
        )
        for width in widths
    )


def cases(rng):
    sizes = ((6, (4, 4)), (9, (3, 5)), (12, (7, 2)), (4, (3, 3)), (40, (8, 6)))
    return [case(*drawn(rng, n, widths), tokens=n) for n, widths in sizes]


def cosine(a, b):
    return sum(a * b) / np.sqrt(sum(a * a) * sum(b * b))


def dot(a, b):
    return sum(a * b)


def squared_distance(a, b):
    return sum((a - b) ** 2)


def pairs(n):
    return list(itertools.combinations(range(n), 2))


def lists(before, after, measure=cosine, places=pairs, prepared=lambda states: states):
    """What each of the two models says of every pair."""
    return [
        np.array([measure(states[i], states[j]) for i, j in places(len(states))])
        for states in map(prepared, (before.numpy(), after.numpy()))
    ]


def correlation(x, y):
    return float(np.corrcoef(x, y)[0, 1])


def reference(before, after):
    return correlation(*lists(before, after))


def other(**options):
    """The right correlation of other lists."""
    return lambda before, after: correlation(*lists(before, after, **options))


def ranks(values):
    return values.argsort().argsort()


def of_lists(function):
    """Another number of the right lists."""
    return lambda before, after: float(function(*lists(before, after)))


def same_tokens(before, after):
    if before.shape != after.shape:
        raise ValueError
    return float(np.mean([cosine(a, b) for a, b in zip(before.numpy(), after.numpy(), strict=True)]))


MISTAKES = [
    Mistake(
        "each token's cosine with itself is among your pairs. It is 1 in both models, whatever they are; of {tokens} "
        "tokens take the pairs i < j alone.",
        other(places=lambda n: [(i, j) for i in range(n) for j in range(i, n)]),
    ),
    Mistake(
        "the diagonals are among your pairs. There each token meets itself, which is 1 in both models, whatever they "
        "are; of {tokens} tokens take the pairs i < j alone.",
        other(places=lambda n: [(i, j) for i in range(n) for j in range(n)]),
    ),
    Mistake(
        "you correlate dot products, in which long states count more. Divide each state by its length first.",
        other(measure=dot),
    ),
    Mistake(
        "you divide each state by the square of its length. Divide by the length, so that each has the length 1.",
        other(measure=dot, prepared=lambda states: states / np.square(states).sum(1, keepdims=True)),
    ),
    Mistake(
        "you take the mean state off first. That is what CKA does; RSA takes cosines of the states as they are.",
        other(prepared=lambda states: states - states.mean(0)),
    ),
    Mistake(
        "you take the mean off each state, over its own entries: that gives correlations between states. Asked for are "
        "cosines of the states as they are.",
        other(prepared=lambda states: states - states.mean(1, keepdims=True)),
    ),
    Mistake(
        "you normalise each column over the tokens. A cosine wants each token's state, a row, of length 1.",
        other(measure=dot, prepared=lambda states: states / np.linalg.norm(states, axis=0)),
    ),
    Mistake(
        "you correlate distances. Take cosines.",
        other(measure=squared_distance),
    ),
    Mistake(
        "you correlate distances. Take cosines.",
        other(measure=lambda a, b: np.sqrt(squared_distance(a, b))),
    ),
    Mistake(
        "you compare each token with itself in the other model. RSA compares pairs of tokens within a model, and then "
        "the two lists: a rotation of the whole layer leaves it at 1.",
        same_tokens,
    ),
    Mistake(
        "your two lists keep their means, so this is their cosine and not their correlation. Take each list's mean "
        "off.",
        of_lists(lambda x, y: x @ y / np.sqrt((x @ x) * (y @ y))),
    ),
    Mistake(
        "you correlate ranks, which is Spearman's. Pearson's takes the cosines as they are.",
        of_lists(lambda x, y: correlation(ranks(x), ranks(y))),
    ),
    Mistake("this is the square of the correlation.", of_lists(lambda x, y: correlation(x, y) ** 2)),
    Mistake(
        "this is the covariance. Divide by the two standard deviations.",
        of_lists(lambda x, y: np.cov(x, y)[0, 1]),
    ),
    Mistake(
        "this is the covariance. Divide by the two standard deviations.",
        of_lists(lambda x, y: np.cov(x, y, ddof=0)[0, 1]),
    ),
    Mistake(
        "your covariance divides by the number of pairs and your standard deviations by one less, or the other way "
        "round. Divide all three by the same, or none.",
        of_lists(lambda x, y: correlation(x, y) * (len(x) - 1) / len(x)),
    ),
    Mistake(
        "your covariance divides by the number of pairs and your standard deviations by one less, or the other way "
        "round. Divide all three by the same, or none.",
        of_lists(lambda x, y: correlation(x, y) * len(x) / (len(x) - 1)),
    ),
    Mistake(
        "this is the slope of a line through the pairs, not their correlation.",
        of_lists(lambda x, y: np.polyfit(x, y, 1)[0]),
    ),
]


def a_rotation_changes_nothing(answer, rng):
    x, _ = drawn(rng, 8, (5, 5))
    turn = torch.tensor(np.linalg.qr(rng.normal(size=(5, 5)))[0])
    found = float(answer(x, 2.5 * x @ turn))
    if abs(found - 1) > 1e-4:
        wrong(f"when all states are turned by one rotation, no two tokens come nearer. RSA is 1; yours is {found:.4g}")


def an_opposite_layout_is_told(answer, rng):
    """Three directions in a plane: what was at 0 and 90 degrees changes places."""
    angles = torch.tensor([0.0, 10.0, 80.0, 90.0], dtype=torch.float64).deg2rad()
    x, y = (torch.stack([a.cos(), a.sin()], 1) for a in (angles, angles[[0, 2, 1, 3]]))
    found, right = float(answer(x, y)), reference(x, y)
    if abs(found - right) > 1e-4:
        wrong(f"where near tokens have moved apart and far ones together RSA is {right:.3f}; yours is {found:.4g}")


LAWS = [a_rotation_changes_nothing, an_opposite_layout_is_told]
