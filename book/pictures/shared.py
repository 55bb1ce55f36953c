"""What several pictures show: recorded runs by their settings, and two tasks of two weights."""

import json
import math
from functools import cache
from statistics import median

import numpy as np
import torch
from scipy.stats import spearmanr
from torch.nn import functional

from recall_learn import ewc, l2sp
from recall_learn.book.small import SOFT, Picture
from recall_learn.runs import recordings
from recall_learn.theory.laplace import hessian

PLAIN, HELD = 1, 0
"""Hues: plain fine-tuning is orange and what holds on is blue, as in the lab."""
COLA = "world/cola"
KINDS = {
    "plain": ({"method": "vanilla", "lr": 0.001}, PLAIN), "half the rate": ({"method": "vanilla", "lr": 0.0005}, PLAIN),
    "L2-SP": ({"method": "l2sp"}, HELD), "EWC": ({"method": "ewc"}, HELD), "RecAdam": ({"method": "recadam"}, HELD),
    "RecAdam and D": ({"method": "recadam+child-d"}, HELD),
    "Child-Tuning-F": ({"method": "child-f"}, 2), "Child-Tuning-D": ({"method": "child-d"}, 2),
}  # fmt: skip


@cache
def grid(file):
    """The records of a grid, read once."""
    return recordings.load(file)


def ends(records, column, **settings):
    """The last value of a column, one a run."""
    return [run.columns[column][-1] for run in records.find(**settings) if not run.stopped]


def along(records, column, **settings):
    """``(step, median over seeds)`` of a column."""
    found = [run.columns for run in records.find(**settings) if not run.stopped]
    return (
        [(step, median(each[column][i] for each in found)) for i, step in enumerate(found[0]["step"])] if found else []
    )


def task_of_two(spread, true, angle, seed, n=1000):
    """The mean loss of a logistic regression, its inputs spread along two axes that are turned by an angle."""
    draw = torch.Generator().manual_seed(seed)
    c, s = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    turn = torch.tensor([[c, s], [-s, c]], dtype=torch.float64)
    x = torch.randn(n, 2, generator=draw, dtype=torch.float64) * torch.tensor(spread) @ turn
    y = (torch.rand(n, generator=draw, dtype=torch.float64) < torch.sigmoid(x @ torch.tensor(true).double())).double()
    return lambda w: functional.binary_cross_entropy_with_logits(x @ w, y)


def lowest(loss, w):
    """The minimum of a convex loss, by damped Newton steps."""
    for _ in range(15):
        w = w.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(loss(w), w)
        w = w - 0.8 * torch.linalg.solve(hessian(loss, w), gradient)
    return w.detach()


def descent(loss, start, curvature, steps=400):
    """The points of gradient descent, fewer the slower it goes."""
    w, way = start.clone(), [start.clone()]
    for _ in range(steps):
        w = w.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(loss(w), w)
        w = (w - gradient / curvature).detach()
        way.append(w)
    chosen = np.unique(np.geomspace(1, len(way), 40).round().astype(int)) - 1
    return [tuple(way[i].tolist()) for i in chosen]


def level(loss, centre, height, rays=64):
    """Where a convex loss has a height, around its minimum."""
    angle = torch.linspace(0, 2 * math.pi, rays + 1, dtype=torch.float64)[:-1]
    points = []
    for ray in torch.stack([angle.cos(), angle.sin()], 1):
        low, high = 0.0, 60.0
        for _ in range(30):
            middle = (low + high) / 2
            low, high = (middle, high) if loss(centre + middle * ray) < height else (low, middle)
        points.append(tuple((centre + low * ray).tolist()))
    return points


@cache
def two_tasks_of_two():
    """Two tasks of two weights, as in lesson 4: A's contours, and three ways from its minimum to B's."""
    a, b = task_of_two((2.0, 0.15), (1.0, 0.0), 0, seed=4), task_of_two((1.5, 0.6), (-1.0, 2.5), 70, seed=1)
    home = lowest(a, torch.zeros(2, dtype=torch.float64))
    fisher = {"w": hessian(a, home).diagonal()}
    strength, mean = 3.0, float(fisher["w"].mean())
    each, one = ewc({"w": home}, fisher, strength), l2sp({"w": home}, strength * mean)
    ways = {
        "free": descent(b, home, 0.6),
        "one": descent(lambda w: b(w) + one({"w": w}), home, 0.6 + strength * mean),
        "each": descent(lambda w: b(w) + each({"w": w}), home, 0.6 + strength * float(fisher["w"].max())),
    }
    levels = [level(a, home, float(a(home)) + rise) for rise in (0.03, 0.12, 0.27, 0.48, 0.75, 1.08)]
    losses = {name: [float(task(torch.tensor(way[-1]).double())) for task in (a, b)] for name, way in ways.items()}
    return home.tolist(), levels, ways, losses, float(a(home))


def landscape(alt, **frame):
    """Contours of the first task, and the three ways out of its lowest point."""
    home, levels, ways, _, _ = two_tasks_of_two()
    picture = Picture(alt, (-0.35, 3.1), (-1.7, 2.3), room=(0, 0, 0, 0), **frame)
    for level in levels:
        picture.line(map(turned, level), SOFT, 1, closed=True)
    for name, hue in (("free", PLAIN), ("one", 3), ("each", HELD)):
        picture.line(map(turned, ways[name]), hue, 2.5)
        picture.dots([turned(ways[name][-1])], hue, 4)
    picture.dots([turned(home)], "ink", 4)
    return picture


def turned(point):
    """The weight along the valley goes to the right."""
    across, along = point
    return along, across


def scores_and_losses(runs):
    """``name -> (median score, median source loss, hue)`` of lesson 12's settings."""
    file = runs / "grid-methods.jsonl"
    if not file.exists():
        return {}
    found = {}
    for name, (settings, hue) in KINDS.items():
        columns = [ends(grid(file), column, task=COLA, **settings) for column in ("score", "source_loss")]
        if all(columns):
            found[name] = (*map(median, columns), hue)
    return found


def agreement(runs):
    """``task -> rank correlation of what was kept with the score on unseen wordings``: medians over seeds."""
    return {task: median(values) for task, values in agreements(runs).items()}


def agreements(runs):
    """The same for each seed: ``task -> rank correlations``."""
    file = runs / "world" / "general-wordings.json"
    rows = json.loads(file.read_text(encoding="utf-8"))["rows"] if file.exists() else []
    groups = {}
    for row in rows:
        if "task" in row and row.get("init") != "random":
            groups.setdefault(row["task"], {}).setdefault(row["seed"], []).append(
                (-row["source_loss"], row["elsewhere"])
            )
    ranks = {
        task: [float(spearmanr(*zip(*mine, strict=True)).statistic) for mine in seeds.values() if len(mine) >= 8]
        for task, seeds in groups.items()
    }
    return {task: values for task, values in ranks.items() if values}
