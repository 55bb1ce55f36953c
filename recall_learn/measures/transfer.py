"""Domain generalisation: a model that was tuned on one task, scored on another that asks the same.

Nothing trains. The model's likeliest class is its answer, and both its classes and the set's are read by their names,
see `recall_learn.tasks.label_maps`: neutral and contradiction count as not_entailment where one side has two classes.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import nn

from recall_learn.support.reading import Json
from recall_learn.tasks import label_maps, loading, registry, scores
from recall_learn.tasks.rows import batches
from recall_learn.tasks.task import Splits, Task
from recall_learn.theory.fisher import evaluating

if TYPE_CHECKING:
    from datasets import Dataset
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True)
class Elsewhere:
    """What a model scores on a task that it was not tuned on.

    Attributes:
        task: where it was scored.
        tuned_on: the task that it was tuned on.
        examples: how many there are.
        metrics: the task's; accuracy alone where the set tells more classes apart than the model.
        primary: the metric that is the score.
        majority: the accuracy of saying the most frequent class each time; None in a regression.
        counts_as: what each class of the model was taken for; empty in a regression.
    """

    task: str
    tuned_on: str
    examples: int
    metrics: dict[str, float]
    primary: str
    majority: float | None
    counts_as: dict[str, str]

    @property
    def score(self) -> float:
        """The task's score."""
        return self.metrics[self.primary]

    def to_dict(self) -> dict[str, Json]:
        """Plain JSON types."""
        return asdict(self)


def score_elsewhere(
    model: nn.Module,
    tokenizer: "PreTrainedTokenizerBase",
    from_task: str,
    to_task: str,
    data_folder: str | Path | None = None,
    *,
    labels: Sequence[str] | None = None,
    max_length: int = 128,
    batch_size: int = 64,
) -> Elsewhere:
    """Score a tuned model on another task's evaluation split, and on its second one where it has one.

    Args:
        model: a sequence classifier; ``config.id2label`` says what its outputs mean.
        tokenizer: its tokenizer.
        from_task: the task that it was tuned on.
        to_task: where it is scored; a task that cannot be trained on will do. A file of one's own without an evaluation
            split is scored whole.
        data_folder: as in `recall_learn.tasks.loading.load`.
        labels: the model's classes in the order of its outputs, where its configuration does not name them.
        max_length: tokens; the model's own limit where that is less.
        batch_size: examples at a time.

    Raises:
        ValueError: it cannot be told what the model's outputs mean, they are not those of ``from_task``, or no map
            leads to the other task; it gives what is no number; or the data is wrong.
        OSError: the data is not there.
    """
    data = loading.load(to_task, data_folder, training=False)
    names = names_of(model, from_task, labels)
    length = min(max_length, tokenizer.model_max_length)
    made = judge(names, data.task)  # before anything is computed
    found: dict[str, float] = {}
    counts: dict[str, int] = {}
    majority = None
    for ending, rows in _scored(data).items():
        tokens = loading.tokenize(rows, data.task, tokenizer, length)
        logits, gold = answers(model, tokenizer, tokens, batch_size)
        found |= {f"{name}{ending}": value for name, value in score_answers(logits, gold, names, data.task).items()}
        counts[ending] = len(gold)
        if data.task.labels and majority is None:
            majority = share_of_majority([made.labels[int(each)] for each in gold])
    counts_as = {name: made.names[number] for name, number in zip(names, made.answers, strict=True)} if names else {}
    primary = scored_as(made, data.task).primary
    return Elsewhere(data.task.name, from_task, sum(counts.values()), found, primary, majority, counts_as)


