"""What people get wrong in log_evidence, and other right answers."""

import math

import numpy as np
import torch

MUTANTS = [
    ("forgets a half", {"- 0.5 * log_det": "- log_det"}, "the 1/2 at log det H is missing"),
    ("adds log det", {"- 0.5 * log_det": "+ 0.5 * log_det"}, "log det H has the wrong sign. A"),
    ("counts 2 pi once", {"0.5 * len(hessian) *": "0.5 *"}, "counts once in yours"),
    (
        "takes the diagonal",
        {"slogdet(hessian)": "slogdet(torch.diag(hessian.diagonal()))"},
        "product of the H_ii alone",
    ),
    (
        "takes the logarithm of det",
        {"_, log_det = torch.linalg.slogdet(hessian)": "log_det = torch.linalg.det(hessian).log()"},
        "which no float64 holds, nor its root",
    ),
    (
        "scales by the mean before det",
        {
            "_, log_det = torch.linalg.slogdet(hessian)": (
                "mean = hessian.diagonal().mean(); "
                "log_det = torch.linalg.det(hessian / mean).log() + len(hessian) * mean.log()"
            )
        },
        "divided by one number before",
    ),
    (
        "multiplies a Cholesky factor's corners",
        {
            "_, log_det = torch.linalg.slogdet(hessian)": (
                "log_det = 2 * torch.linalg.cholesky(hessian).diagonal().prod().log()"
            )
        },
        "which no float64 holds, nor its root",
    ),
    (
        "takes blocks of 20",
        {
            "_, log_det = torch.linalg.slogdet(hessian)": (
                "log_det = sum(torch.logdet(hessian[i : i + 20, i : i + 20]) for i in range(0, len(hessian), 20))"
            )
        },
        "near 30, yours is -",
    ),
    (
        "adds 1e-5 for safety",
        {"slogdet(hessian)": "slogdet(hessian + 1e-5 * torch.eye(len(hessian)))"},
        "0.001 yours is 1",
    ),
    ("rounds half of log 2 pi", {"0.5 * len(hessian) * math.log(2 * math.pi)": "0.919 * len(hessian)"}, "2 pi times"),
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


def in_float32(loss, hessian):
    return -loss + 0.5 * (len(hessian) * math.log(2 * math.pi) - torch.logdet(hessian.float()))


OTHERS = [by_cholesky, by_eigenvalues, in_float32]
