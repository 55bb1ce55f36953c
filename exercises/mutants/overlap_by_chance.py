"""What people get wrong in overlap_by_chance, and other right answers."""

import torch

MUTANTS = [
    ("divides by the union", {"both / of_a": "both / (of_a + of_b - both)"}, "Jaccard"),
    ("divides by all", {"both / of_a": "both / n"}, "a share of all weights"),
    ("counts agreement", {"a[name] & b[name]": "a[name] == b[name]", "both / of_a": "both / n"}, "neither of them has"),
    (
        "counts differences",
        {"a[name] & b[name]": "a[name] ^ b[name]", "both / of_a": "both / n"},
        "symmetric difference",
    ),
    ("takes a's share for chance", {"of_b / n": "of_a / n"}, "share of a in all weights"),
    (
        "averages over the tensors",
        {"both / of_a": "sum(float(b[name][a[name]].float().mean().nan_to_num()) for name in a) / len(a)"},
        "mean over the tensors",
    ),
]


def flattened(a, b):
    a, b = (torch.cat([child[name].flatten() for name in a]).double() for child in (a, b))
    return a @ b / a.sum(), b.mean()


def looped(a, b):
    inside, hits, of_b, n = 0, 0, 0, 0
    for name in a:
        for mine, other in zip(a[name].flatten().tolist(), b[name].flatten().tolist(), strict=True):
            inside, hits, of_b, n = inside + mine, hits + (mine and other), of_b + other, n + 1
    return [hits / inside, of_b / n]


OTHERS = [flattened, looped]