def score_answers(logits: ArrayLike, labels: ArrayLike, names: Sequence[str], task: Task | str) -> dict[str, float]:
    """What answers in one task's classes score in another.

    Args:
        logits: [examples, classes of the model]; in a regression [examples] or [examples, 1].
        labels: [examples], of ``task``.
        names: the model's classes, in the order of its outputs; none in a regression.
        task: whose labels they are.

    Returns:
        As `recall_learn.tasks.scores.metrics`.

    Raises:
        ValueError: as there, or no map leads from the names to the task.
    """
    spec = task if isinstance(task, Task) else registry.named(task)
    made, logits = judge(names, spec), np.asarray(logits, dtype=np.float64)
    if not names:
        return scores.metrics(spec, logits, labels)
    if not np.isfinite(logits).all():
        raise ValueError(f"logits are not finite on {spec.name}: the run has diverged")
    if logits.ndim != 2 or logits.shape[1] != len(names):
        raise ValueError(f"logits has the shape {logits.shape}; it has to be (examples, {len(names)}), a class a name")
    said = np.array(made.answers)[logits.argmax(axis=1)]
    gold = np.array(made.labels)[np.asarray(labels).astype(int)]
    return scores.metrics(scored_as(made, spec), np.eye(len(made.names))[said], gold)


def names_of(model: nn.Module, task: str, labels: Sequence[str] | None = None) -> tuple[str, ...]:
    """What a model's outputs mean, by its configuration or by ``labels``; empty for a regression.

    Raises:
        ValueError: they are others than those of the task that it is said to be tuned on, or of another number.
    """
    held: Mapping[int, str] = model.config.id2label
    outputs = int(model.config.num_labels)
    if outputs == 1:
        return ()
    names = tuple(labels) if labels is not None else tuple(held[number] for number in range(outputs))
    if len(names) != outputs:
        raise ValueError(f"labels names {len(names)} classes, {', '.join(names)}; the model has {outputs} outputs")
    own = () if registry.own(task) else registry.named(task).labels  # of a file the model alone knows them
    if own and not label_maps.same(names, own):
        raise ValueError(f"the model answers {', '.join(names)}, so it was not tuned on {task}: {', '.join(own)}")
    return names


def judge(names: Sequence[str], task: Task) -> label_maps.LabelMap:
    """How answers are read, see `recall_learn.tasks.label_maps.between`; of a regression there is nothing to read.

    Raises:
        ValueError: no map leads there; or one of the two is a regression alone.
    """
    if bool(names) != bool(task.labels):
        one, other = ("classes", "numbers") if names else ("numbers", "classes")
        raise ValueError(f"the model answers in {one}, and {task.name} asks for {other}; take another task")
    if not names:
        return label_maps.LabelMap((), (), ())
    try:
        return label_maps.between(names, task.labels)
    except ValueError as error:
        raise ValueError(f"{task.name}: {error}") from None


def scored_as(made: label_maps.LabelMap, task: Task) -> Task:
    """The task, with the classes that are left of it; accuracy is the score where some were put together."""
    if made.names == task.labels:
        return task
    return replace(task, labels=made.names, metrics=("accuracy",), primary="accuracy")


def share_of_majority(labels: Sequence[int]) -> float:
    """The accuracy of saying the most frequent class each time."""
    return max(Counter(labels).values()) / len(labels)


@torch.no_grad()
def answers(
    model: nn.Module, tokenizer: "PreTrainedTokenizerBase", rows: "Dataset", batch_size: int = 64
) -> tuple[np.ndarray, np.ndarray]:
    """Logits [examples, outputs] and labels [examples] of tokenized rows, shortest first; nothing is drawn."""
    from transformers import DataCollatorWithPadding

    device, logits, labels = next(model.parameters()).device, [], []
    with evaluating(model):
        for batch in batches(rows, DataCollatorWithPadding(tokenizer), batch_size):
            inputs = {name: tensor.to(device) for name, tensor in batch.items() if name != "labels"}
            logits.append(model(**inputs).logits.double().cpu().numpy())
            labels.append(batch["labels"].numpy())
    return np.concatenate(logits), np.concatenate(labels)


def _scored(data: Splits) -> "dict[str, Dataset]":
    """What is scored, by the ending of its metrics: the evaluation splits; of a file that was cut in two, all of it."""
    if not data.task.split:
        return {ending: data[split] for split, ending in loading.scored(data).items()}
    from datasets import concatenate_datasets

    return {"": concatenate_datasets([data["train"], data[data.task.evaluation]])}
