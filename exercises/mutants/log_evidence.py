"""What people get wrong in log_evidence, and other right answers."""

import math

import numpy as np
import torch

MUTANTS = [
    ("forgets a half", {"- 0.5 * log_det": "- log_det"}, "the 1/2 at log det H is missing"),
    ("adds log det", {"- 0.5 * log_det": "+ 0.5 * log_det"}, "log det H has the wrong sign. A"),
    ("counts 2 pi once", {"0.5 * len(hessian) *": "0.5 *"}, "counts once in yours"),
    ("takes the diagonal", {"slogdet(hessian)": "slogdet(torch.diag(hessian.diagonal()))"}, "of the diagonal only"),
    (
        "takes the logarithm of det",
        {"_, log_det = torch.linalg.slogdet(hessian)": "log_det = torch.linalg.det(hessian).log()"},
        "which no float64 holds",
    ),
    (
        "takes no logarithm of 10",
        {"math.log(2": "math.log10(2", "- 0.5 * log_det": "- 0.5 * log_det / 2.302585"},
        "base 10",
    ),
]


def by_cholesky(loss, hessian):
    corners = torch.linalg.cholesky(hessian).diagonal()
    return (0.5 * math.log(2 * math.pi) - corners.log()).sum() - loss


def by_eigenvalues(loss, hessian):
    curvatures = np.linalg.eigvalsh(np.asarray(hessian))
    return -loss + np.sum(0.5 * np.log(2 * np.pi / curvatures))


OTHERS = [by_cholesky, by_eigenvalues]
