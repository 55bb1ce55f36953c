"""What people get wrong in fisher_empirical, and other right answers."""

import numpy as np
import torch

MUTANTS = [
    ("squares the batch mean", {"(gradients**2).mean(0)": "gradients.mean(0) ** 2"}, "square the batch mean"),
    ("sums", {"mean(0)": "sum(0)"}, "sum over the examples"),
    ("divides by N - 1", {"(gradients**2).mean(0)": "(gradients**2).sum(0) / max(len(x) - 1, 1)"}, "N - 1"),
    ("takes argmax labels", {"one_hot(y,": "one_hot((x @ weights.T).argmax(1),"}, "argmax"),
    (
        "takes the softmax twice",
        {"softmax(x @ weights.T, dim=1)": "softmax(x @ weights.T, 1).softmax(1)"},
        "taken twice",
    ),
    ("looks at 32 examples", {"x[:, None, :]": "x[:, None, :]; gradients = gradients[:32]"}, "right in 3 of 4 cases"),
    ("adds before the square", {"(gradients**2).mean(0)": "gradients.sum(0) ** 2 / len(x)"}, "and divide by N."),
    ("lets gradients pile up", {"gradients**2": "gradients.cumsum(0) ** 2"}, "pile up"),
]


def in_one_product(weights, x, y):
    error = torch.softmax(x @ weights.T, 1) - torch.eye(len(weights), dtype=x.dtype)[y]
    return (error**2).T @ x**2 / len(x)


def looped(weights, x, y):
    weights, total = weights.numpy(), np.zeros(tuple(weights.shape))
    for example, label in zip(x.numpy(), y.tolist(), strict=True):
        p = np.exp(weights @ example)
        p /= p.sum()
        p[label] -= 1
        total += np.outer(p, example) ** 2
    return total / len(x)


OTHERS = [in_one_product, looped]
