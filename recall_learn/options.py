"""The options of the command line: names, defaults and a line of help each. What they mean is checked elsewhere."""

import argparse

from recall_learn import __version__

DESCRIPTION = "The command line: finetune, sweep, fisher, world, minilm-head and exercises."
DEBUG = "--debug"


def parser() -> argparse.ArgumentParser:
    """The parser of all commands; what it gives has ``command``, the command's name."""
    parser = argparse.ArgumentParser(prog="recall-learn", description=DESCRIPTION)
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    parser.add_argument(
        DEBUG, action="store_true", help="where something failed, show Python's trace; with any command"
    )
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
    parser.set_defaults(command="finetune")
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
    parser.set_defaults(command="sweep")
    add = parser.add_argument
    add("grid", metavar="GRID", help="a JSON file: a list of recipes, in which a setting may be a list of values")
    add("--out", required=True, metavar="FILE", help="where the runs go; what is there already is not run again")
    add("--workers", type=int, metavar="N", help="runs at a time on this machine (one a core)")
    add("--address", metavar="A", help="of a Ray cluster that runs: HOST:PORT (this machine)")
    add("--glue", metavar="FOLDER", help="GLUE in the hub's layout (or RECALL_LEARN_GLUE; else the hub)")
    add("--fisher", metavar="FILE", help="a Fisher for the recipes with ewc")
    add("--source-text", metavar="FILE", help="a text, for the probe source of a backbone other than tiny")
    add("--device", default="auto", metavar="D", help="auto, cpu or cuda")
    add("--gpu-share", type=float, default=1.0, metavar="S", help="share of a GPU that a run takes (1)")


def _add_fisher(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(command="fisher")
    _add_common(parser)
    parser.description = "With --task source: the Fisher of the pretraining itself, for a model of the small world."
    parser.add_argument("--labels", default="exact", metavar="L", help="exact, sampled, empirical or batched")
    parser.add_argument("--out", required=True, metavar="FILE", help="where to write it, as safetensors")


def _add_world(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    made = {}
    for name, about, where in (
        ("pretrain", "make the tokenizer and train the model from nothing", "a new folder"),
        ("task", "write a task as parquet, for --glue", "the GLUE folder to write in"),
        ("text", "write the text, one passage a line", "the text file to write"),
    ):
        made[name] = commands.add_parser(name, help=about)
        made[name].set_defaults(command=f"world {name}")
        made[name].add_argument("--seed", type=int, default=0, metavar="S", help="of the world; tiny's is 0 (0)")
        made[name].add_argument("--out", required=True, metavar="PATH", help=where)
    made["pretrain"].add_argument("--steps", type=int, default=None, metavar="N", help="batches of passages")
    made["pretrain"].add_argument("--resume", action="store_true", help="go on with the pretraining in --out")
    made["task"].add_argument("--task", required=True, metavar="TASK", help="cola rte stsb sst2 mrpc")
    made["task"].add_argument("--size", type=int, default=2500, metavar="N", help="training examples (2500)")
    made["text"].add_argument("--split", default="train", metavar="S", help="train or held-out (train)")


def _add_exercises(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(command="exercises")
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
    parser.set_defaults(command="minilm-head")
    parser.add_argument("--text", required=True, metavar="FILE", help="to train on, plain or .xz")
    parser.add_argument("--held-out", required=True, metavar="FILE", help="to state the loss on")
    parser.add_argument("--blocks", type=int, default=12_000, metavar="N", help="blocks of 128 tokens (12000)")
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="of hidden words and order (0)")
    parser.add_argument("--out", required=True, metavar="FILE", help="where to write it, as safetensors")
