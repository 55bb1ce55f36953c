"""The nine GLUE tasks: their columns, their scores, and the way from a folder of parquet files to model inputs.

The data is a folder in the layout of the hub's ``nyu-mll/glue``, ``<task>/<split>-00000-of-00001.parquet``: one that
is given, or the hub's own, which is fetched into the hub's cache. Every label is checked before a run starts. The
small world's tasks have the names, columns and scores of theirs behind "world/", and are made here: see
`recall_learn.world.tasks`.

Wang et al., 2019, "GLUE". The score of each task is the one of Chen et al., 2020, "Recall and Learn", section 4.
"""

import json
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from typing_extensions import TypedDict

from recall_learn.models import hub
from recall_learn.support.checks import shown, whole
from recall_learn.support.files import check_folder, writing
from recall_learn.support.reading import parse_json
from recall_learn.tasks import parquet, scores
from recall_learn.world import World
from recall_learn.world import tasks as world_tasks

WORLD = "world/"
REPOSITORY = "nyu-mll/glue"
VARIABLE = "RECALL_LEARN_GLUE"

MISMATCHED = "_mm"
"""What the names of a task's metrics on its second evaluation split end in."""

log = logging.getLogger(__name__)


class _OfWorld(TypedDict):
    seed: int


@dataclass(frozen=True)
class Task:
    """One GLUE task.

    Attributes:
        name: as the hub spells it.
        columns: the text columns, one or two, in the order in which the model reads them.
        num_labels: classes, numbered from 0; 1 is a regression, whose labels lie in [0, 5].
        metrics: what `metrics` gives for this task.
        primary: the metric that is the task's score in the paper.
        evaluation: the split that the score is taken on; the test labels of GLUE are withheld.
        mismatched: a second split that the metrics are taken on, where it is there: MNLI's, of other kinds of text.
    """

    name: str
    columns: tuple[str, ...]
    num_labels: int = 2
    metrics: tuple[str, ...] = ("accuracy",)
    primary: str = "accuracy"
    evaluation: str = "validation"
    mismatched: str | None = None

    @property
    def splits(self) -> tuple[str, ...]:
        """What `load` gives; the mismatched split may be absent."""
        return ("train", self.evaluation, *([self.mismatched] if self.mismatched else []))


_PAIR = ("sentence1", "sentence2")
_MNLI = {"evaluation": "validation_matched", "mismatched": "validation_mismatched"}

TASKS: dict[str, Task] = {
    task.name: task
    for task in (
        Task("cola", ("sentence",), metrics=("matthews_correlation", "accuracy"), primary="matthews_correlation"),
        Task("sst2", ("sentence",)),
        Task("mrpc", _PAIR, metrics=("accuracy", "f1")),
        Task("stsb", _PAIR, num_labels=1, metrics=("pearson", "spearman"), primary="pearson"),
        Task("qqp", ("question1", "question2"), metrics=("accuracy", "f1")),
        Task("mnli", ("premise", "hypothesis"), num_labels=3, **_MNLI),
        Task("qnli", ("question", "sentence")),
        Task("rte", _PAIR),
        Task("wnli", _PAIR),
    )
}


def named(task: str) -> Task:
    """The task of that name.

    Raises:
        ValueError: there is none.
    """
    known = (*TASKS, *(f"{WORLD}{name}" for name in world_tasks.TASKS))
    if task not in known:
        raise ValueError(f"task {shown(task)} is unknown; the tasks are {', '.join(known)}")
    return replace(TASKS[task.removeprefix(WORLD)], name=task)


def load(task: str, glue: str | Path | None = None, limit_train: int | None = None, seed: int = 0) -> dict[str, Any]:
    """Read a task's splits, checked.

    Args:
        task: one of `TASKS`.
        glue: a folder in the layout of the hub's dataset; without it the folder that the environment variable
            ``RECALL_LEARN_GLUE`` names; without that the hub's ``nyu-mll/glue``, from the local cache if it is there.
        limit_train: keep that many training examples, drawn without replacement and without regard to their labels,
            in the file's order. A larger limit with the same seed keeps the same ones and adds to them.
        seed: of that draw; at least 0.

    Returns:
        ``split -> datasets.Dataset`` in memory, for every split in the task's ``splits``. MNLI's mismatched split may
        be absent, and that is logged.

    Raises:
        ValueError: the task is unknown, the limit or the seed out of range, or a file holds something else than the
            task: a column or a label is missing, a label is out of range (withheld labels are -1), there are no rows.
        FileNotFoundError: the folder, the task in it, or a split's file is not there.
        ConnectionError: the hub is needed and out of reach, or falls silent; see `recall_learn.models.hub.fetch`.
    """
    spec, seed = named(task), whole("seed", seed, 0)
    folder = locate(task, glue)
    data = _made(spec) if folder is None else {split: _read(folder, spec, split) for split in _present(folder, spec)}
    if limit_train is not None:
        rows = len(data["train"])
        try:
            limit = whole("limit_train", limit_train, 1, rows)
        except ValueError:
            right = f"a whole number from 1 to {rows} for {task}"
            raise ValueError(f"limit_train must be {right}, got {shown(limit_train)}") from None
        keep = np.sort(np.random.default_rng(seed).permutation(rows)[:limit])
        data["train"] = data["train"].select(keep)
    return data


