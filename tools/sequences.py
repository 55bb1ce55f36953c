"""Task after task, recorded: ``python tools/sequences.py NAME``, resumable.

======= =========================================================================================== ==================
orders  the small world's five tasks in three orders, with fourteen ways to hold on to what was      a minute a run, so
        learned, and all tasks at once as the ceiling: the matrix of scores, source loss and facts  two hours for all
pairs   every task after every other, plain: what a first task is worth to a second one, beside     25 seconds a run,
        the second task alone; and how alike the ways are that two tasks take                       half an hour for all
answers what is true in the small world, then questions about it, then entailment, and the reverse, a minute a run, so
        nine ways, three seeds: auxiliary penalties beside replay, as in the adaptation of readers  an hour for all
minilm  MiniLM over mrpc, rte, cola, mr, subj and trec in two orders, six ways, two seeds, with     20 minutes a run,
        zero-shot similarity after each, scored on a sample of each set; ``--data FOLDER`` names    8 hours for all
        the folder of data sets
======= =========================================================================================== ==================

Times are of one core. The rows of ``book/runs/world/sequences-NAME.json`` that are there are not taken again. What
orders asks for is ``book/grids/sequences.json``, too: ``recall-learn sweep`` takes it on all cores, into a file of its
own.
"""

import argparse
import itertools
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from record import Job, Row, record
from samples import sample
from torch import Tensor

from recall_learn.runs.finetune import finetune
from recall_learn.runs.finished import open_run
from recall_learn.runs.recipe import Recipe
from recall_learn.runs.sequence import sequence
from recall_learn.support import process_wide
from recall_learn.tasks import loading, scores

SEEDS, STEPS, LR = range(3), 200, 1e-3
TASKS = ("cola", "rte", "mrpc", "sst2", "stsb")
ORDERS = (
    ("cola", "stsb", "rte", "mrpc", "sst2"),
    ("sst2", "mrpc", "rte", "stsb", "cola"),
    ("rte", "sst2", "cola", "mrpc", "stsb"),
)
"""One order, the same from its end, and a third."""
HOLD: tuple[Row, ...] = (
    {"method": "vanilla"},
    {"method": "vanilla", "lr": LR / 4},
    {"method": "recadam(k=0.05, t0=100, gamma=100)"},
    {"method": "recadam(k=0.05, t0=100, gamma=100)", "home": "pretrained"},
    {"method": "ewc(gamma=100)"},
    {"method": "online-ewc(gamma=100)"},
    {"method": "lwf(weight=1)"},
    {"method": "task-replay(buffer=500)"},
    {"method": "task-replay(buffer=50)"},
    {"method": "task-replay(buffer=500) + source-replay(weight=0.1)"},
    {"method": "lora(r=8)"},
    {"method": "packnet(keep=0.2)"},
    {"method": "parallel-columns"},
    {"method": "vanilla", "together": True},
)
"""How it is held on to; what is not said is `USUAL`."""
USUAL: Row = {"lr": LR, "home": "last", "together": False}
"""The rate, what theta* is for the methods, and whether all tasks are trained at once."""

ANSWER_ORDERS = (("facts", "questions", "rte"), ("rte", "questions", "facts"))
"""What is true, what is asked about it, what follows; and the same from its end."""
ANSWERS_HOLD: tuple[Row, ...] = (
    {"method": "vanilla"},
    {"method": "vanilla", "lr": LR / 4},
    {"method": "ewc(gamma=100)"},
    {"method": "online-ewc(gamma=100)"},
    {"method": "l2sp(gamma=0.03)", "home": "pretrained"},
    {"method": "recadam(k=0.05, t0=100, gamma=100)"},
    {"method": "task-replay(buffer=500)"},
    {"method": "source-replay(weight=0.1)"},
    {"method": "vanilla", "together": True},
)
"""A plain rate and a low one, penalties, replay, the ceiling. The strengths are those of lessons 12 and 15."""

BACKBONE = "minilm"
REAL = (("mrpc", "rte", "cola", "sentences/mr", "sentences/subj", "sentences/trec"),)
REAL += (REAL[0][::-1],)
REAL_STEPS, REAL_BATCH, REAL_LR, REAL_LENGTH = 100, 16, 2e-4, 64
REAL_PROBE, REAL_SCORED = "stsb", 400
"""The set of pairs for zero-shot similarity; the examples of every set that a model is scored on, at most."""
REAL_HOLD: tuple[Row, ...] = (
    {"method": "vanilla"},
    {"method": "vanilla", "lr": REAL_LR / 4},
    {"method": "recadam(k=0.1, t0=50, gamma=500)"},
    {"method": "task-replay(buffer=500)"},
    {"method": "lora(r=8)", "lr": 10 * REAL_LR},
    {"method": "vanilla", "together": True},
)
"""LoRA takes ten times the rate, as its authors and others advise."""


def run_orders() -> Iterable[Job]:
    """The small world's tasks in every order, each way."""
    for seed, order, hold in itertools.product(SEEDS, ORDERS, HOLD):
        key = {"tasks": list(order), **USUAL, **hold, "seed": seed}
        yield key, lambda key=key: through(key, tasks=[f"world/{task}" for task in order_of(key)])


