"""What people get wrong in compare_medians, and other right answers."""

import numpy as np

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


OTHERS = [with_numpy, by_winner]