def scored(task: str, data: Mapping[str, Any]) -> dict[str, str]:
    """The splits that a model is scored on, and what the names of their metrics end in: ``""``, or ``"_mm"``.

    Args:
        task: one of `TASKS`.
        data: what `load` gave.
    """
    spec = named(task)
    return {spec.evaluation: ""} | ({spec.mismatched: MISMATCHED} if spec.mismatched in data else {})


def tokenize(dataset: Any, task: str, tokenizer: Any, max_length: int = 128) -> Any:
    """Turn texts into what a model reads.

    Args:
        dataset: one split, as `load` gives it.
        task: one of `TASKS`.
        tokenizer: of transformers.
        max_length: tokens, special ones included; of a pair the longer text is cut first. The paper's is 128.

    Returns:
        A ``datasets.Dataset`` in the same order with the tokenizer's model inputs and ``labels`` (whole numbers, or
        floats in a regression) and no other column. Rows have their own lengths; a collator pads them.

    Raises:
        ValueError: the task is unknown, a column is missing, or ``max_length`` leaves no room or is more than the
            model was built for.
    """
    spec = named(task)
    parquet.check_columns(dataset.column_names, (*spec.columns, "label"), "the dataset")
    max_length = whole("max_length", max_length, 1)
    room = tokenizer.num_special_tokens_to_add(pair=len(spec.columns) == 2) + len(spec.columns)
    if max_length < room:
        raise ValueError(f"max_length must be at least {room} tokens for {task}, got {max_length}")
    if max_length > tokenizer.model_max_length:
        raise ValueError(
            f"max_length must be at most the model's {tokenizer.model_max_length} tokens, got {max_length}"
        )

    def encode(batch: Mapping[str, list]) -> dict[str, list]:
        texts = (list(batch[column]) for column in spec.columns)
        encoded = tokenizer(*texts, truncation=True, max_length=max_length, padding=False)
        inputs = {key: encoded[key] for key in tokenizer.model_input_names if key in encoded}
        return {**inputs, "labels": [float(y) if spec.num_labels == 1 else int(y) for y in batch["label"]]}

    in_memory = {"keep_in_memory": True, "load_from_cache_file": False}  # nothing is cached on the disk
    return dataset.map(encode, batched=True, remove_columns=dataset.column_names, desc=f"{task}: tokens", **in_memory)


def metrics(task: str, logits: ArrayLike, labels: ArrayLike) -> dict[str, float]:
    """Score predictions as GLUE does.

    The class is the largest logit. F1 is that of class 1, and 0 where it is neither predicted nor present. A
    correlation is undefined where one side is constant; it is given as 0, for such predictions carry no information.

    Args:
        task: one of `TASKS`.
        logits: (examples, classes); in a regression (examples,) or (examples, 1).
        labels: (examples,).

    Returns:
        ``name -> value`` for the names in the task's ``metrics``, each a finite fraction of 1, not a percentage.

    Raises:
        ValueError: the task is unknown, there are no examples, shapes do not fit, a label is out of range, or a logit
            is not finite (the run has diverged).
    """
    spec = named(task)
    logits, labels = np.asarray(logits, dtype=np.float64), np.asarray(labels)
    if spec.num_labels == 1 and logits.ndim == 1:
        logits = logits[:, None]
    if labels.size == 0:
        raise ValueError(f"there is nothing to score: {task} was given no examples")
    if labels.ndim != 1 or logits.shape != (len(labels), spec.num_labels):
        raise ValueError(
            f"logits of {task} must have the shape (examples, {spec.num_labels}) and labels (examples,), "
            f"got {logits.shape} and {labels.shape}"
        )
    _check_labels(labels, spec, "labels")
    bad = int((~np.isfinite(logits).all(axis=1)).sum())
    if bad:
        raise ValueError(f"logits are not finite in {bad} of {len(labels)} examples of {task}: the run has diverged")
    predictions = logits[:, 0] if spec.num_labels == 1 else logits.argmax(axis=1)
    return {name: float(scores.METRICS[name](labels, predictions)) for name in spec.metrics}


def locate(task: str, glue: str | Path | None = None) -> Path | None:
    """The folder that holds a task: the one given, the variable's, or the hub's, fetched where needed.

    None for a task of the small world that lies in no folder: it is made when it is loaded.

    Raises:
        ValueError, FileNotFoundError, ConnectionError: as `load` says.
    """
    spec = named(task)
    given, by = (glue, "--glue") if glue is not None else (os.environ.get(VARIABLE), VARIABLE)
    if given:
        folder = _folder(given, by)
        if spec.name.startswith(WORLD) and not (folder / spec.name).is_dir():
            return None
        if not (folder / spec.name).is_dir():
            there = ", ".join(name for name in TASKS if (folder / name).is_dir()) or "none"
            raise FileNotFoundError(f"{folder} has no task {spec.name}; of the GLUE tasks it has: {there}")
        return folder
    if spec.name.startswith(WORLD):
        return None
    patterns = [f"{spec.name}/{split}-*.parquet" for split in spec.splits]
    cached = hub.cached(REPOSITORY, repo_type="dataset", patterns=patterns)
    if cached is not None and _whole(cached, spec):
        return cached
    advice = f"give a folder in the layout of {REPOSITORY} by --glue, or by the environment variable {VARIABLE}"
    return hub.fetch(REPOSITORY, repo_type="dataset", patterns=patterns, advice=advice)


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


