"""What an engine tells the lab's view before the first step and while it trains, as plain JSON types.

The view draws `begin`, `records` and `evaluation`, and knows neither a method's name nor what a task is. Both engines,
that of a notebook and that of a page, have these from here. JSON has no infinity: it is the text "inf", as in run.json.
"""

import itertools
import math
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress

import numpy as np

from recall_learn.methods import METHODS, expression
from recall_learn.methods.method import Method, Setting
from recall_learn.models.places import SOURCE_FISHERS
from recall_learn.runs.recipe import PROBES, Recipe
from recall_learn.runs.recipe import knobs as live
from recall_learn.runs.record import Run
from recall_learn.support.reading import Json
from recall_learn.tasks import glue, registry
from recall_learn.tasks.task import WORLD
from recall_learn.world import World, tasks

Message = dict[str, Json]
"""In plain JSON types."""
NOTHING, PLAIN, OTHER = "nothing", expression.PLAIN_TITLE, "setting B"
"""What may be beside a run."""
LR = Setting("the highest learning rate; it falls to 0", low=0, open_low=True, log=True, live=True, span=(1e-6, 1e-2))
NOTCHES = 20
"""A control that is not logarithmic has so many."""
REACH = (1e-6, 1e6)
"""Of a control whose setting says of no end where it is."""
KINDS = {
    "home": "homes",
    "job": "jobs",
    "mother": "mothers",
    "sibling": "siblings",
    "river": "rivers",
    "famous": "goods",
    "material": "materials",
}
"""What the small world's facts are about, by their relation."""
SCORES = {
    "matthews_correlation": "Matthews correlation",
    "pearson": "Pearson's correlation",
    "spearman": "Spearman's correlation",
    "f1": "F1",
}
MOST = {"steps": 100_000, "batch_size": 1024}
"""What the fields of a new run reach to."""
FIELDS = {
    "backbone": Setting("the pretrained model"),
    "task": Setting("what it is fine-tuned on"),
    "method": Setting("what holds it"),
    "init": Setting("where it starts: at the pretrained weights, or at random ones that are pulled towards them"),
    "warmup": Setting("share of the steps in which the learning rate rises first", low=0, high=0.99),
    "steps": Setting("updates of the weights", low=1, high=MOST["steps"], whole=True),
    "batch_size": Setting("examples an update", low=1, high=MOST["batch_size"], whole=True),
    "seed": Setting("of the new head and the order of the examples", low=0, high=2**32 - 1, whole=True),
    "beside": Setting("what trains beside it, on the same batches from the same start"),
}
"""What a new run is begun with, whatever its method."""
LABELS = {"init": "start", "warmup": "warm-up", "batch_size": "batch", "beside": "beside it"}
GIVEN = frozenset({"source fisher", "source data"})
"""What only a file gives."""


def plain(value: Json) -> Json:
    """A value as JSON has it."""
    return "inf" if isinstance(value, float) and value == math.inf else value


def given(value: Json) -> Json:
    """A value that came as JSON."""
    return math.inf if value == "inf" else value


def begin(
    recipe: Recipe,
    beside: Recipe | None,
    how: str = PLAIN,
    *,
    number: int = 1,
    note: str = "",
    engine: str = "python",
    can: Sequence[str] = (),
    backbones: Sequence[str] = ("tiny",),
    presets: Sequence[Mapping[str, str]] = (),
    earlier: Sequence[Message] | None = None,
) -> Message:
    """All that a view draws before the first step of a run.

    Args:
        recipe: of the run.
        beside: of the one beside it, or None.
        how: `NOTHING`, `PLAIN` or `OTHER`.
        number: of the run in its session.
        note: a line about it.
        engine: "python" or "page".
        can: what the engine can do beside training: save, open, seed, link.
        backbones: those that a new run may have.
        presets: each with a ``name`` and a ``story``.
        earlier: the runs before it, see `recall_learn.lab.earlier`; None leaves it to the view to remember them.
    """
    names = titles(recipe, beside)
    return {
        "type": "begin",
        "id": number,
        "engine": engine,
        "note": note,
        "steps": recipe.steps,
        "evaluate_every": recipe.evaluate_every,
        "task": recipe.task,
        "backbone": recipe.backbone,
        "recipe": recipe.to_dict(),
        "sides": [side(each, name, how) for each, name in zip((recipe, beside), names, strict=False)],
        "charts": charts(recipe),
        "facts": facts(recipe),
        "presets": [{"name": each["name"], "story": each["story"]} for each in presets],
        "setup": fields(recipe, how, backbones),
        "can": list(can),
        **({} if earlier is None else {"earlier": list(earlier)}),
    }


def titles(recipe: Recipe, beside: Recipe | None) -> list[str]:
    """What the runs are called: "RecAdam", "plain fine-tuning"; two of one method are A and B."""
    names = [expression.title(each.methods) for each in (recipe, beside) if each is not None]
    return (
        names
        if len(set(names)) == len(names)
        else [f"{name} {letter}" for name, letter in zip(names, "AB", strict=True)]
    )


