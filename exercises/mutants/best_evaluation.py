"""What people get wrong in best_evaluation, and other right answers."""

from statistics import median

import numpy as np
import torch

MUTANTS = [
    (
        "takes the best point of the mean curve",
        {"scores.max(axis=1)": "scores[:, scores.mean(axis=0).argmax()]"},
        "one step for all runs",
    ),
    ("takes the best run", {"np.median(scores.max(axis=1))": "scores.max()"}, "the best run of all. Take"),
    ("takes means", {"np.median": "np.mean"}, "the mean over the runs"),
    ("takes the first for the last", {"scores[:, -1]": "scores[:, 0]"}, "your last score is the first one"),
    (
        "takes the median of the gains",
        {"best - last": "np.median(scores.max(axis=1) - scores[:, -1])"},
        "gains of the single runs",
    ),
    (
        "skips the first look",
        {"scores.max(axis=1)": "scores[:, min(1, scores.shape[1] - 1) :].max(axis=1)"},
        "leaves out the first evaluation",
    ),
    (
        "skips the last look",
        {"scores.max(axis=1)": "scores[:, : max(1, scores.shape[1] - 1)].max(axis=1)"},
        "leaves out the last evaluation",
    ),
    ("torch's median", {"np.median(": "(lambda x: np.sort(x)[(len(x) - 1) // 2])("}, "as `torch.median` does"),
    ("the upper one of the middle two", {"np.median(": "(lambda x: np.sort(x)[len(x) // 2])("}, "the upper one of"),
    ("begins at 0", {"scores.max(axis=1)": "scores.max(axis=1, initial=0.0)"}, "best scores begin at 0"),
    ("takes sizes", {"    last = ": "    scores = np.abs(scores)\n    last = "}, "without their signs"),
    ("a gain at any price", {"best - last": "max(best - last, 0.001)"}, "it has to be 0."),
    ("takes the other axis", {"axis=1": "axis=0"}, "over the runs, at each step"),
]


def looped(scores):
    last, best = [], []
    for run in scores:
        last.append(float(run[-1]))
        best.append(max(map(float, run)))
    return {"gain": median(best) - median(last), "best": median(best), "last": median(last)}


def by_quantile(scores):
    last, best = np.quantile(np.stack([scores[:, -1], np.sort(scores, axis=1)[:, -1]]), 0.5, axis=1)
    return {"last": last, "best": best, "gain": best - last}


def in_torch(scores):
    last, best = (x.quantile(0.5) for x in (torch.tensor(scores[:, -1]), torch.tensor(scores).amax(1)))
    return {"last": last, "best": best, "gain": best - last}


OTHERS = [in_torch, looped, by_quantile]
