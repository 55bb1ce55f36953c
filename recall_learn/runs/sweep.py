"""A sweep: all runs of a grid, on the local cores or on a cluster, into one file.

Each run is `recall_learn.runs.finetune`, on one thread. They go side by side in processes of this machine, see
`recall_learn.runs.workers`, or on a Ray cluster that is named by its address, see `recall_learn.runs.cluster`. Whatever
is recorded stays: a sweep that was stopped, or whose machine went away, goes on with what is missing.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

from joblib import cpu_count
from tqdm.auto import tqdm

from recall_learn.measures import probes
from recall_learn.models import backbones
from recall_learn.models.fishers import read_fisher
from recall_learn.runs import cluster, recordings, workers
from recall_learn.runs.given_fisher import check_given, packaged
from recall_learn.runs.recipe import Recipe
from recall_learn.runs.workers import DiedError, Outcome
from recall_learn.support import environment, process_wide
from recall_learn.support.checks import number, whole
from recall_learn.support.files import check_file
from recall_learn.support.lock import owning
from recall_learn.tasks import loading


def sweep(
    recipes: Sequence[Recipe],
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
) -> recordings.Records:
    """Take the runs that a file lacks, and add each to the file when it has ended.

    Args:
        recipes: the grid, see `recall_learn.runs.grids.expand`.
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
        All runs of the file. One whose loss diverged is among them, with ``stopped``, for that is a result, too.

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
    lost: dict[Recipe, str] = {}
    with owning(out, "wait for it, or choose another --out"):
        records = recordings.load(out) if out.exists() else recordings.Records()
        records.check(environment.describe(environment.choose_device(device)))
        missing = records.missing(recipes)
        check(missing, **arguments)
        recordings.begin(out, records)
        total = len(set(recipes))
        bar = tqdm(total=total, initial=total - len(missing), unit="run", disable=process_wide.hidden(progress))
        with bar, closing(_taken(missing, arguments, workers, address, gpu_share)) as outcomes:
            for recipe, outcome in outcomes:
                if isinstance(outcome, str):
                    lost[recipe] = outcome
                    continue
                run, taken_on, stopped = outcome
                recordings.append(out, records.add(run, recipe, taken_on, stopped))
                bar.update(1)
                bar.set_postfix_str(f"{recipe.task} {recipe.names} seed {recipe.seed}", refresh=False)
    if lost:
        raise DiedError(_gave_up(lost))
    return records


def check(
    recipes: Sequence[Recipe], data_folder: str | None, fisher: str | None, source_text: str | None, device: str
) -> None:
    """Refuse what a run would be refused for, before any is begun: each backbone, task and file is read once.

    Raises:
        ValueError, OSError: as `recall_learn.runs.finetune` says.
    """
    for precision in dict.fromkeys(recipe.mixed_precision for recipe in recipes):
        environment.check_precision(precision, environment.choose_device(device))
    for recipe in recipes:
        check_given(recipe.needs, f"{recipe.names} is in the grid and", recipe.backbone, fisher)
    read = {}
    for asked in dict.fromkeys(map(_data, recipes)):
        limits = [r.limit_train for r in recipes if _data(r) == asked and r.limit_train is not None]
        task, text, label, metric = asked
        data = loading.load(task, data_folder, max(limits, default=None), text=text, label=label, metric=metric)
        loading.say(data)
        read[asked] = data.task, data["train"].select([0])
    for name in dict.fromkeys(recipe.backbone for recipe in recipes):
        own = [recipe for recipe in recipes if recipe.backbone == name]
        backbone = backbones.load(name, num_labels=2)
        for path in {fisher or packaged(recipe.needs, name) for recipe in own if "source fisher" in recipe.needs}:
            read_fisher(path, backbone)
        for probe in dict.fromkeys(recipe.probe for recipe in own):
            probes.build(probe.replace("recovery", "source"), backbone, data_folder, source_text)  # it measures at once
        for task in dict.fromkeys(recipe.task for recipe in own):
            probes.check_world(backbone, task, data_folder)
        for asked, length in dict.fromkeys((_data(recipe), recipe.max_length) for recipe in own):
            (task, first), most = read[asked], backbone.tokenizer.model_max_length if backbone.world else length
            with process_wide.no_bars():
                loading.tokenize(first, task, backbone.tokenizer, min(length, most))


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


def _gave_up(lost: dict[Recipe, str]) -> str:
    recipe, how = next(iter(lost.items()))
    times = f"the worker died {workers.TRIES} times in {len(lost)} runs"
    return f"{times}, first in {recipe} ({how}); the others are recorded"


def _taken(
    recipes: Sequence[Recipe],
    arguments: dict[str, str | None],
    count: int | None,
    address: str | None,
    gpu_share: float,
) -> Iterator[tuple[Recipe, Outcome | str]]:
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
