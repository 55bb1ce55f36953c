"""``recall-learn sweep``: run a grid of recipes, and record it in one file."""

import argparse
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from recall_learn.cli import common
from recall_learn.support.process_wide import silent

if TYPE_CHECKING:
    from recall_learn.runs.recipe import Recipe
    from recall_learn.runs.recordings import Records


def add(parser: argparse.ArgumentParser) -> None:
    """Its options."""
    parser.set_defaults(run=run)
    add = parser.add_argument
    add("grid", metavar="GRID", help="a JSON file: a list of recipes, in which a setting may be a list of values")
    add("--out", required=True, metavar="FILE", help="where the runs go; what is there already is not run again")
    add("--workers", type=int, metavar="N", help="runs at a time on this machine (one a core)")
    add("--address", metavar="A", help="of a Ray cluster that runs: HOST:PORT (this machine)")
    add("--data", metavar="FOLDER", help=common.DATA)
    add("--fisher", metavar="FILE", help="a Fisher of the source, for the recipes that need one; tiny has its own")
    add("--source-text", metavar="FILE", help="a text, for the probe source of a backbone other than tiny")
    add("--device", default="auto", metavar="D", help="auto, cpu or cuda")
    add("--gpu-share", type=float, default=1.0, metavar="S", help="share of a GPU that a run takes (1)")


def run(options: argparse.Namespace) -> int:
    """Take the runs that are missing."""
    from recall_learn.runs import grids, recordings

    recipes = grids.read_grid(options.grid)
    before = len(recordings.load(options.out).runs) if os.path.exists(options.out) else 0
    records = _take(recipes, options)
    stopped = sum(bool(run.stopped) for run in records.runs)
    new = len(records.runs) - before
    print(
        f"{len(recipes)} runs in the grid, {new} taken now, {stopped} of {len(records.runs)} stopped -> {options.out}"
    )
    return 0


@silent()
def _take(recipes: "Sequence[Recipe]", options: argparse.Namespace) -> "Records":
    from recall_learn.runs.sweep import sweep

    return sweep(
        recipes,
        options.out,
        data_folder=options.data,
        fisher=options.fisher,
        source_text=options.source_text,
        workers=options.workers,
        address=options.address,
        device=options.device,
        gpu_share=options.gpu_share,
    )
