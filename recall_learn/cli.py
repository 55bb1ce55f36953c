"""The command line: ``recall-learn finetune``, ``sweep``, ``fisher``, ``world``, ``minilm-head`` and ``exercises``."""

import argparse
import logging
import os
import signal
import sys
import threading
import traceback
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from recall_learn.options import DEBUG, parser
from recall_learn.stopping import STOPS

SOURCE = "source"
"""Named instead of a task, by recall-learn fisher: the pretraining itself."""


PATHS = ("out", "glue", "fisher", "source_text", "grid", "text", "held_out", "answers", "report", "json")
"""The options that name a file or a folder."""


class Terminated(KeyboardInterrupt):
    """SIGTERM, or SIGHUP as a terminal is closed: what ends at Ctrl-C ends at this, too."""

    def __init__(self, number: int):
        super().__init__()
        self.number = number


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Returns:
        The exit status: 0; 2 for a bad input; 1 for what failed for another reason; 128 and the number of the signal
        that stopped it: 130 for Ctrl-C, 143 for SIGTERM, 129 for a terminal that was closed.
    """
    if arguments is None:
        _open_streams()
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    debug = DEBUG in arguments
    options = parser().parse_args(_joined([each for each in arguments if each != DEBUG]))
    try:
        with _one_line_warnings(), _terminable():
            _check_texts(options)
            status = _COMMANDS[options.command](options)
            sys.stdout.flush()
            return status
    except BrokenPipeError:  # whoever reads has seen enough
        return 0
    except KeyboardInterrupt as stop:
        print("stopped", file=sys.stderr)
        return 128 + (stop.number if isinstance(stop, Terminated) else signal.SIGINT)
    except SystemExit:
        raise
    except BaseException as error:  # libraries in Rust raise what is no Exception
        if debug:
            traceback.print_exc()
        return _complain(error, debug)
    finally:
        _flush()


def _open_streams() -> None:
    """A stream that was closed leads nowhere, else the next file that is opened would take its number."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115 as long as the process lives
    sys.stdout.reconfigure(errors="replace")  # a terminal that knows ASCII alone shows a ? for what it does not know


def _joined(arguments: list[str]) -> list[str]:
    """``--lr -1e-3`` as ``--lr=-1e-3``: argparse takes what begins with - and is no plain decimal for an option."""
    joined: list[str] = []
    for each in arguments:
        negative = each.startswith("-") and not each.startswith("--") and _is_number(each)
        if negative and joined and joined[-1].startswith("--") and "=" not in joined[-1]:
            joined[-1] += f"={each}"
        else:
            joined.append(each)
    return joined


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


@contextmanager
def _one_line_warnings() -> Iterator[None]:
    former, warnings.formatwarning = warnings.formatwarning, _one_line
    try:
        yield
    finally:
        warnings.formatwarning = former


def _one_line(message, *_, **__) -> str:
    return f"recall-learn: warning: {message}\n"


@contextmanager
def _terminable() -> Iterator[None]:
    """SIGTERM and SIGHUP raise `Terminated`, where this process had nothing else in mind for them."""

    def end(number, frame):
        raise Terminated(number)

    own = [number for number in STOPS if signal.getsignal(number) == signal.SIG_DFL]
    own = own if threading.current_thread() is threading.main_thread() else []
    for number in own:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number in own:
            signal.signal(number, signal.SIG_DFL)


