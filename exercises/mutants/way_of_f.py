"""What people get wrong in way_of_f, and other right answers."""

import math

import numpy as np
import torch

MUTANTS = [
    ("forgets the division", {"(1 - p) / p": "p * (1 - p)"}, "your standard deviation is that of masks without"),
    ("adds standard deviations", {"(n * variance) ** 0.5": "n * variance**0.5"}, "your spread grows with n"),
    ("divides by g", {"lr * (n * variance) ** 0.5": "lr * (n * variance) ** 0.5 * g / g"}, "holds a nan"),
    ("keeps away from 0", {"variance = g**2": "variance = (g**2).clamp(min=1e-6)"}, "It is right in 3 of 4 cases"),
    (
        "views what is not contiguous",
        {"variance = g**2": "variance = g.view(-1).square().view(g.shape)"},
        "view size is not compatible",
    ),
    ("loses the coin's p", {"(1 - p) / p": "(1 - p) / p**2"}, "of which you have 1 - p"),
    ("takes the mean square", {"(1 - p) / p": "1 / p"}, "root of the mean square"),
    ("gives back the variance", {"lr * (n * variance) ** 0.5": "lr**2 * n * variance"}, "you give back the variance"),
    (
        "leaves both undivided",
        {"(1 - p) / p": "p * (1 - p)", "n * lr * g": "n * lr * p * g"},
        "mean and standard deviation are those of masks",
    ),
]


def by_the_binomial(g, p, n, lr):
    of_count = math.sqrt(n * p * (1 - p))
    return lr * n * p * g / p, lr * g.abs() / p * of_count


def step_by_step(g, p, n, lr):
    mean, square = torch.zeros_like(g), torch.zeros_like(g)
    step = lr * g / p
    for _ in range(n):
        square = square + p * (2 * mean * step + step**2)
        mean = mean + p * step
    return mean, (square - mean**2).clamp(min=0).sqrt()


def in_numpy(g, p, n, lr):
    g = np.asarray(g, dtype=np.float32)
    return lr * n * g, lr * np.abs(g) * np.sqrt(n / p - n)


OTHERS = [in_numpy, by_the_binomial, step_by_step]
