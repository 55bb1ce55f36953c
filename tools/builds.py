"""Which architecture forgets? Recorded: ``python tools/builds.py``, resumable.

A transformer, an LSTM and a CNN of equal size are pretrained on the small world's text, in two worlds, and then tuned
on three tasks one after another, in two orders: all weights, all at a quarter of the rate, and the heads alone on
frozen states. About 15 minutes for a model and two minutes for a sequence, three hours for all, on one core.

A line of ``book/runs/world/builds.json`` is a model as it was pretrained, or a sequence with its matrix of scores. The
weights are not kept: a row says the command that makes them again. Rows that are there are not taken again, and a
pretraining that was stopped goes on from its last state.
"""

import itertools
import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from record import Job, Row, record_alone
from sequences import LR, USUAL, through

from recall_learn.models import builds
from recall_learn.runs.pretrain import BUILDS, STEPS, pretrain
from recall_learn.tasks import world as world_files
from recall_learn.world import World
from recall_learn.world.tasks import SIZE

NAME = "builds"
SEEDS = (0, 1)
"""Of the worlds; a model's random weights follow from it."""
ORDERS = (("cola", "rte", "sst2"), ("sst2", "rte", "cola"))
HOLD: tuple[Row, ...] = (
    {"method": "vanilla", "lr": LR},
    {"method": "vanilla", "lr": LR / 4},
    {"method": "top-k(layers=0)", "lr": LR},
)
STATES = Path(tempfile.gettempdir()) / "recall-learn-builds"


def jobs() -> Iterator[Job]:
    """A job a model: its row and those of its sequences."""
    for seed, build in itertools.product(SEEDS, BUILDS):
        key = {"build": build, "seed": seed}
        yield key, lambda key=key: take(**key)


def take(build: str, seed: int) -> list[Row]:
    """Pretrain a model, take it through all sequences, and forget it."""
    builds.register()
    world, place = World(seed), STATES / f"{build}-{seed}"
    told = place / "model" / "pretraining.json"
    if not told.exists():
        pretrain(told.parent, world, steps=STEPS, build=build, resume=True)
    for task in {task for order in ORDERS for task in order}:
        world_files.save(place / "data", task, SIZE, world)
    about = json.loads(told.read_text())
    kept = ("command", "weights", "held_out_loss", "held_out_accuracy", "facts_known", "seconds")
    rows: list[Row] = [{name: about[name] for name in kept}]
    for order, hold in itertools.product(ORDERS, HOLD):
        key = {**USUAL, **hold, "backbone": str(told.parent)}
        done = through(key, [f"world/{task}" for task in order], place / "data")
        rows.append({"tasks": list(order), **hold, **done})
    shutil.rmtree(place)
    return rows


if __name__ == "__main__":
    record_alone(__doc__, NAME, jobs())
