"""What this library adds to a step of transformers.Trainer, MiniLM on the CPU, all on the same batches.

1. ``finetune`` with method vanilla, which records every step, over a bare Trainer (target: at most 1.05).
2. ``RecallTrainer`` with method recadam over a Trainer that was handed the same RecAdam (target: at most 1.02).

The four take turns. A figure is the median over rounds of the ratio of two medians over the steps of that round.
Run as ``python benchmarks/trainer.py [--steps 20] [--rounds 5]``.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from datasets import Dataset
from transformers import DataCollatorWithPadding, Trainer, TrainingArguments

from recall_learn import RecAdam, RecallTrainer, Recipe, Sigmoid, finetune, recall_groups
from recall_learn.models import backbones
from recall_learn.support.process_wide import silent
from recall_learn.tasks import loading

WORDS = ["the", "company", "said", "profit", "rose", "after", "sales", "of", "new", "products", "in", "europe", "fell"]


def make_task(folder: Path, rows: int) -> None:
    """Write an MRPC of random sentences, about as long as the real ones."""
    generator = np.random.default_rng(0)
    sentences = [[" ".join(generator.choice(WORDS, 25)) for _ in range(rows)] for _ in "12"]
    data = {"sentence1": sentences[0], "sentence2": sentences[1], "label": generator.integers(0, 2, rows).tolist()}
    (folder / "mrpc").mkdir(parents=True)
    for split in ("train", "validation"):
        Dataset.from_dict(data).to_parquet(folder / "mrpc" / f"{split}-00000-of-00001.parquet")


def by_trainer(folder: Path, recipe: Recipe, way: str) -> None:
    """The same training by a Trainer: ``bare``, with ``RecAdam``, or as ``RecallTrainer``."""
    backbone = backbones.load(recipe.backbone, num_labels=2)
    data = loading.load(recipe.task, folder)
    rows = loading.tokenize(data["train"], data.task, backbone.tokenizer)
    arguments = TrainingArguments(
        output_dir=str(folder / "trainer"),
        max_steps=recipe.steps,
        per_device_train_batch_size=recipe.batch_size,
        learning_rate=recipe.lr,
        use_cpu=True,
        save_strategy="no",
        logging_strategy="no",
        report_to="none",
        disable_tqdm=True,
    )
    given: dict[str, Any] = {"train_dataset": rows, "data_collator": DataCollatorWithPadding(backbone.tokenizer)}
    anchors, kind = backbone.anchors, Trainer
    if way == "RecAdam":
        groups, settings = recall_groups(backbone.model, anchors=anchors), {"gamma": 0.1 / recipe.lr, "lr": recipe.lr}
        given["optimizers"] = (RecAdam(groups, anchors=anchors, anneal=Sigmoid(0.1, 250), **settings), None)
    elif way == "RecallTrainer":
        kind = RecallTrainer
        given |= {"method": "recadam", "anchors": anchors}
    trainer = kind(backbone.model, arguments, **given)
    trainer.remove_callback(transformers.PrinterCallback)
    trainer.train()


def by_finetune(folder: Path, recipe: Recipe, way: str) -> None:
    """The same training, recorded."""
    finetune(recipe, data_folder=folder, device="cpu", progress=False)


def step_time(run: Callable[[], Any]) -> float:
    """The median of the seconds from the start of a step to the start of the next; the first two are left out."""
    starts, original = [], Trainer.training_step

    def noted(*args, **kwargs):
        starts.append(time.perf_counter())
        return original(*args, **kwargs)

    Trainer.training_step = noted
    try:
        run()
    finally:
        Trainer.training_step = original
    return statistics.median(np.diff(starts)[2:].tolist())


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    recipe = Recipe(steps=options.steps, batch_size=16, evaluate_every=options.steps)
    times: dict[str, list[float]] = {"bare": [], "finetune": [], "RecAdam": [], "RecallTrainer": []}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_task(folder, 16 * options.steps)
        for _ in range(options.rounds):
            for way, taken in times.items():
                run = by_finetune if way == "finetune" else by_trainer
                taken.append(step_time(partial(run, folder, recipe, way)))
    versions = f"torch {torch.__version__}, transformers {transformers.__version__}, {torch.get_num_threads()} threads"
    print(f"{versions}, {datetime.now(UTC):%Y-%m-%d}, {options.rounds} rounds")
    for way, taken in times.items():
        print(f"{way:28} {1e3 * statistics.median(taken):8.1f} ms a step")
    for way, over, most in (("finetune", "bare", 1.05), ("RecallTrainer", "RecAdam", 1.02)):
        ratios = [a / b for a, b in zip(times[way], times[over], strict=True)]
        print(f"{f'{way} over {over}':28} {statistics.median(ratios):8.3f} (target: at most {most})")


if __name__ == "__main__":
    with silent():
        main()
