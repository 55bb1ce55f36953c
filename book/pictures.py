"""The pictures of the first page, drawn when the book is built: from recorded runs, or with the library's own functions.

A function takes the folder of the recorded runs. It gives a small picture, and for the story the sentence under it, too;
or None where what it needs is not recorded yet. What a picture shows, its lesson shows at length.
"""

import json
import math
from functools import cache
from pathlib import Path
from statistics import median

import numpy as np
import torch
from torch.nn import functional

from recall_learn import ChildTuningF, Constant, RecAdam, Sigmoid, ewc, l2sp
from recall_learn.book.small import SOFT, Picture
from recall_learn.figures import toys_laplace as toys
from recall_learn.figures.toys_recadam import walk
from recall_learn.runs import comparison, record, recordings
from recall_learn.theory.laplace import hessian
from recall_learn.world import World

PLAIN, HELD = 1, 0
"""Hues: plain fine-tuning is orange and what holds on is blue, as in the lab."""
WIDE = {"size": (300, 190)}
COLA = "world/cola"


@cache
def _grid(file):
    return recordings.load(file)


def _ends(records, column, **settings):
    """The last value of a column, one a run."""
    return [run.columns[column][-1] for run in records.find(**settings) if not run.stopped]


def _way(records, column, **settings):
    """``(step, median over seeds)`` of a column."""
    found = [run.columns for run in records.find(**settings) if not run.stopped]
    return [(step, median(each[column][i] for each in found)) for i, step in enumerate(found[0]["step"])] if found else []


# The story


def lost(runs):
    """The facts of the small world, one light each, after two runs."""
    facts = World().facts
    ends = {}
    for name, file in (("plain fine-tuning", "world-cola-vanilla-0.json"), ("RecAdam", "world-cola-recadam-0.json")):
        if not (runs / file).exists():
            return None
        gone = record.load(runs / file).final["facts"]["lost"]
        ends[name] = [fact.prompt not in gone for fact in facts]
    plain, held = (sum(each) for each in ends.values())
    picture = Picture(
        f"Two grids of {len(facts)} lights, a light for each fact that the model knows. After plain fine-tuning {plain} are on, "
        f"after fine-tuning with RecAdam {held}.",
        **WIDE,
    )
    for at, (hue, (name, known)) in zip((6, 156), zip((PLAIN, HELD), ends.items(), strict=True), strict=True):
        picture.text(name, (at, 14), hue=hue)
        picture.lights(known, 16, (at, 24), 8.1, hue)
    return picture, (
        f"A small model knew {len(facts)} facts. Fine-tuned on grammar, which contradicts none of them, it has lost "
        f"{len(facts) - plain}. With RecAdam it has lost {len(facts) - held}."
    )


def _task(spread, true, angle, seed, n=1000):
    """The mean loss of a logistic regression, its inputs spread along two axes that are turned by an angle."""
    draw = torch.Generator().manual_seed(seed)
    c, s = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    turn = torch.tensor([[c, s], [-s, c]], dtype=torch.float64)
    x = torch.randn(n, 2, generator=draw, dtype=torch.float64) * torch.tensor(spread) @ turn
    y = (torch.rand(n, generator=draw, dtype=torch.float64) < torch.sigmoid(x @ torch.tensor(true).double())).double()
    return lambda w: functional.binary_cross_entropy_with_logits(x @ w, y)


def _lowest(loss, w):
    """The minimum of a convex loss, by damped Newton steps."""
    for _ in range(15):
        w = w.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(loss(w), w)
        w = w - 0.8 * torch.linalg.solve(hessian(loss, w), gradient)
    return w.detach()


def _descent(loss, start, curvature, steps=400):
    """The points of gradient descent, fewer the slower it goes."""
    w, way = start.clone(), [start.clone()]
    for _ in range(steps):
        w = w.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(loss(w), w)
        w = (w - gradient / curvature).detach()
        way.append(w)
    chosen = np.unique(np.geomspace(1, len(way), 40).round().astype(int)) - 1
    return [tuple(way[i].tolist()) for i in chosen]


