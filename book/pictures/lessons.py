"""A small picture for each lesson, without words."""

import json
import warnings
from statistics import median

import numpy as np
import torch

from recall_learn import ChildTuningF, Constant, RecAdam, Sigmoid
from recall_learn.book.small import SOFT, Picture
from recall_learn.figures import toys_laplace as toys
from recall_learn.figures.toys_recadam import walk
from recall_learn.runs import comparison, record, scaling
from recall_learn.runs.ways import read, whole
from recall_learn.theory.laplace import hessian

from .shared import COLA, HELD, PLAIN, agreement, along, grid, landscape, level, lowest, scores_and_losses, task_of_two


def similarity(runs):
    """A real model's sense of similarity, along three runs on MRPC."""
    found = [runs / f"mrpc-{name}-0.json" for name in ("vanilla", "recadam-fast", "recadam-slow")]
    ways = [[(e["step"], e["similarity"]) for e in record.load(file).evaluations] for file in found if file.exists()]
    if len(ways) < len(found):
        return None
    values = [value for way in ways for _, value in way]
    ends = ", ".join(f"{way[-1][1]:.2f}" for way in ways)
    picture = Picture(
        f"Zero-shot similarity of MiniLM along three fine-tunings: it ends at {ends}.",
        (0, ways[0][-1][0]),
        (min(values), max(values)),
    )
    for way, hue in zip(ways, (PLAIN, 2, HELD), strict=True):
        picture.line(way, hue, 2.5)
    return picture


def diagonal(runs):
    """A loss of two weights at one height, its quadratic, and that of its diagonal."""
    loss = task_of_two((2.0, 0.7), (0.9, 0.3), 45, seed=2, n=40)

    def total(w):
        return 40 * loss(w) + 0.05 * (w @ w)

    mode = lowest(total, torch.zeros(2, dtype=torch.float64))
    matrix = hessian(total, mode)
    shapes = {
        SOFT: level(total, mode, float(total(mode)) + 1),
        HELD: [tuple((mode + point).tolist()) for point in toys.ellipse(matrix, 1.0, 49)],
        PLAIN: [tuple((mode + point).tolist()) for point in toys.ellipse(torch.diag(matrix.diagonal()), 1.0, 49)],
    }
    every = np.array([point for points in shapes.values() for point in points])
    (x0, y0), (x1, y1) = every.min(0), every.max(0)
    half = max((x1 - x0) / 220, (y1 - y0) / 108) * 1.05  # one unit is as long on both axes
    x, y = (x0 + x1) / 2, (y0 + y1) / 2
    picture = Picture(
        "Where a loss of two weights has risen by one nat: its quadratic's tilted ellipse runs close to it, that "
        "of the diagonal does not.",
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
        "The Fisher information of a coin against the model's probability of heads: the exact one is an arch, the "
        f"empirical one a bowl, and they meet at {s} and 0.5.",
        (0, 1), (0, float(empirical.max())),
    )  # fmt: skip
    picture.line(zip(p, empirical, strict=True), PLAIN, 2.5)
    picture.line(zip(p, exact, strict=True), HELD, 2.5)
    picture.dots([(s, s * (1 - s)), (0.5, 0.25)], "ink", 3.5)
    return picture


def two_tasks(runs):
    """The valley, without words."""
    return landscape(
        "Three ways from the first task's lowest point towards the second's; a spring for each weight goes along "
        "the valley."
    )


def pulls(runs):
    """A weight that is pulled home, for four strengths of the pull."""
    picture = Picture(
        "Distance from home step by step: a small pull goes home slowly, a larger one at once, one beyond 1 flips "
        "its sign at every step.",
        (0, 24), (-1.05, 1.05),
    )  # fmt: skip
    picture.line([(0, 0), (24, 0)], SOFT, 1)
    for c, hue in ((0.1, HELD), (0.5, 2), (1.8, PLAIN)):
        picture.line(enumerate(_pulled(c)), hue, 2.2)
    return picture


def _pulled(c, lr=1e-3):
    """The way of a weight that has no gradient; each step takes the share c of its way home."""

    def make(weights):
        home = {"w": torch.zeros(1).double()}
        return RecAdam([("w", weights[0])], lr=lr, gamma=c / lr, anneal=Constant(0.0), anchors=home)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that 1.8 is past 1 is what is shown
        return walk(lambda theta, t: torch.zeros_like(theta), make, [1.0], 24)[:, 0]


