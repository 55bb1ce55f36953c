"""What people get wrong in price_list, and other right answers."""

import numpy as np

TEST = "a <= loss and b >= score and (a < loss or b > score)"

MUTANTS = [
    (
        "reverses the loss",
        {TEST: "a >= loss and b >= score and (a > loss or b > score)"},
        "a high source loss for a good",
    ),
    ("reverses the score", {TEST: "a <= loss and b <= score and (a < loss or b < score)"}, "a low score for a good"),
    ("keeps what ties", {TEST: "a < loss and b > score"}, "equals in one number"),
    ("drops what is the same", {" and (a < loss or b > score)": ""}, "push each other off in yours"),
    (
        "takes the ends",
        {
            "if not any(" + TEST + " for a, b in others)": "if all(a >= loss for a, _ in others) or "
            "all(b <= score for _, b in others)"
        },
        "the two ends",
    ),
    (
        "a set",
        {"return sorted(found, key=lambda name: points[name][1], reverse=True)": "return set(found)"},
        "your result is a set",
    ),
    (
        "one name alone",
        {"    return sorted(": "    if len(found) == 1:\n        return found[0]\n    return sorted("},
        "your result is a str",
    ),
    ("scores above 0", {"if not any(": "if score > 0 and not any("}, "is not on your list, and nobody beats it"),
    ("sorts by names", {", key=lambda name: points[name][1], reverse=True": ""}, "in the order of their names"),
    (
        "crosses out in place",
        {"    return sorted(": "    [points.pop(name) for name in {*points} - {*found}]\n    return sorted("},
        "changes its argument `points`",
    ),
    ("sorts upwards", {", reverse=True": ""}, "in order of rising score"),
]


def swept(points):
    found, lowest, last = [], float("inf"), None
    for name, (loss, score) in sorted(points.items(), key=lambda item: (-item[1][1], item[1][0])):
        if loss < lowest or (loss, score) == last:
            found.append(name)
            lowest, last = loss, (loss, score)
    return found


def with_numpy(points):
    names, values = np.array(list(points)), np.array(list(points.values())) * [-1, 1]
    as_good = (values[:, None] >= values[None]).all(2)
    better = (values[:, None] > values[None]).any(2)
    left = ~(as_good & better).any(0)
    order = np.argsort(-values[left, 1])
    return tuple(names[left][order])


def an_array_of_names(points):
    return np.array(swept(points))


OTHERS = [an_array_of_names, swept, with_numpy]
