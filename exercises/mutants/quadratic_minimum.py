"""What people get wrong in quadratic_minimum, and other right answers."""

import numpy as np
import torch

MATRIX = "hessian + torch.diag(springs)"
SOLVED = "torch.linalg.solve(matrix, hessian @ minimum + springs * anchors)"
EACH = "(hessian.diagonal() * minimum + springs * anchors) / (hessian.diagonal() + springs)"
EARLY = "    if {}:\n        return {}\n    springs ="
MUTANTS = [
    ("forgets the strength", {"strength * fisher": "fisher"}, "is missing: your springs"),
    ("weights the new task", {"strength * fisher": "fisher / strength"}, "the wrong way round"),
    ("ignores the coupling", {SOLVED: EACH}, "B couples the weights"),
    ("adds F to every row", {MATRIX: "hessian + springs"}, "spread over it"),
    ("takes an outer product", {MATRIX: "hessian + strength * torch.outer(fisher, fisher)"}, "F became a full matrix"),
    ("gives back its argument", {"    springs =": EARLY.format("not strength", "minimum")}, "shares its memory"),
    (
        "gives back the anchors",
        {"    springs =": EARLY.format("(anchors == minimum).all()", "anchors")},
        "shares its memory",
    ),
    ("takes no strength for 1", {"strength * fisher": "(strength or 1) * fisher"}, "a strength of 0 is taken"),
    (
        "moves what has a spring",
        {f"return {SOLVED}": f"return torch.where(fisher > 0, {SOLVED}, minimum)"},
        "F_i above 0 move",
    ),
    ("has a minus on the right", {"minimum + springs": "minimum - springs"}, "a sign on the right side"),
]


def from_the_anchors(hessian, minimum, fisher, anchors, strength):
    """One step of Newton's method from the old weights."""
    slope = hessian @ (anchors - minimum)
    return anchors - torch.linalg.inv(hessian + strength * torch.diag(fisher)) @ slope


def by_descent(hessian, minimum, fisher, anchors, strength):
    """Gradient descent, conjugate directions, in NumPy."""
    B, b, F, a = (each.double().numpy() for each in (hessian, minimum, fisher, anchors))
    matrix, theta = B + strength * np.diag(F), a.copy()
    left = B @ b + strength * F * a - matrix @ theta
    way = left.copy()
    for _ in range(3 * len(b)):
        if left @ left < 1e-28:
            break
        step = left @ left / (way @ matrix @ way)
        theta, after = theta + step * way, left - step * matrix @ way
        left, way = after, after + (after @ after) / (left @ left) * way
    return theta


OTHERS = [from_the_anchors, by_descent]
