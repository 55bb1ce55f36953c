"""What every task goes through: read, perhaps cut down, turned into tokens."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from recall_learn.support.checks import shown, whole
from recall_learn.tasks import files, parquet, stored
from recall_learn.tasks.registry import asked, named, own
from recall_learn.tasks.task import MISMATCHED, Splits, Task

if TYPE_CHECKING:
    from datasets import Dataset
    from transformers import PreTrainedTokenizerBase

log = logging.getLogger(__name__)


def load(
    task: str,
    folder: str | Path | None = None,
    limit_train: int | None = None,
    seed: int = 0,
    *,
    text: str | None = None,
    label: str | None = None,
    metric: str | None = None,
    training: bool = True,
) -> Splits:
    """Read a task's splits, checked.

    Args:
        task: a name of `recall_learn.tasks.registry.TASKS`; or a file, a folder or a dataset of the hub, see
            `recall_learn.tasks.files`.
        folder: that of the data sets with a name, see `recall_learn.tasks.stored`; without it the one that the
            environment variable ``RECALL_LEARN_DATA`` names; without that GLUE's tasks come from the hub, from the
            local cache if they are there, and the small world's are made.
        limit_train: keep that many training examples, drawn without replacement and without regard to their labels,
            in the file's order: 100, 300 or 1,000 of them, as low-resource tables do. The evaluation split stays whole.
            A larger limit with the same seed keeps the same ones and adds to them.
        seed: of that draw; at least 0.
        text: of a task of one's own, the text column, or two with a comma between; None looks for them.
        label: the label's column; None looks for it.
        metric: the score; None takes one that fits.
        training: whether a task that has no training split is refused.

    Raises:
        ValueError: the task is unknown, the limit or the seed out of range, or a file holds something else than the
            task: a column or a label is missing, a label is out of range (withheld labels are -1), there are no rows.
        FileNotFoundError: the folder, the task in it, or a split's file is not there.
        ConnectionError: the hub is needed and out of reach, or falls silent; see `recall_learn.models.hub.fetch`.
    """
    task, seed = asked(task, text, label, metric), whole("seed", seed, 0)
    if own(task):
        data = files.load(task, text, label, metric)
    else:
        spec = named(task)
        if training and not spec.trains:
            raise ValueError(f"{task} has no training split: it is there to be tested on; train on another task")
        data = Splits(spec, stored.read(spec, folder))
    if limit_train is not None:
        data["train"] = _cut(data["train"], limit_train, seed, task)
    return data


def _cut(rows: Any, limit: int, seed: int, task: str) -> Any:
    """As many of the rows, in their order."""
    limit = check_limit(limit, len(rows), task)
    return rows.select(np.sort(np.random.default_rng(seed).permutation(len(rows))[:limit]))


def check_limit(limit: int, rows: int, task: str) -> int:
    """The limit, once there are as many rows.

    Raises:
        ValueError: there are not.
    """
    try:
        return whole("limit_train", limit, 1, rows)
    except ValueError:
        right = f"a whole number from 1 to {rows} for {task}"
        raise ValueError(f"limit_train must be {right}, got {shown(limit)}") from None


def locate(task: str, folder: str | Path | None = None) -> None:
    """Raise unless a task's files are there, or can be fetched; as `load` does, and before anything is read."""
    if own(task):
        files.locate(task)
    else:
        stored.locate(named(task), folder)


def say(data: Splits) -> None:
    """Log what was found in a file of somebody's own, so that it can be seen at once what is trained on."""
    for sentence in data.said:
        log.warning("%s", sentence)


def scored(data: Splits) -> dict[str, str]:
    """The splits that a model is scored on, and what the names of their metrics end in: ``""``, or ``"_mm"``."""
    task = data.task
    return {task.evaluation: ""} | ({task.mismatched: MISMATCHED} if task.mismatched in data else {})


def tokenize(
    dataset: "Dataset", task: Task | str, tokenizer: "PreTrainedTokenizerBase", max_length: int = 128
) -> "Dataset":
    """Turn texts into what a model reads.

    Args:
        dataset: one split, as `load` gives it.
        task: the task, or the name of one.
        tokenizer: of transformers.
        max_length: tokens, special ones included; of a pair the longer text is cut first. The paper's is 128.

    Returns:
        A ``datasets.Dataset`` in the same order with the tokenizer's model inputs and ``labels`` (whole numbers, or
        floats in a regression) and no other column. Rows have their own lengths; a collator pads them.

    Raises:
        ValueError: the task is unknown, a column is missing, or ``max_length`` leaves no room or is more than the
            model was built for.
    """
    spec = task if isinstance(task, Task) else named(task)
    parquet.check_columns(dataset.column_names, (*spec.columns, spec.label), "the dataset")
    max_length = whole("max_length", max_length, 1)
    room = tokenizer.num_special_tokens_to_add(pair=len(spec.columns) == 2) + len(spec.columns)
    if max_length < room:
        raise ValueError(f"max_length must be at least {room} tokens for {spec.name}, got {max_length}")
    if max_length > tokenizer.model_max_length:
        raise ValueError(
            f"max_length must be at most the model's {tokenizer.model_max_length} tokens, got {max_length}"
        )

    def encode(batch: Mapping[str, list]) -> dict[str, list]:
        texts = (list(batch[column]) for column in spec.columns)
        encoded = tokenizer(*texts, truncation=True, max_length=max_length, padding=False)
        inputs = {key: encoded[key] for key in tokenizer.model_input_names if key in encoded}
        return {**inputs, "labels": [float(y) if spec.num_labels == 1 else int(y) for y in batch[spec.label]]}

    in_memory = {"keep_in_memory": True, "load_from_cache_file": False}  # nothing is cached on the disk
    return dataset.map(
        encode, batched=True, remove_columns=dataset.column_names, desc=f"{spec.name}: tokens", **in_memory
    )
