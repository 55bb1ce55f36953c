"""What the page on the small world shows, recorded anew: ``python tools/record.py NAME``.

=========== ============================================================================= =================
tasks       every task from the pretrained and from a random start, three seeds           about 15 minutes
guesses     counting words, and reading the second sentence alone                         seconds
derivation  the rise of the source loss beside each form that stands for it               about 20 minutes
tradeoff    EWC with the true source Fisher, RecAdam, L2-SP, plain fine-tuning            about 20 minutes
=========== ============================================================================= =================

on one core each. A file of ``book/runs/world`` is a list of rows, and what they were taken on. Rows that are there are
not taken again, so a recording that was stopped goes on; remove the file to begin anew.
"""

import argparse
import json
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from recall_learn.measures import probes
from recall_learn.models import backbones, places
from recall_learn.models.fisher_files import save_fisher
from recall_learn.models.fishers import source_fisher
from recall_learn.models.masked_lm import attach
from recall_learn.runs.finetune import finetune
from recall_learn.runs.recipe import Recipe
from recall_learn.support import environment, process_wide
from recall_learn.support.files import write_text
from recall_learn.support.lock import owning
from recall_learn.tasks import shortcuts
from recall_learn.tasks.registry import named
from recall_learn.theory import derivation
from recall_learn.world import World, tasks
from recall_learn.world.batches import Batches

FOLDER = Path(__file__).parents[1] / "book" / "runs" / "world"
SEEDS = range(5)
STEPS = 300
EXAMPLES, EXACT, BATCH = 1024, 256, 128
"""Source examples for rise and full forms; for the exact diagonal, which takes a pass a word; rows at a time."""
SCALES = (1 / 64, 1 / 16, 1 / 4, 1.0)

Row = dict[str, Any]
Job = tuple[Row, Callable[[], Row | list[Row]]]


def record(name: str, jobs: Iterable[Job], backbone: str = "tiny", folder: Path | None = None) -> None:
    """Take the rows that ``NAME.json`` lacks, and write it after each.

    Args:
        name: of the file.
        jobs: what tells a row from the others, and the function that measures the rest of it.
        backbone: whose model it is that is measured.
        folder: where the file lies; None is that of the book.
    """
    path = (folder or FOLDER) / f"{name}.json"
    with owning(path, "wait for it: what each of two writes, the other would lose"):
        kept = _kept(path)
        for key, take in jobs:
            if not _there(kept, key):
                kept["environment"] = _environment(path, kept["environment"], backbone)
                made = take()
                kept["rows"] += [{**key, **row} for row in (made if isinstance(made, list) else [made])]
                lines = ",\n  ".join(json.dumps(row) for row in kept["rows"])
                write_text(path, f'{{"environment": {json.dumps(kept["environment"])},\n"rows": [\n  {lines}\n]}}\n')
                print(name, kept["rows"][-1], flush=True)


def _environment(path: Path, before: Row | None, backbone: str) -> Row:
    """What the next row is taken on, if the others were taken on the same."""
    now = environment.describe(torch.device("cpu"))
    now |= {"world": World().digest} if backbone == "tiny" else {}
    now["backbone"] = places.locate(backbone)[1]
    for what in ("versions", "world", "backbone"):
        if before is not None and before.get(what) != now.get(what):
            raise ValueError(f"{path} was recorded with another {what}; remove it to record all of it anew")
    return now


def record_alone(about: str, name: str, jobs: Iterable[Job]) -> None:
    """What a script does that records one file: it says what it is, or takes the rows that are missing."""
    argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    with process_wide.plain_messages(), process_wide.silent():
        record(name, jobs)


def recorded(name: str, key: Row) -> bool:
    """Whether ``NAME.json`` has rows of a job."""
    return _there(_kept(FOLDER / f"{name}.json"), key)


def _kept(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text()) if path.exists() else {"environment": None, "rows": []}


def _there(kept: dict[str, Any], key: Row) -> bool:
    return any(key.items() <= row.items() for row in kept["rows"])


def run_tasks() -> Iterable[Job]:
    """Every task, from both starts."""
    for seed in SEEDS[:3]:
        for task in tasks.TASKS:
            for init in ("pretrained", "random"):
                recipe = Recipe(backbone="tiny", task=f"world/{task}", init=init, steps=600, lr=5e-4, seed=seed)
                yield {"task": task, "init": init, "seed": seed}, lambda r=recipe: _scores(r)


def run_guesses() -> Iterable[Job]:
    """What can be guessed without understanding."""
    for task in tasks.TASKS:
        for which in shortcuts.GUESSES:
            if which == "words" or len(named(f"world/{task}").columns) == 2:
                yield {"task": task, "guess": which}, lambda t=task, w=which: {"score": shortcuts.score(t, w)}


