"""``recall-learn sequence``: fine-tune one encoder on a task after another, and score all tasks after each."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from recall_learn.cli import common, finetune
from recall_learn.support.process_wide import silent
from recall_learn.support.stopping import STOPS

if TYPE_CHECKING:
    from recall_learn.runs.recipe import Recipe
    from recall_learn.runs.sequence_record import SequenceRun

HOMES = {"last": "the weights that the last task left", "pretrained": "the pretrained ones in every task"}


def add(parser: argparse.ArgumentParser) -> None:
    """Its options."""
    parser.set_defaults(run=run)
    common.add_backbone(parser)
    add = parser.add_argument
    add("--tasks", required=True, metavar="A,B[,C]", help=f"in their order, each of: {common.TASKS}")
    about = ", ".join(f"{name} ({what})" for name, what in HOMES.items())
    add("--home", default=next(iter(HOMES)), metavar="H", help=f"theta* of the methods: {about}")
    add("--together", action="store_true", help="train on all at once, a batch of each in every step: the ceiling")
    finetune.add_training(parser)
    add("--evaluate-every", type=int, metavar="E", help="steps between evaluations in a task (its start and end)")
    add("--out", required=True, metavar="DIR", help="where sequence.json and a folder for each task's run go")
    add("--resume", action="store_true", help="go on with the sequence in --out")


def run(options: argparse.Namespace) -> int:
    """Take the sequence, or go on with it."""
    from recall_learn.runs.recipe import Recipe, setting_names

    tasks = [name.strip() for name in options.tasks.split(",")]
    if len(tasks) == 1:
        raise ValueError(f"tasks is {tasks[0]} alone, which is no sequence; name two or more, or take finetune --task")
    able = (*Recipe.__dataclass_fields__, *setting_names())
    given = {name: value for name, value in vars(options).items() if name in able}
    given["evaluate_every"] = options.evaluate_every or options.steps
    recipe = Recipe(task=tasks[0], **given)
    from recall_learn.models import places
    from recall_learn.runs.sequence_record import asked
    from recall_learn.tasks import loading

    asked(recipe, tasks, options.home, options.together)  # what does not go together, and what
    for task in tasks:  # is not there, are said before the slow imports
        loading.locate(task, options.data)
    places.locate(recipe.backbone)
    done = _take(recipe, tasks, options)
    where = Path(options.out) / "sequence.json"
    if done.final is None:
        stop = done.stopped
        said = f"stopped in {stop['task']} after step {stop['step']} of {recipe.steps} -> {where}"
        print(f"{said}; the same command with --resume goes on from there", file=sys.stderr)
        return 128 + next(number for number, word in STOPS.items() if word == stop["why"])
    print(f"{','.join(tasks)} {recipe.names}: {_figures(done)} -> {where}")
    return 0


@silent()
def _take(recipe: "Recipe", tasks: list[str], options: argparse.Namespace) -> "SequenceRun":
    from recall_learn.runs.sequence import sequence

    return sequence(
        recipe,
        tasks,
        home=options.home,
        together=options.together,
        **finetune.handed_on(options),
    )


def _figures(done: "SequenceRun") -> str:
    found = [f"{name.replace('_', ' ')} {value:.4f}" for name, value in done.final.items()]
    first, last = done.rows[0], done.rows[-1]
    if "similarity" in last:
        found.append(f"zero-shot stsb {first['similarity']:.4f} -> {last['similarity']:.4f}")
    if "source_loss" in last:
        found.append(f"source loss {first['source_loss']:.3f} -> {last['source_loss']:.3f}")
    if "facts" in last:
        found.append(f"facts known {first['facts']:.1%} -> {last['facts']:.1%}")
    return ", ".join([*found, f"distance {last['distance']:.3f}", f"{done.environment['seconds']:.0f} s"])
