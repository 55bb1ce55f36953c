"""What people get wrong in fisher_exact, and other right answers."""

import numpy as np
import torch

WEIGHTED = "(p[:, label, None, None] * gradients**2)"


def cancelled(weights, x, y):
    p = torch.softmax(x @ weights.T, 1)
    error = torch.eye(len(weights), dtype=x.dtype) - p[:, None]  # [N, label, C]
    expected = (p[:, :, None] * error).sum(1)
    return (expected[:, :, None] * x[:, None, :]).square().mean(0)


MUTANTS = [
    ("weights by p twice", {WEIGHTED: "((p[:, label, None, None] * gradients) ** 2)"}, "p went in twice"),
    (
        "takes the data's labels",
        {"p[:, label, None, None]": "(y == label)[:, None, None].to(p)"},
        "this is the empirical Fisher",
    ),
    ("weights all labels alike", {WEIGHTED: "(gradients**2 / len(weights))"}, "count alike"),
    ("takes the softmax over the examples", {"dim=1": "dim=0"}, "over the examples (dim=0"),
    ("looks at 32 examples", {"gradients**2).mean": "gradients**2)[:32].mean"}, "right in 3 of 4 cases"),
    ("averages before the square", cancelled, "zero in every entry"),
    (
        "takes the favourite label",
        {"p[:, label, None, None]": "(p.argmax(1) == label)[:, None, None].to(p)"},
        "favourite (argmax)",
    ),
    (
        "squares the batch mean",
        {f"{WEIGHTED}.mean(0)": "(p[:, label, None, None] * gradients).mean(0) ** 2"},
        "mean over the examples came before",
    ),
]


def on_paper(weights, x, y):
    p = torch.softmax(x @ weights.T, 1)
    return (p * (1 - p)).T @ x**2 / len(x)


def looped(weights, x, y):
    weights, total = weights.numpy(), np.zeros(tuple(weights.shape))
    for example in x.numpy():
        p = np.exp(weights @ example)
        p /= p.sum()
        for label, share in enumerate(p):
            error = -p.copy()
            error[label] += 1
            total += share * np.outer(error, example) ** 2
    return total / len(x)


def by_autograd(weights, x, y):
    weights = weights.clone().requires_grad_()
    total = torch.zeros_like(weights)
    for example in x:
        log_p = torch.log_softmax(weights @ example, 0)
        for each in log_p:
            (gradient,) = torch.autograd.grad(each, weights, retain_graph=True)
            total = total + each.detach().exp() * gradient**2
    return total / len(x)


OTHERS = [on_paper, looped, by_autograd]
