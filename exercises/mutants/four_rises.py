"""What people get wrong in four_rises, and other right answers."""

import numpy as np
import torch

FISHER = 'fisher = torch.einsum("ni,nj->ij", gradients, gradients) / count'

MUTANTS = [
    ("forgets the half", {"0.5 * ": ""}, "the 1/2 is missing, in all four"),
    ("counts N twice", {") / count": ")"}, "N counts twice"),
    ("forgets N", {"0.5 * count *": "0.5 *", "gamma = count *": "gamma ="}, "N is missing in the forms with F"),
    ("sums gamma", {"diagonal.mean()": "diagonal.sum()"}, "your gamma is N times the sum of all F_ii"),
    (
        "squares the batch mean",
        {FISHER: "fisher = torch.outer(gradients.mean(0), gradients.mean(0))"},
        "mean gradient first",
    ),
    ("averages all of F", {"diagonal.mean()": "fisher.mean()"}, "mean of all entries of F"),
    ("takes H's diagonal", {"d @ hessian @ d": "(hessian.diagonal() * d**2).sum()"}, "only the diagonal of H"),
    (
        "exchanges two",
        {'"hessian": 0': '"other": 0', '"fisher": 0': '"hessian": 0', '"other": 0': '"fisher": 0'},
        "exchanged",
    ),
    ("returns gamma", {"0.5 * gamma * (d**2).sum()": "gamma"}, "gamma itself"),
    ("squares the sum of d", {"gamma * (d**2).sum()": "gamma * d.sum() ** 2"}, "squares the sum of the d_i"),
    ("lets nothing fall", {"0.5 * d @ hessian @ d": "(0.5 * d @ hessian @ d).abs()"}, "result['hessian'] is"),
    ("divides by one example less", {") / count": ") / (count - 1)"}, "twice as large, and yours is"),
]


def by_products(gradients, hessian, d):
    g, d = gradients.numpy(), d.numpy()
    own = (g**2).sum(0)
    return {
        "hessian": d @ hessian.numpy() @ d / 2,
        "fisher": ((g @ d) ** 2).sum() / 2,
        "diagonal": own @ d**2 / 2,
        "gamma": np.mean(own) * d @ d / 2,
    }


def as_matrices(gradients, hessian, d):
    nf = gradients.T @ gradients
    own = torch.diag(nf.diagonal())
    one = own.trace() / len(d) * torch.eye(len(d), dtype=d.dtype)
    matrices = {"hessian": hessian, "fisher": nf, "diagonal": own, "gamma": one}
    return {key: d[None] @ matrix @ d[:, None] / 2 for key, matrix in matrices.items()}


OTHERS = [by_products, as_matrices]