def shifts(runs):
    """Schedules that take over sooner and later, faster and more slowly."""
    t = np.linspace(0, 500, 60)
    picture = Picture(
        "Nine sigmoids: the weight of the task against the step, for three rates and three middles.", (0, 500), (0, 1)
    )
    for t0 in (120, 250, 380):
        for k, hue in ((0.015, HELD), (0.04, 2), (0.2, PLAIN)):
            picture.line(zip(t, Sigmoid(k=k, t0=t0)(t), strict=True), hue, 1.8)
    return picture


def at_rest(runs):
    """Where weights with larger and smaller gradients come to rest, by two forms of the same spring."""
    sizes, steps = np.logspace(-3, 0, 13), 800

    def rest_of(form):
        return walk(
            lambda theta, t: -torch.tensor(sizes),
            lambda w: RecAdam(w, lr=1e-3, anneal=Constant(0.5), gamma=100.0, algorithm=form),
            np.zeros(13),
            steps,
            lr=lambda t: 1e-3 * (1 - (t - 1) / steps),
        )[-1]

    ways = {}
    for form in ("paper", "coupled"):
        rest = rest_of(form)
        ways[form] = list(zip(sizes, rest, strict=True))
    values = [value for way in ways.values() for _, value in way]
    picture = Picture(
        "Distance from home at rest against the size of the gradient, both logarithmic: level for the decoupled "
        "form, rising for the coupled one.",
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
    records = grid(file)
    pairs = sorted({(run.recipe.k, run.recipe.t0) for run in records.find(task=COLA, method="recadam", gamma=100.0)})
    ways = [(k, along(records, "distance", task=COLA, method="recadam", gamma=100.0, k=k, t0=t0)) for k, t0 in pairs]
    plain = along(records, "distance", task=COLA, method="vanilla")
    if not ways or not plain:
        return None
    most = max(value for _, way in [*ways, (0, plain)] for _, value in way)
    picture = Picture(
        f"Distance from the pretrained weights along {len(ways)} settings of k and t0, and by plain fine-tuning.",
        (0, 300),
        (0, most),
    )
    for k, way in ways:
        picture.line(way, HELD if k <= 0.03 else 2 if k <= 0.1 else 3, 1.4)
    picture.line(plain, PLAIN, 2.5)
    return picture


def starts(runs):
    """Distance from home, from a random start and from a pretrained one."""
    file = runs / "grid-forgetting.jsonl"
    if not file.exists():
        return None
    records = grid(file)
    ways = {
        (init, warmup): along(records, "distance", method="recadam", init=init, warmup=warmup, k=0.05)
        for init in ("random", "pretrained") for warmup in (0.0, 0.1)
    }  # fmt: skip
    if not all(ways.values()):
        return None
    ways = {key: [(step, value) for step, value in way if value > 0] for key, way in ways.items()}
    values = [value for way in ways.values() for _, value in way]
    picture = Picture(
        "Distance from the pretrained weights, logarithmic, along four runs: two from a random start, which come "
        "home and leave again, and two "
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
    picture = Picture(
        f"Nine weights with one gradient, masked by coins that show it in {p:.0%} of the steps: they stagger "
        "around the straight way.",
        (0, steps),
        (0, float(ways.max())),
    )
    for i in range(weights):
        picture.line(((t, ways[t, i]) for t in range(0, steps + 1, 5)), HELD if i else 2, 1.3)
    picture.line([(0, 0), (steps, steps)], PLAIN, 2.5)
    return picture


def field(runs):
    """Everything that was recorded on one task, a dot a setting."""
    files = [runs / f"grid-{name}.jsonl" for name in ("neighbours", "methods")]
    settings = comparison.collect(*(grid(file) for file in files if file.exists()), matched=True)
    mine = [each for each in settings if each.task == COLA and each.values("source_loss")]
    if not mine:
        return None
    points = [(each.middle("score"), each.middle("source_loss"), PLAIN if each.plain else HELD) for each in mine]
    least, most = (
        np.quantile([score for score, _, _ in points], 0.12),
        np.quantile([lost for _, lost, _ in points], 0.95),
    )
    shown = [
        point for point in points if point[0] >= least and point[1] <= most
    ]  # the outliers would press all others together
    scores, losses = ([point[i] for point in shown] for i in (0, 1))
    picture = Picture(
        f"{len(shown)} of {len(points)} settings of many methods on {COLA}, without the outliers: score from left "
        "to right, what was kept upwards. "
        "Plain fine-tuning at its rates is orange.",
        (min(scores), max(scores)), (max(losses), min(losses)), (False, True), room=(6, 7, 6, 7),
    )  # fmt: skip
    for score, lost, hue in sorted(shown, key=lambda point: point[2]):
        picture.dots([(score, lost)], hue, 2.4 if hue == HELD else 4)
    return picture


def eight(runs):
    """Lesson 12's settings, without words."""
    points = scores_and_losses(runs)
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
        f"How much better than its control a probe reads {len(table)} questions, from left to right, from the "
        "embeddings and three layers, from "
        "below upwards; the darker the better.",
        (0, len(table)), (0, len(table[0])),
    )  # fmt: skip
    for i, row in enumerate(table):
        for j, value in enumerate(row):
            picture.box((i + 0.04, i + 0.96), (j + 0.05, j + 0.95), HELD, max(0.06, value / most))
    return picture


def elsewhere(runs):
    """The bars of the story's last picture, without words."""
    ranks = agreement(runs)
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


def one_after_another(runs):
    """The facts that are left after each of five tasks, three ways."""
    rows = whole(read(runs / "world" / "sequences-orders.json"))
    found = {
        PLAIN: [row for row in rows if row["method"] == "vanilla" and row["lr"] == 1e-3 and not row["together"]],
        2: [row for row in rows if row["method"] == "task-replay(buffer=500)"],
        HELD: [row for row in rows if row["method"].startswith("online-ewc")],
    }
    if not all(found.values()):
        return None
    left = {hue: np.median([row["facts"] for row in mine], axis=0) for hue, mine in found.items()}
    ends = ", ".join(f"{way[-1]:.0%}" for way in left.values())
    picture = Picture(
        "Facts that are known before and after each of five tasks, with plain fine-tuning, with replay of the tasks "
        f"and with online EWC: in the end {ends}.",
        (0, len(left[PLAIN]) - 1),
        (0, 1),
    )
    for hue, way in left.items():
        picture.line(list(enumerate(way.tolist())), hue, 2.5)
        picture.dots(list(enumerate(way.tolist())), hue, 3.5)
    return picture


def failed(runs):
    """Runs that failed, and runs that did not: what each scored and kept."""
    file = runs / "world" / "instability-tiny.json"
    rows = json.loads(file.read_text(encoding="utf-8"))["rows"] if file.exists() else []
    if not rows:
        return None
    scores, losses = ([row[name] for row in rows] for name in ("score", "source_loss"))
    chance = 0.5  # of its two classes, which are equally frequent
    picture = Picture(
        f"{len(rows)} runs of one task: score upwards, source loss from right to left. "
        f"{sum(score <= chance for score in scores)} are at chance, in orange.",
        (max(losses), min(losses)), (min(scores), max(scores)), room=(8, 8, 8, 8),
    )  # fmt: skip
    for score, lost in zip(scores, losses, strict=True):
        picture.dots([(lost, score)], PLAIN if score <= chance else HELD, 4)
    return picture


def wider(runs):
    """By how much the source loss rises in models of several widths, tuned plainly and held back."""
    tuned = [run for run in scaling.runs(read(runs / "world" / "scale.json")) if run.size.steps <= 5000]
    widths = sorted({run.size.width for run in tuned})
    if len(widths) < 2:
        return None
    ways = {PLAIN: ("vanilla", 1e-3), 2: ("vanilla", 2.5e-4), HELD: ("recadam(k=0.05, t0=150, gamma=100)", 1e-3)}
    rises = {
        hue: [(i, median(scaling.rise(run) for run in tuned if run.way == way and run.size.width == width))
              for i, width in enumerate(widths)]
        for hue, way in ways.items()
    }  # fmt: skip
    values = [rise for way in rises.values() for _, rise in way]
    ends = ", ".join(f"{way[0][1]:.2f} to {way[-1][1]:.2f}" for way in rises.values())
    picture = Picture(
        f"Rise of the source loss in models from width {widths[0]} to {widths[-1]}, by plain fine-tuning, by a quarter "
        f"of its rate and by RecAdam: {ends} nats.",
        (0, len(widths) - 1),
        (min(0, *values), max(values)),
    )
    for hue, way in rises.items():
        picture.line(way, hue, 2.5)
        picture.dots(way, hue, 3.5)
    return picture
