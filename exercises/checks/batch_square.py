"""Against all batches that there are, one by one."""

import itertools

import torch

from recall_learn.practice import Mistake, case, wrong


def cases(rng):
    drawn = []
    for n, d, b in ((5, 3, 4), (3, 4, 6), (8, 2, 3), (4, 1, 5), (6, 3, 2), (1, 3, 2)):
        # a mean of the size of the spread: each part counts
        shift = rng.choice([-1.0, 1.0], size=d) * rng.uniform(0.4, 1.2, size=d)
        gradients = torch.tensor(rng.normal(size=(n, d)) * rng.uniform(0.5, 1.5, size=d) + shift)
        drawn.append(case(gradients, b, batch_size=b, N=n))
    return drawn


def reference(gradients, batch_size):
    every = torch.tensor(list(itertools.product(range(len(gradients)), repeat=batch_size)))
    return gradients[every].mean(1).square().mean(0)


def parts(gradients):
    """Mean, population variance and mean square of each column."""
    mean, square = gradients.mean(0), gradients.square().mean(0)
    return mean, square - mean.square(), square


def made(function):
    return lambda gradients, b: function(*parts(gradients), b)


def without_replacement(gradients, b):
    n, (mean, variance, _) = len(gradients), parts(gradients)
    if b > n:
        raise ValueError
    return mean.square() + variance / b * (n - b) / (n - 1)


MISTAKES = [
    Mistake(
        "you divide the whole empirical Fisher by the batch size (here {batch_size}). Only "
        "the variance shrinks with a batch; the mean gradient stays as it is, however many you average.",
        made(lambda mean, variance, square, b: square / b),
    ),
    Mistake(
        "your variance is not divided by the batch size, so this is the empirical Fisher. The mean of b independent "
        "draws has only one b-th of their variance.",
        made(lambda mean, variance, square, b: square),
    ),
    Mistake(
        "only the square of the mean is left: the limit of an endless batch. A batch of {batch_size} has a mean that "
        "differs from draw to draw; add the variance of that mean.",
        made(lambda mean, variance, square, b: mean.square()),
    ),
    Mistake(
        "the square of the mean is missing: this is the variance of the batch's mean. E m^2 is the variance of m plus "
        "the square of its mean.",
        made(lambda mean, variance, square, b: variance / b),
    ),
    Mistake(
        "the mean counts twice: you add the mean square over b, and it has the squared mean in it. What is divided by "
        "b is the variance alone.",
        made(lambda mean, variance, square, b: mean.square() + square / b),
    ),
    Mistake(
        "your variance divides by N - 1. The N gradients are all there are, nothing is estimated: divide by N. In "
        "torch: `var(0, unbiased=False)`.",
        lambda gradients, b: (
            gradients.mean(0).square() + parts(gradients)[1] * (len(gradients) / (len(gradients) - 1)) / b
        ),
    ),
    Mistake(
        "you divide the variance by b squared. The sum of b draws has b times the variance, and dividing the sum by b "
        "divides its variance by b squared: one b is left below.",
        made(lambda mean, variance, square, b: mean.square() + variance / b**2),
    ),
    Mistake(
        "you divide the variance by N. It is a batch of {batch_size} draws whose mean is squared, not of all N.",
        lambda gradients, b: gradients.mean(0).square() + parts(gradients)[1] / len(gradients),
    ),
    Mistake(
        "you divide the variance by the root of b. A standard deviation shrinks so; the variance shrinks by b.",
        made(lambda mean, variance, square, b: mean.square() + variance / b**0.5),
    ),
    Mistake(
        "you divide the variance by b - 1. The mean of b independent draws has one b-th of their variance: nothing is "
        "estimated.",
        made(lambda mean, variance, square, b: mean.square() + variance / (b - 1)),
    ),
    Mistake(
        "the weights of the squared mean and of the mean square are exchanged. Of the b^2 pairs in a batch, b are a "
        "draw with itself: the mean square counts 1 / b, the squared mean the rest.",
        made(lambda mean, variance, square, b: mean.square() / b + (1 - 1 / b) * square),
    ),
    Mistake(
        "you take the variance and the squared mean of all entries together. Each weight has its own: one for each "
        "column.",
        lambda gradients, b: gradients.mean().square() + gradients.var(unbiased=False).expand(gradients.shape[1]) / b,
    ),
    Mistake(
        "you add the standard deviation over b; take its square, the variance.",
        made(lambda mean, variance, square, b: mean.square() + variance.sqrt() / b),
    ),
    Mistake(
        "this is right for batches drawn without replacement. Here a row may come twice in a batch, and the factor "
        "(N - b) / (N - 1) falls away.",
        without_replacement,
    ),
]


def one_example_is_the_fisher(answer, rng):
    gradients = torch.tensor(rng.normal(size=(5, 3)) + 1)
    if not torch.allclose(torch.as_tensor(answer(gradients, 1)).double(), gradients.square().mean(0), rtol=1e-3):
        wrong("with batches of one example there is no difference to the empirical Fisher, and yours has one")


def large_batches_leave_the_mean(answer, rng):
    gradients = torch.tensor(rng.normal(size=(5, 3)) + 1)
    gradients[:, 0] -= gradients[:, 0].mean()
    for b in (200, 10_000):
        found, (mean, variance, _) = torch.as_tensor(answer(gradients, b)).double(), parts(gradients)
        right = mean.square() + variance / b
        if not torch.allclose(found, right, rtol=1e-3, atol=1e-8):
            i = int((found - right).abs().div(right).nan_to_num(torch.inf).argmax())
            wrong(
                f"a batch of {b:,} leaves the square of the mean gradient and little else: for a mean of "
                f"{round(float(mean[i]), 6) + 0.0:.3g} and a variance of {float(variance[i]):.3g} yours is "
                f"{float(found[i]):.4g}, and {float(right[i]):.4g} is right"
            )


def draws_nothing(answer, rng):
    gradients = torch.tensor(rng.normal(size=(5, 3)))
    with torch.random.fork_rng():
        found = []
        for seed in (1, 2):
            torch.manual_seed(seed)
            found.append(torch.as_tensor(answer(gradients, 3)))
    if not torch.equal(*found):
        wrong("two calls give different results, so you draw batches. The expected value can be written down")


LAWS = [draws_nothing, one_example_is_the_fisher, large_batches_leave_the_mean]