def run_answers() -> Iterable[Job]:
    """Facts, questions and entailment in both orders, each way."""
    for seed, order, hold in itertools.product(SEEDS, ANSWER_ORDERS, ANSWERS_HOLD):
        key = {"tasks": list(order), **USUAL, **hold, "seed": seed}
        yield key, lambda key=key: through(key, tasks=[f"world/{task}" for task in order_of(key)])


def run_pairs() -> Iterable[Job]:
    """Each task alone, each after each other, and how alike the ways are that they take from theta*."""
    for seed in SEEDS:
        for task in TASKS:
            key = {"tasks": [task], "method": "vanilla", "lr": LR, "seed": seed}
            yield key, lambda key=key: through(key, tasks=[f"world/{key['tasks'][0]}"])
        for pair in itertools.permutations(TASKS, 2):
            key = {"tasks": list(pair), "method": "vanilla", "lr": LR, "seed": seed}
            yield key, lambda key=key: through(key, tasks=[f"world/{task}" for task in order_of(key)])
        yield {"alike": list(TASKS), "seed": seed}, lambda seed=seed: alike(seed)


def run_minilm(folder: Path) -> Iterable[Job]:
    """A real encoder over real tasks."""
    asked = {"backbone": BACKBONE, "probe": REAL_PROBE, "max_length": REAL_LENGTH, "batch_size": REAL_BATCH}
    asked |= {"steps": REAL_STEPS, "evaluate_every": REAL_STEPS, "limit_train": REAL_STEPS * REAL_BATCH}
    for seed, order, hold in itertools.product(SEEDS[:2], REAL, REAL_HOLD):
        key = {"tasks": list(order), **USUAL, "lr": REAL_LR, **hold, "seed": seed}
        yield (
            key,
            lambda key=key: {
                "guess": [guess(task, folder) for task in order_of(key)],
                **through({**asked, **key}, tasks=order_of(key), data_folder=folder),
            },
        )


def guess(name: str, folder: Path) -> float:
    """The score of naming one class always, the one that is most frequent in training."""
    data = loading.load(name, folder)
    counts = np.bincount(data["train"][data.task.label], minlength=data.task.num_labels)
    labels = data[data.task.evaluation][data.task.label]
    said = scores.metrics(data.task, np.tile(counts / counts.sum(), (len(labels), 1)), labels)
    return round(said[data.task.primary], 4)


def order_of(key: Row) -> list[str]:
    """The tasks of a row."""
    return key["tasks"]


def through(key: Mapping[str, Any], tasks: list[str], data_folder: str | Path | None = None) -> Row:
    """Take a sequence as a row's key says, and give its matrix with what was kept beside it."""
    given = {name: value for name, value in key.items() if name not in ("tasks", "home", "together")}
    usual = {"backbone": "tiny", "steps": STEPS, "evaluate_every": STEPS}
    recipe = Recipe(task=tasks[0], **{**usual, **given})
    more = {name: key.get(name, USUAL[name]) for name in ("home", "together")}
    done = sequence(recipe, tasks, **more, data_folder=data_folder, progress=False)
    kept = ("source_loss", "facts", "similarity", "distance")
    return {
        "scores": [[round(value, 4) for value in row] for row in done.scores.tolist()],
        **{name: [round(value, 4) for value in done.column(name)] for name in kept if name in done.rows[0]},
        **{name: round(value, 4) for name, value in done.final.items()},
        "seconds": done.environment["seconds"],
    }


def alike(seed: int) -> Row:
    r"""The cosine of the ways :math:`\theta_a - \theta^*` and :math:`\theta_b - \theta^*` of each two tasks."""
    ways = torch.stack([way(task, seed) for task in TASKS])
    ways = ways / ways.norm(dim=1, keepdim=True)
    return {"cosine": np.round((ways @ ways.T).numpy(), 4).tolist()}


def way(task: str, seed: int) -> Tensor:
    """Where plain fine-tuning on a task goes, all pretrained weights in a row; float64."""
    recipe = Recipe(backbone="tiny", task=f"world/{task}", steps=STEPS, lr=LR, seed=seed, probe="none")
    with tempfile.TemporaryDirectory() as place:
        finetune(recipe, out=place, progress=False)
        backbone = open_run(Path(place)).backbone
    weights = dict(backbone.model.named_parameters())
    away = [weights[name].detach().double() - anchor.double() for name, anchor in backbone.anchors.items()]
    return torch.cat([each.flatten() for each in away])


RECORDINGS = {"orders": run_orders, "answers": run_answers, "pairs": run_pairs}


def main() -> None:
    """Record what is named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=(*RECORDINGS, "minilm"))
    parser.add_argument("--data", metavar="FOLDER", help="for minilm: the folder of data sets")
    options = parser.parse_args()
    with process_wide.plain_messages(), process_wide.silent():
        if options.name != "minilm":
            record(f"sequences-{options.name}", RECORDINGS[options.name]())
            return
        if options.data is None:
            raise SystemExit("minilm needs --data: the folder with mrpc, rte, cola, stsb and sentences/")
        with tempfile.TemporaryDirectory() as place:
            folder = sample((*REAL[0], REAL_PROBE), options.data, Path(place), REAL_SCORED)
            record("sequences-minilm", run_minilm(folder), backbone=BACKBONE)


if __name__ == "__main__":
    main()
