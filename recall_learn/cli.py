"""The command line: ``recall-learn finetune`` and ``recall-learn fisher``."""

import argparse
import logging
import os
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path

from recall_learn import __version__


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit status: 0, 2 for a bad input, 1 for a run that failed, 130 for Ctrl-C."""
    options = _parser().parse_args(arguments)
    former, warnings.formatwarning = warnings.formatwarning, _one_line
    try:
        return options.command(options)
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130
    except ArithmeticError as error:
        return _complain(error, 1)
    except (ValueError, OSError) as error:
        return _complain(error, 2)
    finally:
        warnings.formatwarning = former


def _one_line(message, *_, **__) -> str:
    return f"recall-learn: warning: {message}\n"


def _complain(error: Exception, status: int) -> int:
    print(f"recall-learn: error: {' '.join(str(error).split())}", file=sys.stderr)
    return status


def _finetune(options: argparse.Namespace) -> int:
    from recall_learn.recipe import Recipe

    recipe = Recipe(**{name: value for name, value in vars(options).items() if name in Recipe.__dataclass_fields__})
    from recall_learn import backbones, glue

    if options.resume and not (Path(options.out) / "run.json").exists():
        print(f"recall-learn: nothing to resume in {options.out}: a new run begins there", file=sys.stderr)
    glue.locate(recipe.task, options.glue)  # what is not there is said before the slow imports
    backbones.locate(recipe.backbone)
    _quiet()
    from recall_learn.finetune import finetune

    run = finetune(
        recipe,
        out=options.out,
        glue_folder=options.glue,
        fisher=options.fisher,
        device=options.device,
        resume=options.resume,
    )
    where = Path(options.out) / "run.json"
    if run.final is None:
        print(f"stopped after step {len(run.history)} of {recipe.steps}; --resume goes on -> {where}", file=sys.stderr)
        return 130
    print(f"{recipe.task} {recipe.method}: {_figures(run.final)} -> {where}")
    return 0


def _figures(final: dict) -> str:
    scores = [f"{name} {value:.4f}" for name, value in final["metrics"].items()]
    if "similarity" in final:
        scores.append(f"zero-shot stsb {final['similarity']:.4f}")
    return ", ".join(
        [f"step {final['step']}", *scores, f"distance {final['distance']:.3f}", f"{final['seconds']:.0f} s"]
    )


def _fisher(options: argparse.Namespace) -> int:
    _quiet()
    import torch
    from transformers import DataCollatorWithPadding

    from recall_learn import backbones, environment, glue
    from recall_learn.fisher import LABELS, save_fisher
    from recall_learn.methods import batches, task_fisher
    from recall_learn.recipe import Recipe

    task = glue.named(options.task)
    out = Path(options.out)
    if not out.name or out.is_dir() or not out.parent.is_dir():
        raise ValueError(f"out is {options.out!r}; it has to be a file in a folder that is there")
    if options.labels not in LABELS:
        raise ValueError(f"labels is {options.labels!r}; it has to be one of {', '.join(LABELS)}")
    Recipe(batch_size=options.batch_size, seed=options.seed, max_length=options.max_length)  # checks the three
    device = environment.choose_device(options.device)
    data = glue.load(options.task, options.glue, options.limit_train, options.seed)["train"]
    backbone = backbones.load(options.backbone, num_labels=task.num_labels, seed=options.seed)
    backbone.model.to(device)
    rows = glue.tokenize(data, options.task, backbone.tokenizer, options.max_length)
    stream = batches(rows, DataCollatorWithPadding(backbone.tokenizer), options.batch_size)
    generator = torch.Generator(device).manual_seed(options.seed)
    fisher = task_fisher(backbone, stream, options.labels, generator)
    save_fisher(out, fisher, backbone=backbone.name, anchors=backbone.fingerprint, task=options.task)
    total = sum(float(tensor.sum()) for tensor in fisher.values())
    print(f"{options.task} {options.labels}: {fisher.examples} examples, trace {total:.4g} -> {out}")
    return 0


def _quiet() -> None:
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    import datasets
    import transformers

    transformers.utils.logging.disable_progress_bar()
    transformers.utils.logging.set_verbosity_error()
    if not sys.stderr.isatty():
        datasets.disable_progress_bars()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="recall-learn", description=__doc__.splitlines()[0])
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_finetune(commands.add_parser("finetune", help="fine-tune a backbone on a task, and record the run"))
    _add_fisher(commands.add_parser("fisher", help="take the diagonal Fisher of a task at the pretrained weights"))
    return parser


def _add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--backbone", default="minilm", metavar="NAME", help="minilm, a folder, or a hub id")
    parser.add_argument("--task", default="mrpc", metavar="TASK", help="cola mrpc rte sst2 stsb wnli mnli qnli qqp")
    parser.add_argument("--batch-size", type=int, default=32, metavar="B", help="examples a step (32)")
    parser.add_argument("--max-length", type=int, default=128, metavar="L", help="tokens an example (128)")
    parser.add_argument("--limit-train", type=int, metavar="N", help="take N training examples only")
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="of head, order, dropout, masks and draws (0)")
    parser.add_argument(
        "--glue", metavar="FOLDER", help="GLUE in the hub's layout (or RECALL_LEARN_GLUE; else the hub)"
    )
    parser.add_argument("--device", default="auto", metavar="D", help="auto, cpu or cuda")


def _add_finetune(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(command=_finetune)
    _add_common(parser)
    add = parser.add_argument
    add("--method", default="vanilla", metavar="M", help="vanilla recadam ewc l2sp child-f child-d, or recadam+child-d")
    add("--steps", type=int, default=500, metavar="N", help="optimizer updates (500)")
    add("--lr", type=float, default=2e-5, metavar="LR", help="highest learning rate; falls linearly to 0 (2e-5)")
    add("--warmup", type=float, default=0.0, metavar="W", help="share of the steps in which lr rises first (0)")
    add("--weight-decay", type=float, default=0.0, metavar="WD", help="as in AdamW (0)")
    add("--clip", type=float, default=1.0, metavar="C", help="largest norm of the gradient, 0 for none (1)")
    add("--k", type=float, default=0.1, metavar="K", help="rate of lambda's sigmoid, per step; inf is a jump (0.1)")
    add("--t0", type=float, default=250.0, metavar="T0", help="the step at which lambda is 1/2 (250)")
    add("--gamma", type=float, metavar="G", help="strength of the pull (recadam 5000, ewc 1000, l2sp 0.01)")
    add("--p", type=float, default=0.3, metavar="P", help="share of the weights that trains, child-f and child-d (0.3)")
    add("--algorithm", default="paper", metavar="A", help="RecAdam's: paper, released or coupled")
    add("--init", default="pretrained", metavar="I", help="pretrained or random")
    add("--evaluate-every", type=int, metavar="E", help="steps between evaluations (a tenth of the run)")
    add("--probe", default="none", metavar="P", help="stsb: zero-shot sentence similarity at every evaluation")
    add("--fisher", metavar="FILE", help="a Fisher for ewc or child-d, made by recall-learn fisher")
    add("--out", required=True, metavar="DIR", help="where run.json, checkpoints and the model go")
    add("--resume", action="store_true", help="go on with the run in --out")


def _add_fisher(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(command=_fisher)
    _add_common(parser)
    parser.add_argument("--labels", default="exact", metavar="L", help="exact, sampled, empirical or batched")
    parser.add_argument("--out", required=True, metavar="FILE", help="where to write it, as safetensors")


if __name__ == "__main__":
    sys.exit(main())
