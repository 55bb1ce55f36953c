r"""Task generalisation: what the representations of a tuned encoder are worth for a task that it was not tuned on.

The encoder is frozen, and each other task gets a new linear head on its sentence states: of a pair the states are those
of both sentences read together, as fine-tuning reads them. With :math:`\hat x` the standardised states, a head of
classes is a multinomial logistic regression, solved to convergence (see `recall_learn.measures.probing.Probe`), and one
of a regression minimises

.. math:: \frac{1}{2 n} \sum_i (y_i - w^\top \hat x_i - b)^2 + \frac{\alpha}{2} \|w\|^2.

Nothing is drawn, and there is one solution. So what differs between two encoders lies in their states. Beside the tuned
encoder stand the pretrained one (what tuning gave or took) and one with random weights (what the words and the build
alone are worth).

The setting is that of Aghajanyan et al., 2020, "Better Fine-Tuning by Reducing Representational Collapse", section 4,
and of Xu et al., 2021, "Raise a Child in Large Language Model", whose heads are trained by steps of an optimizer.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from torch import nn

from recall_learn.measures.probes import check_world
from recall_learn.measures.probing import L2, Probe
from recall_learn.measures.states import sentence_states
from recall_learn.measures.transfer import share_of_majority
from recall_learn.models import backbones
from recall_learn.models.backbones import Backbone
from recall_learn.support.checks import shown
from recall_learn.support.reading import Json
from recall_learn.tasks import loading, scores
from recall_learn.tasks.task import Splits, Task

if TYPE_CHECKING:
    from datasets import Dataset
    from transformers import PreTrainedTokenizerBase

CHUNK = 2048
"""Texts whose states of all layers are in memory at a time; those of the last are kept."""


@dataclass(frozen=True)
class HeadScore:
    """What a new linear head on a frozen encoder scores.

    Attributes:
        task: what the head is for.
        metrics: the task's, of its evaluation splits.
        primary: the metric that is the score.
        majority: the accuracy of saying the most frequent class each time; None in a regression.
        trained_on: training examples.
        examples: those that it is scored on, without the second split.
    """

    task: str
    metrics: dict[str, float]
    primary: str
    majority: float | None
    trained_on: int
    examples: int

    @property
    def score(self) -> float:
        """The task's score."""
        return self.metrics[self.primary]


@dataclass(frozen=True)
class Heads:
    """The same head on three encoders."""

    tuned: HeadScore
    pretrained: HeadScore
    random: HeadScore

    def to_dict(self) -> dict[str, Json]:
        """Plain JSON types."""
        return asdict(self)


def new_head(
    encoder: nn.Module,
    tokenizer: "PreTrainedTokenizerBase",
    data: Splits,
    *,
    pool: str = "mean",
    l2: float = L2,
    max_length: int = 128,
    batch_size: int = 64,
) -> HeadScore:
    """Fit a linear head to a task's training examples, and score it on the evaluation splits.

    Args:
        encoder: what is frozen: ``classifier.base_model``.
        tokenizer: its tokenizer.
        data: as `recall_learn.tasks.loading.load` gives it.
        pool: "mean" of all tokens, or "first", see `recall_learn.measures.states.sentence_states`.
        l2: alpha, above 0.
        max_length: tokens; the model's own limit where that is less.
        batch_size: texts at a time.

    Raises:
        ValueError: the task has no training examples, or a setting is out of range.
    """
    task = data.task
    if "train" not in data:
        raise ValueError(f"{task.name} has no training split, so no head can be fitted to it; take another task")

    def states(rows: "Dataset") -> np.ndarray:
        columns = [list(rows[name]) for name in task.columns]
        texts = columns[0] if len(columns) == 1 else list(zip(*columns, strict=True))
        options = {"pool": pool, "max_length": max_length, "batch_size": batch_size}
        parts = [texts[start : start + CHUNK] for start in range(0, len(texts), CHUNK)]
        return np.concatenate([sentence_states(encoder, tokenizer, part, **options)[-1] for part in parts])

    x, y = states(data["train"]), np.asarray(data["train"][task.label])
    said = _linear(Probe(x, l2), y, task)
    found: dict[str, float] = {}
    for split, ending in loading.scored(data).items():
        metrics = scores.metrics(task, said(states(data[split])), data[split][task.label])
        found |= {f"{name}{ending}": value for name, value in metrics.items()}
    asked = list(data[task.evaluation][task.label])
    majority = share_of_majority(asked) if task.labels else None
    return HeadScore(task.name, found, task.primary, majority, len(y), len(asked))


def task_generalisation(
    backbone: Backbone,
    tasks: Sequence[str],
    data_folder: str | Path | None = None,
    *,
    limit_train: int | None = None,
    seed: int = 0,
    pool: str = "mean",
    l2: float = L2,
    max_length: int = 128,
) -> dict[str, Heads]:
    """A new head for each task on the encoder as it was tuned, as it was pretrained, and with random weights.

    Args:
        backbone: whose model was tuned, such as `recall_learn.runs.finished.open_run` gives it; it stays as it is.
        tasks: their names.
        data_folder: as in `recall_learn.tasks.loading.load`.
        limit_train: that many training examples of each task, as there.
        seed: of that draw, and of the random encoder.
        pool: as in `new_head`.
        l2: as in `new_head`.
        max_length: as in `new_head`.

    Raises:
        ValueError, OSError: as `new_head` and `recall_learn.tasks.loading.load`; or there are no tasks.
    """
    if isinstance(tasks, str) or not tasks:
        raise ValueError(f"tasks is {shown(tasks)}; it has to be a list of one task or more")
    read = {}
    for task in tasks:
        check_world(backbone, task, data_folder)
        read[task] = loading.load(task, data_folder, limit_train, seed)
    others = [backbones.load(backbone.name, num_labels=2, init=init, seed=seed) for init in ("pretrained", "random")]
    device = next(backbone.model.parameters()).device
    encoders = [backbone.model.base_model, *(each.model.base_model.to(device) for each in others)]
    options = {"pool": pool, "l2": l2, "max_length": max_length}
    return {
        task: Heads(*(new_head(encoder, backbone.tokenizer, data, **options) for encoder in encoders))
        for task, data in read.items()
    }


def _linear(probe: Probe, y: np.ndarray, task: Task):
    """What a fitted head says of states: logits [n, classes], or numbers [n]."""
    if task.labels:
        return probe.linear(y, len(task.labels)).logits
    x, mean = probe.x, float(y.mean())
    w = np.linalg.solve(x.T @ x / len(x) + probe.l2 * np.eye(x.shape[1]), x.T @ (y - mean) / len(x))
    return lambda states: (states - probe.mean) / probe.scale @ w + mean
