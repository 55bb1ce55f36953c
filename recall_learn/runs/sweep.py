"""A sweep: all runs of a grid, or all its sequences, on the local cores or on a cluster, into one file.

Each is `recall_learn.finetune`, or `recall_learn.sequence`, on one thread. They go side by side in processes of this
machine, see `recall_learn.runs.workers`, or on a Ray cluster that is named by its address, see
`recall_learn.runs.cluster`. Whatever is recorded stays: a sweep that was stopped, or whose machine went away, goes on
with what is missing.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from joblib import cpu_count
from tqdm.auto import tqdm

from recall_learn.measures import probes
from recall_learn.models import backbones
from recall_learn.models.fishers import read_fisher
from recall_learn.runs import cluster, lines, workers
from recall_learn.runs.given_fisher import check_given, packaged
from recall_learn.runs.recipe import Recipe
from recall_learn.runs.recordings import Records
from recall_learn.runs.sequence_recipe import Asked, SequenceRecipe, recipes_of
from recall_learn.runs.sequence_recordings import SequenceRecords
from recall_learn.runs.workers import DiedError, Outcome
from recall_learn.support import environment, process_wide
from recall_learn.support.checks import number, whole
from recall_learn.support.files import check_file
from recall_learn.support.lock import owning
from recall_learn.tasks import loading
from recall_learn.tasks.task import Task

if TYPE_CHECKING:
    from datasets import Dataset


def sweep(
    recipes: Sequence[Recipe] | Sequence[SequenceRecipe],
    out: str | os.PathLike,
    *,
    data_folder: str | Path | None = None,
    fisher: str | Path | None = None,
    source_text: str | Path | None = None,
    workers: int | None = None,
    address: str | None = None,
    device: str = "auto",
    gpu_share: float = 1.0,
    progress: bool | None = None,
) -> Records | SequenceRecords:
    """Take the runs, or the sequences, that a file lacks, and add each to the file when it has ended.

    Args:
        recipes: the grid, see `recall_learn.runs.grids.expand`; of runs or of sequences.
        out: the file; it is made where it is not there.
        data_folder: as in `recall_learn.runs.finetune`; on a cluster a path that each machine can read.
        fisher: for the recipes whose methods need one of the source; others take the task's own, or none. Without it
            those of tiny take the packaged one.
        source_text: as there.
        workers: runs at a time on this machine; None is one a core. 1 runs them in this process.
        address: of a Ray cluster; None is this machine.
        device: auto, cpu or cuda.
        gpu_share: the share of a GPU that a run takes, where it runs on one; 0.25 puts four runs on each.
        progress: as in `recall_learn.runs.finetune`, for the whole.

    Returns:
        All runs, or sequences, of the file. One whose loss diverged is among them, with ``stopped``, for that is a
        result, too. What a sequence had learned when it was interrupted is not kept: it is taken anew.

    Raises:
        ValueError: an argument is out of range, the file was recorded with other versions or pretrained weights,
            another sweep is writing it, a recipe cannot be run with what is given, or there is no Ray to reach
            ``address``. All recipes are checked before the first is run.
        OSError: a file, a folder, the hub or the cluster is not there.
        DiedError: a run's worker died `recall_learn.runs.workers.TRIES` times; all other runs are recorded.
    """
    _check_arguments(workers, address, gpu_share)
    if fisher is not None and not any("source fisher" in recipe.needs for recipe in recipes):
        raise ValueError(f"fisher is {str(fisher)!r}, but no recipe of the grid takes one; leave it out")
    for name, file in (("fisher", fisher), ("source text", source_text)):
        if file is not None and not Path(file).is_file():
            raise FileNotFoundError(f"the {name} {str(file)!r} is not there; name a file")
    out = check_file(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    given = {"data_folder": data_folder, "fisher": fisher, "source_text": source_text}
    arguments = {name: file and str(file) for name, file in given.items()} | {"device": device}
    lost: dict[Asked, str] = {}
    with owning(out, "wait for it, or choose another --out"):
        records = kept(recipes, out)
        records.check(environment.describe(environment.choose_device(device)))
        missing = records.missing(recipes)
        check(missing, **arguments)
        lines.begin(out, records)
        total = len(set(recipes))
        how = {"unit": records.UNIT, "disable": process_wide.hidden(progress)}
        bar = tqdm(total=total, initial=total - len(missing), **how)
        with bar, closing(_taken(missing, arguments, workers, address, gpu_share)) as outcomes:
            for asked, outcome in outcomes:
                if isinstance(outcome, str):
                    lost[asked] = outcome
                    continue
                run, taken_on, stopped = outcome
                lines.append(out, records.add(run, asked, taken_on, stopped))
                bar.update(1)
                tasks = ",".join(recipe.task for recipe in recipes_of(asked))
                bar.set_postfix_str(f"{tasks} {asked.names} seed {asked.seed}", refresh=False)
    if lost:
        raise DiedError(_gave_up(lost, records.UNIT))
    return records


def kept(asked: Sequence[Asked], out: str | os.PathLike) -> Records | SequenceRecords:
    """What a file holds of a grid; nothing where it is not there.

    Raises:
        ValueError, OSError: it is no file of such, or the grid is of both kinds.
    """
    kinds = {SequenceRecords if isinstance(each, SequenceRecipe) else Records for each in asked} or {Records}
    if len(kinds) > 1:
        raise ValueError("recipes has runs and sequences; a file is of one kind, so give each a sweep of its own")
    (kind,) = kinds
    return lines.read(out, kind) if os.path.exists(out) else kind()


def check(
    asked: Sequence[Asked], data_folder: str | None, fisher: str | None, source_text: str | None, device: str
) -> None:
    """Refuse what a run would be refused for, before any is begun: each backbone, task and file is read once.

    Raises:
        ValueError, OSError: as `recall_learn.finetune` and `recall_learn.sequence` say.
    """
    recipes = list(dict.fromkeys(recipe for each in asked for recipe in recipes_of(each)))
    for precision in dict.fromkeys(recipe.mixed_precision for recipe in recipes):
        environment.check_precision(precision, environment.choose_device(device))
    for recipe in recipes:
        check_given(recipe.needs, f"{recipe.names} is in the grid and", recipe.backbone, fisher)
    read = _read(recipes, data_folder)
    for each in asked:
        if isinstance(each, SequenceRecipe) and not each.together:
            sizes = [recipe.limit_train or read[_data(recipe)][2] for recipe in each.recipes]
            for method in each.recipe.methods:
                method.check_tasks(sizes)
    for name in dict.fromkeys(recipe.backbone for recipe in recipes):
        own = [recipe for recipe in recipes if recipe.backbone == name]
        backbone = backbones.load(name, num_labels=2)
        for path in {fisher or packaged(recipe.needs, name) for recipe in own if "source fisher" in recipe.needs}:
            read_fisher(path, backbone)
        for probe in dict.fromkeys(recipe.probe for recipe in own):
            probes.build(probe.replace("recovery", "source"), backbone, data_folder, source_text)  # it measures at once
        for task in dict.fromkeys(recipe.task for recipe in own):
            probes.check_world(backbone, task, data_folder)
        for data, length in dict.fromkeys((_data(recipe), recipe.max_length) for recipe in own):
            (task, first, _), most = read[data], backbone.tokenizer.model_max_length if backbone.world else length
            with process_wide.no_bars():
                loading.tokenize(first, task, backbone.tokenizer, min(length, most))


def _read(recipes: Sequence[Recipe], data_folder: str | None) -> dict[tuple, tuple[Task, "Dataset", int]]:
    """Of all data that is asked for what it is, its first row, and how many it has to train on."""
    read = {}
    for asked in dict.fromkeys(map(_data, recipes)):
        task, text, label, metric = asked
        data = loading.load(task, data_folder, text=text, label=label, metric=metric)
        loading.say(data)
        limits = [r.limit_train for r in recipes if _data(r) == asked and r.limit_train is not None]
        loading.check_limit(max(limits, default=1), len(data["train"]), task)
        read[asked] = data.task, data["train"].select([0]), len(data["train"])
    return read


def _data(recipe: Recipe) -> tuple[str, str | None, str | None, str | None]:
    """What of a recipe says which data is read, and how."""
    return recipe.task, recipe.text, recipe.label, recipe.metric


def _check_arguments(workers: int | None, address: str | None, gpu_share: float) -> None:
    if workers is not None:
        whole("workers", workers, 1)
    number("gpu_share", gpu_share, lambda x: 0 < x <= 1, "a share of a GPU, in (0, 1]")
    if workers is not None and address is not None:
        raise ValueError(f"workers is {workers}, and address {address!r}: a cluster has its own; leave one of them out")
    if address is not None:
        cluster.check(address)


def _gave_up(lost: dict[Asked, str], unit: str) -> str:
    asked, how = next(iter(lost.items()))
    times = f"the worker died {workers.TRIES} times in {len(lost)} {unit}s"
    return f"{times}, first in {asked} ({how}); the others are recorded"


def _taken(
    recipes: Sequence[Asked],
    arguments: dict[str, str | None],
    count: int | None,
    address: str | None,
    gpu_share: float,
) -> Iterator[tuple[Asked, Outcome | str]]:
    """The runs as they end; of one whose worker died each time, how."""
    if not recipes:
        return
    if address is not None:
        yield from cluster.taken(recipes, arguments, address, gpu_share)
        return
    cards = workers.cards(min(count or cpu_count(), len(recipes)), arguments["device"], gpu_share)
    if len(cards) > 1:
        yield from workers.taken(recipes, arguments, cards)
        return
    for recipe in recipes:
        yield recipe, workers.take(recipe, **arguments)
