"""What people get wrong in bootstrap_seeds, and other right answers."""

import statistics

import numpy as np
import torch

ROWS = "rows = torch.randint(len(new), (draws, len(new)), generator=generator)"

MIDDLE = "torch.quantile(new[rows], 0.5, dim=1)"

MUTANTS = [
    (
        "without replacement",
        {ROWS: "rows = torch.stack([torch.randperm(len(new), generator=generator) for _ in range(draws)])"},
        "have no width",
    ),
    (
        "the other way round",
        {ROWS: "rows = torch.randint(len(new), (len(new), draws), generator=generator).T"},
        "[n, draws] and turn it",
    ),
    (
        "a draw for the median",
        {MIDDLE: "torch.quantile(new[torch.randint(len(new), rows.shape, generator=generator)], 0.5, dim=1)"},
        "rows of their own for the median. Draw",
    ),
    (
        "apart",
        {
            "share, before = ((scores <= chance).double()[rows].mean(dim=1) for scores in (new, old))": (
                "share = (new <= chance).double()[rows].mean(dim=1)\n"
                "    apart = torch.randint(len(new), rows.shape, generator=generator)\n"
                "    before = (old <= chance).double()[apart].mean(dim=1)"
            )
        },
        "draws the two settings apart",
    ),
    ("90 percent", {"[0.025, 0.975]": "[0.05, 0.95]"}, "an interval of 90 %"),
    ("all of them", {"[0.025, 0.975]": "[0.0, 1.0]"}, "smallest and the largest"),
    (
        "turned around the value",
        {
            "interval(share), ": "turned(share, (new <= chance).double().mean()), ",
            "interval(middle)": "turned(middle, torch.quantile(new, 0.5))",
            "interval(share - before)": (
                "turned(share - before, (new <= chance).double().mean() - (old <= chance).double().mean())"
            ),
            "    middle = ": (
                "    def turned(values, point):\n        low, high = interval(values)\n"
                "        return 2 * point.item() - high, 2 * point.item() - low\n\n    middle = "
            ),
        },
        "turned around the value",
    ),
    ("of the scores", {"interval(middle)": "interval(new)"}, "holds 95 % of the scores"),
    ("means", {MIDDLE: "new[rows].mean(dim=1)"}, "means where medians"),
    ("the lower median", {MIDDLE: "new[rows].median(dim=1).values"}, "the lower of the middle two"),
    ("less than", {"(scores <= chance)": "(scores < chance)"}, "chance itself counts as good"),
    ("good ones", {"(scores <= chance)": "(scores > chance)"}, "of the good runs"),
    ("the other way", {"share - before": "before - share"}, "plain less changed"),
    (
        "the first setting",
        {
            '"share": interval(share)': '"share": interval(before)',
            MIDDLE: MIDDLE.replace("new", "old"),
        },
        "of the first setting in yours",
    ),
    ("a generator of its own", {"generator=generator": "generator=torch.Generator().manual_seed(0)"}, "it has to be"),
]


def with_numpy(plain, changed, chance, draws, generator):
    n = len(plain)
    rows = torch.randint(n, (draws, n), generator=generator).numpy()
    old, new = np.array(plain), np.array(changed)
    failed = np.stack([new, old]) <= chance
    shares = failed[:, rows].mean(axis=2)
    return {
        "difference": np.quantile(shares[0] - shares[1], [0.025, 0.975]),
        "share": np.quantile(shares[0], [0.025, 0.975]),
        "median": np.percentile(np.median(new[rows], axis=1), [2.5, 97.5]),
    }


def by_counts(plain, changed, chance, draws, generator):
    n = len(plain)
    rows = torch.randint(n, (draws, n), generator=generator)
    counts = torch.zeros(draws, n, dtype=torch.float64).scatter_add_(1, rows, torch.ones(draws, n, dtype=torch.float64))
    failed = torch.tensor([[float(score <= chance) for score in each] for each in (plain, changed)]).double()
    before, after = failed @ counts.T / n
    return {
        name: [values.quantile(0.025), values.quantile(0.975)]
        for name, values in {
            "share": after,
            "median": torch.tensor(changed).double()[rows].quantile(0.5, dim=1),
            "difference": after - before,
        }.items()
    }


def by_hand(plain, changed, chance, draws, generator):
    rows = torch.randint(len(plain), (draws, len(plain)), generator=generator).tolist()
    shares, gaps, middles = [], [], []
    for row in rows:
        new = sum(changed[seed] <= chance for seed in row) / len(row)
        old = sum(plain[seed] <= chance for seed in row) / len(row)
        shares.append(new)
        gaps.append(new - old)
        middles.append(statistics.median(changed[seed] for seed in row))
    ends = lambda values: list(np.quantile(values, (0.025, 0.975)))  # noqa: E731
    return {"share": ends(shares), "median": ends(middles), "difference": ends(gaps)}


OTHERS = [with_numpy, by_counts, by_hand]
