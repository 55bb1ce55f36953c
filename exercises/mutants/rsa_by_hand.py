"""What people get wrong in rsa_by_hand, and other right answers."""

import numpy as np
import torch

UNIT = "states / states.norm(dim=1, keepdim=True)"
RESULT = "(x @ y) / (x.norm() * y.norm())"
MUTANTS = [
    ("keeps the diagonal", {"len(before), 1)": "len(before), 0)"}, "cosine with itself is among your pairs"),
    (
        "takes the whole matrices",
        {"(unit @ unit.T)[first, second]": "(unit @ unit.T).flatten()"},
        "the diagonals are among your pairs",
    ),
    ("correlates dot products", {UNIT: "states"}, "long states count more"),
    ("divides by the square", {UNIT: "states / states.square().sum(1, keepdim=True)"}, "the square of its length"),
    ("centres first", {UNIT: "torch.nn.functional.normalize(states - states.mean(0), dim=1)"}, "what CKA does"),
    (
        "centres each state",
        {UNIT: "torch.nn.functional.normalize(states - states.mean(1, keepdim=True), dim=1)"},
        "correlations between states",
    ),
    ("normalises columns", {UNIT: "states / states.norm(dim=0)"}, "normalise each column"),
    (
        "correlates distances",
        {"(unit @ unit.T)[first, second]": "torch.cdist(states, states)[first, second]"},
        "you correlate distances",
    ),
    ("keeps the means", {"cosines - cosines.mean()": "cosines"}, "their cosine and not their correlation"),
    ("squares it", {RESULT: "((x @ y) / (x.norm() * y.norm())) ** 2"}, "square of the correlation"),
    ("gives a covariance", {RESULT: "(x @ y) / (len(x) - 1)"}, "the covariance"),
    ("mixes n and n - 1", {RESULT: "(x * y).mean() / (x.std() * y.std())"}, "by one less"),
    ("gives a slope", {RESULT: "(x @ y) / (x @ x)"}, "the slope of a line"),
    (
        "takes ranks",
        {"cosines - cosines.mean()": "cosines.argsort().argsort().double() - (len(cosines) - 1) / 2"},
        "Spearman",
    ),
    ("drops the sign", {RESULT: "((x @ y) / (x.norm() * y.norm())).abs()"}, "have moved apart"),
]


def with_numpy(before, after):
    lists = []
    for states in (before.numpy(), after.numpy()):
        unit = states / np.linalg.norm(states, axis=1, keepdims=True)
        lists.append((unit @ unit.T)[np.tril_indices(len(unit), -1)])
    return np.corrcoef(*lists)[0, 1]


def both_triangles(before, after):
    """Each pair twice: the correlation is the same."""
    n = len(before)
    apart = ~torch.eye(n, dtype=torch.bool)
    cosines = [torch.nn.functional.cosine_similarity(s[:, None], s[None], dim=-1)[apart] for s in (before, after)]
    return torch.corrcoef(torch.stack(cosines))[0, 1]


def standardised(before, after):
    first, second = torch.triu_indices(len(before), len(before), 1)
    scores = []
    for states in (before, after):
        unit = torch.nn.functional.normalize(states, dim=1)
        cosines = (unit[first] * unit[second]).sum(1)
        scores.append((cosines - cosines.mean()) / cosines.std(unbiased=False))
    return (scores[0] * scores[1]).mean()


OTHERS = [with_numpy, both_triangles, standardised]
