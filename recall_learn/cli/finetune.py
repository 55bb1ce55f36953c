"""``recall-learn finetune``: fine-tune a backbone on a task, and record the run."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from recall_learn.cli import common
from recall_learn.methods import METHODS, expression
from recall_learn.methods.method import OWN, Setting
from recall_learn.support.checks import typed
from recall_learn.support.process_wide import silent
from recall_learn.support.stopping import STOPS

if TYPE_CHECKING:
    from recall_learn.runs.recipe import Recipe
    from recall_learn.runs.record import Run


def add(parser: argparse.ArgumentParser) -> None:
    """Its options."""
    parser.set_defaults(run=run)
    common.add(parser)
    add_training(parser)
    add = parser.add_argument
    add("--evaluate-every", type=int, metavar="E", help="steps between evaluations (a tenth of the run)")
    add("--out", required=True, metavar="DIR", help="where run.json, checkpoints and the model go")
    add("--resume", action="store_true", help="go on with the run in --out")
    add("--replay", metavar="FILE", help="take a recorded run again, its recipe and changes, and compare the losses")


def add_training(parser: argparse.ArgumentParser) -> None:
    """The options of how a task is trained, and of the methods."""
    add = parser.add_argument
    forms = "or some joined by +, as NAME+NAME(SETTING=VALUE)"
    add("--method", default=expression.PLAIN, metavar="M", help=" ".join([expression.PLAIN, *METHODS, forms]))
    add("--steps", type=int, default=500, metavar="N", help="optimizer updates (500)")
    add("--lr", type=float, metavar="LR", help="highest learning rate; falls linearly to 0 (2e-5; tiny: 1e-3)")
    add("--warmup", type=float, default=0.0, metavar="W", help="share of the steps in which lr rises first (0)")
    add("--weight-decay", type=float, default=0.0, metavar="WD", help="as in AdamW (0)")
    add("--clip", type=float, default=1.0, metavar="C", help="largest norm of the gradient, 0 for none (1)")
    add("--mixed-precision", default="no", metavar="P", help="no, bf16 or fp16 (GPU)")
    add("--init", default="pretrained", metavar="I", help="pretrained or random")
    add(
        "--probe",
        default="auto",
        metavar="P",
        help="at evaluations: stsb source facts recovery grammar, joined by +; none",
    )
    add("--source-text", metavar="FILE", help="a text, for --probe source of a backbone other than tiny")
    add(
        "--fisher",
        metavar="FILE",
        help="a Fisher that a method needs, made by recall-learn fisher; tiny brings its source's",
    )
    group = parser.add_argument_group("settings of methods", "each in place of NAME(SETTING=VALUE) in --method")
    for name, (about, whose) in _settings().items():
        group.add_argument(f"--{name}", metavar=name.upper(), help=whose, type=str if about.choices else float)


def _settings() -> dict[str, tuple[Setting, str]]:
    """Each setting of the methods, and what it is in each: "METHOD: the step at which lambda is 1/2 (250)"."""
    found: dict[str, tuple[Setting, str]] = {}
    for method in METHODS.values():
        for name, about in method.settings().items():
            usual = method.defaults()[name]
            says = f"{about.help}: {' '.join(about.choices)}" if about.choices else about.help
            line = f"{method.name}: {says}" + ("" if usual is None else f" ({typed(usual)})")
            found[name] = about, f"{found[name][1]}; {line}" if name in found else line
    return found


def run(options: argparse.Namespace) -> int:
    """Take the run, or go on with it."""
    from recall_learn.runs.recipe import Recipe, setting_names

    able = (*Recipe.__dataclass_fields__, *setting_names())
    given = {name: value for name, value in vars(options).items() if name in able}
    recorded = _recorded(options.replay, given) if options.replay is not None else None
    recipe = Recipe(**given) if recorded is None else recorded.recipe
    from recall_learn.models import places
    from recall_learn.tasks import loading

    if options.resume and not (Path(options.out) / "run.json").exists():
        print(f"recall-learn: nothing to resume in {options.out}: a new run begins there", file=sys.stderr)
    loading.locate(recipe.task, options.data)  # what is not there is said before the slow imports
    places.locate(recipe.backbone)
    run = _take(recipe, options, recorded)
    where = Path(options.out) / "run.json"
    if run.final is None:
        done = f"stopped after step {len(run.history)} of {recipe.steps} -> {where}"
        print(f"{done}; the same command with --resume goes on from there", file=sys.stderr)
        return 128 + next(number for number, word in STOPS.items() if word == run.stopped["why"])
    if recorded is not None:
        from recall_learn.runs.replay import compared

        print(f"{options.replay}: {compared(recorded, run)}")
    print(f"{recipe.task} {recipe.names}: {_figures(run.final, run.evaluations[0])} -> {where}")
    if any(OWN in method.costs for method in recipe.methods):
        print(
            f"recall-learn: {where.parent / 'model'} holds modules that {recipe.names} added, which transformers "
            f"leaves out; load it with recall_learn.load_added",
            file=sys.stderr,
        )
    return 0


def _recorded(file: str, given: dict) -> "Run":
    """The run of a file, whose recipe stands alone.

    Raises:
        ValueError: options ask for another recipe, or the file is damaged.
        FileNotFoundError: there is no such file.
    """
    from recall_learn.runs.record import load

    usual = argparse.ArgumentParser()
    add(usual)
    other = next((name for name, value in given.items() if value != usual.get_default(name)), None)
    if other:
        raise ValueError(f"--replay takes the recipe of {file}; leave out --{other.replace('_', '-')}")
    return load(file)


@silent()
def _take(recipe: "Recipe", options: argparse.Namespace, recorded: "Run | None" = None) -> "Run":
    from recall_learn.runs.finetune import finetune
    from recall_learn.runs.steering import replay

    return finetune(
        recipe,
        steer=replay(recorded.changes) if recorded is not None else None,
        **handed_on(options),
    )


def handed_on(options: argparse.Namespace) -> dict[str, str | bool | None]:
    """What the library takes as the command line has it."""
    return {
        "out": options.out,
        "data_folder": options.data,
        "fisher": options.fisher,
        "source_text": options.source_text,
        "device": options.device,
        "resume": options.resume,
    }


def _figures(final: dict, first: dict) -> str:
    scores = [f"{name} {value:.4f}" for name, value in final["metrics"].items()]
    if "similarity" in final:
        scores.append(f"zero-shot stsb {first['similarity']:.4f} -> {final['similarity']:.4f}")
    if "source_loss" in final:
        scores.append(f"source loss {first['source_loss']:.3f} -> {final['source_loss']:.3f}")
    if "facts" in final:
        scores.append(f"facts known {first['facts']['known']:.1%} -> {final['facts']['known']:.1%}")
    if "grammar" in final:
        scores.append(f"grammar {first['grammar']:.1%} -> {final['grammar']:.1%}")
    if "recovery" in final:
        steps = final["recovery"]
        scores.append("not recovered" if steps is None else f"recovered in {steps} steps")
    return ", ".join(
        [f"step {final['step']}", *scores, f"distance {final['distance']:.3f}", f"{final['seconds']:.0f} s"]
    )
