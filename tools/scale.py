"""Bigger, longer, more varied: ``python tools/scale.py``, resumable.

Models of the small world of several widths and depths, pretrained for a quarter, once and four times as long as the
packaged one, on a quarter and on all of the wordings, each fine-tuned on three tasks in three ways. None is dearer than
the packaged one::

    python tools/scale.py --plan     # what is missing, and how many hours it takes on this machine
    python tools/scale.py            # all of it
    python tools/scale.py --cheap 6  # what is done within six hours

Those that are pretrained for as long as the packaged one come first, from cheap to dear: one of a quarter of it, or as
narrow as 32, learns little from most tasks, and so mostly drops out where models are compared at equal score.

The weights are not kept: a row says the command that makes them again. One line of ``book/runs/world/scale.json`` is a
model, or a run of it with the points of its evaluations. A pretraining that was stopped goes on from its last state.
"""

import argparse
import itertools
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

from record import Job, Row, record, recorded

from recall_learn.measures.recovery import recovery
from recall_learn.measures.source import source_loss
from recall_learn.models import backbones
from recall_learn.models.masked_lm import attach, hide_each
from recall_learn.runs.finetune import finetune
from recall_learn.runs.finished import open_run
from recall_learn.runs.pretrain import Pretraining, make_tokenizer, pretrain
from recall_learn.runs.recipe import Recipe
from recall_learn.runs.scaling import Size
from recall_learn.support import process_wide
from recall_learn.tasks import world as world_files
from recall_learn.world import World
from recall_learn.world.batches import Batches
from recall_learn.world.tasks import SIZE

NAME = "scale"
WIDTHS, LAYERS, STEPS, VARIETY, SEEDS = (32, 64, 128, 256), (1, 3), (1250, 5000, 20_000), (1.0, 0.25), (0, 1)
PACKAGED = Size(128, 3, 5000, 1.0, 0)
TASKS = ("cola", "rte", "mrpc")
HOLD: tuple[dict[str, Any], ...] = (
    {"method": "vanilla"},
    {"method": "vanilla", "lr": 2.5e-4},
    {"method": "recadam(k=0.05, t0=150, gamma=100)"},
)
"""How it is tuned; the learning rate is 0.001 where none is said."""
TUNED, EVERY = 300, 50
"""Steps of a fine-tuning, and between two points of it: models are compared at equal score as well."""
PASSAGES = 300
"""Held-out passages of the source loss on the text of all wordings."""
TIMED = 3
"""Steps by which a pretraining's time is told beforehand."""
STATES = Path(tempfile.gettempdir()) / "recall-learn-scale"


def folder_of(size: Size) -> Path:
    """Where a model is while it is needed."""
    return STATES / "-".join(f"{value:g}" for value in asdict(size).values())


@cache
def seconds(width: int, layers: int) -> float:
    """Of a step of pretraining here, the least of a few."""
    training, found = Pretraining(World(), TIMED + 1, width, layers), []
    for _ in range(TIMED + 1):
        begun = time.perf_counter()
        training.train_step()
        found.append(time.perf_counter() - begun)
    return min(found)


def sizes() -> list[Size]:
    """All models: the packaged one's length first, all wordings first, from cheap to dear, in all worlds."""
    made = (Size(*each) for each in itertools.product(WIDTHS, LAYERS, STEPS, VARIETY, SEEDS))
    return sorted((each for each in made if price(each) <= price(PACKAGED)), key=_place)


def price(size: Size) -> int:
    """What its pretraining costs, about; one layer stands for the embeddings."""
    return size.steps * size.width * (size.layers + 1)


def _place(size: Size) -> tuple[float, ...]:
    return size.steps != PACKAGED.steps, size.steps, -size.variety, price(size), size.width, size.seed


def hours(size: Size) -> float:
    """Of its pretraining and its runs, as `seconds` says; a step of fine-tuning has a quarter of the passages."""
    tuned = len(TASKS) * len(HOLD) * (TUNED / 3 + 40)  # the evaluations and the way back are some 40 steps
    return (size.steps + tuned) * seconds(size.width, size.layers) / 3600


