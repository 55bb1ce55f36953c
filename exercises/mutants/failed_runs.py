"""What people get wrong in failed_runs, and other right answers."""

from collections import Counter

import numpy as np
import torch

FAILS = "share(asked, labels) <= majority(labels)"
LEARNS = "share(runs[seed][1], train_labels) <= majority(train_labels)"
CHANCE = "1 / len(set(labels))"

MUTANTS = [
    ("less than", {FAILS: FAILS.replace("<=", "<")}, "counts as good in yours. No better"),
    (
        "less than, twice",
        {FAILS: FAILS.replace("<=", "<"), LEARNS: LEARNS.replace("<=", "<")},
        "counts as good in yours, on both sets",
    ),
    ("less than, in training", {LEARNS: LEARNS.replace("<=", "<")}, "as one that learned in yours"),
    (
        "one half",
        {"Counter(of).most_common(1)[0][1] / len(of)": "1 / len(set(of))"},
        "with 1 / classes",
    ),
    (
        "one half, and the right majority beside it",
        {FAILS: f"share(asked, labels) <= {CHANCE}", LEARNS: LEARNS.replace("majority(train_labels)", CHANCE)},
        "with 1 / classes",
    ),
    (
        "the other set's majority",
        {FAILS: "share(asked, labels) <= majority(train_labels)", "majority(labels),\n": "majority(train_labels),\n"},
        "that of the training labels",
    ),
    (
        "one majority for both",
        {LEARNS: LEARNS.replace("majority(train_labels)", "majority(labels)")},
        "They have one of their own",
    ),
    (
        "all that never learned",
        {f"for seed in failed if {LEARNS}": f"for seed in sorted(runs) if {LEARNS}"},
        "has runs in yours that did",
    ),
    ("those that learned", {LEARNS: LEARNS.replace("<=", ">")}, "those that know their"),
    ("all failed", {f" if {LEARNS}": ""}, "all failed runs in yours. Some"),
    ("several answers", {"len(set(runs[seed][0])) == 1": "len(set(runs[seed][0])) > 1"}, "several answers in yours"),
    (
        "the most frequent class alone",
        {
            "len(set(runs[seed][0])) == 1": "set(runs[seed][0]) == {max(labels, key=labels.count)}",
        },
        "a rarer class gives one answer, too",
    ),
    ("good ones", {FAILS: FAILS.replace("<=", ">")}, "runs that did not fail in yours"),
    ("as they come", {"sorted(seed for": "list(seed for"}, "not in order"),
    (
        "a count",
        {'"majority": majority(labels)': '"majority": Counter(labels).most_common(1)[0][1]'},
        "a number of examples",
    ),
]


def with_numpy(runs, labels, train_labels):
    labels, train_labels = np.array(labels), np.array(train_labels)
    tops = [np.bincount(each).max() for each in (labels, train_labels)]
    failed = np.sort([s for s, (a, _) in runs.items() if (np.array(a) == labels).sum() <= tops[0]]).tolist()
    return {
        "never learned": [s for s in failed if (np.array(runs[s][1]) == train_labels).sum() <= tops[1]],
        "one answer": [s for s in failed if np.ptp(runs[s][0]) == 0],
        "majority": tops[0] / len(labels),
        "failed": failed,
    }


def in_torch(runs, labels, train_labels):
    y, z = torch.tensor(labels), torch.tensor(train_labels)
    base, trained = (each.bincount().max().item() / len(each) for each in (y, z))
    found = {"majority": torch.tensor(base), "failed": [], "never learned": [], "one answer": []}
    for seed in sorted(runs):
        asked, seen = map(torch.tensor, runs[seed])
        if (asked == y).double().mean().item() <= base + 1e-9:
            found["failed"].append(seed)
            if (seen == z).double().mean().item() <= trained + 1e-9:
                found["never learned"].append(seed)
            if len(asked.unique()) == 1:
                found["one answer"].append(seed)
    return found


def by_hand(runs, labels, train_labels):
    counts, train_counts = Counter(labels), Counter(train_labels)
    most, train_most = max(counts.values()), max(train_counts.values())
    hits = {s: sum(map(lambda x, y: x == y, a, labels)) for s, (a, _) in runs.items()}
    known = {s: sum(map(lambda x, y: x == y, b, train_labels)) for s, (_, b) in runs.items()}
    failed = [s for s in sorted(hits) if not hits[s] > most]
    return {
        "majority": most / sum(counts.values()),
        "failed": failed,
        "never learned": [s for s in failed if not known[s] > train_most],
        "one answer": [s for s in failed if all(x == runs[s][0][0] for x in runs[s][0])],
    }


OTHERS = [with_numpy, in_torch, by_hand]
