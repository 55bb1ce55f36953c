"""What people get wrong in ends_near, and other right answers."""

import numpy as np

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


OTHERS = [with_numpy, looped]
