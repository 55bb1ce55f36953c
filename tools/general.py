"""Does it still generalise? Recorded: ``python tools/general.py NAME``, resumable.

========= ========================================================================================= ==================
wordings  fifteen settings on five tasks of the small world: the score on wordings that were        20 seconds a run,
          trained on and on others, what is kept, and new linear heads for the other tasks          2 hours for all
shorter   plain fine-tuning on the same wordings, with 75 and 150 steps                               15 seconds a run,
                                                                                                      15 minutes for all
few       thirteen settings on three tasks with 100, 300 and 1,000 training examples                12 seconds a run,
                                                                                                    2 hours for all
minilm    six settings on 5,000 examples of MNLI or SNLI, scored there and on four other sets;      7 minutes a run,
          ``--data FOLDER`` names the folder of data sets                                           4 hours for all
========= ========================================================================================= ==================

Times are of one core. The rows of ``book/runs/world/general-NAME.json`` that are there are not taken again.
"""

import argparse
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path

import torch
from record import Job, Row, record
from samples import sample
from where import HOLD

from recall_learn.measures.heads import new_head
from recall_learn.measures.transfer import score_elsewhere
from recall_learn.models import backbones
from recall_learn.models.backbones import Backbone
from recall_learn.runs.finetune import finetune
from recall_learn.runs.finished import Finished, open_run
from recall_learn.runs.recipe import Recipe
from recall_learn.support import process_wide
from recall_learn.tasks import loading
from recall_learn.tasks.task import MISMATCHED, Splits
from recall_learn.world.tasks import WORDINGS

SEEDS = range(5)
TASKS = ("cola", "rte", "mrpc", "sst2", "stsb")
STEPS, LR = 300, 1e-3
RATES = (LR, 5e-4, 2.5e-4, 1.25e-4, 6.25e-5)
"""Of plain fine-tuning: a method that is no better than a smaller rate has only trained less."""
PLAIN: tuple[Row, ...] = tuple({"method": "vanilla", "lr": lr} for lr in RATES)
RANDOM: Row = {"method": "vanilla", "init": "random"}
"""A start without pretraining: what is missing here is what the pretrained weights gave."""
HELD: tuple[Row, ...] = (*PLAIN, RANDOM, *(each for each in HOLD if each["method"] != "vanilla"))
SHORTER = (75, 150)
"""Steps of runs that end earlier: a method that is no better than these has only trained less."""
HEAD_EXAMPLES = 1000
"""Training examples of a new head."""

LIMITS, FEW_STEPS = (100, 300, 1000), 200
FEW: tuple[Row, ...] = (
    *PLAIN,
    RANDOM,
    *({"method": f"recadam(k=0.05, t0=100, gamma={gamma})"} for gamma in (10, 100)),
    {"method": "ewc(gamma=100)"},
    {"method": "child-d(p=0.3)"},
    {"method": "mixout(p=0.7)"},
    {"method": "source-replay(weight=0.1)"},
    {"method": "lora(r=8)"},
)

MODEL, LENGTH = "minilm", 64
NLI, NLI_STEPS, NLI_EXAMPLES, NLI_LR = ("nli/snli", "nli/mnli"), 156, 5000, 1e-4
"""An epoch of batches of 32, at the rate of the book's other runs of MiniLM."""
ELSEWHERE = (*NLI, "sick", "nli/scitail", "rte")
ASKED = 1000
"""Examples of a set that a model is scored on, where there are more."""
MINILM: tuple[Row, ...] = (
    {"method": "vanilla"},
    {"method": "vanilla", "lr": NLI_LR / 5},
    {"method": "recadam(k=0.1, t0=50, gamma=1000)"},
    {"method": "child-d(p=0.3)"},
    {"method": "lora(r=8)", "lr": 10 * NLI_LR},
    {"method": "wise-ft(alpha=0.5)"},
)
"""LoRA takes ten times the rate, as its authors and others advise."""


def run_wordings() -> Iterable[Job]:
    """What heads make of both ends of the scale; then all settings, seed by seed."""
    yield {"method": "theta*"}, lambda: {"heads": heads(backbones.load("tiny", num_labels=2), TASKS)}
    for seed in SEEDS:
        yield (
            {"method": "random", "seed": seed},
            lambda seed=seed: {"heads": heads(backbones.load("tiny", num_labels=2, init="random", seed=seed), TASKS)},
        )
    for seed in SEEDS:
        for task in TASKS:
            for hold in HELD:
                key = {"task": task, "seed": seed, "lr": LR, "init": "pretrained", **hold}
                yield key, lambda key=key: wordings(key)


def run_shorter() -> Iterable[Job]:
    """Plain fine-tuning that ends earlier, seed by seed; its rate falls to 0 by then."""
    for seed in SEEDS:
        for task in TASKS:
            for steps in SHORTER:
                key = {"task": task, "seed": seed, "lr": LR, "init": "pretrained", "method": "vanilla", "steps": steps}
                yield key, lambda key=key: wordings(key)


