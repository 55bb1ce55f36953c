"""Is it forgetting at all? Fine-tuning that fails, seed by seed: ``python tools/instability.py NAME``, resumable.

======= =========================================================================================== ==================
tiny    twenty seeds of eight settings on a small task, at a rate at which some runs fail: score,   15 seconds a run,
        loss on the training examples, what is kept, gradient norms by part, and the source loss    40 minutes for
        with layers put back to theta* from the top                                                 all
minilm  ten seeds of five settings on 1,000 examples of rte, one of them after 5,000 of MNLI;       10 minutes a run,
        ``--data FOLDER`` and ``--source-text BOOKS``                                               8 hours for all
======= =========================================================================================== ==================

Times are of one core. The rows of ``book/runs/world/instability-NAME.json`` that are there are not taken again.
"""

import argparse
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import loop
from record import Job, Row, record

from recall_learn.measures.ablation import at_home, parts
from recall_learn.measures.gradients import gradient_norms
from recall_learn.measures.source import source_loss
from recall_learn.models import backbones
from recall_learn.models.backbones import Backbone
from recall_learn.models.masked_lm import attach, hide_each
from recall_learn.runs.finetune import finetune
from recall_learn.runs.recipe import Recipe
from recall_learn.support import process_wide
from recall_learn.tasks.registry import named
from recall_learn.world import World

TASK, EXAMPLES, SEEDS = "rte", 500, range(20)
STEPS, LR, EVERY = 150, 2e-3, 10
"""Of a run, its highest rate, and the steps between two looks at its gradients."""
SETTINGS: dict[str, dict[str, Any]] = {
    "plain": {},
    "without bias correction": {"method": "bertadam"},
    "without bias correction, half the rate": {"method": "bertadam", "lr": LR / 2},
    "warm-up": {"warmup": 0.1},
    "warm-up, without bias correction": {"method": "bertadam", "warmup": 0.1},
    "three times as long": {"steps": 3 * STEPS},
    "top layer new": {"method": "reinit(layers=1)"},
    "twice the rate": {"lr": 2 * LR},
}
"""What a run has that plain fine-tuning has not."""
REAL_SEEDS, REAL_EXAMPLES, REAL_STEPS, REAL_LR, REAL_LENGTH = range(10), 1000, 190, 2e-4, 128
"""Three passes in batches of 16."""
REAL: tuple[Row, ...] = (
    {"method": "vanilla"},
    {"method": "bertadam"},
    {"method": "vanilla", "warmup": 0.1},
    {"method": "reinit(layers=1)"},
    {"method": "vanilla", "after": "nli/mnli"},
)
FIRST_EXAMPLES, FIRST_STEPS = 5000, 312
"""Of an intermediate task: one pass in the same batches. One model was tuned on it, and all seeds begin with that."""
BACKBONE = "minilm"


def run_tiny() -> Iterator[Job]:
    """All settings, seed by seed."""
    for seed in SEEDS:
        for setting in SETTINGS:
            key = {"setting": setting, "seed": seed}
            yield key, lambda key=key: take(key)


def take(key: Row) -> Row:
    """A run and what it left, as its setting says."""
    seed, backbone = key["seed"], backbones.load("tiny", num_labels=named(f"world/{TASK}").num_labels, seed=key["seed"])
    splits, norms, losses = loop.made(TASK, EXAMPLES, backbone), {}, []

    def look(step: int, loss: float) -> None:
        losses.append(loss)
        if step % EVERY == 1:
            for part, norm in gradient_norms(backbone.model).items():
                norms.setdefault(part, []).append(float(f"{norm:.3g}"))

    how = {"steps": STEPS, "lr": LR, **SETTINGS[key["setting"]]}
    loop.train(backbone, splits["train"], seed=seed, each=look, **how)
    left = loop.kept(backbone)
    return {
        "score": loop.score(backbone, TASK, splits["validation"]),
        "trained": loop.score(backbone, TASK, splits["train"]),
        "loss": round(sum(losses[-EVERY:]) / EVERY, 4),
        **left,
        "back": [left["source_loss"], *from_top(backbone), before()],
        "norms": norms,
    }


def from_top(backbone: Backbone) -> list[float]:
    """The source loss with one, two, ... of the uppermost parts at theta*, but not with all."""
    masked_lm, home = attach(backbone), parts(backbone.anchors)[::-1]
    held_out = hide_each(World().text("held-out")[: loop.PASSAGES], backbone.tokenizer)
    found = []
    for count in range(1, len(home)):
        with at_home(backbone.model, backbone.anchors, home[:count]):
            found.append(round(source_loss(masked_lm, held_out), 4))
    return found


@cache
def before() -> float:
    """The source loss of theta*."""
    return loop.kept(backbones.load("tiny", num_labels=2))["source_loss"]


def run_minilm(data: str, text: str, place: Path) -> Iterator[Job]:
    """A real encoder on few examples of rte; what is between two tasks lies in ``place``."""
    usual = {"backbone": BACKBONE, "batch_size": 16, "max_length": REAL_LENGTH, "lr": REAL_LR}
    asked = {**usual, "task": "rte", "limit_train": REAL_EXAMPLES, "steps": REAL_STEPS, "evaluate_every": REAL_STEPS}
    for seed in REAL_SEEDS:
        for setting in REAL:
            key = {"lr": REAL_LR, "warmup": 0.0, "after": None, **setting, "seed": seed}
            given = {name: value for name, value in key.items() if name != "after"}

            def take(first: str | None = key["after"], given: Row = given) -> Row:
                if first is None:
                    return ended(Recipe(**{**asked, **given}, probe="stsb+source"), data, text)
                before = Recipe(**usual, task=first, limit_train=FIRST_EXAMPLES, steps=FIRST_STEPS, probe="none")
                started = {"backbone": str(intermediate(before, data, place)), "probe": "stsb"}
                return ended(Recipe(**{**asked, **given, **started}), data)

            yield key, take


def intermediate(recipe: Recipe, data: str, place: Path) -> Path:
    """The folder of a model that was tuned on a first task; it is tuned once."""
    out = place / recipe.task.replace("/", "-")
    if not out.exists():
        finetune(replace(recipe, evaluate_every=recipe.steps), out=out, data_folder=data, progress=False)
    return out / "model"


def ended(recipe: Recipe, data: str, text: str | None = None) -> Row:
    """What a run came to. Without a text there is no source loss; the distance is from where the run began."""
    run = finetune(recipe, data_folder=data, source_text=text, progress=False)
    final, last = run.final, run.history[-EVERY:]
    return {
        "score": round(final["metrics"][run.primary], 4),
        "loss": round(sum(each["loss"] for each in last) / len(last), 4),
        **{name: round(final[name], 4) for name in ("source_loss", "similarity", "distance") if name in final},
    }


def main() -> None:
    """Record what is named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=("tiny", "minilm"))
    parser.add_argument("--data", metavar="FOLDER", help="for minilm: the folder of data sets")
    parser.add_argument("--source-text", metavar="BOOKS", help="for minilm: a text for the source loss")
    options = parser.parse_args()
    with process_wide.plain_messages(), process_wide.silent():
        if options.name == "tiny":
            record("instability-tiny", run_tiny())
            return
        if options.data is None or options.source_text is None:
            raise SystemExit(
                "minilm needs --data, the folder with rte and nli/mnli, and --source-text, a text like that of books"
            )
        with tempfile.TemporaryDirectory() as place:
            jobs = run_minilm(options.data, options.source_text, Path(place))
            record("instability-minilm", jobs, backbone=BACKBONE)


if __name__ == "__main__":
    main()