def _level(loss, centre, height, rays=64):
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
def _valley():
    """Two tasks of two weights, as in lesson 4: A's contours, and three ways from its minimum to B's."""
    a, b = _task((2.0, 0.15), (1.0, 0.0), 0, seed=4), _task((1.5, 0.6), (-1.0, 2.5), 70, seed=1)
    home = _lowest(a, torch.zeros(2, dtype=torch.float64))
    fisher = {"w": hessian(a, home).diagonal()}
    strength, mean = 3.0, float(fisher["w"].mean())
    each, one = ewc({"w": home}, fisher, strength), l2sp({"w": home}, strength * mean)
    ways = {
        "free": _descent(b, home, 0.6),
        "one": _descent(lambda w: b(w) + one({"w": w}), home, 0.6 + strength * mean),
        "each": _descent(lambda w: b(w) + each({"w": w}), home, 0.6 + strength * float(fisher["w"].max())),
    }
    levels = [_level(a, home, float(a(home)) + rise) for rise in (0.03, 0.12, 0.27, 0.48, 0.75, 1.08)]
    losses = {name: [float(task(torch.tensor(way[-1]).double())) for task in (a, b)] for name, way in ways.items()}
    return home.tolist(), levels, ways, losses, float(a(home))


def _landscape(alt, **frame):
    home, levels, ways, _, _ = _valley()
    picture = Picture(alt, (-0.6, 3.1), (-1.75, 1.4), room=(0, 0, 0, 0), **frame)
    for level in levels:
        picture.line(map(_turned, level), SOFT, 1, closed=True)
    for name, hue in (("free", PLAIN), ("one", 3), ("each", HELD)):
        picture.line(map(_turned, ways[name]), hue, 2.5)
        picture.dots([_turned(ways[name][-1])], hue, 4)
    picture.dots([_turned(home)], "ink", 4)
    return picture


def _turned(point):
    """The weight along the valley goes to the right."""
    across, along = point
    return along, across


def valley(runs):
    """Out of the old task's valley, or along it."""
    home, _, ways, losses, least = _valley()
    told = {name: f"{a:.2f}" for name, (a, _) in losses.items()}
    picture = _landscape(
        "Contours of the first task's loss over two weights, a long valley, and three ways from its lowest point, where the loss is "
        f"{least:.2f}. Without a penalty the way leaves the valley and ends at a loss of {told['free']}; with one spring strength for both "
        f"weights it ends at {told['one']}, with a spring for each weight, which runs along the valley, at {told['each']}.",
        **WIDE,
    )
    across, down = picture.at(*_turned(ways["each"][-1]))
    picture.text("a spring for each weight", (across - 10, down - 10), hue=HELD)
    across, down = picture.at(*_turned(ways["free"][-1]))
    picture.text("no penalty", (across - 8, down + 4), "end", PLAIN)
    across, down = picture.at(*_turned(home))
    picture.text("the first task's best", (across - 12, down - 9), hue="ink")
    return picture, (
        f"The loss of a first task is a valley. Trained on a second task, two weights leave it, and that loss rises from {least:.2f} to "
        f"{told['free']}. Springs that are stiff only across the valley keep it at {told['each']}."
    )


