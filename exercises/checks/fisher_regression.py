"""Against the expected value itself: a numerical integral over the label of a numerical score's square."""

import numpy as np
import torch
from scipy.stats import norm

from recall_learn.practice import Mistake, case, wrong


def cases(rng):
    drawn = []
    for (n, d), sigma in zip(((12, 3), (5, 4), (1, 2), (9, 1), (150, 2)), (0.5, 3.0, 40.0, 0.02, 0.6), strict=True):
        sigma = sigma * float(rng.uniform(0.8, 1.2))
        residuals = torch.tensor(rng.normal(size=n) * sigma * rng.uniform(1.5, 3))
        residuals[: n // 3] = 0.0  # some examples are met exactly
        drawn.append(case(torch.tensor(rng.normal(size=(n, d))), residuals, sigma, sigma=sigma, batch_size=n))
    return drawn


def reference(derivatives, residuals, sigma):
    nodes, shares = np.polynomial.hermite_e.hermegauss(7)
    shares = shares / shares.sum()
    step, total = 1e-5 * sigma, np.zeros(derivatives.shape[1])
    for row in derivatives.numpy():
        for node, share in zip(nodes, shares, strict=True):
            y = sigma * node  # around an output of 0
            score = (norm.logpdf(y, step, sigma) - norm.logpdf(y, -step, sigma)) / (2 * step)
            total += share * (score * row) ** 2
    return torch.tensor(total / len(derivatives))


def times(factor):
    """The mean squared derivative, times a factor made of sigma."""
    return lambda derivatives, residuals, sigma: derivatives.square().mean(0) * factor(sigma)


def of_residuals(factor):
    """The mean square of residual times derivative, times a factor made of sigma."""
    return lambda derivatives, residuals, sigma: (
        (residuals[:, None] * derivatives).square().mean(0) * factor(sigma)  # the empirical Fisher's form
    )


LABELS = (
    "you used the residuals, so this is an empirical Fisher: it holds the data's labels. The exact one takes the "
    "expected value over the model's own labels, where the mean of (y - f)^2 is known: sigma^2."
)
FOUR = (
    "this is made of the gradient of the squared error (y - f)^2, which is twice too large: a log-likelihood has "
    "(y - f)^2 / (2 sigma^2). Squared, that is a factor of 4."
)
MISTAKES = [
    Mistake(
        "the noise is missing: your result is right only for sigma = 1. Differentiate log p(y | x) with its sigma.",
        times(lambda s: 1),
    ),
    Mistake(
        "you multiply by sigma^2, and it has to divide. Noisy labels say less about a weight: the Fisher falls as "
        "sigma grows.",
        times(lambda s: s**2),
    ),
    Mistake(
        "you divide by sigma; the variance belongs there, sigma^2.",
        times(lambda s: 1 / s),
    ),
    Mistake(
        "you divide by sigma^4. The score has a sigma^2 below it and its square a sigma^4, but the expected value of "
        "(y - f)^2 brings one sigma^2 back.",
        times(lambda s: 1 / s**4),
    ),
    Mistake(FOUR, times(lambda s: 4 / s**2)),
    Mistake(FOUR + " And the noise is missing: log p(y | x) has its sigma^2.", times(lambda s: 4)),
    Mistake(
        FOUR + " And sigma^2 has to divide, where yours multiplies by it.",
        times(lambda s: 4 * s**2),
    ),
    Mistake(FOUR + " And you used the residuals, which the expected value replaces.", of_residuals(lambda s: 4)),
    *(
        Mistake(LABELS, of_residuals(factor))
        for factor in (lambda s: 1, lambda s: 1 / s**2, lambda s: 1 / s**4, lambda s: 4 / s**4)
    ),
    Mistake(
        "the mean over the examples came before the square. Square each example's derivative first.",
        lambda derivatives, residuals, sigma: derivatives.mean(0).square() / sigma**2,
    ),
    Mistake(
        "you have the sum over the examples; the Fisher is their mean. Divide by N.",
        lambda derivatives, residuals, sigma: derivatives.square().sum(0) / sigma**2,
    ),
    Mistake(
        "you divide by N - 1. Nothing was estimated here that would cost an example: divide by N.",
        lambda derivatives, residuals, sigma: derivatives.square().sum(0) / (len(derivatives) - 1) / sigma**2,
    ),
    Mistake(
        "you take the variance of the derivatives over the examples: their mean is taken off before the square. Leave "
        "it in.",
        lambda derivatives, residuals, sigma: derivatives.var(0, unbiased=False) / sigma**2,
    ),
    Mistake(
        "you take the mean size of the derivatives. Square each, then take the mean.",
        lambda derivatives, residuals, sigma: derivatives.abs().mean(0) / sigma**2,
    ),
    Mistake(
        "you estimate the variance from the residuals. It is given: sigma^2.",
        lambda derivatives, residuals, sigma: derivatives.square().mean(0) / residuals.square().mean(),
    ),
    Mistake(
        "there is one 1/2 too many. It stands in the exponent of p, and differentiating the square takes it away.",
        times(lambda s: 0.5 / s**2),
    ),
]


def draws_no_labels(answer, rng):
    derivatives, residuals = torch.tensor(rng.normal(size=(6, 3))), torch.tensor(rng.normal(size=6))
    once, again = (torch.as_tensor(answer(derivatives, residuals, 1.3)) for _ in range(2))
    if not torch.equal(once, again):
        wrong(
            "two calls give different results, so you draw labels. The expected value over them can be written down: "
            "the mean of (y - f)^2 is sigma^2"
        )


def needs_no_labels(answer, rng):
    derivatives, residuals = torch.tensor(rng.normal(size=(6, 3))), torch.tensor(rng.normal(size=6))
    once, again = (torch.as_tensor(answer(derivatives, each, 1.0)) for each in (residuals, 5 * residuals))
    if not torch.allclose(once, again, rtol=1e-3):
        wrong("your result changes with the residuals. The exact Fisher does not look at the data's labels")


def falls_with_the_noise(answer, rng):
    derivatives, residuals = torch.tensor(rng.normal(size=(6, 3))), torch.tensor(rng.normal(size=6))
    quiet, noisy = (torch.as_tensor(answer(derivatives, residuals, sigma)) for sigma in (0.7, 1.4))
    if not torch.allclose(quiet, 4 * noisy, rtol=1e-3):
        wrong("with twice the sigma the Fisher has to be a quarter of what it was, and yours is not")


LAWS = [draws_no_labels, needs_no_labels, falls_with_the_noise]
