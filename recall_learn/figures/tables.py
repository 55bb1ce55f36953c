"""Tables of recorded runs, as Markdown that a notebook and the book both show; a recorded word is shown as text."""

import shlex
from collections.abc import Iterable, Mapping, Sequence

from recall_learn.methods import expression
from recall_learn.runs.recipe import Recipe
from recall_learn.runs.record import Run
from recall_learn.support import markup
from recall_learn.support.checks import typed
from recall_learn.world import World

PROBED = {"similarity": "zero-shot STS-B", "source_loss": "source loss"}


def results(runs: Mapping[str, Run]) -> str:
    """One line a run: the task's metrics, the probe and the distance at its last step."""
    first = next(iter(runs.values()))
    metrics, asked = first.metrics, [name for name in PROBED if name in first.final]
    head = ["run", "seed", *(f"{first.recipe.task.upper()} {name.replace('_', ' ')}" for name in metrics)]
    head += [*(PROBED[name] for name in asked), "distance"]
    rows = []
    for name, run in runs.items():
        values = [*(run.final["metrics"][metric] for metric in metrics), *(run.final[probe] for probe in asked)]
        numbers = (f"{value:.3f}" for value in (*values, run.final["distance"]))
        rows.append([markup.markdown(name), str(run.recipe.seed), *numbers])
    return markdown(head, rows)


def lost_facts(run: Run, count: int = 5) -> str:
    """What the model said before the run, and what it says after it, for some of the facts that it lost.

    Args:
        run: one that probed facts.
        count: how many to show, evenly spread over those that were known before.
    """
    before, after = run.evaluations[0]["facts"]["lost"], run.evaluations[-1]["facts"]["lost"]
    true = {fact.prompt: fact.answer for fact in World().facts}
    lost = [prompt for prompt in after if prompt not in before and prompt in true]
    shown = lost[:: max(1, len(lost) // count)][:count]
    rows = [
        [str(i), _filled(prompt, true[prompt]), _filled(prompt, after[prompt])] for i, prompt in enumerate(shown, 1)
    ]
    return markdown(["", "before", "after"], rows)


def _filled(prompt: str, answer: str) -> str:
    return markup.markdown(prompt).replace(r"\[MASK\]", f"**{markup.markdown(answer)}**")


def provenance(runs: Mapping[str, Run]) -> str:
    """Where each run comes from: the command that records it again, its device, versions, date and commit."""
    rows = []
    for name, run in runs.items():
        e = run.environment
        versions = f"torch {e['versions']['torch']}, transformers {e['versions']['transformers']}"
        told = (name, e["device"], versions, e["date"][:10])
        rows.append([*map(markup.markdown, told), markup.code(e["commit"])])
    return markdown(["run", "device", "versions", "date", "commit"], rows)


def command(recipe: Recipe, out: str) -> str:
    """The shortest command line that runs a recipe: its settings, as far as they are not the defaults."""
    default = Recipe(backbone=recipe.backbone, steps=recipe.steps)
    words = ["recall-learn", "finetune", "--backbone", recipe.backbone, "--task", recipe.task]
    for name, value in recipe.to_dict().items():
        usual = Recipe.steps if name == "steps" else getattr(default, name)
        if name not in ("backbone", "task") and value != usual:
            shown = expression.short(recipe.methods, recipe.lr) if name == "method" else typed(value)
            words += [f"--{name.replace('_', '-')}", shown]
    return shlex.join([*words, "--out", out])


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table: its head, and a list of cells for each row, both Markdown; for plain text see `support.markup`."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