def released(runs):
    """The source loss of runs that are held for different times."""
    file = runs / "grid-world.jsonl"
    if not file.exists():
        return None
    records, sudden = _grid(file), {"method": "recadam", "k": math.inf, "gamma": 100.0}
    ways = {"plain": _way(records, "source_loss", task=COLA, method="vanilla")}
    ways |= {f"{t0}": _way(records, "source_loss", task=COLA, t0=float(t0), **sudden) for t0 in (50, 100, 200)}
    if not all(ways.values()):
        return None
    end = {name: way[-1][1] for name, way in ways.items()}
    low, high = ways["plain"][0][1], max(value for way in ways.values() for _, value in way)
    picture = Picture(
        "The source loss, how badly the model still does what it was pretrained for, along 300 steps. Plain fine-tuning ends at "
        f"{end['plain']:.2f}; held by a spring until step 50, 100 and 200 it ends at {end['50']:.2f}, {end['100']:.2f} and {end['200']:.2f}. "
        f"At the start it is {low:.2f}.",
        (0, 300), (low - 0.06, high + 0.03), room=(6, 20, 78, 22), **WIDE,
    )  # fmt: skip
    picture.line([(0, low), (300, low)], SOFT, 1, "2 4")
    for hue, (name, way) in zip((PLAIN, 3, 2, HELD), ways.items(), strict=True):
        picture.line(way, hue, 2.5)
        across, down = picture.at(*way[-1])
        picture.text(name if name == "plain" else f"held to {name}", (across + 6, down + 4), hue=hue)
    picture.text("source loss", (6, 13))
    picture.text("300 steps", (222, 184), "end")
    return picture, (
        f"A spring holds the weights and lets go at a step of your choice. Let go at step 50 of 300, the source loss ends at {end['50']:.2f}; at step "
        f"200, at {end['200']:.2f}. Plain fine-tuning ends at {end['plain']:.2f}."
    )


KINDS = {
    "plain": ({"method": "vanilla", "lr": 0.001}, PLAIN), "half the rate": ({"method": "vanilla", "lr": 0.0005}, PLAIN),
    "L2-SP": ({"method": "l2sp"}, HELD), "EWC": ({"method": "ewc"}, HELD), "RecAdam": ({"method": "recadam"}, HELD),
    "RecAdam and D": ({"method": "recadam+child-d"}, HELD),
    "Child-Tuning-F": ({"method": "child-f"}, 2), "Child-Tuning-D": ({"method": "child-d"}, 2),
}  # fmt: skip


def _kept(runs):
    """``name -> (median score, median source loss, hue)`` of lesson 12's settings."""
    file = runs / "grid-methods.jsonl"
    if not file.exists():
        return {}
    found = {}
    for name, (settings, hue) in KINDS.items():
        columns = [_ends(_grid(file), column, task=COLA, **settings) for column in ("score", "source_loss")]
        if all(columns):
            found[name] = (*map(median, columns), hue)
    return found


def kept(runs):
    """Score against what was kept, eight settings."""
    points = _kept(runs)
    if not {"plain", "half the rate"} <= points.keys() or len(points) < 4:
        return None
    springs = [lost for _, lost, hue in points.values() if hue == HELD]
    scores, losses = ([point[i] for point in points.values()] for i in (0, 1))
    margin = 0.08 * (max(scores) - min(scores))
    picture = Picture(
        f"Score on {COLA} from left to right, what was kept upwards. "
        + "; ".join(f"{name}: score {score:.2f}, source loss {lost:.2f}" for name, (score, lost, _) in points.items())
        + ".",
        (min(scores) - margin, max(scores) + margin), (max(losses) + 0.05, min(losses) - 0.05), room=(14, 22, 14, 26), **WIDE,
    )  # fmt: skip
    for score, lost, hue in points.values():
        picture.dots([(score, lost)], hue, 5)
    for name in ("plain", "half the rate"):
        across, down = picture.at(*points[name][:2])
        picture.text(name, (across - 9, down + 4), "end", PLAIN)
    held = [point for point in points.values() if point[2] == HELD]
    across, down = picture.at(*min(held, key=lambda point: point[0])[:2])
    picture.text("with a spring", (across - 4, down + 20), hue=HELD)
    across, down = picture.at(*points.get("Child-Tuning-D", points["plain"])[:2])
    picture.text("Child-Tuning" if "Child-Tuning-D" in points else "", (across - 9, down + 4), "end", 2)
    picture.text("↑ kept", (6, 13))
    picture.text("score →", (294, 184), "end")
    return picture, (
        f"Methods that pull the weights home end with a source loss of {min(springs):.2f} to {max(springs):.2f}, plain fine-tuning with "
        f"{points['plain'][1]:.2f}. Half the learning rate, which costs nothing, ends with {points['half the rate'][1]:.2f}."
    )


