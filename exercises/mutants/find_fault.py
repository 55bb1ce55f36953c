"""Rules of thumb that confuse two faults, and other right rules."""

import math
import statistics

import numpy as np
import torch
from scipy import special, stats

ANCHORS = 'log["body"][stop] < log["body"][stop - 1] / 2'
NORM = '(log["norm"] > 1.01 * log["own_norm"].max(1)).any()'
LAMBDA = '"lambda per micro-batch" if off[:stop].any() else "lambda restarted"'
ANY_FALL = """    if log["body"][stop:].min() < log["body"][stop - 1] / 2:
        return "anchors taken anew"
"""

MUTANTS = [
    (
        "takes any fall of the body's distance",
        {"    if off.any()": ANY_FALL + "    if off.any()"},
        "Its body comes home after the stop, over many steps",
    ),
    (
        "asks of lambda at the end alone",
        {LAMBDA: '"lambda restarted" if off[stop:].any() else "fine"'},
        "passes one half near step t0 / A",
    ),
    ("takes each lambda that is off for a restart", {LAMBDA: '"lambda restarted"'}, "is off before the stop already"),
    ("forgets that lambda may restart", {LAMBDA: '"lambda per micro-batch"'}, "Up to the stop its `lam` is what"),
    (
        "does not look at the two scores",
        {"before != after": "before > 1 and after > 1"},
        "The same weights, those of the stop, have two different scores",
    ),
    (
        "takes any fall of the score",
        {"before != after": '(np.diff(log["score"]) < 0).any()'},
        "Its scores go up and down because the weights move",
    ),
    (
        "asks whether the gradient is long",
        {"1.01 * log": "0.6 * log"},
        "a mean of vectors is never longer",
    ),
    (
        "takes any longer step after the stop",
        {"> 0.99 * lr[stop]": "/ lr[stop] > update[stop - 1] / lr[stop - 1]"},
        "vary in length from one",
    ),
    (
        "compares the step after the stop with the one before it",
        {"update[stop] > 0.99 * lr[stop]": "update[stop] > 1.5 * update[stop - 1]"},
        "as only a first step of Adam is",
    ),
    (
        "compares with the shortest part",
        {'own_norm"].max(1)': 'own_norm"].min(1)'},
        "a mean of vectors is never longer",
    ),
    ("ignores the padding", {"related < -0.35": "related < -1"}, "The more padding a micro-batch of it has"),
    ("takes any relation with the padding", {"related < -0.35": "related < 0"}, "differ by chance"),
    ("takes the first step of all for the head", {"0.99 * lr[0]": "1.01 * lr[0]"}, "just what Adam does"),
    ("looks at the head's end", {"update[0] < 0.99 * lr[0]": 'log["head"][-1] < 0.1'}, "depends on the scale"),
    ("measures the distance from zero", {ANCHORS: 'log["body"][stop] < 0.01'}, "depends on the scale"),
    (
        "takes any fall at the stop for new anchors",
        {ANCHORS: 'log["body"][stop] < log["body"][stop - 1]'},
        "falls a little here and there",
    ),
    (
        "takes a body that is nearer at the end for new anchors",
        {ANCHORS: 'log["body"][-1] < log["body"][stop - 1]'},
        "falls a little here and there",
    ),
    (
        "takes a large fall of the score",
        {"before != after": '(np.diff(log["score"]) < -0.03).any()'},
        "Its scores go up and down because the weights move",
    ),
    ("asks for each sum to be long", {NORM: NORM.replace("any", "all")}, "than the longest `own_norm`"),
    ("returns nothing for a run in order", {' else "fine"': " else None"}, "is there a `return`?"),
    ("returns a list", {' else "fine"': ' else ["fine"]'}, "your result is a list"),
    ("returns a word of its own", {' else "fine"': ' else "all right"'}, "spelled like that"),
    ("counts from 0", {"np.arange(1, len(lr) + 1)": "np.arange(len(lr))"}, "Row 0 of an array is step t = 1"),
]


def with_slopes(log):
    """The schedules by their turning points, the padding by a line through logarithms."""
    lr, lam, stop = log["lr"], log["lam"], log["resumed"]
    if np.all(np.diff(lr) > 0):
        return "endless warm-up"
    if lam[stop] < lam[stop - 1]:
        return "lambda restarted"
    if 1 + np.argmax(lam > 0.5) < 0.75 * log["t0"]:
        return "lambda per micro-batch"
    if log["update"][0] < lr[0] / 10:
        return "head recalled"
    if np.isclose(log["update"][stop], lr[stop], rtol=1e-4):
        return "optimizer state lost"
    if np.median(log["norm"] / log["own_norm"].mean(1)) > 1:
        return "gradients not divided"
    if len(set(log["score"][log["evaluated"] == stop])) == 2:
        return "evaluated in training mode"
    if log["body"][stop] / log["body"][stop - 1] < 0.3:
        return "anchors taken anew"
    x, y = np.log(1 - log["padding"]), np.log(log["loss"])
    x, y = x - x.mean(1, keepdims=True), y - y.mean(1, keepdims=True)
    return NAMES[0] if (x * y).sum() / (x * x).sum() < 0.5 else NAMES[1]