def _whole(folder: Path, spec: Task) -> bool:
    """Whether all files of a task are there."""
    try:
        return all(parquet.shards(folder / spec.name, split) for split in spec.splits)
    except (OSError, ValueError):
        return False


def _present(folder: Path, spec: Task) -> list[str]:
    """The task's splits, without the mismatched one where it is absent, which is said."""
    if spec.mismatched and not any((folder / spec.name).glob(f"{spec.mismatched}-*")):
        log.warning("%s has no %s/%s: only %s is scored", folder, spec.name, spec.mismatched, spec.evaluation)
        return [split for split in spec.splits if split != spec.mismatched]
    return list(spec.splits)


def save_world(folder: str | Path, task: str, size: int, world: World) -> Path:
    """Write a task of the small world as parquet, in the hub's layout: ``FOLDER/world/cola/train-...``.

    Args:
        folder: the GLUE folder to write in; an existing file is replaced.
        task: one of the small world's tasks, without "world/".
        size: training examples, see `recall_learn.world.tasks.make`.
        world: whose language and facts it is; the files say so.

    Returns:
        The task's folder.

    Raises:
        ValueError: as `recall_learn.world.tasks.make`; or the folder's name is empty.
        NotADirectoryError: it cannot be a folder.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    out = check_folder(check_folder(folder) / WORLD / task)
    made = world_tasks.make(task, size, world)
    out.mkdir(parents=True, exist_ok=True)
    for split, columns in made.items():
        table = pa.table(columns).replace_schema_metadata({"world": json.dumps({"seed": world.seed})})
        with writing(out / f"{split}-00000-of-00001.parquet") as temporary:
            pq.write_table(table, temporary)
    return out


def world_seed(task: str, glue: str | Path | None = None) -> int | None:
    """The seed of the world that a task is about; None for a task that is not of the small world, or does not say.

    Raises:
        ValueError: a file says something else than a seed, or the splits are of different worlds.
        FileNotFoundError, ConnectionError: as `load` says.
    """
    if not task.startswith(WORLD):
        return None
    folder = locate(task, glue)
    if folder is None:
        return World().seed
    files = [file for split in named(task).splits for file in parquet.shards(folder / task, split)]
    seeds = {_seed_of(file): file for file in files}
    if len(seeds) > 1:
        one, other = (file.name for file in list(seeds.values())[:2])
        raise ValueError(f"{folder / task} mixes worlds: {one} is of another than {other}; make the task again")
    return next(iter(seeds))


def _seed_of(file: Path) -> int | None:
    """The seed of the world that a file says it is of, or None."""
    about = parquet.metadata(file, "world")
    if about is None:
        return None
    try:
        return World(parse_json(about, _OfWorld)["seed"]).seed
    except ValueError as error:
        raise ValueError(f"{file} does not say its world: {error}; make it by recall-learn world task") from None


def _made(spec: Task) -> dict[str, Any]:
    """A task of the packaged model's world, at its default size."""
    from datasets import Dataset

    made = world_tasks.make(spec.name.removeprefix(WORLD))
    return {split: Dataset.from_dict(columns) for split, columns in made.items()}


def _read(folder: Path, spec: Task, split: str) -> Any:
    """One split, read into memory: no cache file is written anywhere."""
    from datasets import Dataset
    from datasets.table import InMemoryTable

    table = parquet.read(folder / spec.name, split, spec.columns)
    _check_labels(table["label"].to_numpy(), spec, f"{spec.name}/{split} in {folder}")
    return Dataset(InMemoryTable(table))


def _check_labels(labels: np.ndarray, spec: Task, where: str) -> None:
    """Raise unless every label is a class of the task, or a similarity from 0 to 5."""
    regression = spec.num_labels == 1
    if labels.dtype.kind not in ("iuf" if regression else "iu"):
        wanted = "numbers" if regression else "whole numbers"
        raise ValueError(f"the labels of {spec.name} are {wanted}; those in {where} are {labels.dtype}")
    most = 5 if regression else spec.num_labels - 1
    wrong = np.flatnonzero(~((labels >= 0) & (labels <= most)))  # written so that a nan is wrong too
    if wrong.size:
        raise ValueError(
            f"the labels of {spec.name} run from 0 to {most}; {where} has {labels[wrong[0]]} in row {wrong[0]}"
            f"{' (-1: withheld, as in the test split)' if labels[wrong[0]] == -1 else ''}"
        )
