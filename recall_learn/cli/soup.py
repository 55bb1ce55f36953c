"""``recall-learn soup``: the mean of the models of several runs."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from recall_learn.cli import common
from recall_learn.support.process_wide import silent

if TYPE_CHECKING:
    from recall_learn.runs.soup import Soup


def add(parser: argparse.ArgumentParser) -> None:
    """Its options."""
    parser.set_defaults(run=run)
    parser.description = "Runs of one backbone on one task; their folders hold run.json and the model."
    parser.add_argument("runs", nargs="+", metavar="DIR", help="the folder of a run that has ended")
    parser.add_argument("--out", required=True, metavar="DIR", help="where the model and soup.json go")
    parser.add_argument(
        "--greedy", action="store_true", help="from the best on, only those that do not lower the score"
    )
    parser.add_argument("--source-text", metavar="FILE", help="as the runs had it, for --probe source")
    parser.add_argument("--data", metavar="FOLDER", help=common.DATA)
    parser.add_argument("--device", default="auto", metavar="D", help="auto, cpu or cuda")


def run(options: argparse.Namespace) -> int:
    """Make the soup, and say what it scores."""
    made = _make(options)
    size = f"{len(made.chosen)} of {len(made.members)} runs"
    how = f"chosen by {made.metric} on {made.split}, where no member alone is better" if made.greedy else "all of them"
    for member, score in zip(made.members, made.scores, strict=False):
        print(f"{member}: {made.metric} {score:.4f}{'' if member in made.chosen else ', left out'}")
    print(f"soup of {size}, {how}: {', '.join(_figures(made.evaluation))} -> {Path(options.out) / 'model'}")
    return 0


def _figures(found: dict) -> list[str]:
    parts = [f"{name} {value:.4f}" for name, value in found["metrics"].items()]
    if "source_loss" in found:
        parts.append(f"source loss {found['source_loss']:.3f}")
    if "facts" in found:
        parts.append(f"facts known {found['facts']['known']:.1%}")
    return [*parts, f"distance {found['distance']:.3f}"]


@silent()
def _make(options: argparse.Namespace) -> "Soup":
    from recall_learn.runs.soup import soup

    return soup(
        options.runs,
        options.out,
        greedy=options.greedy,
        data_folder=options.data,
        source_text=options.source_text,
        device=options.device,
    )
