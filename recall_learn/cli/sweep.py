"""``recall-learn sweep``: run a grid of recipes, or of sequences, and record it in one file."""

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from recall_learn.cli import common
from recall_learn.support.process_wide import silent

if TYPE_CHECKING:
    from recall_learn.runs.lines import Lines
    from recall_learn.runs.sequence_recipe import Asked

GRID = (
    "a JSON file: a list of recipes, in which a setting may be a list of values; with tasks in place of task, a list "
    "of names or of such lists, they are of sequences, and home and together are settings, too"
)


def add(parser: argparse.ArgumentParser) -> None:
    """Its options."""
    parser.set_defaults(run=run)
    add = parser.add_argument
    add("grid", metavar="GRID", help=GRID)
    add(
        "--out",
        required=True,
        metavar="FILE",
        help="where the runs, or sequences, go; what is there already is not run again",
    )
    add("--workers", type=int, metavar="N", help="how many at a time on this machine (one a core)")
    add("--address", metavar="A", help="of a Ray cluster that runs: HOST:PORT (this machine)")
    add("--data", metavar="FOLDER", help=common.DATA)
    add("--fisher", metavar="FILE", help="a Fisher of the source, for the recipes that need one; tiny has its own")
    add("--source-text", metavar="FILE", help="a text, for the probe source of a backbone other than tiny")
    add("--device", default="auto", metavar="D", help="auto, cpu or cuda")
    add("--gpu-share", type=float, default=1.0, metavar="S", help="share of a GPU that a run takes (1)")


def run(options: argparse.Namespace) -> int:
    """Take the runs that are missing."""
    from recall_learn.runs import grids

    asked = grids.read_grid(options.grid)
    records, before = _take(asked, options)
    stopped = sum(bool(run.stopped) for run in records.runs)
    there, unit = len(records.runs), records.UNIT
    print(
        f"{len(asked)} {unit}s in the grid, {there - before} taken now, {stopped} of {there} stopped -> {options.out}"
    )
    return 0


@silent()
def _take(asked: "Sequence[Asked]", options: argparse.Namespace) -> "tuple[Lines, int]":
    """What the file holds in the end, and how many it held before."""
    from recall_learn.runs.sweep import kept, sweep

    before = len(kept(asked, options.out).runs)
    records = sweep(
        asked,
        options.out,
        data_folder=options.data,
        fisher=options.fisher,
        source_text=options.source_text,
        workers=options.workers,
        address=options.address,
        device=options.device,
        gpu_share=options.gpu_share,
    )
    return records, before
