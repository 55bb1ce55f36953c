"""What recording costs: a step of ``finetune`` over a step of a bare transformers.Trainer, MiniLM on the CPU.

Both train the same model on the same batches; the two alternate, and each figure is the median over all of its steps.
Target: at most 1.05. Run as ``python benchmarks/finetune.py [--steps 20] [--rounds 3]``.
"""

import argparse
import statistics
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import torch
import transformers
from datasets import Dataset
from transformers import DataCollatorWithPadding, Trainer, TrainingArguments

from recall_learn import Recipe, finetune
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


def bare(folder: Path, recipe: Recipe) -> None:
    """The same training with nothing recorded."""
    backbone = backbones.load(recipe.backbone, num_labels=2)
    rows = loading.tokenize(loading.load(recipe.task, folder)["train"], recipe.task, backbone.tokenizer)
    arguments = TrainingArguments(
        output_dir=str(folder / "bare"),
        max_steps=recipe.steps,
        per_device_train_batch_size=recipe.batch_size,
        learning_rate=recipe.lr,
        use_cpu=True,
        save_strategy="no",
        logging_strategy="no",
        report_to="none",
        disable_tqdm=True,
    )
    trainer = Trainer(
        backbone.model, arguments, train_dataset=rows, data_collator=DataCollatorWithPadding(backbone.tokenizer)
    )
    trainer.remove_callback(transformers.PrinterCallback)
    trainer.train()


def step_times(run) -> list[float]:
    """Seconds from the start of each step to the start of the next; the first two are left out."""
    starts, original = [], Trainer.training_step

    def noted(*args, **kwargs):
        starts.append(time.perf_counter())
        return original(*args, **kwargs)

    Trainer.training_step = noted
    try:
        run()
    finally:
        Trainer.training_step = original
    return np.diff(starts)[2:].tolist()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    recipe = Recipe(steps=options.steps, batch_size=16, evaluate_every=options.steps)
    times: dict[str, list[float]] = {"bare Trainer": [], "finetune": []}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_task(folder, 16 * options.steps)
        for _ in range(options.rounds):
            times["bare Trainer"] += step_times(lambda: bare(folder, recipe))
            times["finetune"] += step_times(lambda: finetune(recipe, glue_folder=folder, device="cpu", progress=False))
    versions = f"torch {torch.__version__}, transformers {transformers.__version__}, {torch.get_num_threads()} threads"
    print(f"{versions}, {datetime.now(UTC):%Y-%m-%d}")
    medians = {name: statistics.median(values) for name, values in times.items()}
    for name, value in medians.items():
        print(f"{name:14} {1e3 * value:8.1f} ms a step")
    print(f"{'ratio':14} {medians['finetune'] / medians['bare Trainer']:8.3f} (target: at most 1.05)")


if __name__ == "__main__":
    with silent():
        main()
