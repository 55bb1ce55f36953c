"""The chart: what methods reached against what they kept, each with the line through its settings, and the runs behind.

::

    chart(recordings.load("runs/grid-neighbours.jsonl"))

It is HTML with scripts, ``chart_model.js`` and ``chart.js``, as the explorer is. A reader says what is at hand, and
what asks for more is hidden. A point shows the runs that it is made of, beside plain fine-tuning at the rate that
scores most like it; and of one seed, how it stands to the line of all of plain fine-tuning's rates.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from recall_learn.figures.tables import command
from recall_learn.lab.explorer import METRICS
from recall_learn.lab.scripted import DRAWING, Scripted, alone
from recall_learn.methods import expression
from recall_learn.methods.method import COSTS, FAMILIES, PLAIN_COSTS
from recall_learn.runs.comparison import KEPT, End, Setting, Standing, collect, standings
from recall_learn.runs.compose import HEAD, SOURCE
from recall_learn.runs.recipe import Recipe
from recall_learn.runs.recordings import Record, Records
from recall_learn.support.reading import Json

MODEL, SCRIPT, STYLE = (Path(__file__).with_name(name) for name in ("chart_model.js", "chart.js", "chart.css"))
JOINED = "several at once"
COLOURS = dict(
    zip(
        ("", *FAMILIES, JOINED),
        (
            *("#D55E00", "#8C6D31", "#0072B2", "#56B4E9", "#009E73", "#CC79A7"),
            *("#8A63D2", "#E69F00", "#7A8B00", "#C0504D", "#2AA8A8", "#808080"),
        ),
        strict=True,
    )
)
"""Of each family, and of plain fine-tuning; within a family the marks differ."""
ASKS = {
    "source": "the data that the model was pretrained on",
    "head": "the head that it was pretrained with",
    **COSTS,
}
OUT = "runs/mine"
AGAIN = ["recall-learn finetune ", f" --out {OUT}"]
"""Begin and end of the command of every run; a page with a thousand of them says both once."""
NEEDS = {SOURCE: "source", "source fisher": "source", HEAD: "head"}
"""What of these a method asks for by what it needs; a Fisher of the task is a pass over the task, which all have."""
TITLES = {
    "source_loss": ("source loss", "Source loss, nats a hidden word"),
    "facts": ("facts known", "Facts known, share of all"),
    "similarity": ("similarity", "Similarity of sentences, zero-shot rank correlation"),
}


def chart(*records: Records, matched: bool = False, time: Mapping[str, float] | None = None) -> "Page":
    """The chart of these runs, as an object that a notebook's cell shows.

    Args:
        records: runs that differ in task, methods, settings, learning rate and seed; where two files have a run of the
            same recipe, the first one counts.
        matched: leave out the seeds in which plain fine-tuning lacks one of its rates.
        time: method -> how many times plain fine-tuning's step one of its steps takes, as measured somewhere; readers
            may then leave out what takes them too long. Of several methods at once the extra times are added.

    Raises:
        ValueError: there are no runs with an end, or those of a task have different budgets.
    """
    return Page(payload(*records, matched=matched, time=time), whole=alone())


def payload(*records: Records, matched: bool = False, time: Mapping[str, float] | None = None) -> dict[str, Json]:
    """What ``chart.js`` reads: tasks, methods, points, and the runs that they are made of; see `chart`."""
    settings = [each for each in collect(*records, matched=matched) if any(each.values(kept) for kept in KEPT)]
    if not settings:
        raise ValueError("there are no runs to draw; record some with recall-learn sweep")
    stand = {(id(each.setting), kept): each for kept in KEPT for each in standings(settings, kept)}
    runs: dict[int, Record] = {}
    points = [_point(each, runs, stand) for each in settings]
    methods = {each.names: _method(each, time or {}) for each in _by_family(settings)}
    asked = {ask for each in methods.values() for ask in each["asks"]}
    primary = {run.recipe.task: each.primary(run) for each in records for run in each.runs if "score" in run.columns}
    kept = {
        task: [name for name in TITLES if any(each.values(name) for each in settings if each.task == task)]
        for task in dict.fromkeys(each.task for each in settings)
    }
    there = {name: told for name, told in TITLES.items() if any(name in names for names in kept.values())}
    return {
        "plain": expression.PLAIN,
        "tasks": {
            task: {
                "metric": METRICS.get(primary[task], primary[task]),
                "before": _before(settings, task),
                "kept": kept[task],
            }
            for task in kept
        },
        "kept": {name: {"short": short, "title": title, "sign": KEPT[name]} for name, (short, title) in there.items()},
        "asks": {name: text for name, text in ASKS.items() if name in asked},
        "methods": methods,
        "points": points,
        "again": AGAIN,
        "steps": (steps := list(map(list, dict.fromkeys(tuple(run.columns["step"]) for run in runs.values())))),
        "runs": [_run(run, steps) for run in runs.values()],
    }


def _by_family(settings: Iterable[Setting]) -> list[Setting]:
    """One setting of each combination of methods: plain fine-tuning, then the families in their order."""
    one = {each.names: each for each in settings}
    return sorted(one.values(), key=lambda each: list(COLOURS).index(_family(each)))


def _family(setting: Setting) -> str:
    if len(setting.methods) > 1:
        return JOINED
    return setting.methods[0].family if setting.methods else ""


def _method(setting: Setting, time: Mapping[str, float]) -> dict[str, Json]:
    family, methods = _family(setting), setting.methods
    costs = set().union(*(each.costs for each in methods)) if methods else set(PLAIN_COSTS)
    if not all("all gradients" in each.costs for each in methods):
        costs -= {"all gradients"}  # one of them lets only a part train
    costs |= {NEEDS[need] for each in methods for need in each.needs if need in NEEDS}
    told = {
        "title": expression.title(methods),
        "family": family,
        "colour": COLOURS[family],
        "asks": [ask for ask in ASKS if ask in costs],
    }
    if methods and all(each.name in time for each in methods):
        told["time"] = round(1 + sum(time[each.name] - 1 for each in methods), 3)
    return told


def _point(setting: Setting, runs: dict[int, Record], stand: Mapping[tuple[int, str], Standing]) -> dict[str, Json]:
    seeds = sorted(setting.seeds)
    for seed in seeds:
        runs.setdefault(id(setting.seeds[seed].run), setting.seeds[seed].run)
    places = {key: place for place, key in enumerate(runs)}
    mine = {kept: stand[id(setting), kept] for kept in KEPT if (id(setting), kept) in stand}
    return {
        "task": setting.task,
        "method": setting.names,
        "label": setting.label,
        "seeds": seeds,
        **{name: [getattr(setting.seeds[seed], name) for seed in seeds] for name in ("score", *KEPT)},
        "runs": [places[id(setting.seeds[seed].run)] for seed in seeds],
        "ahead": {kept: [len(each.ahead), each.pairs] for kept, each in mine.items()},
        "stands": {kept: _by_seed(each, KEPT[kept]) for kept, each in mine.items()},
        **_frontier([setting.seeds[seed] for seed in seeds]),
    }


def _by_seed(standing: Standing, sign: float) -> dict[str, list[Json]]:
    """Seed -> how it stands, and by how much what was kept differs from the line's, None where that ends before."""
    words = {seed: word for word in ("ahead", "behind", "beyond") for seed in getattr(standing, word)}
    gains = {seed: round(sign * gain, 5) for seed, gain in standing.gains.items()}
    return {str(seed): [words[seed], gains.get(seed)] for seed in sorted(words)}


