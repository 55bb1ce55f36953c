"""``recall-learn transfer``: a run's model on tasks that it was not tuned on, as it is or with a new head."""

import argparse
import json
from typing import TYPE_CHECKING

from recall_learn.cli import common
from recall_learn.support.process_wide import silent

if TYPE_CHECKING:
    from recall_learn.measures.heads import Heads
    from recall_learn.measures.transfer import Elsewhere


def add(parser: argparse.ArgumentParser) -> None:
    """Its options."""
    parser.set_defaults(run=run)
    parser.description = (
        "As it is, a model answers where classes mean the same by their names: neutral and contradiction count as "
        "not_entailment. With --new-head it is frozen, and so are theta* and a random encoder: each gets a linear head."
    )
    parser.add_argument("folder", metavar="DIR", help="the folder of a run that has ended")
    parser.add_argument("--to", required=True, metavar="TASK[,TASK]", help="where to score it")
    parser.add_argument("--new-head", action="store_true", help="fit a linear head to each task, on frozen states")
    parser.add_argument("--pool", default="mean", metavar="P", help="with --new-head: mean or first (mean)")
    parser.add_argument("--limit-train", type=int, metavar="N", help="with --new-head: N training examples only")
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="of that draw and of the random encoder (0)")
    parser.add_argument("--out", metavar="FILE", help="write the figures there, too, as JSON")
    parser.add_argument("--data", metavar="FOLDER", help=common.DATA)
    parser.add_argument("--device", default="auto", metavar="D", help="auto, cpu or cuda")


def run(options: argparse.Namespace) -> int:
    """Score the model; what is asked for is refused before the slow imports."""
    from recall_learn.runs.record import load
    from recall_learn.support.files import check_file, write_text
    from recall_learn.tasks import registry

    targets = [registry.asked(each.strip()) for each in options.to.split(",")]
    load(f"{options.folder}/run.json")
    if options.out:
        check_file(options.out)
    if options.limit_train is not None and not options.new_head:
        raise ValueError(f"limit_train is {options.limit_train}, and nothing trains; add --new-head, or leave it out")
    found = _heads(options, targets) if options.new_head else _scores(options, targets)
    if options.out:
        about = {"run": options.folder, "new_head": options.new_head}
        made = {task: each.to_dict() for task, each in found.items()}
        write_text(options.out, json.dumps({**about, "tasks": made}, indent=1, allow_nan=False))
    return 0


@silent()
def _scores(options: argparse.Namespace, targets: list[str]) -> "dict[str, Elsewhere]":
    from recall_learn.measures.probes import check_world
    from recall_learn.measures.transfer import score_elsewhere

    opened, found = _open(options), {}
    backbone, recipe = opened.backbone, opened.run.recipe
    for task in targets:
        check_world(backbone, task, options.data)
        each = score_elsewhere(
            backbone.model, backbone.tokenizer, recipe.task, task, options.data, max_length=recipe.max_length
        )
        figures = ", ".join(f"{name} {value:.4f}" for name, value in each.metrics.items())
        merged = ", ".join(f"{mine} as {its}" for mine, its in each.counts_as.items() if mine != its)
        print(f"{task}: {figures}{_beside(each.majority)}, {each.examples} examples{merged and f'; {merged}'}")
        found[task] = each
    return found


@silent()
def _heads(options: argparse.Namespace, targets: list[str]) -> "dict[str, Heads]":
    from recall_learn.measures.heads import task_generalisation

    opened = _open(options)
    settings = {"limit_train": options.limit_train, "seed": options.seed, "pool": options.pool}
    settings["max_length"] = opened.run.recipe.max_length
    found = task_generalisation(opened.backbone, targets, options.data, **settings)
    for task, heads in found.items():
        figures = ", ".join(f"{name} {getattr(heads, name).score:.4f}" for name in ("tuned", "pretrained", "random"))
        size = f"{heads.tuned.trained_on} examples to fit, {heads.tuned.examples} to score"
        print(f"{task}: {heads.tuned.primary} {figures}{_beside(heads.tuned.majority)}, {size}")
    return found


def _open(options: argparse.Namespace):
    from recall_learn.runs.finished import open_run
    from recall_learn.support import environment

    opened = open_run(options.folder)
    opened.backbone.model.to(environment.choose_device(options.device))
    return opened


def _beside(majority: float | None) -> str:
    return "" if majority is None else f" (majority {majority:.4f})"