def _agreement(runs):
    """``task -> rank correlation, over settings, of what was kept with the score on unseen wordings``, medians over seeds."""
    from scipy.stats import spearmanr

    file = runs / "world" / "general-wordings.json"
    rows = json.loads(file.read_text(encoding="utf-8"))["rows"] if file.exists() else []
    groups = {}
    for row in rows:
        if "task" in row and row.get("init") != "random":
            groups.setdefault(row["task"], {}).setdefault(row["seed"], []).append((-row["source_loss"], row["elsewhere"]))
    ranks = {
        task: [float(spearmanr(*zip(*mine, strict=True)).statistic) for mine in seeds.values() if len(mine) >= 8]
        for task, seeds in groups.items()
    }
    return {task: median(values) for task, values in ranks.items() if values}


def worth(runs):
    """Whether keeping more goes with doing better elsewhere."""
    ranks = _agreement(runs)
    if not ranks:
        return None
    up = sum(rank > 0 for rank in ranks.values())
    picture = Picture(
        "For each task, the rank correlation over settings of having forgotten less with the score on wordings that the task did not train: "
        + ", ".join(f"{task} {rank:+.2f}" for task, rank in ranks.items())
        + ".",
        (0, len(ranks)), (-1.25, 1.2), room=(10, 22, 10, 6), **WIDE,
    )  # fmt: skip
    for i, (task, rank) in enumerate(ranks.items()):
        picture.box((i + 0.22, i + 0.78), (0, rank), HELD if rank > 0 else PLAIN)
        across, down = picture.at(i + 0.5, rank)
        picture.text(f"{rank:+.1f}".replace("-", "−"), (across, down - 5 if rank > 0 else down + 14), "middle")
        picture.text(task, (across, picture.at(0, 0)[1] + (14 if rank > 0 else -6)), "middle")
    picture.line([(0, 0), (len(ranks), 0)], "ink", 1)
    picture.text("↑ who forgot less does better elsewhere", (6, 13))
    return picture, (
        f"Does keeping more help where the task's wordings were not trained? In {up} of {len(ranks)} tasks the settings that forgot less score "
        "higher there."
    )


# The lessons


def similarity(runs):
    """A real model's sense of similarity, along three runs on MRPC."""
    found = [runs / f"mrpc-{name}-0.json" for name in ("vanilla", "recadam-fast", "recadam-slow")]
    ways = [[(e["step"], e["similarity"]) for e in record.load(file).evaluations] for file in found if file.exists()]
    if len(ways) < len(found):
        return None
    values = [value for way in ways for _, value in way]
    ends = ", ".join(f"{way[-1][1]:.2f}" for way in ways)
    picture = Picture(
        f"Zero-shot similarity of MiniLM along three fine-tunings: it ends at {ends}.", (0, ways[0][-1][0]), (min(values), max(values))
    )
    for way, hue in zip(ways, (PLAIN, 2, HELD), strict=True):
        picture.line(way, hue, 2.5)
    return picture