NAMES = ("fine", "padding in the loss")


def by_a_list(log):
    """Each sign by itself, in torch and float32."""
    log = {name: torch.tensor(value, dtype=torch.float32) for name, value in log.items()}
    stop, steps = int(log["resumed"]), torch.arange(1, len(log["lr"]) + 1)
    promised = torch.sigmoid(log["k"] * (steps - log["t0"]))
    off = (log["lam"] - promised).abs() > 0.1
    first = log["update"] / log["lr"]
    most, least = log["padding"] > 0.55, log["padding"] < 0.25
    relative = log["loss"] / log["loss"].mean(1, keepdim=True)
    signs = {
        "endless warm-up": log["lr"][-1] > log["lr"][-2],
        "lambda per micro-batch": off[:stop].any(),
        "lambda restarted": off[stop:].any(),
        "anchors taken anew": log["body"][stop] < 0.2 * log["body"][stop - 1],
        "optimizer state lost": first[stop] > 0.95,
        "head recalled": first[0] < 0.5,
        "gradients not divided": (log["norm"] / log["own_norm"].mean(1)).median() > 1,
        "padding in the loss": relative[most].mean() < 0.7 * relative[least].mean(),
        "evaluated in training mode": log["score"][log["evaluated"] == stop].diff().abs().item() > 0,
    }
    return next((name for name, sign in signs.items() if sign), "fine")


def in_plain_python(log):
    """Lists and loops."""
    run = {name: value.tolist() if hasattr(value, "tolist") else value for name, value in log.items()}
    stop, steps = run["resumed"], len(run["lr"])
    if max(range(steps), key=run["lr"].__getitem__) >= 2 * run["warmup"]:
        return "endless warm-up"
    for t in range(1, steps + 1):
        if abs(run["lam"][t - 1] - 1 / (1 + math.exp(-run["k"] * (t - run["t0"])))) > 0.05:
            return "lambda per micro-batch" if t <= stop else "lambda restarted"
    first = run["evaluated"].index(stop)
    if run["score"][first] != run["score"][first + 1]:
        return "evaluated in training mode"
    if run["head"][0] < 0.5 * run["lr"][0]:
        return "head recalled"
    if math.isclose(run["update"][stop], run["lr"][stop], rel_tol=1e-6):
        return "optimizer state lost"
    if 3 * run["body"][stop] < run["body"][stop - 1]:
        return "anchors taken anew"
    if sum(run["norm"]) * len(run["loss"][0]) > sum(map(sum, run["own_norm"])):
        return "gradients not divided"
    pairs = [
        (p, x / sum(row))
        for ps, row in zip(run["padding"], run["loss"], strict=True)
        for p, x in zip(ps, row, strict=True)
    ]
    pairs.sort()
    third = len(pairs) // 3
    low, high = (statistics.fmean(x for _, x in part) for part in (pairs[:third], pairs[-third:]))
    return "padding in the loss" if high < 0.7 * low else "fine"


def by_ranks(log):
    """The padding by ranks, the rest by the largest deviation."""
    t, stop = np.arange(len(log["lr"])) + 1, log["resumed"]
    off = ~np.isclose(log["lam"], special.expit(log["k"] * (t - log["t0"])), atol=0.02)
    related = stats.spearmanr(log["padding"].ravel(), (log["loss"] / log["loss"].mean(1, keepdims=True)).ravel())
    first = log["update"] / log["lr"]
    found = [
        (log["lr"].max() < log["peak"], "endless warm-up"),
        (off[:stop].any(), "lambda per micro-batch"),
        (off[stop:].any(), "lambda restarted"),
        (first[0] < 0.9, "head recalled"),
        (first[stop] > 0.999, "optimizer state lost"),
        (log["body"][stop - 1 : stop + 1].min() < 0.4 * log["body"][stop - 1], "anchors taken anew"),
        ((log["norm"] > log["own_norm"].max(1)).mean() > 0.2, "gradients not divided"),
        (np.ptp(log["score"][log["evaluated"] == stop]) > 0, "evaluated in training mode"),
        (related.statistic < -0.4, "padding in the loss"),
        (True, "fine"),
    ]
    return next(name for sign, name in found if sign)


OTHERS = [with_slopes, by_a_list, in_plain_python, by_ranks]