def side(recipe: Recipe, name: str, how: str = PLAIN) -> Message:
    """One of the runs: its name, recipe, knobs and curve. A twin of plain fine-tuning has nothing to turn."""
    still = how == PLAIN and not recipe.methods and name == PLAIN
    return {
        "name": name,
        "recipe": recipe.to_dict(),
        "knobs": [] if still else knobs(recipe),
        "curve": curve(recipe.methods),
    }


def knobs(recipe: Recipe) -> list[Message]:
    """The settings that may change while a run trains, each with what a control of it needs."""
    known = {**expression.settings(recipe.methods), "lr": LR}
    return [knob(key, known[key], getattr(recipe, key), recipe.steps) for key in live(recipe)]


def knob(key: str, about: Setting, value: float, steps: int) -> Message:
    """A control of a setting: where it stands, from where to where it reaches, and where it halts."""
    halts = [] if about.unit == "steps" else notches(about, value)
    low, high = (0, max(steps, value)) if about.unit == "steps" else (halts[0], max(x for x in halts if x < math.inf))
    return {
        "key": key,
        "label": caption(key),
        "unit": about.unit,
        "help": about.help,
        "value": plain(value),
        "low": low,
        "high": high,
        "log": about.log,
        "infinite": about.infinite,
        "whole": about.whole or about.unit == "steps",
        "notches": [plain(each) for each in halts] if about.log else None,
        "choices": list(about.choices),
    }


def curve(methods: Sequence[Method]) -> Message | None:
    """Which knobs the curve of lambda is drawn and dragged by; None where it is 1 or not known beforehand."""
    keys = expression.settings(methods)
    for method in methods:
        if {"k", "t0"} <= method.settings().keys() and "lambda" in method.ahead(np.ones(1)):
            own = {name: name if name in keys else f"{method.name}.{name}" for name in ("k", "t0")}
            return {"form": "sigmoid", **own}
    return None


def charts(recipe: Recipe) -> list[Message]:
    """What is drawn beside lambda: which values, how they are called, which way is good, and from where to where.

    A range is what such runs are seen to reach: a view may let it grow, and never lets noise fill it.
    """
    own = registry.own(recipe.task)
    task = None if own else registry.named(recipe.task)
    classes = task.num_labels if task else 2
    loss = {"unit": "nats", "range": [0, round(1.1 * math.log(classes), 2)]}
    if classes == 1:
        loss = {"unit": "squared error", "range": [0, 3]}
    primary = task.primary if task else "score"
    chance = {"accuracy": 1 / classes, "f1": None, "score": None}.get(primary, 0.0)
    title = "score" if own else SCORES.get(primary, primary.replace("_", " "))
    probed = {
        "source_loss": ("source loss", "nats", "down", [0, 2]),
        "similarity": ("zero-shot STS-B", "Spearman", "up", [0.4, 0.9]),
        "recovery": ("steps to come back", "steps", "down", [0, 100]),
        "grammar": ("grammar, minimal pairs", "share right", "up", [0.4, 1]),
    }
    asked = [key for key in probed if key in expected(recipe)]
    rows = [
        {"key": "loss", "title": "training loss", "good": "down", "from": "step", **loss},
        {"key": "score", "title": title, "unit": "", "good": "up", "range": [0, 1], "chance": chance},
        *(dict(zip(("key", "title", "unit", "good", "range"), (key, *probed[key]), strict=True)) for key in asked),
        {"key": "distance", "title": "distance from home", "unit": "", "good": "down", "range": [0, 8]},
    ]
    return [{"from": "evaluation", **row} for row in rows]


def expected(recipe: Recipe) -> tuple[str, ...]:
    """What an evaluation of this recipe will hold, as far as can be said before it is loaded."""
    world = recipe.task.startswith(WORLD)
    probes = ("source", "facts") if recipe.probe == "auto" and world else recipe.probe.split("+")
    return tuple({"source": "source_loss", "stsb": "similarity"}.get(name, name) for name in probes if name in PROBES)


def facts(recipe: Recipe, world: World | None = None) -> list[Message] | None:
    """What is asked of the model at every evaluation; None where no facts are.

    Args:
        recipe: of the run.
        world: that of its backbone; None is the packaged model's.
    """
    if "facts" not in expected(recipe) or (world is None and recipe.backbone != "tiny"):
        return None
    known = (world or World()).facts
    return [{"prompt": fact.prompt, "answer": fact.answer, "kind": KINDS[fact.relation]} for fact in known]


