"""Tables of recorded runs, as Markdown that a notebook and the book both show."""

import shlex
from collections.abc import Mapping

from recall_learn import glue
from recall_learn.recipe import Recipe
from recall_learn.runs import Run


def results(runs: Mapping[str, Run]) -> str:
    """One line a run: the task's metrics, the probe and the distance at its last step."""
    first = next(iter(runs.values()))
    metrics = glue.named(first.recipe.task).metrics
    head = ["run", "seed", *(f"{first.recipe.task.upper()} {name.replace('_', ' ')}" for name in metrics)]
    head += ["zero-shot STS-B", "distance"]
    rows = []
    for name, run in runs.items():
        values = [*(run.final["metrics"][metric] for metric in metrics), run.final["similarity"], run.final["distance"]]
        rows.append([name, str(run.recipe.seed), *(f"{value:.3f}" for value in values)])
    return _markdown(head, rows)


def provenance(runs: Mapping[str, Run]) -> str:
    """Where each run comes from: the command that records it again, its device, versions, date and commit."""
    rows = []
    for name, run in runs.items():
        e = run.environment
        versions = f"torch {e['versions']['torch']}, transformers {e['versions']['transformers']}"
        rows.append([name, e["device"], versions, e["date"][:10], f"`{e['commit']}`"])
    return _markdown(["run", "device", "versions", "date", "commit"], rows)


def command(recipe: Recipe, out: str) -> str:
    """The command line that runs a recipe: its settings, as far as they are not the defaults."""
    default = Recipe(method=recipe.method)
    words = ["recall-learn", "finetune", "--backbone", recipe.backbone, "--task", recipe.task]
    for name, value in recipe.to_dict().items():
        if name not in ("backbone", "task") and (value != getattr(default, name) or name == "method"):
            words += [f"--{name.replace('_', '-')}", _short(value)]
    return shlex.join([*words, "--out", out])


def _short(value: object) -> str:
    short = f"{value:g}" if isinstance(value, float) else str(value)
    return short if not isinstance(value, float) or float(short) == value else repr(value)


def _markdown(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
