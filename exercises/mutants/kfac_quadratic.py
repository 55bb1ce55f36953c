"""What people get wrong in kfac_quadratic, and other right answers."""

import numpy as np
import torch

RIGHT = "0.5 * (change * (g @ change @ a)).sum()"
KRON = "0.5 * change.{} @ __import__('torch').kron({}) @ change.{}"

MUTANTS = [
    ("forgets the half", {"0.5 * ": ""}, "the 1/2 is missing"),
    ("flattens by rows", {RIGHT: KRON.format("flatten()", "a, g", "flatten()")}, "row after row, and take kron(a, g)"),
    (
        "takes diagonals",
        {RIGHT: "0.5 * (change**2 * g.diagonal()[:, None] * a.diagonal()).sum()"},
        "only the diagonals of A and G",
    ),
    ("takes A's diagonal", {"@ a": "* a.diagonal()"}, "only the diagonal of A"),
    ("takes G's diagonal", {"g @ change": "(g.diagonal()[:, None] * change)"}, "only the diagonal of G"),
    ("leaves A out", {" @ a": ""}, "A is missing"),
    ("leaves G out", {"g @ ": ""}, "G is missing"),
    ("squares", {RIGHT: "0.5 * (g @ change @ a).square().sum()"}, "the squares of g @ change @ a"),
    ("adds up", {RIGHT: "0.5 * (g @ change @ a).sum()"}, "you add up the entries"),
    ("makes the product", {RIGHT: KRON.format("flatten()", "g, a", "flatten()")}, "on the way. The Kronecker"),
    (
        "makes it in NumPy",
        {RIGHT: "(lambda w: 0.5 * w @ __import__('numpy').kron(a, g) @ w)(change.T.numpy().ravel())"},
        "on the way. The Kronecker",
    ),
]


def by_trace(change, a, g):
    return torch.trace(change.T @ g @ change @ a) / 2


def by_eigenvectors(change, a, g):
    (d_a, u_a), (d_g, u_g) = torch.linalg.eigh(a), torch.linalg.eigh(g)
    return 0.5 * (torch.outer(d_g, d_a) * (u_g.T @ change @ u_a) ** 2).sum()


def in_numpy(change, a, g):
    change, a, g = (np.asarray(each) for each in (change, a, g))
    return 0.5 * np.einsum("ij,ij->", change, g @ change @ a)


OTHERS = [by_trace, by_eigenvectors, in_numpy]