def run_few() -> Iterable[Job]:
    """All settings with few examples, seed by seed."""
    for seed in SEEDS:
        for limit in LIMITS:
            for task in TASKS[:3]:
                for hold in FEW:
                    key = {"task": task, "examples": limit, "seed": seed, "lr": LR, "init": "pretrained", **hold}
                    yield key, lambda key=key: few(key)


def run_minilm(folder: Path) -> Iterable[Job]:
    """A real model on two sets, seed by seed."""
    for seed in SEEDS[:3]:
        for task in NLI:
            for hold in MINILM:
                key = {"task": task, "seed": seed, "lr": NLI_LR, **hold}
                yield key, lambda key=key: shifted(key, folder)


def wordings(key: Row) -> Row:
    """A run on some wordings: its score there and on others, what is kept, and new heads for the other tasks."""
    steps = key.get("steps", STEPS)
    recipe = Recipe(
        "tiny", f"world/{key['task']}{WORDINGS}", steps=steps, evaluate_every=steps, init=key["init"], seed=key["seed"]
    )
    with ended(replace(recipe, method=key["method"], lr=key["lr"])) as finished:
        run = finished.run
        return {
            "score": round(run.final["metrics"][run.primary], 5),
            "elsewhere": round(run.final["metrics"][run.primary + MISMATCHED], 5),
            **kept(run.final),
            "heads": heads(finished.backbone, [task for task in TASKS if task != key["task"]]),
        }


def few(key: Row) -> Row:
    """A run on few examples: its score on all of the validation split, and what is kept."""
    recipe = Recipe("tiny", f"world/{key['task']}", steps=FEW_STEPS, evaluate_every=FEW_STEPS, init=key["init"])
    recipe = replace(recipe, method=key["method"], lr=key["lr"], seed=key["seed"], limit_train=key["examples"])
    run = finetune(recipe, progress=False)
    return {"score": round(run.final["metrics"][run.primary], 5), **kept(run.final)}


def shifted(key: Row, folder: Path) -> Row:
    """A run on one set: its accuracy there, and on the others."""
    recipe = Recipe(MODEL, key["task"], steps=NLI_STEPS, evaluate_every=NLI_STEPS, limit_train=NLI_EXAMPLES)
    recipe = replace(recipe, method=key["method"], lr=key["lr"], seed=key["seed"], max_length=LENGTH)
    with ended(recipe, folder) as finished:
        final, backbone = finished.run.final, finished.backbone
        found = {
            task: score_elsewhere(backbone.model, backbone.tokenizer, key["task"], task, folder, max_length=LENGTH)
            for task in ELSEWHERE
            if task != key["task"]
        }
    return {
        "score": round(final["metrics"]["accuracy"], 5),
        "distance": round(final["distance"], 4),
        "elsewhere": {task: round(each.score, 5) for task, each in found.items()},
        "majority": {task: round(each.majority, 5) for task, each in found.items()},
        "seconds": final["seconds"],
    }


@contextmanager
def ended(recipe: Recipe, folder: Path | None = None) -> Iterator[Finished]:
    """A run that has ended, opened again: also what acts when training is over has then acted."""
    with tempfile.TemporaryDirectory() as place:
        finetune(recipe, out=place, data_folder=folder, progress=False)
        yield open_run(place)


def kept(final: Row) -> Row:
    """What a model of the small world still knows."""
    return {
        "source_loss": round(final["source_loss"], 5),
        "facts": round(final["facts"]["known"], 5),
        "distance": round(final["distance"], 4),
    }


def heads(backbone: Backbone, tasks: Iterable[str]) -> dict[str, float]:
    """``task -> score`` of a new linear head on the frozen encoder."""
    encoder, tokenizer = backbone.model.base_model, backbone.tokenizer
    return {task: round(new_head(encoder, tokenizer, _of_a_head(task)).score, 5) for task in tasks}


@cache
def _of_a_head(task: str) -> Splits:
    """The same examples for every model."""
    return loading.load(f"world/{task}", limit_train=HEAD_EXAMPLES)


RECORDINGS = {"wordings": run_wordings, "shorter": run_shorter, "few": run_few}


def main() -> None:
    """Record what is named."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", choices=(*RECORDINGS, "minilm"))
    parser.add_argument("--data", metavar="FOLDER", help="folder of data sets, for minilm")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    with process_wide.plain_messages(), process_wide.silent():
        if asked.name == "minilm":
            with tempfile.TemporaryDirectory() as place:
                record("general-minilm", run_minilm(sample(ELSEWHERE, asked.data, Path(place), ASKED)), backbone=MODEL)
        else:
            record(f"general-{asked.name}", RECORDINGS[asked.name]())


if __name__ == "__main__":
    main()
