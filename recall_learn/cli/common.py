"""What commands share: options."""

import argparse

DATA = (
    "where data sets lie: FOLDER/mrpc/train-*.parquet, FOLDER/nli/snli/... (or RECALL_LEARN_DATA; GLUE: else the hub)"
)


TASKS = (
    "cola mrpc rte sst2 stsb wnli mnli qnli qqp; world/cola rte stsb sst2 mrpc, each also as cola-wordings, and "
    "world/facts questions; nli/mnli snli, sick, sick-r; sentences/mr subj mpqa trec; or reviews.csv .tsv .jsonl "
    ".parquet, a folder of them, or OWNER/NAME of the hub"
)


def add(parser: argparse.ArgumentParser) -> None:
    """The options of what works on a backbone and a task."""
    add_backbone(parser)
    parser.add_argument("--task", default="mrpc", metavar="TASK", help=TASKS)
    parser.add_argument("--text", metavar="A[,B]", help="of a task of your own: the text column, or two (found)")
    parser.add_argument("--label", metavar="C", help="of a task of your own: the column of the labels (found)")
    parser.add_argument("--metric", metavar="M", help="of a task of your own: its score (one that fits)")


def add_backbone(parser: argparse.ArgumentParser) -> None:
    """The options of what works on a backbone, all but the task's."""
    parser.add_argument("--backbone", default="minilm", metavar="NAME", help="tiny, minilm, a folder, or a hub id")
    parser.add_argument("--batch-size", type=int, default=32, metavar="B", help="examples a step (32)")
    parser.add_argument("--max-length", type=int, default=128, metavar="L", help="tokens an example (128)")
    parser.add_argument("--limit-train", type=int, metavar="N", help="take N training examples only")
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="of head, order, dropout, masks and draws (0)")
    parser.add_argument("--data", metavar="FOLDER", help=DATA)
    parser.add_argument("--device", default="auto", metavar="D", help="auto, cpu or cuda")
