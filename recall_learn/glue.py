"""The nine GLUE tasks: their columns, their scores, and the way from a folder of parquet files to model inputs.

The data is a folder in the layout of the hub's ``nyu-mll/glue``, ``<task>/<split>-00000-of-00001.parquet``: one that
is given, or the hub's own, which is fetched into the hub's cache. Every label is checked before a run starts. The
small world's tasks have the names, columns and scores of theirs behind "world/", and are made here: see
`recall_learn.world.tasks`.

Wang et al., 2019, "GLUE". The score of each task is the one of Chen et al., 2020, "Recall and Learn", section 4.
"""

import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from recall_learn import hub
from recall_learn.world import World
from recall_learn.world import tasks as world_tasks

WORLD = "world/"
REPOSITORY = "nyu-mll/glue"
VARIABLE = "RECALL_LEARN_GLUE"

_SHARD = re.compile(r"-\d+-of-(\d+)\.parquet$")


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
        splits: what `load` gives.
    """

    name: str
    columns: tuple[str, ...]
    num_labels: int = 2
    metrics: tuple[str, ...] = ("accuracy",)
    primary: str = "accuracy"
    evaluation: str = "validation"
    splits: tuple[str, ...] = ("train", "validation")


_PAIR = ("sentence1", "sentence2")
_MNLI = ("validation_matched", "validation_mismatched")

TASKS: dict[str, Task] = {
    task.name: task
    for task in (
        Task("cola", ("sentence",), metrics=("matthews_correlation", "accuracy"), primary="matthews_correlation"),
        Task("sst2", ("sentence",)),
        Task("mrpc", _PAIR, metrics=("accuracy", "f1")),
        Task("stsb", _PAIR, num_labels=1, metrics=("pearson", "spearman"), primary="pearson"),
        Task("qqp", ("question1", "question2"), metrics=("accuracy", "f1")),
        Task("mnli", ("premise", "hypothesis"), num_labels=3, evaluation=_MNLI[0], splits=("train", *_MNLI)),
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
        raise ValueError(f"task {task!r} is unknown; the tasks are {', '.join(known)}")
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
        ``split -> datasets.Dataset`` in memory, for every split in the task's ``splits``.

    Raises:
        ValueError: the task is unknown, the limit or the seed out of range, or a file holds something else than the
            task: a column or a label is missing, a label is out of range (withheld labels are -1), there are no rows.
        FileNotFoundError: the folder, the task in it, or a split's file is not there.
        ConnectionError: the hub is needed and out of reach; at most `recall_learn.hub.TIMEOUT` seconds are spent.
    """
    spec = named(task)
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise ValueError(f"seed must be a whole number of at least 0, got {seed!r}")
    folder = locate(task, glue)
    data = _made(spec) if folder is None else {split: _read(folder, spec, split) for split in spec.splits}
    if limit_train is not None:
        rows = len(data["train"])
        if isinstance(limit_train, bool) or not isinstance(limit_train, int) or not 1 <= limit_train <= rows:
            raise ValueError(f"limit_train must be a whole number from 1 to {rows} for {task}, got {limit_train!r}")
        keep = np.sort(np.random.default_rng(seed).permutation(rows)[:limit_train])
        data["train"] = data["train"].select(keep)
    return data


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
    _check_columns(dataset.column_names, spec, "the dataset")
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


@contextmanager
def bars(progress: bool | None) -> Iterator[None]:
    """With False the bars of datasets stay away; else they are as they were."""
    from datasets import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars

    hide = progress is False and not are_progress_bars_disabled()
    if hide:
        disable_progress_bars()
    try:
        yield
    finally:
        if hide:
            enable_progress_bars()


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
    return {name: float(_METRICS[name](labels, predictions)) for name in spec.metrics}


def _accuracy(labels: np.ndarray, predictions: np.ndarray) -> float:
    return np.mean(labels == predictions)


def _f1(labels: np.ndarray, predictions: np.ndarray) -> float:
    from sklearn.metrics import f1_score

    return f1_score(labels, predictions, labels=[1], average="macro", zero_division=0.0)


def _correlation(name: str):
    """A correlation of scikit-learn or scipy that is 0 where one side is constant, and warns of nothing."""

    def correlation(labels: np.ndarray, predictions: np.ndarray) -> float:
        if np.ptp(labels) == 0 or np.ptp(predictions) == 0:
            return 0.0
        if name == "matthews":
            from sklearn.metrics import matthews_corrcoef

            return matthews_corrcoef(labels, predictions)
        from scipy import stats

        return getattr(stats, name)(labels.astype(np.float64), predictions).statistic

    return correlation


