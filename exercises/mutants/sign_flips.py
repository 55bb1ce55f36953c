"""What people get wrong in sign_flips, and other right answers."""

import math
from itertools import product

import numpy as np
import torch
from scipy import stats

P = "sum(each >= far for each in sums) / 2**n"
WIN = "while 2 / 2**needed > alpha"
DIVIDED = """from itertools import combinations
    both = np.array([*method, *baseline])
    sums = [abs(2 * sum(c) - both.sum()) for c in combinations(both.tolist(), n)]"""

MUTANTS = [
    (
        "one side",
        {"far = len(d), abs(d.sum())": "far = len(d), d.sum()", "sums = [abs(": "sums = [("},
        "one side alone. A mean",
    ),
    (
        "twice one side",
        {"far = len(d), abs(d.sum())": "far = len(d), d.sum()", "sums = [abs(": "sums = [(", P: f"2 * {P}"},
        "twice that of one side",
    ),
    ("without equals", {"each >= far": "each > far"}, "as far from 0 as your list"),
    ("without itself", {P: "(sum(each >= far for each in sums) - 1) / (2**n - 1)"}, "out of the number of lists"),
    ("adds one", {P: "(sum(each >= far for each in sums) + 1) / (2**n + 1)"}, "for draws at random"),
    (
        "counts wins",
        {
            P: "__import__('scipy.stats').stats.binomtest(int((d > 0).sum()), int((d != 0).sum())).pvalue",
        },
        "of the signs alone",
    ),
    ("Student's", {P: "__import__('scipy.stats').stats.ttest_rel(method, baseline).pvalue"}, "assumes a bell curve"),
    (
        "Student's without pairs",
        {P: "__import__('scipy.stats').stats.ttest_ind(method, baseline).pvalue"},
        "without pairs",
    ),
    (
        "ranks",
        {P: "__import__('scipy.stats').stats.wilcoxon(d, method='exact').pvalue"},
        "that of ranks",
    ),
    (
        "divides all scores",
        {
            "sums = [abs((np.array(signs) * d).sum()) for signs in product((1, -1), repeat=n)]": DIVIDED,
            "/ 2**n,": "/ len(sums),",
        },
        "in every way",
    ),
    (
        "medians",
        {"abs(d.sum())": "abs(np.median(d))", "(np.array(signs) * d).sum()": "np.median(np.array(signs) * d)"},
        "you compare medians",
    ),
    ("the other way round", {"d.mean()": "-d.mean()"}, "baseline less method"),
    ("a sum", {"d.mean()": "d.sum()"}, "is a sum"),
    ("without its sign", {"d.mean()": "abs(d.mean())"}, "without its sign"),
    ("one list", {WIN: "while 1 / 2**needed > alpha"}, "2 of the lists"),
    ("less than alpha", {"> alpha": ">= alpha"}, "asks for less than alpha"),
]


def in_one_go(baseline, method, alpha):
    d = np.subtract(method, baseline)
    patterns = 1 - 2 * (np.arange(2 ** len(d))[:, None] >> np.arange(len(d)) & 1)
    return {
        "difference": np.mean(d),
        "p": np.mean(np.abs(patterns @ d) >= abs(d.sum())),
        "needed": max(1, math.ceil(1 - math.log2(alpha))),
    }


def in_torch(baseline, method, alpha):
    d = torch.tensor(method) - torch.tensor(baseline)
    signs = torch.tensor(list(product((1.0, -1.0), repeat=len(d))), dtype=d.dtype)
    needed = next(m for m in range(1, 100) if 0.5 ** (m - 1) <= alpha)
    return {"difference": d.mean(), "p": ((signs @ d).abs() >= d.sum().abs()).double().mean(), "needed": needed}


def with_scipy(baseline, method, alpha):
    def gap(x, y, axis):
        return np.mean(y - x, axis=axis)

    found = stats.permutation_test(
        (baseline, method),
        gap,
        permutation_type="samples",
        n_resamples=np.inf,
        alternative="two-sided",
        vectorized=True,
    )
    difference = float(gap(np.array(baseline), np.array(method), 0))
    # scipy doubles the smaller side, and cuts at 1
    needed = 1
    while 2 ** (1 - needed) > alpha:
        needed += 1
    return {"difference": difference, "p": found.pvalue, "needed": needed}


def halves(baseline, method, alpha):
    d = [b - a for a, b in zip(baseline, method, strict=True)]
    reached = [0.0]
    for each in d:
        reached = [total + sign for total in reached for sign in (each, -each)]
    far = sum(1 for total in reached if not abs(total) < abs(sum(d)))
    m = 1
    while alpha * 2**m < 2:
        m += 1
    return {"p": far / len(reached), "difference": sum(d) / len(d), "needed": float(m)}


OTHERS = [in_one_go, in_torch, with_scipy, halves]
