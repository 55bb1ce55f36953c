"""What the page's engine knows of methods, tasks and facts before anything is loaded: a few kilobytes of JSON.

All of it is `recall_learn.lab.protocol`'s and the methods' own: messages.js makes the same messages of it as the
protocol does, and recipes.js refuses what they refuse.
"""

import math
from dataclasses import asdict

from recall_learn.lab import protocol
from recall_learn.methods import METHODS, expression
from recall_learn.methods.method import Method, Setting
from recall_learn.models.places import INITS
from recall_learn.runs.recipe import Recipe
from recall_learn.support.environment import version_of
from recall_learn.support.reading import Json
from recall_learn.tasks import registry
from recall_learn.tasks.task import Task
from recall_learn.world import World

ABLE = tuple(name for name, method in METHODS.items() if method.in_page)
"""The methods that the kernel has."""
BACKBONE = "tiny"
BESIDE = (expression.PLAIN, protocol.PLAIN, protocol.NOTHING, protocol.OTHER)
MOST_STEPS, MOST_BATCH = 100_000, 32
LONGEST = 64
"""Tokens that the model reads at most: no example is longer, so none is cut."""
CHOICES = {
    "init": INITS,
    "mixed_precision": ("no",),
    "limit_train": (None,),
    "text": (None,),
    "label": (None,),
    "metric": (None,),
    "probe": ("auto", "none", "source", "facts", "source+facts"),
}
"""What the page has of a recipe's other settings."""
CAN = ("save", "open", "seed", "link")


def about() -> dict[str, Json]:
    """What recipes.js and messages.js read."""
    tasks = {name: _task(registry.named(name)) for name in protocol.offered_tasks(BACKBONE)}
    plain = Recipe(backbone=BACKBONE, task=next(iter(tasks)))
    world = World()
    return {
        "version": version_of("recall-learn"),
        "recipe": plain.to_dict(),
        "plain": {
            "name": expression.PLAIN,
            "title": protocol.PLAIN,
            "nothing": protocol.NOTHING,
            "other": protocol.OTHER,
        },
        "methods": {name: _method(METHODS[name]) for name in METHODS if name in ABLE},
        "example": expression.EXAMPLE,
        "unable": [name for name in METHODS if name not in ABLE],
        "offered": offered(),
        "lr": _setting("lr", protocol.LR, None),
        "fields": _fields(plain),
        "tasks": tasks,
        "facts": _facts(world),
        "most": {"steps": MOST_STEPS, "batch_size": MOST_BATCH},
        "least": {"max_length": LONGEST},
        "choices": CHOICES,
        "can": CAN,
    }


def offered() -> dict[str, str]:
    """The methods that the page offers, ``name -> title``."""
    names = filter(able, protocol.offered(BACKBONE))
    return {name: expression.title(expression.parse(name, METHODS)) for name in names}


def able(method: str) -> bool:
    """Whether the kernel has all methods of an expression, and room for what they need."""
    methods = expression.parse(method, METHODS)
    return all(each.name in ABLE for each in methods) and sum(bool(each.needs) for each in methods) < 2


def _method(method: type[Method]) -> dict[str, Json]:
    usual = method.defaults()
    return {
        "title": method.title,
        "slot": method.slot,
        "needs": sorted(method.needs),
        "lambda": "lambda" in method().resolved(1.0).ahead(1.0),
        "settings": {key: _setting(key, about, usual[key]) for key, about in method.settings().items()},
    }


def _setting(key: str, about: Setting, usual: float | str | None) -> dict[str, Json]:
    """A setting: what is right, and the control of it that the protocol makes, without a value."""
    limits = {name: _json(value) for name, value in asdict(about).items() if name in ("low", "high")}
    halts = []
    if about.live and about.unit != "steps":
        first = about.span[0] if about.span else about.low
        halts = [protocol.plain(each) for each in protocol.notches(about, first)]
    return {
        **limits,
        **{
            name: getattr(about, name) for name in ("open_low", "open_high", "infinite", "whole", "log", "live", "unit")
        },
        "help": about.help,
        "label": protocol.caption(key),
        "choices": list(about.choices),
        "right": about.right,
        "usual": protocol.plain(usual),
        "halts": halts,
    }


def _fields(recipe: Recipe) -> list[dict[str, Json]]:
    """The fields of a new run that every method has, without their values."""
    found = protocol.fields(recipe, protocol.PLAIN)
    for each in found:
        if each["key"] == "batch_size":
            each["high"] = MOST_BATCH
        if each["key"] == "method":
            each["choices"] = [{"value": value, "title": title} for value, title in offered().items()]
    return found


def _task(task: Task) -> dict[str, Json]:
    recipe = Recipe(backbone=BACKBONE, task=task.name)
    return {
        "charts": protocol.charts(recipe),
        "metrics": list(task.metrics),
        "primary": task.primary,
        "outputs": task.num_labels,
        "positive": task.positive,
    }


def _facts(world: World) -> dict[str, Json]:
    kinds = list(protocol.KINDS)
    return {
        "kinds": list(protocol.KINDS.values()),
        "rows": [[kinds.index(fact.relation), fact.prompt, fact.answer] for fact in world.facts],
    }


def _json(value: float) -> float | None:
    return value if math.isfinite(value) else None