_METRICS = {
    "accuracy": _accuracy,
    "f1": _f1,
    "matthews_correlation": _correlation("matthews"),
    "pearson": _correlation("pearsonr"),
    "spearman": _correlation("spearmanr"),
}


def locate(task: str, glue: str | Path | None = None) -> Path | None:
    """The folder that holds a task: the one given, the variable's, or the hub's, fetched where needed.

    None for a task of the small world that lies in no folder: it is made when it is loaded.

    Raises:
        ValueError, FileNotFoundError, ConnectionError: as `load` says.
    """
    spec = named(task)
    given, by = (glue, "--glue") if glue is not None else (os.environ.get(VARIABLE), VARIABLE)
    if given:
        folder = Path(given).expanduser()
        if not folder.is_dir():
            raise FileNotFoundError(f"{by} names {str(given)!r}, which is not a folder")
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
    if cached is not None and all(any(cached.glob(pattern)) for pattern in patterns):
        return cached
    advice = f"give a folder in the layout of {REPOSITORY} by --glue, or by the environment variable {VARIABLE}"
    return hub.fetch(REPOSITORY, repo_type="dataset", patterns=patterns, advice=advice)


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
        ValueError: as `recall_learn.world.tasks.make`.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    made, out = world_tasks.make(task, size, world), Path(folder) / WORLD / task
    out.mkdir(parents=True, exist_ok=True)
    for split, columns in made.items():
        table = pa.table(columns).replace_schema_metadata({"world": json.dumps({"seed": world.seed})})
        temporary = out / f".{split}.parquet"
        pq.write_table(table, temporary)
        temporary.replace(out / f"{split}-00000-of-00001.parquet")
    return out


def world_seed(task: str, glue: str | Path | None = None) -> int | None:
    """The seed of the world that a task is about; None for a task that is not of the small world."""
    import pyarrow.parquet as pq

    if not task.startswith(WORLD):
        return None
    folder = locate(task, glue)
    if folder is None:
        return World().seed
    file = next((folder / task).glob("train-*.parquet"), None)
    about = (pq.read_schema(file).metadata or {}).get(b"world") if file else None
    return json.loads(about)["seed"] if about else None


def _made(spec: Task) -> dict[str, Any]:
    """A task of the packaged model's world, at its default size."""
    from datasets import Dataset

    made = world_tasks.make(spec.name.removeprefix(WORLD))
    return {split: Dataset.from_dict(columns) for split, columns in made.items()}


def _read(folder: Path, spec: Task, split: str) -> Any:
    """One split, read into memory: no cache file is written anywhere."""
    import pyarrow as pa
    import pyarrow.parquet as pq
    from datasets import Dataset
    from datasets.table import InMemoryTable

    where = f"{spec.name}/{split}"
    files = sorted((folder / spec.name).glob(f"{split}-*.parquet"))
    if not files:
        raise FileNotFoundError(f"{folder} has no split {where}: no file is named {where}-*.parquet")
    stated = _SHARD.search(files[0].name)
    if stated and int(stated[1]) != len(files):
        raise FileNotFoundError(f"{folder} has {len(files)} of the {int(stated[1])} files of {where}; get the others")
    try:
        table = pa.concat_tables([pq.ParquetFile(file).read() for file in files])
    except (pa.ArrowException, OSError) as error:
        raise ValueError(f"{where} in {folder} cannot be read as parquet: {str(error).splitlines()[0]}") from error
    _check_columns(table.column_names, spec, f"{where} in {folder}")
    if not table.num_rows:
        raise ValueError(f"{where} in {folder} has no rows")
    for column in spec.columns:
        kind = table.schema.field(column).type
        if not (pa.types.is_string(kind) or pa.types.is_large_string(kind)) or table[column].null_count:
            raise ValueError(f"column {column!r} of {where} in {folder} must be text without gaps, it is {kind}")
    if table["label"].null_count:
        raise ValueError(f"column 'label' of {where} in {folder} has {table['label'].null_count} gaps")
    _check_labels(table["label"].to_numpy(), spec, f"{where} in {folder}")
    return Dataset(InMemoryTable(table))


def _check_columns(names: list[str], spec: Task, where: str) -> None:
    missing = [name for name in (*spec.columns, "label") if name not in names]
    if missing:
        raise ValueError(f"{where} lacks the column {missing[0]!r}; it has {', '.join(names) or 'none'}")


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
