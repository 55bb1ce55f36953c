"""The story in five pictures: each is a small picture, and the sentence under it."""

import math
from statistics import median

from recall_learn.book.small import SOFT, Picture
from recall_learn.runs import record
from recall_learn.world import World

from .shared import COLA, HELD, PLAIN, agreements, along, grid, landscape, scores_and_losses, turned, two_tasks_of_two

WIDE = {"size": (300, 190)}
BESIDE = {
    "plain": (-9, 4, "end"), "half the rate": (-9, 4, "end"), "L2-SP": (4, -9, "start"), "EWC": (0, -9, "middle"),
    "RecAdam": (9, 4, "start"), "RecAdam and D": (-22, 21, "start"), "Child-Tuning-F": (2, 19, "end"),
    "Child-Tuning-D": (9, 4, "start"),
}  # fmt: skip
"""Where the name of a point stands: pixels to its right and below it, and the side of the name that is there."""


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
        f"Two grids of {len(facts)} lights, a light for each fact that the model knows. After plain fine-tuning "
        f"{plain} are on and "
        f"{len(facts) - plain} out, after fine-tuning with RecAdam {held} and {len(facts) - held}.",
        **WIDE,
    )
    for at, (hue, (name, known)) in zip((6, 156), zip((PLAIN, HELD), ends.items(), strict=True), strict=True):
        picture.text(name, (at, 14), hue=hue)
        picture.lights(known, 16, (at, 24), 8.1, hue)
    return picture, (
        f"A small model knew {len(facts)} facts. Fine-tuned on grammar, which contradicts none of them, it has lost "
        f"{len(facts) - plain}. With RecAdam it has lost {len(facts) - held or 'none'}. One run each."
    )


def valley(runs):
    """Out of the old task's valley, or along it."""
    home, _, ways, losses, least = two_tasks_of_two()
    told = {name: f"{a:.2f}" for name, (a, _) in losses.items()}
    picture = landscape(
        "Contours of the first task's loss over two weights, a long valley, and three ways from its lowest point, "
        "where the loss is "
        f"{least:.2f}. Without a penalty the way leaves the valley and ends at a loss of {told['free']}; with one "
        "spring strength for both "
        f"weights it ends at {told['one']}, with a spring for each weight, which runs along the valley, at "
        f"{told['each']}.",
        **WIDE,
    )
    across, down = picture.at(*turned(ways["each"][-1]))
    picture.text("a spring for each weight", (294, down + 18), "end", HELD)
    across, down = picture.at(*turned(ways["free"][-1]))
    picture.text("no penalty", (across - 8, down + 4), "end", PLAIN)
    across, down = picture.at(*turned(ways["one"][-1]))
    picture.text("one for both", (across + 4, down + 17), "end", 3)
    picture.text("contours: the first task's loss", (6, 13))
    across, down = picture.at(*turned(home))
    picture.text("the first task's best", (across - 12, down - 9), hue="ink")
    return picture, (
        "The loss of a first task is a valley. Trained on a second task, two weights leave it, and that loss "
        f"rises from {least:.2f} to "
        f"{told['free']}. Springs that are stiff only across the valley keep it at {told['each']}."
    )


def released(runs):
    """The source loss of runs that are held for different times."""
    file = runs / "grid-world.jsonl"
    if not file.exists():
        return None
    records, sudden = grid(file), {"method": "recadam", "k": math.inf, "gamma": 100.0}
    ways = {"plain": along(records, "source_loss", task=COLA, method="vanilla")}
    ways |= {f"{t0}": along(records, "source_loss", task=COLA, t0=float(t0), **sudden) for t0 in (50, 100, 200)}
    if not all(ways.values()):
        return None
    end = {name: way[-1][1] for name, way in ways.items()}
    low, high = ways["plain"][0][1], max(value for way in ways.values() for _, value in way)
    picture = Picture(
        "The source loss, how badly the model still does what it was pretrained for, along 300 steps. Plain "
        "fine-tuning ends at "
        f"{end['plain']:.2f}; held by a spring until step 50, 100 and 200 it ends at {end['50']:.2f}, "
        f"{end['100']:.2f} and {end['200']:.2f}. "
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
        "A spring holds the weights and lets go at a step of your choice. Let go at step 50 of 300, the source "
        f"loss ends at {end['50']:.2f}; at step "
        f"200, at {end['200']:.2f}. Plain fine-tuning ends at {end['plain']:.2f}."
    )


def kept(runs):
    """Score against what was kept, eight settings."""
    points = scores_and_losses(runs)
    if not {"plain", "half the rate"} <= points.keys() or len(points) < 4:
        return None
    springs = [lost for _, lost, hue in points.values() if hue == HELD]
    scores, losses = ([point[i] for point in points.values()] for i in (0, 1))
    margin = 0.08 * (max(scores) - min(scores))
    picture = Picture(
        f"Score on {COLA} from left to right, what was kept upwards. "
        + "; ".join(f"{name}: score {score:.2f}, source loss {lost:.2f}" for name, (score, lost, _) in points.items())
        + ".",
        (min(scores) - margin, max(scores) + margin), (max(losses) + 0.05, min(losses) - 0.05),
        room=(14, 22, 14, 26), **WIDE,
    )  # fmt: skip
    for score, lost, hue in points.values():
        picture.dots([(score, lost)], hue, 5)
    for name, (score, lost, hue) in points.items():
        right, below, side = BESIDE[name]
        across, down = picture.at(score, lost)
        picture.text(name, (across + right, down + below), side, hue)
    picture.text("↑ kept", (6, 13))
    picture.text("score →", (294, 184), "end")
    return picture, (
        f"Methods that pull the weights home end with a source loss of {min(springs):.2f} to {max(springs):.2f}, "
        "plain fine-tuning with "
        f"{points['plain'][1]:.2f}. Half the learning rate, which takes no method at all, ends with "
        f"{points['half the rate'][1]:.2f}."
    )


def worth(runs):
    """Whether keeping more goes with doing better elsewhere."""
    found = agreements(runs)
    if not found:
        return None
    ranks = {task: median(values) for task, values in found.items()}
    up = sum(rank > 0 for rank in ranks.values())
    seeds = sorted({len(values) for values in found.values()})
    few = f"{seeds[0]} to " if len(seeds) > 1 else ""
    most = f"{seeds[-1]} seed{'s' if seeds[-1] > 1 else ''}"
    picture = Picture(
        "For each task, the rank correlation over settings of having forgotten less with the score on wordings "
        "that the task did not train: "
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
    picture.text("↑ forgot less, does better elsewhere", (6, 13))
    return picture, (
        f"Does keeping more help on wordings that the task never trained? In {up} of {len(ranks)} tasks the settings "
        f"that forgot less score higher there, with {few}{most} a task."
    )
