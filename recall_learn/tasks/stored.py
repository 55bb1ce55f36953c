"""The registry's tasks where they lie: in a folder of parquet files, on the hub, or, the small world's, nowhere.

One folder holds all data sets: a task lies in it under its name, ``FOLDER/nli/snli/train-00000-of-00001.parquet``.
GLUE's may also lie in ``FOLDER/glue``. The folder is one that is given, or that the variable ``RECALL_LEARN_DATA``
names. Every label is checked before a run starts.
"""

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from recall_learn.models import hub
from recall_learn.support.checks import shown
from recall_learn.tasks import parquet
from recall_learn.tasks.registry import TASKS
from recall_learn.tasks.task import WORLD, Task
from recall_learn.world import tasks as world_tasks

if TYPE_CHECKING:
    from datasets import Dataset

OPTION = "--data"
VARIABLE = "RECALL_LEARN_DATA"

log = logging.getLogger(__name__)


def read(task: Task, folder: str | Path | None = None) -> "dict[str, Dataset]":
    """The splits of a task, checked, as ``datasets.Dataset`` in memory: no cache file is written anywhere.

    MNLI's mismatched split may be absent, and that is logged.

    Raises:
        ValueError, FileNotFoundError, ConnectionError: as `recall_learn.tasks.loading.load` says.
    """
    from datasets import Dataset

    place = locate(task, folder)
    if place is None:
        made = world_tasks.make(task.name.removeprefix(WORLD))
        return {split: Dataset.from_dict(columns) for split, columns in made.items()}
    return {split: _read(place, task, split) for split in _present(place, task)}


def locate(task: Task, folder: str | Path | None = None) -> Path | None:
    """The folder that holds a task's files: in the one given, in the variable's, or the hub's, fetched where needed.

    None for a task of the small world that lies in no folder: it is made when it is loaded.

    Raises:
        FileNotFoundError: the folder is not there, or the task is not in it; or no folder is named, and the task is not
            on the hub.
        ConnectionError: the hub is needed and out of reach, or falls silent; see `recall_learn.models.hub.fetch`.
    """
    named, world = root(folder), task.name.startswith(WORLD)
    if named is not None:
        place = place_of(named, task)
        if place is None and not world:
            there = ", ".join(name for name, each in TASKS.items() if place_of(named, each)) or "none"
            raise FileNotFoundError(f"{named} has no task {task.name}; of the tasks that have a name it has: {there}")
        return place
    if world:
        return None
    advice = f"the folder of data sets by {OPTION}, or by the environment variable {VARIABLE}"
    if not task.repository:
        lies = f"FOLDER/{task.folder or task.name}/{task.splits[0]}-*.parquet"
        raise FileNotFoundError(f"{task.name} is not on the hub; name {advice}, as {lies}")
    patterns = [f"{task.name}/{split}-*.parquet" for split in task.splits]
    cached = hub.cached(task.repository, repo_type="dataset", patterns=patterns)
    if cached is None or fault(cached / task.name, task):
        advice = f"give {advice}; {task.repository}'s layout will do"
        cached = hub.fetch(task.repository, repo_type="dataset", patterns=patterns, advice=advice)
    return cached / task.name


def place_of(root: Path, task: Task) -> Path | None:
    """Where a task lies in a folder of data sets, if it does."""
    places = [root / (task.folder or task.name), *([root / "glue" / task.name] if task.repository else [])]
    return next((place for place in places if place.is_dir()), None)


def root(folder: str | Path | None = None) -> Path | None:
    """The folder of data sets that is given, or that the variable names; None where neither is.

    Raises:
        FileNotFoundError: it is no folder.
    """
    given, by = (folder, OPTION) if folder is not None else (os.environ.get(VARIABLE), VARIABLE)
    return _folder(given, by) if given else None


def _folder(given: str | Path, by: str) -> Path:
    """The folder that somebody named."""
    try:
        folder = Path(given).expanduser()
        there = folder.is_dir()
    except (RuntimeError, OSError, ValueError) as error:  # a home that nobody has, a name too long, a NUL in it
        raise FileNotFoundError(f"{by} names {shown(str(given))}, which is not a folder: {error}") from None
    if not there:
        raise FileNotFoundError(f"{by} names {str(given)!r}, which is not a folder")
    return folder


def fault(place: Path, task: Task) -> str:
    """Why the files that lie there are not the whole of a task, in words; empty where they are."""
    try:
        for split in task.splits:
            parquet.shards(place, split)
    except (OSError, ValueError) as error:
        return str(error)
    return ""


def _present(place: Path, task: Task) -> list[str]:
    """The task's splits, without the mismatched one where it is absent, which is said."""
    if task.mismatched and not any(place.glob(f"{task.mismatched}-*")):
        there, name, split = place.parent, place.name, task.mismatched
        log.warning("%s has no %s/%s: only %s is scored", there, name, split, task.evaluation)
        return [split for split in task.splits if split != task.mismatched]
    return list(task.splits)


def _read(place: Path, task: Task, split: str) -> Any:
    from datasets import Dataset
    from datasets.table import InMemoryTable

    table = parquet.read(place, split, task.columns, task.label)
    check_labels(table[task.label].to_numpy(), task, f"{place.name}/{split} in {place.parent}")
    return Dataset(InMemoryTable(table))


def check_labels(labels: np.ndarray, task: Task, where: str) -> None:
    """Raise unless every label is a class of the task, or a number in the span of its regression.

    Raises:
        ValueError: one is not; the message names its row in ``where``.
    """
    regression = task.num_labels == 1
    if labels.dtype.kind not in ("iuf" if regression else "iu"):
        wanted = "numbers" if regression else "whole numbers"
        raise ValueError(f"the labels of {task.name} are {wanted}; those in {where} are {labels.dtype}")
    least, most = (task.span or (-np.inf, np.inf)) if regression else (0, task.num_labels - 1)
    wrong = np.flatnonzero(~((labels >= least) & (labels <= most) & np.isfinite(labels)))  # a nan is wrong too
    if wrong.size:
        raise ValueError(
            f"the labels of {task.name} run from {least:g} to {most:g}; "
            f"{where} has {labels[wrong[0]]} in row {wrong[0]}"
            f"{' (-1: withheld, as in the test split)' if labels[wrong[0]] == -1 else ''}"
        )
