"""What people get wrong in ends_near, and other right answers."""

import numpy as np
import torch

MUTANTS = [
    ("takes the margin for a distance", {"margin * plain": "margin"}, "your margin is a distance"),
    ("measures by its own distance", {"margin * plain": "margin * distances[k]"}, "the run's own distance"),
    ("takes all k", {"for k in tuned": "for k in distances"}, "that were not tuned over, and infinity"),
    ("keeps what ends far away", {"abs(distances[k] - plain)": "plain - distances[k]"}, "however far"),
    (
        "keeps the nearer ones",
        {"abs(distances[k] - plain) <=": "0 <= plain - distances[k] <="},
        "a little farther away",
    ),
    ("none for an empty list", {"* plain)": "* plain) or None"}, "your result is None"),
    ("0 for an empty list", {"* plain)": "* plain) or [0]"}, "it has to be ["),
    (
        "one alone",
        {
            "return sorted(": "one = lambda x: x[0] if len(x) == 1 else x\n    return one(sorted(",
            "* plain)": "* plain))",
        },
        "also with one k in it",
    ),
    ("drops infinity", {"for k in tuned if": "for k in tuned if k < 1e9 and"}, "infinity is missing"),
    (
        "sorts words",
        {"* plain)": "* plain, key=str)", "sorted(k for": "sorted([k for", "plain, key": "plain], key"},
        "sorted as words are",
    ),
    ("below for at most", {"<= margin": "< margin"}, "at most is <="),
    (
        "rounds the share",
        {"abs(distances[k] - plain) <= margin * plain": "round(abs(distances[k] / plain - 1), 2) <= margin"},
        "it has to be [",
    ),
    ("the last key for infinity", {'distances[float("inf")]': "list(distances.values())[-1]"}, "it has to be ["),
    (
        "isclose",
        {"margin * plain)": "margin * max(plain, distances[k]))"},
        "as in `math.isclose`",
    ),
    ("does not sort", {"return sorted(k for": "return list(k for"}, "not in order"),
]


def with_numpy(distances, tuned, margin):
    tuned = np.sort(tuned)
    share = np.array([distances[k] for k in tuned]) / distances[np.inf]
    return tuned[np.abs(share - 1) <= margin].tolist()


def looped(distances, tuned, margin):
    found = []
    for k, distance in sorted(distances.items()):
        ratio = distance / distances[float("inf")]
        if k in tuned and 1 - margin <= ratio <= 1 + margin:
            found.append(k)
    return found


def masked(distances, tuned, margin):
    ks = torch.tensor(tuned, dtype=torch.float64).sort().values
    far = torch.tensor([distances[k] for k in ks.tolist()], dtype=torch.float64)
    return ks[(far / distances[torch.inf] - 1).abs() <= margin]


OTHERS = [masked, with_numpy, looped]
