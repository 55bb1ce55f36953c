"""What people get wrong in overlap_by_chance, and other right answers."""

import numpy as np
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
    ("per cent", {"both / of_a, of_b / n": "100 * both / of_a, 100 * of_b / n"}, "are per cent"),
    ("a number for a share", {"both / of_a": "both"}, "a number of weights, not a share"),
    ("counts in bytes", {"(a[name] & b[name]).sum()": "(a[name] & b[name]).sum() % 256"}, "it has to be 0"),
    ("one at least", {"of_b / n": "max(1, of_b) / n"}, "it has to be 0"),
    (
        "leaves out tensors without a",
        {"for mask in b.values()": "for name, mask in b.items() if a[name].any()"},
        "it has to be 0",
    ),
    (
        "leaves out what has no dimension",
        {"    both = ": "    a = {name: mask for name, mask in a.items() if mask.ndim}\n    both = "},
        "it has to be 0",
    ),
    (
        "views what is not contiguous",
        {"(a[name] & b[name]).sum()": "a[name].view(-1)[b[name].view(-1)].sum()"},
        "view size is not compatible",
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


def in_numpy(a, b):
    a, b = (np.concatenate([np.ravel(child[name]) for name in sorted(child)]) for child in (a, b))
    return np.array([b[a].mean(), b.mean()])


OTHERS = [in_numpy, flattened, looped]