def run_tradeoff() -> Iterable[Job]:
    """One task, and several strengths of what holds the model back."""
    fisher = FOLDER / ".fisher.safetensors"
    settings: list[tuple[str, Row]] = [("vanilla", {}), ("vanilla", {"lr": 5e-4})]  # k = 0 halves the task's steps too
    settings += [("ewc", {"gamma": gamma}) for gamma in (0.1, 1.0, 10.0, 100.0)]
    settings += [("l2sp", {"gamma": alpha}) for alpha in (0.003, 0.01, 0.03, 0.1)]
    settings += [("recadam", {"gamma": gamma, "k": 0.0, "t0": 0.0}) for gamma in (1.0, 5.0, 25.0)]
    settings += [("recadam", {"gamma": 100.0, "k": 0.1, "t0": t0}) for t0 in (100.0, 200.0)]
    for seed in SEEDS:
        for method, extra in settings:
            recipe = Recipe(backbone="tiny", task="world/cola", method=method, steps=STEPS, seed=seed, **extra)
            key = {"method": method, "seed": seed, **extra}
            yield key, lambda r=recipe: _scores(r, _source_fisher_file(fisher) if r.needs else None)
    fisher.unlink(missing_ok=True)


def run_derivation() -> Iterable[Job]:
    """Ten ways that fine-tuning takes, and as many random ones of the same lengths."""
    ready: dict[str, Any] = {}
    for seed in (0, 1):
        for task in tasks.TASKS:
            recipe = Recipe(backbone="tiny", task=f"world/{task}", steps=STEPS, seed=seed, probe="none")
            yield {"name": f"{task} {seed}"}, lambda r=recipe: _forms(r, ready)


def _forms(recipe: Recipe, ready: dict[str, Any]) -> list[Row]:
    backbone = backbones.load("tiny", num_labels=named(recipe.task).num_labels)
    if not ready:
        batch = Batches(probes.world_of(backbone), backbone.tokenizer, BATCH)
        masked_lm = attach(backbone)
        for labels, count in (("exact", EXACT), ("empirical", EXAMPLES)):
            ready[labels] = source_fisher(backbone, masked_lm, batch.stream(count), labels)
        ready["batches"] = list(batch.stream(EXAMPLES))
    with tempfile.TemporaryDirectory() as folder:
        finetune(recipe, out=folder, progress=False)
        weights = load_file(Path(folder) / "model" / "model.safetensors")
    away = {name: weights[name].double() - anchor.double() for name, anchor in backbone.anchors.items()}
    fishers = {"diagonal": ready["exact"], "empirical": ready["empirical"]}
    own = recipe.seed * len(tasks.TASKS) + list(tasks.TASKS).index(recipe.task.removeprefix("world/"))
    generator = torch.Generator().manual_seed(own)  # a random direction of its own for each way
    name = f"{recipe.task.removeprefix('world/')} {recipe.seed}"
    masked_lm, batches = attach(backbone), ready["batches"]
    return derivation.measure(
        masked_lm, batches, backbone.anchors, {name: away}, fishers, SCALES, generator=generator, progress=False
    )


def _scores(recipe: Recipe, fisher: Path | None = None) -> Row:
    run = finetune(recipe, fisher=fisher, progress=False)
    first, final = run.evaluations[0], run.final
    score = final["metrics"][named(recipe.task).primary]
    return {
        "score": score,
        "source_loss": final["source_loss"],
        "facts": final["facts"]["known"],
        "distance": final["distance"],
        "before": {"source_loss": first["source_loss"], "facts": first["facts"]["known"]},
        "seconds": final["seconds"],
    }


def _source_fisher_file(path: Path) -> Path:
    """The exact Fisher of the pretraining, taken once."""
    if not path.exists():
        backbone = backbones.load("tiny", num_labels=2)
        batch = Batches(probes.world_of(backbone), backbone.tokenizer, BATCH)
        fisher = source_fisher(backbone, attach(backbone), batch.stream(EXACT), "exact")
        save_fisher(path, fisher, backbone="tiny", anchors=backbone.fingerprint, task="source")
    return path


RECORDINGS = {"tasks": run_tasks, "guesses": run_guesses, "derivation": run_derivation, "tradeoff": run_tradeoff}


def main() -> None:
    """Record what is named."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", choices=RECORDINGS)
    name = parser.parse_args().name
    with process_wide.plain_messages(), process_wide.silent():
        record(name, RECORDINGS[name]())


if __name__ == "__main__":
    main()
