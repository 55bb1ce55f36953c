"""The command line: one file a command, each with its options (`add`) and what it does (`run`).

Here is what all share: the parser, the exit status, one sentence for an error, and how a signal ends a command. The
commands are read without torch; what they need is imported when they run.
"""

import argparse
import os
import signal
import sys
import traceback
from collections.abc import Sequence

from recall_learn import __version__
from recall_learn.cli import (
    ablate,
    doctor,
    exercises,
    finetune,
    fisher,
    minilm_head,
    probe,
    sequence,
    soup,
    sweep,
    transfer,
    world,
)
from recall_learn.support.checks import is_number
from recall_learn.support.process_wide import plain_messages, variables
from recall_learn.support.stopping import Terminated, terminable

DESCRIPTION = (
    "The command line: finetune, sequence, sweep, soup, probe, transfer, ablate, fisher, world, minilm-head, doctor, "
    "exercises."
)
DEBUG = "--debug"
COMMANDS = {
    "finetune": (finetune, "fine-tune a backbone on a task, and record the run"),
    "sequence": (sequence, "fine-tune on a task after another, and score all of them after each"),
    "sweep": (sweep, "run a grid of recipes, or of sequences, and record it in one file"),
    "soup": (soup, "average the models of several runs from one start"),
    "probe": (probe, "ask every layer of a model what it tells, and of its theta*"),
    "transfer": (transfer, "score a run's model on tasks that it was not tuned on"),
    "ablate": (ablate, "put layers of a run's model back, and see what returns"),
    "fisher": (fisher, "take the diagonal Fisher of a task at the pretrained weights"),
    "world": (world, "the small world: its text, its tasks, its pretraining"),
    "minilm-head": (minilm_head, "train the head by which MiniLM says hidden words"),
    "doctor": (doctor, "what this machine has, and what it can run"),
    "exercises": (exercises, "practise: exercises, hints, checks, progress"),
}
PATHS = (
    "out",
    "data",
    "fisher",
    "source_text",
    "replay",
    "grid",
    "text",
    "held_out",
    "answers",
    "report",
    "json",
    "runs",
    "folder",
)
"""The options that name a file or a folder."""


def parser() -> argparse.ArgumentParser:
    """The parser of all commands; what it gives has ``run``, the function that does what was asked."""
    parser = argparse.ArgumentParser(prog="recall-learn", description=DESCRIPTION)
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    parser.add_argument(
        DEBUG, action="store_true", help="where something failed, show Python's trace; with any command"
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, (command, about) in COMMANDS.items():
        command.add(commands.add_parser(name, help=about))
    return parser


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
        with plain_messages(), variables(TOKENIZERS_PARALLELISM="false"), terminable():
            _check_texts(options)
            status = options.run(options)
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
        negative = each.startswith("-") and not each.startswith("--") and is_number(each)
        if negative and joined and joined[-1].startswith("--") and "=" not in joined[-1]:
            joined[-1] += f"={each}"
        else:
            joined.append(each)
    return joined


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
