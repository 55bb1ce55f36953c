"""``recall-learn ablate``: layers of a run's model back to theta*, and what that brings back, and costs."""

import argparse
import json
from typing import TYPE_CHECKING

from recall_learn.cli import common
from recall_learn.support.process_wide import silent

if TYPE_CHECKING:
    from recall_learn.measures.ablation import Ablation


def add(parser: argparse.ArgumentParser) -> None:
    """Its options."""
    parser.set_defaults(run=run)
    parser.description = (
        "Parts go back one at a time, from the top down and from the bottom up; each time the task is scored, and what "
        "the run had probed is asked again. The folder stays as it is."
    )
    parser.add_argument("folder", metavar="DIR", help="the folder of a run that has ended")
    parser.add_argument("--probe", metavar="P", help="auto, none, or of source facts stsb, with + between (the run's)")
    parser.add_argument("--source-text", metavar="FILE", help="as the run had it, for --probe source")
    parser.add_argument("--out", metavar="FILE", help="write the figures there, too, as JSON")
    parser.add_argument("--data", metavar="FOLDER", help=common.DATA)
    parser.add_argument("--device", default="auto", metavar="D", help="auto, cpu or cuda")


def run(options: argparse.Namespace) -> int:
    """Measure, and print a table; what is asked for is refused before the slow imports."""
    from dataclasses import replace

    from recall_learn.runs.record import load
    from recall_learn.support.files import check_file, write_text

    recipe = load(f"{options.folder}/run.json").recipe
    if options.probe is not None:
        options.probe = replace(recipe, probe=options.probe).probe  # checks it
        if "recovery" in options.probe:
            raise ValueError(f"probe is {options.probe!r}; recovery trains for each answer, so it is not asked here")
    if options.out:
        check_file(options.out)
    found = _ablated(options)
    print("\n".join(_table(found)))
    if options.out:
        write_text(options.out, json.dumps({"run": options.folder, **found.to_dict()}, indent=1, allow_nan=False))
    return 0


@silent()
def _ablated(options: argparse.Namespace) -> "Ablation":
    from tqdm.auto import tqdm

    from recall_learn.measures.ablation import ablation
    from recall_learn.runs.finished import asking, open_run
    from recall_learn.support import environment

    opened = open_run(options.folder)
    opened.backbone.model.to(environment.choose_device(options.device))
    measure = asking(opened, options.data, options.source_text, options.probe)
    with tqdm(desc="parts at theta*", unit="", disable=None) as bar:  # None: on a terminal

        def at(called: str) -> None:
            bar.set_postfix_str(called)
            bar.update()

        return ablation(opened.backbone.model, opened.backbone.anchors, measure, at)


def _table(found: "Ablation") -> list[str]:
    """A line for each measurement: which parts are at theta*, and what was measured."""
    rows = {"none": found.tuned, **found.alone}
    for above, series in (("from the top", found.from_top), ("from below", found.from_bottom)):
        rows |= {f"{count} {above}": each for count, each in enumerate(series[:-1], 1) if count > 1}
    rows["all"] = found.pretrained
    wide = max(map(len, ("at theta*", *rows)))
    widths = {name: max(len(name), 9) for name in found.tuned}
    lines = [f"{'at theta*':{wide}}  " + "  ".join(f"{name:>{width}}" for name, width in widths.items())]
    for called, each in rows.items():
        cells = "  ".join(f"{each[name]:>{width}.4f}" for name, width in widths.items())
        lines.append(f"{called:{wide}}  {cells}")
    return lines
