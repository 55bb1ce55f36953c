"""What people get wrong in distance_home, and other right answers."""

import numpy as np
import torch

SQUARES = "total = total + ((weights[name] - anchor) ** 2).sum()"

MUTANTS = [
    ("takes no root", {"return total.sqrt()": "return total"}, "root is missing"),
    (
        "adds the lengths",
        {SQUARES: "total = total + (weights[name] - anchor).norm()", "return total.sqrt()": "return total"},
        "Lengths do not add",
    ),
    (
        "counts the head",
        {"name, anchor in anchors.items()": "name, now in weights.items()", "- anchor": "- anchors.get(name, 0 * now)"},
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