def diagonal(runs):
    """A loss of two weights at one height, its quadratic, and that of its diagonal."""
    loss = _task((2.0, 0.7), (0.9, 0.3), 45, seed=2, n=40)
    total = lambda w: 40 * loss(w) + 0.05 * (w @ w)  # noqa: E731
    mode = _lowest(total, torch.zeros(2, dtype=torch.float64))
    matrix = hessian(total, mode)
    shapes = {
        SOFT: _level(total, mode, float(total(mode)) + 1),
        HELD: [tuple((mode + point).tolist()) for point in toys.ellipse(matrix, 1.0, 49)],
        PLAIN: [tuple((mode + point).tolist()) for point in toys.ellipse(torch.diag(matrix.diagonal()), 1.0, 49)],
    }
    every = np.array([point for points in shapes.values() for point in points])
    (x0, y0), (x1, y1) = every.min(0), every.max(0)
    half = max((x1 - x0) / 220, (y1 - y0) / 108) * 1.05  # one unit is as long on both axes
    x, y = (x0 + x1) / 2, (y0 + y1) / 2
    picture = Picture(
        "Where a loss of two weights has risen by one nat: its quadratic's tilted ellipse runs close to it, that of the diagonal does not.",
        (x - 120 * half, x + 120 * half), (y - 60 * half, y + 60 * half), room=(0, 0, 0, 0),
    )  # fmt: skip
    for hue, points in shapes.items():
        picture.line(points, hue, 5 if hue == SOFT else 2.2, closed=True)
    picture.dots([tuple(mode.tolist())], "ink", 3)
    return picture


def coin(runs):
    """The Fisher information of a coin, exact and empirical."""
    p, s = np.linspace(0.01, 0.99, 50), 0.3
    exact, empirical = p * (1 - p), s * (1 - p) ** 2 + (1 - s) * p**2
    picture = Picture(
        f"The Fisher information of a coin against the model's probability of heads: the exact one is an arch, the empirical one a bowl, and they meet at {s} and 0.5.",
        (0, 1), (0, float(empirical.max())),
    )  # fmt: skip
    picture.line(zip(p, empirical, strict=True), PLAIN, 2.5)
    picture.line(zip(p, exact, strict=True), HELD, 2.5)
    picture.dots([(s, s * (1 - s)), (0.5, 0.25)], "ink", 3.5)
    return picture


def two_tasks(runs):
    """The valley, without words."""
    return _landscape("Three ways from the first task's lowest point towards the second's; a spring for each weight goes along the valley.")


def pulls(runs):
    """A weight that is pulled home, for four strengths of the pull."""
    picture = Picture(
        "Distance from home step by step: a small pull goes home slowly, a larger one at once, one beyond 1 flips its sign at every step.",
        (0, 24), (-1.05, 1.05),
    )  # fmt: skip
    picture.line([(0, 0), (24, 0)], SOFT, 1)
    for c, hue in ((0.1, HELD), (0.5, 2), (1.8, PLAIN)):
        make = lambda w, c=c: RecAdam([("w", w[0])], lr=1e-3, gamma=c / 1e-3, anneal=Constant(0.0), anchors={"w": torch.zeros(1).double()})  # noqa: E731
        way = _quietly(lambda make=make: walk(lambda theta, t: torch.zeros_like(theta), make, [1.0], 24))
        picture.line(enumerate(way[:, 0]), hue, 2.2)
    return picture