def _flush() -> None:
    """Nothing is left for Python to write as it ends, when it could only fail once more."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _complain(error: BaseException, debug: bool) -> int:
    """One sentence, and the status that goes with it."""
    bad = isinstance(error, ValueError | OSError)
    says = " ".join(str(error).split())
    if not (bad or type(error).__module__.startswith("recall_learn.")):
        says = f"{type(error).__name__}: {says[:500]}" if says else type(error).__name__
        says += "" if debug else f" ({DEBUG} shows where)"
    print(f"recall-learn: error: {says}", file=sys.stderr)
    return 2 if bad else 1


def _check_texts(options: argparse.Namespace) -> None:
    """An empty text is a variable of a script that was not set; ``--out=~/runs`` comes with its ~ from a shell."""
    for name, value in vars(options).items():
        if name in PATHS and isinstance(value, str) and value.startswith("~"):
            setattr(options, name, os.path.expanduser(value))
        if "" in (value if isinstance(value, list) else [value]) and name != "learner":
            raise ValueError(f"{name} is '', which names nothing; give one")


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
        return 128 + next(number for number, word in STOPS.items() if word == run.stopped["why"])
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

    from recall_learn import backbones, environment, glue, probes
    from recall_learn.files import check_file
    from recall_learn.fisher import LABELS, save_fisher
    from recall_learn.memory import check_batch, usual
    from recall_learn.methods import batches, task_fisher
    from recall_learn.recipe import Recipe

    task = None if options.task == SOURCE else glue.named(options.task)
    check_file(options.out)
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
        probes.check_world(backbone, options.task, options.glue)
        backbone.model.to(device)
        length = min(options.max_length, backbone.tokenizer.model_max_length) if backbone.world else options.max_length
        rows = glue.tokenize(data, options.task, backbone.tokenizer, length)
        collator = DataCollatorWithPadding(backbone.tokenizer)
        check_batch(backbone.model, collator, usual(rows), options.batch_size)
        stream = batches(rows, collator, options.batch_size)
        fisher = task_fisher(backbone, stream, options.labels, generator)
    save_fisher(options.out, fisher, backbone=backbone.name, anchors=backbone.fingerprint, task=options.task)
    total = sum(float(tensor.sum()) for tensor in fisher.values())
    print(f"{options.task} {options.labels}: {fisher.examples} examples, trace {total:.4g} -> {options.out}")
    return 0


def _source_fisher(options: argparse.Namespace, device, generator):
    """The Fisher of a small-world model's own pretraining, on as many examples as --limit-train says."""
    from recall_learn import backbones, probes
    from recall_learn.checks import whole
    from recall_learn.masked_lm import attach
    from recall_learn.memory import check_batch
    from recall_learn.methods import source_fisher
    from recall_learn.world.batches import Batches

    count = 2048 if options.limit_train is None else whole("limit_train", options.limit_train, 1)
    size = min(options.batch_size, count)
    if count % size:
        raise ValueError(f"limit_train is {count}; for task source it has to be a multiple of --batch-size, {size}")
    backbone = backbones.load(options.backbone, num_labels=2, seed=options.seed)
    batch = Batches(probes.world_of(backbone), backbone.tokenizer, size)
    backbone.model.to(device)
    masked_lm, (inputs, _) = attach(backbone), batch(1)
    check_batch(
        masked_lm, lambda rows: {name: x[:1].repeat_interleave(len(rows), 0) for name, x in inputs.items()}, None, size
    )
    stream = (batch(step) for step in range(1, count // size + 1))
    return backbone, source_fisher(backbone, masked_lm, stream, options.labels, generator)


def _sweep(options: argparse.Namespace) -> int:
    from recall_learn import grids

    recipes = grids.read_grid(options.grid)
    _quiet()
    from recall_learn.sweep import sweep

    before = len(grids.load(options.out).runs) if os.path.exists(options.out) else 0
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
    from recall_learn.world import World

    task = options.task.removeprefix(glue.WORLD)
    folder = glue.save_world(options.out, task, options.size, World(options.seed))
    print(f"world/{task}: {options.size} training examples -> {folder}")
    return 0


def _world_text(options: argparse.Namespace) -> int:
    from recall_learn.files import check_file, write_text
    from recall_learn.world import World

    check_file(options.out)
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


_COMMANDS = {
    "finetune": _finetune,
    "sweep": _sweep,
    "fisher": _fisher,
    "world pretrain": _world_pretrain,
    "world task": _world_task,
    "world text": _world_text,
    "minilm-head": _head,
    "exercises": _exercises,
}


if __name__ == "__main__":
    sys.exit(main())
