"""The command line: ``recall-learn finetune``, ``sweep``, ``fisher``, ``world``, ``minilm-head`` and ``exercises``."""

import argparse
import logging
import os
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path

from recall_learn import __version__

SOURCE = "source"
"""Named instead of a task, by recall-learn fisher: the pretraining itself."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit status: 0, 2 for a bad input, 1 for a run that failed, 130 for Ctrl-C."""
    options = _parser().parse_args(arguments)
    former, warnings.formatwarning = warnings.formatwarning, _one_line
    try:
        status = options.command(options)
        sys.stdout.flush()
        return status
    except BrokenPipeError:  # whoever reads has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
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
        source_text=options.source_text,
        device=options.device,
        resume=options.resume,
    )
    where = Path(options.out) / "run.json"
    if run.final is None:
        done = f"stopped after step {len(run.history)} of {recipe.steps} -> {where}"
        print(f"{done}; the same command with --resume goes on from there", file=sys.stderr)
        return 130
    print(f"{recipe.task} {recipe.method}: {_figures(run.final, run.evaluations[0])} -> {where}")
    return 0


def _figures(final: dict, first: dict) -> str:
    scores = [f"{name} {value:.4f}" for name, value in final["metrics"].items()]
    if "similarity" in final:
        scores.append(f"zero-shot stsb {first['similarity']:.4f} -> {final['similarity']:.4f}")
    if "source_loss" in final:
        scores.append(f"source loss {first['source_loss']:.3f} -> {final['source_loss']:.3f}")
    if "facts" in final:
        scores.append(f"facts known {first['facts']['known']:.1%} -> {final['facts']['known']:.1%}")
    if "recovery" in final:
        steps = final["recovery"]
        scores.append("not recovered" if steps is None else f"recovered in {steps} steps")
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

    task = None if options.task == SOURCE else glue.named(options.task)
    out = Path(options.out)
    if not out.name or out.is_dir() or not out.parent.is_dir():
        raise ValueError(f"out is {options.out!r}; it has to be a file in a folder that is there")
    if options.labels not in LABELS:
        raise ValueError(f"labels is {options.labels!r}; it has to be one of {', '.join(LABELS)}")
    Recipe(batch_size=options.batch_size, seed=options.seed, max_length=options.max_length)  # checks the three
    device = environment.choose_device(options.device)
    generator = torch.Generator().manual_seed(options.seed)  # of the CPU: the same draws on every device
    if task is None:
        backbone, fisher = _source_fisher(options, device, generator)
    else:
        data = glue.load(options.task, options.glue, options.limit_train, options.seed)["train"]
        backbone = backbones.load(options.backbone, num_labels=task.num_labels, seed=options.seed)
        backbone.model.to(device)
        length = min(options.max_length, backbone.tokenizer.model_max_length) if backbone.world else options.max_length
        rows = glue.tokenize(data, options.task, backbone.tokenizer, length)
        stream = batches(rows, DataCollatorWithPadding(backbone.tokenizer), options.batch_size)
        fisher = task_fisher(backbone, stream, options.labels, generator)
    save_fisher(out, fisher, backbone=backbone.name, anchors=backbone.fingerprint, task=options.task)
    total = sum(float(tensor.sum()) for tensor in fisher.values())
    print(f"{options.task} {options.labels}: {fisher.examples} examples, trace {total:.4g} -> {out}")
    return 0