def fields(recipe: Recipe, how: str, backbones: Sequence[str] = ("tiny",)) -> list[Message]:
    """What a new run is begun with, and does not change while it trains.

    Args:
        recipe: of the run that is there.
        how: `NOTHING`, `PLAIN` or `OTHER`.
        backbones: those to choose from.
    """
    titles = {name: expression.title(expression.parse(name, METHODS)) for name in offered(recipe.backbone)}
    titles.setdefault(recipe.names, expression.title(recipe.methods))
    choices = {
        "backbone": _with(recipe.backbone, backbones),
        "task": _with(recipe.task, offered_tasks(recipe.backbone)),
        "method": titles,
        "init": {"pretrained": "pretrained weights", "random": "random weights"},
        "beside": dict.fromkeys((NOTHING, PLAIN, OTHER)),
    }
    values = {**{key: getattr(recipe, key, None) for key in FIELDS}, "method": recipe.names, "beside": how}
    made = {key: _field(key, about, values[key], choices.get(key)) for key, about in FIELDS.items()}
    own = {key: about for key, about in expression.settings(recipe.methods).items() if not about.live}
    first = [made.pop(key) for key in ("backbone", "task", "method")]
    return [*first, *(_field(key, about, getattr(recipe, key)) for key, about in own.items()), *made.values()]


def _field(key: str, about: Setting, value: Json, choices: Mapping[str, str | None] | None = None) -> Message:
    named = choices if choices is not None else dict.fromkeys(about.choices)
    return {
        "key": key,
        "label": LABELS.get(key, caption(key)),
        "help": about.help,
        "value": plain(value),
        "choices": [{"value": each, "title": title or each} for each, title in named.items()] or None,
        "low": about.low if about.low > -math.inf else None,
        "high": about.high if about.high < math.inf else None,
        "open_low": about.open_low,
        "open_high": about.open_high,
        "whole": about.whole,
    }


def _with(value: str, choices: Sequence[str]) -> dict[str, None]:
    return dict.fromkeys((*choices, value))


def offered(backbone: str = "tiny") -> tuple[str, ...]:
    """The methods that the lab offers: none, each that needs no file, and each pull with each mask."""
    given = frozenset() if backbone in SOURCE_FISHERS else GIVEN
    alone = [name for name, each in METHODS.items() if not each.needs & given and not each.for_sequences]
    pulls, masks = ([name for name in alone if METHODS[name].slot == slot] for slot in ("pull", "mask"))
    pairs = itertools.product(pulls, masks)
    return (expression.PLAIN, *alone, *map("+".join, pairs))


def offered_tasks(backbone: str) -> tuple[str, ...]:
    """The tasks that the lab offers to a backbone: the small world's model reads nothing else."""
    if backbone == "tiny":
        return tuple(f"{WORLD}{name}" for name in tasks.TASKS)
    return tuple(task.name for task in glue.TASKS)


def caption(key: str) -> str:
    """What a setting is called: "γ", "k", "child-d.p"."""
    with suppress(KeyError):
        return unicodedata.lookup(f"GREEK SMALL LETTER {key.upper()}")
    return key


def ladder(low: float, high: float, marks: Sequence[float] = (1, 2, 3, 5)) -> list[float]:
    """Numbers that are read easily, about evenly spaced on a logarithmic scale."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    steps = {float(f"{mark}e{decade}") for decade in decades for mark in marks}
    return sorted(value for value in steps if low <= value <= high)


def notches(about: Setting, value: float) -> list[float]:
    """Where a control halts: over the setting's span, and at its ends and at ``value``, as far as that is right.

    Args:
        about: the setting.
        value: what it is.
    """
    bounded = math.isfinite(about.high - about.low)
    low, high = about.span or ((about.low, about.high) if bounded else REACH)
    if about.log or not (about.span or bounded):
        found = ladder(low, high)
    else:
        found = [float(f"{low + (high - low) * i / NOTCHES:.6g}") for i in range(NOTCHES + 1)]
    return sorted({each for each in (*found, about.low, about.high, math.inf, value) if _right(about, each)})


def _right(about: Setting, value: float) -> bool:
    try:
        about.checked("", value)
    except ValueError:
        return False
    return True


def rows(records: Iterable[Mapping[str, Json]]) -> list[list[float]]:
    """Records of a run's history as the view reads them: step, loss, lambda, lr, pull."""
    return [[record[name] for name in ("step", "loss", "lambda", "lr", "pull")] for record in records]


def compared(recorded: Run, run: Run) -> Message:
    """How far the losses of a run that was taken again lie from those that were recorded, at the worst."""
    pairs = list(zip(recorded.column("loss"), run.column("loss"), strict=False))
    worst = max((abs(one - other) for one, other in pairs), default=0.0)
    return {"type": "compared", "steps": len(pairs), "worst": worst}


def evaluation(record: Mapping[str, Json], primary: str, asked: Mapping[str, int]) -> Message:
    """An evaluation of a run as the view reads it.

    Args:
        record: of `Run.evaluations`.
        primary: the metric that is the task's score.
        asked: the place of each prompt in ``begin["facts"]``.
    """
    values = {"score": record["metrics"][primary], "distance": record["distance"]}
    values |= {name: record[name] for name in ("source_loss", "similarity", "recovery", "grammar") if name in record}
    known = record.get("facts")
    told = known and {
        "known": known["known"],
        "lost": {str(asked[prompt]): said for prompt, said in known["lost"].items() if prompt in asked},
    }
    return {"type": "evaluation", "step": record["step"], "values": values, "facts": told}