def jobs(wanted: Sequence[Size]) -> Iterator[Job]:
    """A job a model: its row and those of its runs."""
    for place, size in enumerate(wanted):

        def begin(size: Size = size, place: int = place) -> list[Row]:
            left = sum(map(hours, wanted[place:]))
            print(f"model {place + 1} of {len(wanted)}, {size}: about {left:.1f} hours left", file=sys.stderr)
            return take(size)

        yield asdict(size), begin


def take(size: Size) -> list[Row]:
    """Pretrain a model, tune it in every way, and forget it."""
    world = World(size.seed, size.variety)
    done = folder_of(size) / "model" / "pretraining.json"
    if not done.exists():
        pretrain(done.parent, world, steps=size.steps, width=size.width, layers=size.layers, resume=True)
    rows = [pretrained(done.parent, world)]
    for task in TASKS:
        world_files.save(folder_of(size) / "data", task, SIZE, World(size.seed))
        for hold in HOLD:
            recipe = Recipe(
                **{"backbone": str(done.parent), "task": f"world/{task}", "lr": 1e-3, **hold},
                steps=TUNED,
                evaluate_every=EVERY,
            )
            rows.append({"task": task, **hold, **tuned(recipe, size, world)})
    shutil.rmtree(folder_of(size))
    return rows


def pretrained(folder: Path, world: World) -> Row:
    """What it came to, on its own text and on that of all wordings."""
    about = json.loads((folder / "pretraining.json").read_text())
    backbone = backbones.load(str(folder), num_labels=2)
    everything = hide_each(World(world.seed).text("held-out")[:PASSAGES], backbone.tokenizer)
    told = ("command", "weights", "held_out_loss", "held_out_accuracy", "facts_known", "seconds")
    return {
        **{name: about[name] for name in told},
        "all_wordings_loss": round(source_loss(attach(backbone), everything), 5),
        "environment": about["environment"],
    }


def tuned(recipe: Recipe, size: Size, world: World) -> Row:
    """The points of a run, and the steps of pretraining after which its end is back."""
    with tempfile.TemporaryDirectory() as place, process_wide.silent():
        run = finetune(recipe, out=place, data_folder=folder_of(size) / "data", progress=False)
        backbone = open_run(place).backbone
    points = run.evaluations
    held_out = hide_each(world.text("held-out")[:PASSAGES], backbone.tokenizer)
    before = points[0]["source_loss"]
    return {
        "step": [each["step"] for each in points],
        "score": [round(each["metrics"][run.primary], 4) for each in points],
        "source_loss": [round(each["source_loss"], 4) for each in points],
        "facts": [round(each["facts"]["known"], 4) for each in points],
        "distance": round(run.final["distance"], 4),
        "back": recovery(attach(backbone), batches(world), held_out, before),
    }


@cache
def batches(world: World) -> Batches:
    """Those of its pretraining, for the way back of all its models: they share the tokenizer."""
    return Batches(world, make_tokenizer(world))


def plan(wanted: list[Size]) -> str:
    """What is missing, and how long it takes here."""
    lacking = [each for each in wanted if not recorded(NAME, asdict(each))]
    there = f"{len(wanted) - len(lacking)} of {len(wanted)} models are recorded"
    return f"{there}; the rest take {sum(map(hours, lacking)):.1f} hours on one core here"


def main() -> None:
    """Record what is missing, or say what is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--plan", action="store_true", help="say what is missing, and end")
    parser.add_argument("--cheap", type=float, metavar="HOURS", help="only those that are done within so many hours")
    options = parser.parse_args()
    wanted, left = sizes(), []
    if options.cheap is not None:
        for each in wanted:
            if not recorded(NAME, asdict(each)) and sum(map(hours, [*left, each])) > options.cheap:
                break
            left.append(each)
        wanted = left
    print(plan(wanted), file=sys.stderr)
    if not options.plan:
        record(NAME, jobs(wanted))


if __name__ == "__main__":
    main()