def _source_fisher(options: argparse.Namespace, device, generator):
    """The Fisher of a small-world model's own pretraining, on as many examples as --limit-train says."""
    from recall_learn import backbones, probes
    from recall_learn.masked_lm import attach
    from recall_learn.methods import source_fisher
    from recall_learn.world.batches import Batches

    count = 2048 if options.limit_train is None else options.limit_train
    size = min(options.batch_size, count)
    if count < 1 or count % size:
        raise ValueError(f"limit_train is {count}; for task source it has to be a multiple of --batch-size, {size}")
    backbone = backbones.load(options.backbone, num_labels=2, seed=options.seed)
    batch = Batches(probes.world_of(backbone), backbone.tokenizer, size)
    backbone.model.to(device)
    stream = (batch(step) for step in range(1, count // size + 1))
    return backbone, source_fisher(backbone, attach(backbone), stream, options.labels, generator)


def _sweep(options: argparse.Namespace) -> int:
    from recall_learn import grids

    recipes = grids.read_grid(options.grid)
    _quiet()
    from recall_learn.sweep import sweep

    before = len(grids.load(options.out).runs) if Path(options.out).exists() else 0
    records = sweep(
        recipes,
        options.out,
        glue_folder=options.glue,
        fisher=options.fisher,
        source_text=options.source_text,
        workers=options.workers,
        address=options.address,
        device=options.device,
        gpu_share=options.gpu_share,
    )
    stopped = sum(bool(run.stopped) for run in records.runs)
    new = len(records.runs) - before
    print(
        f"{len(recipes)} runs in the grid, {new} taken now, {stopped} of {len(records.runs)} stopped -> {options.out}"
    )
    return 0


def _world_pretrain(options: argparse.Namespace) -> int:
    _quiet()
    from recall_learn.world import World
    from recall_learn.world.pretrain import STEPS, pretrain

    steps = STEPS if options.steps is None else options.steps
    about = pretrain(options.out, World(options.seed), steps=steps, resume=options.resume)
    print(
        f"world {options.seed}: {steps} steps in {about['seconds']:.0f} s, "
        f"held-out loss {about['held_out_loss']:.3f}, accuracy {about['held_out_accuracy']:.1%}, "
        f"facts known {about['facts_known']:.1%} of {about['world']['facts']} -> {options.out}"
    )
    return 0


def _world_task(options: argparse.Namespace) -> int:
    from recall_learn import glue
    from recall_learn.files import check_folder
    from recall_learn.world import World

    task = options.task.removeprefix(glue.WORLD)
    check_folder(Path(options.out) / glue.WORLD / task)
    folder = glue.save_world(options.out, task, options.size, World(options.seed))
    print(f"world/{task}: {options.size} training examples -> {folder}")
    return 0


def _world_text(options: argparse.Namespace) -> int:
    from recall_learn.files import check_file, write_text
    from recall_learn.world import World

    check_file(Path(options.out))
    passages = World(options.seed).text(options.split)
    write_text(options.out, "".join(" ".join(passage) + "\n" for passage in passages))
    print(f"world {options.seed}: {len(passages)} passages of {options.split} text -> {options.out}")
    return 0


def _head(options: argparse.Namespace) -> int:
    _quiet()
    from recall_learn.minilm_head import train

    loss = train(options.text, options.held_out, options.out, blocks=options.blocks, seed=options.seed)
    print(f"minilm: held-out loss {loss:.3f} nats per hidden word -> {options.out}")
    return 0


def _exercises(options: argparse.Namespace) -> int:
    from recall_learn.practice import command

    return command.run(options)


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
    _add_sweep(commands.add_parser("sweep", help="run a grid of recipes, and record it in one file"))
    _add_fisher(commands.add_parser("fisher", help="take the diagonal Fisher of a task at the pretrained weights"))
    _add_world(commands.add_parser("world", help="the small world: its text, its tasks, its pretraining"))
    _add_head(commands.add_parser("minilm-head", help="train the head by which MiniLM says hidden words"))
    _add_exercises(commands.add_parser("exercises", help="practise: exercises, hints, checks, progress"))
    return parser


def _add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--backbone", default="minilm", metavar="NAME", help="tiny, minilm, a folder, or a hub id")
    tasks = "cola mrpc rte sst2 stsb wnli mnli qnli qqp, or world/cola rte stsb sst2 mrpc"
    parser.add_argument("--task", default="mrpc", metavar="TASK", help=tasks)
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
    add("--lr", type=float, metavar="LR", help="highest learning rate; falls linearly to 0 (2e-5; tiny: 1e-3)")
    add("--warmup", type=float, default=0.0, metavar="W", help="share of the steps in which lr rises first (0)")
    add("--weight-decay", type=float, default=0.0, metavar="WD", help="as in AdamW (0)")
    add("--clip", type=float, default=1.0, metavar="C", help="largest norm of the gradient, 0 for none (1)")
    add("--k", type=float, default=0.1, metavar="K", help="rate of lambda's sigmoid, per step; inf is a jump (0.1)")
    add("--t0", type=float, default=250.0, metavar="T0", help="the step at which lambda is 1/2 (250)")
    add(
        "--gamma",
        type=float,
        metavar="G",
        help="strength of the pull (recadam 5000, ewc 1000, l2sp 0.01; tiny: recadam 100)",
    )
    add("--p", type=float, default=0.3, metavar="P", help="share of the weights that trains, child-f and child-d (0.3)")
    add("--algorithm", default="paper", metavar="A", help="RecAdam's: paper, released or coupled")
    add("--mixed-precision", default="no", metavar="P", help="no, bf16 or fp16 (GPU)")
    add("--init", default="pretrained", metavar="I", help="pretrained or random")
    add("--evaluate-every", type=int, metavar="E", help="steps between evaluations (a tenth of the run)")
    add("--probe", default="auto", metavar="P", help="at evaluations: stsb source facts recovery, joined by +; none")
    add("--source-text", metavar="FILE", help="a text, for --probe source of a backbone other than tiny")
    add("--fisher", metavar="FILE", help="a Fisher for ewc or child-d, made by recall-learn fisher")
    add("--out", required=True, metavar="DIR", help="where run.json, checkpoints and the model go")
    add("--resume", action="store_true", help="go on with the run in --out")


def _add_sweep(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(command=_sweep)
    add = parser.add_argument
    add("grid", metavar="GRID", help="a JSON file: a list of recipes, in which a setting may be a list of values")
    add("--out", required=True, metavar="FILE", help="where the runs go; what is there already is not run again")
    add("--workers", type=int, metavar="N", help="runs at a time (one a core; 1 needs no Ray)")
    add("--address", metavar="A", help="of a Ray cluster (this machine)")
    add("--glue", metavar="FOLDER", help="GLUE in the hub's layout (or RECALL_LEARN_GLUE; else the hub)")
    add("--fisher", metavar="FILE", help="a Fisher for the recipes with ewc")
    add("--source-text", metavar="FILE", help="a text, for the probe source of a backbone other than tiny")
    add("--device", default="auto", metavar="D", help="auto, cpu or cuda")
    add("--gpu-share", type=float, default=1.0, metavar="S", help="share of a GPU that a run takes (1)")


def _add_fisher(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(command=_fisher)
    _add_common(parser)
    parser.description = "With --task source: the Fisher of the pretraining itself, for a model of the small world."
    parser.add_argument("--labels", default="exact", metavar="L", help="exact, sampled, empirical or batched")
    parser.add_argument("--out", required=True, metavar="FILE", help="where to write it, as safetensors")


def _add_world(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    made = {}
    for name, command, about, where in (
        ("pretrain", _world_pretrain, "make the tokenizer and train the model from nothing", "a new folder"),
        ("task", _world_task, "write a task as parquet, for --glue", "the GLUE folder to write in"),
        ("text", _world_text, "write the text, one passage a line", "the text file to write"),
    ):
        made[name] = commands.add_parser(name, help=about)
        made[name].set_defaults(command=command)
        made[name].add_argument("--seed", type=int, default=0, metavar="S", help="of the world; tiny's is 0 (0)")
        made[name].add_argument("--out", required=True, metavar="PATH", help=where)
    made["pretrain"].add_argument("--steps", type=int, default=None, metavar="N", help="batches of passages")
    made["pretrain"].add_argument("--resume", action="store_true", help="go on with the pretraining in --out")
    made["task"].add_argument("--task", required=True, metavar="TASK", help="cola rte stsb sst2 mrpc")
    made["task"].add_argument("--size", type=int, default=2500, metavar="N", help="training examples (2500)")
    made["text"].add_argument("--split", default="train", metavar="S", help="train or held-out (train)")


def _add_exercises(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(command=_exercises)
    parser.add_argument("--answers", metavar="DIR", help="your answers (or RECALL_LEARN_ANSWERS; else answers/)")
    actions = parser.add_subparsers(dest="action", required=True, metavar="COMMAND")
    made = {
        name: actions.add_parser(name, help=about, description=f"{about[0].upper()}{about[1:]}.")
        for name, about in (
            ("list", "what there is, and what of it you have passed"),
            ("run", "begin an exercise, or look at your answer"),
            ("hint", "the next hint"),
            ("watch", "look at an answer whenever you save it"),
            ("solution", "the worked solution"),
            ("reset", "put the stub back; your answer is kept beside it"),
            ("progress", "what you have done, for you or, as JSON, for a teacher"),
            ("try", "for authors: what the solution, its mutants and the answers in some files are told"),
        )
    }
    for each in made.values():  # behind the command as well as before it
        each.add_argument("--answers", metavar="DIR", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
    for name in ("hint", "solution", "reset", "try"):
        made[name].add_argument("name", metavar="NAME")
    made["try"].add_argument("files", metavar="FILE", nargs="*", help="answers, or folders of them; you trust them")
    made["list"].add_argument("--lesson", type=int, metavar="N", help="of one lesson only")
    made["run"].add_argument("names", metavar="NAME", nargs="*", help="none: every answer that you have begun")
    made["run"].add_argument("--report", metavar="FILE", help="write what was found, with points, as JSON")
    made["run"].add_argument("--require", metavar="N", type=int, default=0, help="succeed with N points or more")
    made["watch"].add_argument("name", metavar="NAME", nargs="?", help="none: the next one that is open")
    made["progress"].add_argument("--json", metavar="FILE", help="write it for a teacher")
    made["progress"].add_argument("--learner", metavar="WHO", default="", help="your name, for --json")


def _add_head(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(command=_head)
    parser.add_argument("--text", required=True, metavar="FILE", help="to train on, plain or .xz")
    parser.add_argument("--held-out", required=True, metavar="FILE", help="to state the loss on")
    parser.add_argument("--blocks", type=int, default=12_000, metavar="N", help="blocks of 128 tokens (12000)")
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="of hidden words and order (0)")
    parser.add_argument("--out", required=True, metavar="FILE", help="where to write it, as safetensors")


if __name__ == "__main__":
    sys.exit(main())
