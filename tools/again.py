"""Do the claims of two lessons hold with other seeds? ``python tools/again.py``, resumable; 45 minutes on one core.

Lessons 13 and 14 rest on the seeds 0 to 4 of ``tools/where.py where`` and ``tools/general.py wordings``. Here is what
ten of their claims need, with the seeds 5 to 9: plain fine-tuning on all tasks, asked where it forgot
(``book/runs/world/again-where.json``), and all settings on the wordings of world/cola (``again-wordings.json``). Which
ten, and what would turn one round, was written down before the first of these runs; lesson 14 has them in a table.
"""

import argparse
from collections.abc import Iterable

import torch
from general import HELD, wordings
from general import LR as RATE
from record import Job, record
from where import HOLD, LR, asked_of

from recall_learn.support import process_wide
from recall_learn.world import tasks

SEEDS = range(5, 10)


def run_where() -> Iterable[Job]:
    """Plain fine-tuning, asked as in ``where``."""
    for seed in SEEDS:
        for task in tasks.TASKS:
            key = {"task": task, "seed": seed, "lr": LR, **HOLD[0]}
            yield key, lambda key=key: asked_of(key, deep=True)


def run_wordings() -> Iterable[Job]:
    """All settings of ``wordings`` on one task."""
    for seed in SEEDS:
        for hold in HELD:
            key = {"task": "cola", "seed": seed, "lr": RATE, "init": "pretrained", **hold}
            yield key, lambda key=key: wordings(key)


def main() -> None:
    """Record both."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    torch.set_num_threads(1)
    with process_wide.plain_messages(), process_wide.silent():
        record("again-wordings", run_wordings())
        record("again-where", run_where())


if __name__ == "__main__":
    main()
