"""What commands share: options."""

import argparse


def add(parser: argparse.ArgumentParser) -> None:
    """The options of what works on a backbone and a task."""
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
