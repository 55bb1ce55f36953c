"""What people get wrong in paired_seeds, and other right answers."""

import math
import statistics

import numpy as np
import torch
from scipy import stats
from scipy.special import stdtrit

WHICH = "[seed for seed in baseline if seed in method and not np.isnan(baseline[seed] + method[seed])]"
LOOP = "    needed = 2\n    while half(needed) > gain:\n        needed += 1\n"

MUTANTS = [
    (
        "pairs by place",
        {"np.array([scores[seed] for seed in seeds])": "np.array([scores[s] for s in scores if s in seeds])"},
        "by their place in the two dictionaries",
    ),
    (
        "sorts the scores",
        {"np.array([scores[seed] for seed in seeds])": "np.sort([scores[seed] for seed in seeds])"},
        "its best is paired with the other's best",
    ),
    ("keeps nan", {" and not np.isnan(baseline[seed] + method[seed])": ""}, "makes everything nan"),
    (
        "drops a score of 0",
        {WHICH: "[s for s in baseline if method.get(s) and baseline[s] and not np.isnan(baseline[s] + method[s])]"},
        "a score of 0 is left out",
    ),
    ("divides by n", {"ddof=1": "ddof=0"}, "standard deviations divide by n."),
    (
        "takes 1.96",
        {"stats.t.ppf(0.975, number - 1)": "1.96", "stats.t.ppf(0.975, 2 * n - 2)": "1.96"},
        "very many seeds. With n",
    ),
    ("takes one side", {"0.975": "0.95"}, "an interval of 90 %"),
    ("takes n degrees of freedom", {"number - 1)": "number)", "2 * n - 2": "2 * n"}, "One is spent on each mean"),
    ("turns the difference round", {"(new - old).mean()": "(old - new).mean()"}, "less the method's"),
    ("forgets the root", {"half(n)": "half(n) * np.sqrt(n)"}, "how far a single difference scatters"),
    ("n - 1 for the unpaired", {"2 * n - 2": "n - 1"}, "with n - 1 each make 2 n - 2"),
    (
        "takes all runs of the unpaired",
        {
            "    return {": "    old, new = (np.array([x for x in s.values() if x == x]) for s in (baseline, method))\n"
            "    unpaired = stats.t.ppf(0.975, len(old) + len(new) - 2) * np.sqrt(old.var(ddof=1) / len(old)"
            " + new.var(ddof=1) / len(new))\n    a = np.array([method[s] - baseline[s] for s in seeds])\n    return {",
            "(new - old).mean()": "a.mean()",
        },
        "`unpaired` is of all runs in yours, also",
    ),
    (
        "keeps the quantile of n",
        {LOOP: "    needed = max(2, int(np.ceil((stats.t.ppf(0.975, n - 1) * s / gain) ** 2)))\n"},
        "that of the n seeds that you have",
    ),
    (
        "1.96 for the number",
        {LOOP: "    needed = max(2, int(np.ceil((1.959964 * s / gain) ** 2)))\n"},
        "`needed` the quantile is 1.96",
    ),
    ("takes the last that fails", {"\n    while half(needed)": "\n    while half(needed + 1)"}, "is one too small"),
    ("begins with what there is", {"needed = 2": "needed = n"}, "never under the n seeds"),
    (
        "looks at a hundred at most",
        {"while half(needed) > gain": "while needed < 100 and half(needed) > gain"},
        "your result['needed'] is 100; it has to be",
    ),
    ("asks for the whole width", {"half(needed) > gain": "2 * half(needed) > gain"}, "asks for the whole width"),
]


def plain(baseline, method, gain):
    pairs = [(baseline[k], method[k]) for k in baseline.keys() & method.keys()]
    pairs = [(a, b) for a, b in pairs if a == a and b == b]
    gaps = [b - a for a, b in pairs]
    n, s = len(gaps), statistics.stdev(gaps)
    spread = math.sqrt(sum(statistics.variance(each) for each in zip(*pairs, strict=True)) / n)
    m = next(m for m in range(2, 10**6) if stdtrit(m - 1, 0.975) * s <= gain * math.sqrt(m))
    return {
        "needed": m,
        "difference": statistics.fmean(gaps),
        "paired": stdtrit(n - 1, 0.975) * s / math.sqrt(n),
        "unpaired": stdtrit(2 * n - 2, 0.975) * spread,
    }


def in_float32(baseline, method, gain):
    both = torch.tensor([[baseline[seed], method[seed]] for seed in sorted(set(baseline) & set(method))])
    both = both[torch.isfinite(both).all(1)]
    gaps, n = both[:, 1] - both[:, 0], len(both)
    many = np.arange(2, 2000)
    wide = stats.t.ppf(0.975, many - 1) * gaps.std().item() / np.sqrt(many)
    return {
        "difference": gaps.mean(),
        "paired": stats.t.ppf(0.975, n - 1) * gaps.std() / n**0.5,
        "unpaired": stats.t.isf(0.025, 2 * n - 2) * (both.var(0).sum() / n).sqrt(),
        "needed": many[np.argmax(wide <= gain)],
    }


def with_scipy(baseline, method, gain):
    seeds = sorted(seed for seed in set(baseline) & set(method) if math.isfinite(method[seed] - baseline[seed]))
    old, new = np.array([[scores[seed] for seed in seeds] for scores in (baseline, method)])
    gaps = new - old
    error = stats.sem(gaps)
    low, high = stats.t.interval(0.95, 2 * len(gaps) - 2, scale=np.hypot(stats.sem(old), stats.sem(new)))
    few, many = 1, 4096  # by halving
    while many - few > 1:
        m = (few + many) // 2
        wide = stats.t.ppf(0.975, m - 1) * error * np.sqrt(len(gaps) / m)
        few, many = (m, many) if wide > gain else (few, m)
    return {
        "difference": np.average(gaps),
        "paired": stats.t.ppf(0.975, len(gaps) - 1) * error,
        "unpaired": (high - low) / 2,
        "needed": np.int64(many),
    }


def by_hand(baseline, method, gain):
    seeds = []
    for seed, score in baseline.items():
        other = method.get(seed)
        if other is not None and not math.isnan(other) and not math.isnan(score):
            seeds.append(seed)
    n = len(seeds)
    mean_old, mean_new = sum(baseline[k] for k in seeds) / n, sum(method[k] for k in seeds) / n
    one = sum((baseline[k] - mean_old) ** 2 for k in seeds) / (n - 1)
    two = sum((method[k] - mean_new) ** 2 for k in seeds) / (n - 1)
    cross = sum((baseline[k] - mean_old) * (method[k] - mean_new) for k in seeds) / (n - 1)
    var = max(one + two - 2 * cross, 0)
    m = 1
    while True:
        m += 1
        if stats.t(m - 1).ppf(0.975) ** 2 * var <= gain**2 * m:
            break
    t = stats.t.ppf([0.975, 0.975], [n - 1, 2 * n - 2])
    return {
        "difference": mean_new - mean_old,
        "paired": t[0] * (var / n) ** 0.5,
        "unpaired": t[1] * ((one + two) / n) ** 0.5,
        "needed": float(m),
    }


OTHERS = [plain, in_float32, with_scipy, by_hand]
