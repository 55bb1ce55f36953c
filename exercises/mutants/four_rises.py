"""What people get wrong in four_rises, and other right answers."""

import numpy as np
import torch

FISHER = 'fisher = torch.einsum("ni,nj->ij", gradients, gradients) / count'

MUTANTS = [
    ("forgets the half", {"0.5 * ": ""}, "the 1/2 is missing, in all four"),
    ("counts N twice", {") / count": ")"}, "N counts twice"),
    ("forgets N", {"0.5 * count *": "0.5 *", "gamma = count *": "gamma ="}, "N is missing in the forms with F"),
    ("sums gamma", {"diagonal.mean()": "diagonal.sum()"}, "your gamma is the sum of all F_ii"),
    (
        "squares the batch mean",
        {FISHER: "fisher = torch.outer(gradients.mean(0), gradients.mean(0))"},
        "mean gradient first",
    ),
    ("averages all of F", {"diagonal.mean()": "fisher.mean()"}, "mean of all entries of F"),
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
