"""What people get wrong in distance_home, and other right answers."""

import numpy as np
import torch

SQUARES = "total = total + ((weights[name] - anchor) ** 2).sum()"
RETURN = "return total"
THROUGH_WEIGHTS = {"name, anchor in anchors.items()": "name, now in weights.items()"}

MUTANTS = [
    ("takes no root", {"return total.sqrt()": RETURN}, "root is missing"),
    (
        "adds the lengths",
        {SQUARES: "total = total + (weights[name] - anchor).norm()", "return total.sqrt()": RETURN},
        "Lengths do not add",
    ),
    (
        "returns inside the loop",
        {"    return total.sqrt()": "        return total.sqrt()"},
        "Is the `return` inside the loop?",
    ),
    ("keeps the last tensor", {"total = total + (": "total = ("}, "throws away what was there"),
    (
        "takes the root inside the loop",
        {SQUARES: "total = (total + ((weights[name] - anchor) ** 2).sum()).sqrt()", "return total.sqrt()": RETURN},
        "you take a root inside the loop",
    ),
    ("squares the sum", {SQUARES: "total = total + (weights[name] - anchor).sum() ** 2"}, "Moves up and moves down"),
    ("forgets to square", {"((weights[name] - anchor) ** 2)": "(weights[name] - anchor)"}, "Moves up and moves down"),
    ("subtracts squares", {"(weights[name] - anchor) ** 2": "weights[name] ** 2 - anchor**2"}, "squares from squares"),
    ("goes through the weights", {**THROUGH_WEIGHTS, "- anchor": "- anchors[name]"}, "Only `weights` has this name"),
    (
        "counts the head",
        {**THROUGH_WEIGHTS, "- anchor": "- anchors.get(name, 0 * now)"},
        "as if its home were zero",
    ),
    (
        "takes the mean",
        {"return total.sqrt()": "return (total / sum(a.numel() for a in anchors.values())).sqrt()"},
        "root mean square",
    ),
    (
        "pairs by position",
        {
            "name, anchor in anchors.items()": "now, anchor in zip(weights.values(), anchors.values())",
            "weights[name]": "now",
        },
        "by their position",
    ),
    ("leaves single numbers out", {"sum()": "sum() * (anchor.numel() > 1)"}, "of a single number"),
    (
        "rounds to bfloat16",
        {"(weights[name] - anchor)": "(weights[name].bfloat16() - anchor.bfloat16())"},
        "never in half precision",
    ),
    ("counts matrices", {"sum()": "sum() * (anchor.ndim > 1)"}, "only matrices"),
    (
        "adds each square once",
        {"((weights[name] - anchor) ** 2).sum()": "((weights[name] - anchor) ** 2).unique().sum()"},
        "is stored as two",
    ),
    (
        "looks at the first hundred numbers",
        {"((weights[name] - anchor) ** 2).sum()": "((weights[name] - anchor) ** 2).flatten()[:100].sum()"},
        "is stored as two",
    ),
    (
        "takes the spectral norm",
        {SQUARES: "total = total + torch.linalg.norm(weights[name] - anchor, 2) ** 2"},
        "singular value",
    ),
]


def one_vector(weights, anchors):
    return torch.cat([(weights[name] - anchors[name]).flatten() for name in anchors]).norm()


def by_tensor(weights, anchors):
    lengths = [float(np.linalg.norm(weights[name].numpy() - anchors[name].numpy())) for name in sorted(anchors)]
    return np.linalg.norm(lengths)


OTHERS = [one_vector, by_tensor]
