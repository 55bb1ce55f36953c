"""What a task is: which columns are read, what is to be told apart, how an answer is scored, where the data lies."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datasets import Dataset

WORLD = "world/"
"""What the names of the small world's tasks begin with."""
MISMATCHED = "_mm"
"""What the names of a task's metrics on its second evaluation split end in."""


@dataclass(frozen=True)
class Task:
    """One task.

    Attributes:
        name: as it is asked for.
        columns: the text columns, one or two, in the order in which the model reads them.
        labels: the names of the classes, which are numbered from 0 in this order; empty in a regression.
        label: the column of the labels.
        metrics: what `recall_learn.tasks.scores.metrics` gives for this task.
        primary: the metric that is the task's score.
        positive: the class that f1 is about.
        trains: whether there is a training split; without one a task is there to be tested on.
        evaluation: the split that the score is taken on.
        mismatched: a second split that the metrics are taken on, where it is there: MNLI's, of other kinds of text;
            the small world's "elsewhere", of other wordings.
        span: the least and the largest label of a regression, where they are known beforehand.
        folder: where it lies in the folder of data sets; "" is under its name.
        repository: the hub's dataset that has it under its name, or "".
        split: how the evaluation split came about, in words, where it was not there.
    """

    name: str
    columns: tuple[str, ...]
    labels: tuple[str, ...] = ()
    label: str = "label"
    metrics: tuple[str, ...] = ("accuracy",)
    primary: str = "accuracy"
    positive: int = 1
    trains: bool = True
    evaluation: str = "validation"
    mismatched: str | None = None
    span: tuple[float, float] | None = None
    folder: str = ""
    repository: str = ""
    split: str = ""

    @property
    def num_labels(self) -> int:
        """Outputs of a model: the classes, or 1 in a regression."""
        return len(self.labels) or 1

    @property
    def splits(self) -> tuple[str, ...]:
        """What is read; the mismatched split may be absent."""
        train, mismatched = (["train"] if self.trains else []), ([self.mismatched] if self.mismatched else [])
        return (*train, self.evaluation, *mismatched)

    def describe(self) -> dict[str, object]:
        """What a record says of a task that is in no registry, as plain JSON types."""
        lists = {"text": list(self.columns), "labels": list(self.labels), "metrics": list(self.metrics)}
        words = {"label": self.label, "primary": self.primary, "split": self.split, "repository": self.repository}
        return lists | {name: word for name, word in words.items() if word}


class Splits(dict[str, Any]):
    """``split -> datasets.Dataset`` in memory, and the task that they are of.

    Attributes:
        task: the task; of a file it is known once the file has been read.
        said: what was found and decided, in sentences, for whoever asked for a file.
    """

    def __init__(self, task: Task, splits: "dict[str, Dataset]", said: tuple[str, ...] = ()):
        super().__init__(splits)
        self.task, self.said = task, said
