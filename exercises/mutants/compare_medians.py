"""What people get wrong in compare_medians, and other right answers."""

import numpy as np
import torch

CLEAR = "median(new) > max(old) or median(old) > max(new)"

MUTANTS = [
    ("takes means", {"import median": "import fmean as median"}, "means where medians"),
    ("takes the lower median", {"import median": "import median_low as median"}, "the lower of the middle two"),
    (
        "turns the claim around",
        {"claimed += median(new) > median(old)": "claimed += median(old) > median(new)"},
        "direction is",
    ),
    ("takes its own maximum", {CLEAR: "median(new) > max(new) or median(old) > max(old)"}, "its own maximum"),
    (
        "counts ties",
        {CLEAR: CLEAR.replace(">", ">="), "claimed += median(new) >": "claimed += median(new) >="},
        "ties count in yours, in both",
    ),
    (
        "rounds",
        {"import median": "import median as exact\n\nmedian = lambda x: round(exact(x), 1)"},
        "round the medians",
    ),
    (
        "takes sizes",
        {"new = method[task]": "old, new = ([abs(x) for x in each[task]] for each in (baseline, method))"},
        "without their signs",
    ),
    ("begins at 0", {CLEAR: "median(new) > max(0.0, *old) or median(old) > max(0.0, *new)"}, "maxima begin at 0"),
    ("at least one", {'"clear": clear': '"clear": max(1, clear)'}, "9 of 10 cases"),
    ("asks for a margin", {CLEAR: "median(new) > max(old) + 0.05 or median(old) > max(new) + 0.05"}, "9 of 10 cases"),
    ("looks for wins only", {" or median(old) > max(new)": ""}, "tasks that the baseline wins"),
]


def with_numpy(baseline, method):
    tasks = sorted(baseline)
    medians, tops = ([[f(m[task]) for task in tasks] for m in (baseline, method)] for f in (np.median, np.max))
    (a, b), (top_a, top_b) = np.array(medians), np.array(tops)
    return {"clear": np.sum((a > top_b) | (b > top_a)), "as claimed": (b > a).sum()}


def by_winner(baseline, method):
    result = {"clear": 0, "as claimed": 0}
    for task in method:
        old, new = baseline[task], method[task]
        if np.quantile(new, 0.5) > np.quantile(old, 0.5):
            result["as claimed"] += 1
            winner, loser = new, old
        else:
            winner, loser = old, new
        if np.quantile(winner, 0.5) > max(loser):
            result["clear"] += 1
    return result


def in_torch(baseline, method):
    clear, claimed = [], []
    for task, new in method.items():
        old, new = (torch.tensor(each, dtype=torch.float64) for each in (baseline[task], new))
        clear.append((old.quantile(0.5) > new.max()) | (new.quantile(0.5) > old.max()))
        claimed.append(new.quantile(0.5) > old.quantile(0.5))
    return {"clear": torch.stack(clear).sum(), "as claimed": torch.stack(claimed).sum()}


OTHERS = [in_torch, with_numpy, by_winner]
