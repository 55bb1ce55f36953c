"""What people get wrong in read_sweep, and other right answers."""

import numpy as np

SETTING = '(record["k"], record["t0"])'
MEDIAN = 'median(run["score"] for run in each)'

MUTANTS = [
    ("takes the best single run", {'median(run["score"] for': 'max(run["score"] for'}, "best single run"),
    (
        "takes means",
        {'median(run["score"] for run in each)': 'sum(run["score"] for run in each) / len(each)'},
        "you take means over the seeds",
    ),
    (
        "drops k = inf",
        {
            "    for record in records:\n": "    for record in records:\n"
            '        if record["k"] > 1e9:\n            continue\n'
        },
        "leave out the settings with k = inf",
    ),
    (
        "drops single runs",
        {"        runs.setdefault": '        if record["source_loss"] <= budget:\n            runs.setdefault'},
        "you drop single runs",
    ),
    (
        "takes positive scores only",
        {"lost[setting] <= budget]": "lost[setting] <= budget and score[setting] > 0]"},
        "only if its median score is above 0",
    ),
    (
        "rounds k",
        {SETTING: '(round(record["k"], 2) if record["k"] < 9 else record["k"], record["t0"])'},
        "lump two settings",
    ),
    ("rounds the scores", {MEDIAN: f"round({MEDIAN}, 3)"}, "round the medians"),
    ("allows a little more", {"<= budget]": "<= budget + 1e-3]"}, "a little more than the budget"),
    (
        "takes a set of scores",
        {'median(run["score"] for run in each)': 'median({run["score"] for run in each})'},
        "as in a set",
    ),
    (
        "compares means between equals",
        {"-lost[setting])": '-sum(run["source_loss"] for run in runs[setting]))'},
        "you compare the means",
    ),
    ("has no setting left", {", default=None": ""}, "No setting keeps to the budget here: return None."),
    ("returns an empty tuple", {"default=None": "default=()"}, "Return None, the value itself"),
    ("takes five runs", {" for run in each)": " for run in each[:5])"}, "its first five runs"),
    ("takes the first of two", {"(score[setting], -lost[setting])": "score[setting]"}, "the one that comes first"),
]


def looped(records, budget):
    best = None
    for k, t0 in {(row["k"], row["t0"]) for row in records}:
        mine = [row for row in records if row["k"] == k and row["t0"] == t0]
        score, lost = (np.median([row[name] for row in mine]) for name in ("score", "source_loss"))
        if lost > budget:
            continue
        if best is None or score > best[0] or (score == best[0] and lost < best[1]):
            best = score, lost, (k, t0)
    return None if best is None else best[2]


def in_order(records, budget):
    def middle(values):
        values = sorted(values)
        return (values[(len(values) - 1) // 2] + values[len(values) // 2]) / 2

    places = sorted({(row["k"], row["t0"]) for row in records})
    of = {p: [row for row in records if (row["k"], row["t0"]) == p] for p in places}
    rows = [(-middle([r["score"] for r in of[p]]), middle([r["source_loss"] for r in of[p]]), p) for p in places]
    rows = sorted(row for row in rows if row[1] <= budget)
    return list(rows[0][2]) if rows else None


OTHERS = [looped, in_order]
