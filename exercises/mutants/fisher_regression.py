"""What people get wrong in fisher_regression, and other right answers."""

import numpy as np

LINE = "(derivatives**2).mean(0) / sigma**2"
MUTANTS = [
    ("takes the squared error's gradient", {LINE: "(2 * derivatives).square().mean(0) / sigma**2"}, "factor of 4"),
    ("multiplies by the variance", {LINE: "(derivatives**2).mean(0) * sigma**2"}, "it has to divide"),
    ("forgets the noise", {LINE: "(derivatives**2).mean(0)"}, "the noise is missing"),
    ("divides by sigma", {"sigma**2": "sigma"}, "the variance belongs there"),
    ("divides by sigma^4", {"sigma**2": "sigma**4"}, "you divide by sigma^4"),
    ("uses the labels", {LINE: "(residuals[:, None] * derivatives / sigma**2).square().mean(0)"}, "empirical Fisher"),
]


def looped(derivatives, residuals, sigma):
    total = [0.0] * derivatives.shape[1]
    for row in derivatives.tolist():
        for i, each in enumerate(row):
            total[i] += (each / sigma) ** 2
    return [each / len(derivatives) for each in total]


def by_einsum(derivatives, residuals, sigma):
    scores = derivatives.numpy() / sigma
    return np.einsum("ni,ni->i", scores, scores) / len(scores)


OTHERS = [looped, by_einsum]