def _quietly(what):
    """What a function gives, without its warnings."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return what()


def shifts(runs):
    """Schedules that take over sooner and later, faster and more slowly."""
    t = np.linspace(0, 500, 60)
    picture = Picture("Nine sigmoids: the weight of the task against the step, for three rates and three middles.", (0, 500), (0, 1))
    for t0 in (120, 250, 380):
        for k, hue in ((0.015, HELD), (0.04, 2), (0.2, PLAIN)):
            picture.line(zip(t, Sigmoid(k=k, t0=t0)(t), strict=True), hue, 1.8)
    return picture


def at_rest(runs):
    """Where weights with larger and smaller gradients come to rest, by two forms of the same spring."""
    sizes, steps = np.logspace(-3, 0, 13), 800
    ways = {}
    for form in ("paper", "coupled"):
        make = lambda w, form=form: RecAdam(w, lr=1e-3, anneal=Constant(0.5), gamma=100.0, algorithm=form)  # noqa: E731
        rest = walk(lambda theta, t: -torch.tensor(sizes), make, np.zeros(13), steps, lr=lambda t: 1e-3 * (1 - (t - 1) / steps))[-1]
        ways[form] = list(zip(sizes, rest, strict=True))
    values = [value for way in ways.values() for _, value in way]
    picture = Picture(
        "Distance from home at rest against the size of the gradient, both logarithmic: level for the decoupled form, rising for the coupled one.",
        (sizes[0], sizes[-1]), (min(values), max(values)), (True, True),
    )  # fmt: skip
    for hue, way in zip((HELD, PLAIN), ways.values(), strict=True):
        picture.line(way, hue, 2.2)
        picture.dots(way, hue, 3)
    return picture


def fan(runs):
    """Every recorded pair of k and t0: distance from home along the run."""
    file = runs / "grid-world.jsonl"
    if not file.exists():
        return None
    records = _grid(file)
    pairs = sorted({(run.recipe.k, run.recipe.t0) for run in records.find(task=COLA, method="recadam", gamma=100.0)})
    ways = [(k, _way(records, "distance", task=COLA, method="recadam", gamma=100.0, k=k, t0=t0)) for k, t0 in pairs]
    plain = _way(records, "distance", task=COLA, method="vanilla")
    if not ways or not plain:
        return None
    most = max(value for _, way in [*ways, (0, plain)] for _, value in way)
    picture = Picture(f"Distance from the pretrained weights along {len(ways)} settings of k and t0, and by plain fine-tuning.", (0, 300), (0, most))
    for k, way in ways:
        picture.line(way, HELD if k <= 0.03 else 2 if k <= 0.1 else 3, 1.4)
    picture.line(plain, PLAIN, 2.5)
    return picture


def starts(runs):
    """Distance from home, from a random start and from a pretrained one."""
    file = runs / "grid-forgetting.jsonl"
    if not file.exists():
        return None
    records = _grid(file)
    ways = {
        (init, warmup): _way(records, "distance", method="recadam", init=init, warmup=warmup, k=0.05)
        for init in ("random", "pretrained") for warmup in (0.0, 0.1)
    }  # fmt: skip
    if not all(ways.values()):
        return None
    ways = {key: [(step, value) for step, value in way if value > 0] for key, way in ways.items()}
    values = [value for way in ways.values() for _, value in way]
    picture = Picture(
        "Distance from the pretrained weights, logarithmic, along four runs: two from a random start, which come home and leave again, and two "
        "from the pretrained weights.",
        (0, 1000), (min(values), max(values)), (False, True),
    )  # fmt: skip
    for (init, warmup), way in ways.items():
        picture.line(way, PLAIN if init == "random" else HELD, 2.2, "5 3" if warmup else "")
    return picture


def masked(runs):
    """The ways of weights whose gradient is masked by coins."""
    p, weights, steps = 0.1, 9, 200

    def make(parameters):
        optimizer = torch.optim.SGD(parameters, lr=1.0)
        ChildTuningF(optimizer, p, torch.Generator().manual_seed(0))
        return optimizer

    ways = walk(lambda theta, t: -torch.ones_like(theta), make, np.zeros(weights), steps)
    picture = Picture(f"Nine weights with one gradient, masked by coins that show it in {p:.0%} of the steps: they stagger around the straight way.", (0, steps), (0, float(ways.max())))
    for i in range(weights):
        picture.line(((t, ways[t, i]) for t in range(0, steps + 1, 5)), HELD if i else 2, 1.3)
    picture.line([(0, 0), (steps, steps)], PLAIN, 2.5)
    return picture


def field(runs):
    """Everything that was recorded on one task, a dot a setting."""
    files = [runs / f"grid-{name}.jsonl" for name in ("neighbours", "methods")]
    settings = comparison.collect(*(_grid(file) for file in files if file.exists()), matched=True)
    mine = [each for each in settings if each.task == COLA and each.values("source_loss")]
    if not mine:
        return None
    points = [(each.middle("score"), each.middle("source_loss"), PLAIN if each.plain else HELD) for each in mine]
    least, most = np.quantile([score for score, _, _ in points], 0.12), np.quantile([lost for _, lost, _ in points], 0.95)
    shown = [point for point in points if point[0] >= least and point[1] <= most]  # the outliers would press all others together
    scores, losses = ([point[i] for point in shown] for i in (0, 1))
    picture = Picture(
        f"{len(shown)} of {len(points)} settings of many methods on {COLA}, without the outliers: score from left to right, what was kept upwards. "
        "Plain fine-tuning at its rates is orange.",
        (min(scores), max(scores)), (max(losses), min(losses)), (False, True), room=(6, 7, 6, 7),
    )  # fmt: skip
    for score, lost, hue in sorted(shown, key=lambda point: point[2]):
        picture.dots([(score, lost)], hue, 2.4 if hue == HELD else 4)
    return picture


def eight(runs):
    """Lesson 12's settings, without words."""
    points = _kept(runs)
    if len(points) < 4:
        return None
    scores, losses = ([point[i] for point in points.values()] for i in (0, 1))
    picture = Picture(
        f"Eight ways to fine-tune: score on {COLA} from left to right, what was kept upwards.",
        (min(scores), max(scores)), (max(losses), min(losses)), room=(12, 12, 12, 12),
    )  # fmt: skip
    for score, lost, hue in points.values():
        picture.dots([(score, lost)], hue, 6)
    return picture


