"""``recall-learn world``: the small world, its text, its tasks, its pretraining."""

import argparse

from recall_learn.support.process_wide import silent


def add(parser: argparse.ArgumentParser) -> None:
    """Its options."""
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    made = {}
    for name, run, about, where in (
        ("pretrain", _pretrain, "make the tokenizer and train the model from nothing", "a new folder"),
        ("task", _task, "write a task as parquet, for --data", "the folder of data sets to write in"),
        ("text", _text, "write the text, one passage a line", "the text file to write"),
    ):
        made[name] = commands.add_parser(name, help=about)
        made[name].set_defaults(run=run)
        made[name].add_argument("--seed", type=int, default=0, metavar="S", help="of the world; tiny's is 0 (0)")
        made[name].add_argument("--out", required=True, metavar="PATH", help=where)
    made["pretrain"].add_argument("--steps", type=int, default=None, metavar="N", help="batches of passages")
    made["pretrain"].add_argument("--width", type=int, default=None, metavar="N", help="of the model's states (128)")
    made["pretrain"].add_argument("--layers", type=int, default=None, metavar="N", help="of the model (3)")
    made["pretrain"].add_argument(
        "--build", default="transformer", metavar="B", help="of its layers: transformer, lstm or cnn (transformer)"
    )
    for name in ("pretrain", "text"):
        made[name].add_argument(
            "--variety", type=float, default=1.0, metavar="V", help="share of the wordings in the text (1)"
        )
    made["pretrain"].add_argument("--resume", action="store_true", help="go on with the pretraining in --out")
    made["task"].add_argument(
        "--task", required=True, metavar="TASK", help="cola rte stsb sst2 mrpc, or cola-wordings, facts, questions"
    )
    made["task"].add_argument("--size", type=int, default=2500, metavar="N", help="training examples (2500)")
    made["text"].add_argument("--split", default="train", metavar="S", help="train or held-out (train)")


@silent()
def _pretrain(options: argparse.Namespace) -> int:
    from recall_learn.runs.pretrain import LAYERS, STEPS, WIDTH, pretrain
    from recall_learn.world import World

    usual = {"steps": STEPS, "width": WIDTH, "layers": LAYERS}
    size = {name: value if getattr(options, name) is None else getattr(options, name) for name, value in usual.items()}
    kind = {"build": options.build, "resume": options.resume}
    about = pretrain(options.out, World(options.seed, options.variety), **size, **kind)
    print(
        f"world {options.seed}: {size['steps']} steps in {about['seconds']:.0f} s, "
        f"held-out loss {about['held_out_loss']:.3f}, accuracy {about['held_out_accuracy']:.1%}, "
        f"facts known {about['facts_known']:.1%} of {about['world']['facts']} -> {options.out}"
    )
    return 0


def _task(options: argparse.Namespace) -> int:
    from recall_learn.tasks import world as world_files
    from recall_learn.tasks.task import WORLD
    from recall_learn.world import World

    task = options.task.removeprefix(WORLD)
    folder = world_files.save(options.out, task, options.size, World(options.seed))
    print(f"world/{task}: {options.size} training examples -> {folder}")
    return 0


def _text(options: argparse.Namespace) -> int:
    from recall_learn.support.files import check_file, write_text
    from recall_learn.world import World

    check_file(options.out)
    passages = World(options.seed, options.variety).text(options.split)
    write_text(options.out, "".join(" ".join(passage) + "\n" for passage in passages))
    print(f"world {options.seed}: {len(passages)} passages of {options.split} text -> {options.out}")
    return 0
