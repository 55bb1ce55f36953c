"""What people get wrong in fisher_regression, and other right answers."""

import numpy as np

LINE = "(derivatives**2).mean(0) / sigma**2"
MUTANTS = [
    ("takes the squared error's gradient", {LINE: "(2 * derivatives).square().mean(0) / sigma**2"}, "factor of 4"),
    ("multiplies by the variance", {LINE: "(derivatives**2).mean(0) * sigma**2"}, "it has to divide"),
    ("forgets the noise", {LINE: "(derivatives**2).mean(0)"}, "the noise is missing"),
    ("divides by sigma", {"sigma**2": "sigma"}, "the variance belongs there"),
    ("divides by sigma^4", {"sigma**2": "sigma**4"}, "you divide by sigma^4"),
    ("keeps sigma above 0.1", {"sigma**2": "max(sigma, 0.1) ** 2"}, "right in 4 of 5 cases"),
    ("leaves out what is met", {"(derivatives**2)": "(derivatives[residuals != 0] ** 2)"}, "right in 1 of 5 cases"),
    ("estimates the variance", {"sigma**2": "(residuals**2).mean()"}, "from the residuals"),
    ("divides by N - 1", {".mean(0)": ".sum(0) / (len(residuals) - 1)"}, "by N - 1"),
    ("takes the kurtosis in", {"sigma**2": "sigma**2 * 3"}, "your result is 3 times the right one"),
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
