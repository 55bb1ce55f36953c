"""What people get wrong in laplace_precision, and other right answers."""

import torch

PRIOR = " + precision * torch.eye(len(theta), dtype=x.dtype)"
BEND = "bend = p * (1 - p)"

MUTANTS = [
    ("leaves the prior out", {PRIOR: ""}, "the prior is missing"),
    ("takes the mean", {"* x) +": "* x) / len(x) +"}, "you have the mean over the"),
    ("weighs by p", {BEND: "bend = p"}, "weight the examples by p."),
    ("adds the prior everywhere", {PRIOR: " + precision"}, "in every entry"),
    ("takes the outer products", {BEND: "bend = (p - y) ** 2"}, "empirical Fisher"),
    ("overflows", {BEND: "bend = torch.exp(x @ theta) / (1 + torch.exp(x @ theta)) ** 2"}, "overflowed"),
]


def by_autograd(theta, x, y, precision):
    def loss(weights):
        z = x @ weights
        return (torch.nn.functional.softplus(z) - y * z).sum() + 0.5 * precision * weights.square().sum()

    return torch.func.hessian(loss)(theta)


def looped(theta, x, y, precision):
    found = [[0.0] * len(theta) for _ in theta]
    for row in x.tolist():
        p = float(torch.sigmoid(torch.dot(torch.tensor(row, dtype=theta.dtype), theta)))
        for i, a in enumerate(row):
            for j, b in enumerate(row):
                found[i][j] += p * (1 - p) * a * b
    for i in range(len(theta)):
        found[i][i] += precision
    return found


OTHERS = [by_autograd, looped]