def _frontier(ends: Sequence[End]) -> dict[str, Json]:
    """Of a point on the frontier that runs noted: its alpha, that of their scores, and the commands that score it."""
    if ends[0].alpha is None:
        return {}
    recipe, alpha = ends[0].run.recipe, ends[0].alpha
    noting = next(each for each in recipe.methods if "ending" in each.hooks())
    method = expression.written(expression.changed(recipe.methods, {f"{noting.name}.alpha": alpha}))
    again = [_again(replace(end.run.recipe, method=method)) for end in ends]
    return {"frontier": {"alpha": alpha, "scored": noting.alpha, "commands": again}}


def _before(settings: Sequence[Setting], task: str) -> dict[str, float]:
    """What the model kept before any step, as a plain run has it."""
    of_task = [each for each in settings if each.task == task]
    first = next((each for each in of_task if each.plain), of_task[0])
    columns = next(iter(first.seeds.values())).run.columns
    return {name: columns[name][0] for name in KEPT if columns.get(name)}


def _run(run: Record, steps: list[list[int]]) -> dict[str, Json]:
    columns = {name: run.columns[name] for name in ("score", *KEPT) if name in run.columns}
    return {"command": _again(run.recipe), "step": steps.index(run.columns["step"]), **columns}


def _again(recipe: Recipe) -> str:
    """The command that takes a run again, without what all have, see `AGAIN`."""
    begin, end = AGAIN
    return command(recipe, OUT).removeprefix(begin).removesuffix(end)


class Page(Scripted):
    """The chart as HTML; see `recall_learn.lab.scripted.Scripted`."""

    kind, link = "recall-chart", "chart"
    style, scripts = STYLE, (DRAWING, MODEL, SCRIPT)

    def __repr__(self) -> str:
        methods = {name for names in self.data["methods"] for name in names.split("+")} - {self.data["plain"]}
        many = f"{len(self.data['points'])} settings of {len(methods)} methods"
        return f"A chart of {many} on {', '.join(self.data['tasks'])}: the score against what was kept."