def layers(runs):
    """What a probe tells from each layer of the pretrained model."""
    file = runs / "world" / "where.json"
    rows = json.loads(file.read_text(encoding="utf-8"))["rows"] if file.exists() else []
    start = next((row for row in rows if row["method"] == "theta*"), None)
    if start is None:
        return None
    table = [[layer[3] for layer in each] for each in start["probes"].values()]
    most = max(map(max, table))
    picture = Picture(
        f"How much better than its control a probe reads {len(table)} questions, from left to right, from the embeddings and three layers, from "
        "below upwards; the darker the better.",
        (0, len(table)), (0, len(table[0])),
    )  # fmt: skip
    for i, row in enumerate(table):
        for j, value in enumerate(row):
            picture.box((i + 0.04, i + 0.96), (j + 0.05, j + 0.95), HELD, max(0.06, value / most))
    return picture


def elsewhere(runs):
    """The bars of the story's last picture, without words."""
    ranks = _agreement(runs)
    if not ranks:
        return None
    picture = Picture(
        "Whether settings that forgot less score higher on unseen wordings, a bar a task: "
        + ", ".join(f"{task} {rank:+.2f}" for task, rank in ranks.items()) + ".",
        (0, len(ranks)), (-1, 1),
    )  # fmt: skip
    for i, rank in enumerate(ranks.values()):
        picture.box((i + 0.2, i + 0.8), (0, rank), HELD if rank > 0 else PLAIN)
    picture.line([(0, 0), (len(ranks), 0)], "ink", 1)
    return picture


STORY = {each.__name__: each for each in (lost, valley, released, kept, worth)}
LESSONS = {
    "01_forgetting": similarity,
    "02_laplace": diagonal,
    "03_fisher": coin,
    "04_ewc": two_tasks,
    "05_pretraining_simulation": pulls,
    "06_objective_shifting": shifts,
    "07_recadam": at_rest,
    "08_lab": fan,
    "09_start_and_finish": starts,
    "10_child_tuning": masked,
    "11_neighbours": field,
    "12_all_together": eight,
    "13_where": layers,
    "14_generalise": elsewhere,
}
"""By the lesson's file; a lesson that has none here has its number on its card."""
