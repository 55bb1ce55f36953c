"""What people get wrong in averaged_weights, and other right answers."""

import copy

import numpy as np
import torch

LERP = "torch.lerp(home[name].to(end.dtype), end, alpha)"
BOTH = "name in home and end.is_floating_point()"

MUTANTS = [
    ("shares what it hands on", {"end.clone()": "end"}, "what you hand on as it came shares its memory"),
    (
        "goes by the names of home",
        {"in now.items():\n": "in now.items():\n        if name not in home:\n            continue\n"},
        "is missing in yours",
    ),
    (
        "scales the head",
        {"mixed[name] = end.clone()": "mixed[name] = end.clone() if name in home else alpha * end"},
        "is scaled by alpha",
    ),
    (
        "keeps the old head",
        {"    return mixed": "    return mixed | {name: old.clone() for name, old in home.items() if name not in now}"},
        "yours has what only `home` has",
    ),
    ("turns alpha round", {LERP: "torch.lerp(end, home[name], alpha)"}, "is the wrong way round"),
    (
        "mixes counts",
        {BOTH: "name in home", LERP: "(1 - alpha) * home[name] + alpha * end"},
        "you mix the count of batches. ",
    ),
    (
        "mixes counts to whole ones",
        {"end.clone()": "((1 - alpha) * home[name] + alpha * end).to(end.dtype) if name in home else end.clone()"},
        "and cut it to a whole number",
    ),
    ("takes home's counts", {"end.clone()": "home.get(name, end).clone()"}, "that of `home`. It stays"),
    ("takes halves", {LERP: "(home[name] + end) / 2"}, "one half of each"),
    ("adds", {LERP: "home[name] + alpha * end"}, "without taking (1 - alpha)"),
    ("takes now", {LERP: "end.clone()"}, "those of `now`: nothing"),
    ("takes home", {LERP: "home[name].clone()"}, "those of `home`: nothing"),
    ("goes from home", {LERP: "home[name] + alpha * (end - home[name])"}, "is not `now` to the bit"),
    ("mixes in place", {LERP: "end.lerp_(home[name], 1 - alpha).clone()"}, "changes its argument `now`"),
    ("sorts", {"now.items()": "sorted(now.items())"}, "in the order of `now`"),
]


def as_printed(home, now, alpha):
    mixed = copy.deepcopy(now)
    for name in set(home) & set(now):
        if now[name].dtype.is_floating_point:
            mixed[name] = (1 - alpha) * home[name] + alpha * now[name]
    return mixed


def in_numpy(home, now, alpha):
    result = {}
    for name in now:
        end = np.array(now[name])
        whole = np.issubdtype(end.dtype, np.integer)
        result[name] = end if name not in home or whole else (1 - alpha) * np.array(home[name]) + alpha * end
    return result


def into_new(home, now, alpha):
    result = {name: torch.empty_like(end) for name, end in now.items()}
    for name, into in result.items():
        into.copy_(now[name])
        if torch.is_floating_point(into) and name in home:
            into.mul_(alpha).add_(home[name], alpha=1 - alpha)
    return result


OTHERS = [as_printed, in_numpy, into_new]
