"""A sweep: all runs of a grid, on the local cores or on a cluster, into one file.

Each run is `recall_learn.finetune.finetune`, on one thread. Ray spreads them: over the cores of this machine, or over a
cluster that is named by its address. Where Ray is not installed they run one after another, in this process. Whatever
is recorded stays: a sweep that was stopped, or whose machine went away, goes on with what is missing.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from tqdm.auto import tqdm

from recall_learn import environment, grids
from recall_learn.files import check_file
from recall_learn.lock import owning
from recall_learn.recipe import Recipe
from recall_learn.runs import Run

TRIES = 3
"""How often a run is begun whose worker dies."""

Outcome = tuple[Run | None, dict[str, Any], str]
Take = Callable[[Recipe], Outcome]


def sweep(
    recipes: Sequence[Recipe],
    out: str | os.PathLike,
    *,
    glue_folder: str | Path | None = None,
    fisher: str | Path | None = None,
    source_text: str | Path | None = None,
    workers: int | None = None,
    address: str | None = None,
    device: str = "auto",
    gpu_share: float = 1.0,
    progress: bool | None = None,
) -> grids.Records:
    """Take the runs that a file lacks, and write the file after each.

    Args:
        recipes: the grid, see `recall_learn.grids.expand`.
        out: the file; it is made where it is not there.
        glue_folder: as in `recall_learn.finetune.finetune`; on a cluster a path that each machine can read.
        fisher: for the recipes with ewc; child-d takes the task's own, and others none.
        source_text: as there.
        workers: runs at a time; None is one a core. 1 runs them in this process, without Ray.
        address: of a Ray cluster; None is this machine.
        device: auto, cpu or cuda.
        gpu_share: the share of a GPU that a run takes, where it runs on one; 0.25 puts four runs on each.
        progress: as in `recall_learn.finetune.finetune`, for the whole.

    Returns:
        All runs of the file. One whose loss diverged is among them, with ``stopped``, for that is a result, too.

    Raises:
        ValueError: an argument is out of range, the file was recorded with other versions or pretrained weights,
            another sweep is writing it, or ``workers`` or ``address`` ask for Ray, which is not installed.
        RuntimeError: a run's worker died `TRIES` times; all other runs are recorded.
    """
    if workers is not None and (isinstance(workers, bool) or not isinstance(workers, int) or workers < 1):
        raise ValueError(f"workers is {workers!r}; it has to be a whole number of at least 1")
    if not 0 < gpu_share <= 1:
        raise ValueError(f"gpu_share is {gpu_share!r}; it has to be a share of a GPU, in (0, 1]")
    if fisher is not None and not any(map(_takes_fisher, recipes)):
        raise ValueError(f"fisher is {str(fisher)!r}, but no recipe of the grid takes one; leave it out")
    for name, file in (("fisher", fisher), ("source text", source_text)):
        if file is not None and not Path(file).is_file():
            raise FileNotFoundError(f"the {name} {str(file)!r} is not there; name a file")
    out = check_file(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    with owning(out, "wait for it, or choose another --out"):
        records = grids.begin(out)
        records.check(environment.describe(environment.choose_device(device)))
        missing = records.missing(recipes)
        arguments = {"glue_folder": glue_folder, "fisher": fisher, "source_text": source_text, "device": device}
        bar = tqdm(total=len(recipes), initial=len(recipes) - len(missing), unit="run", disable=_hidden(progress))
        with bar:
            for recipe, (run, taken_on, stopped) in _taken(missing, arguments, workers, address, gpu_share):
                grids.append(out, records.add(run, recipe, taken_on, stopped))
                bar.update(1)
                bar.set_postfix_str(f"{recipe.task} {recipe.method} seed {recipe.seed}", refresh=False)
    return records


def take(
    recipe: Recipe,
    glue_folder: str | Path | None,
    fisher: str | Path | None,
    source_text: str | Path | None,
    device: str,
) -> Outcome:
    """One run: what it recorded, what it ran on, and why it stopped ("" where it did not)."""
    import datasets
    import torch
    import transformers

    from recall_learn.finetune import DivergedError, finetune

    datasets.disable_progress_bars()
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # many small runs side by side: a core for each
    seen: list[Run] = []
    try:
        run = finetune(
            recipe,
            lambda run, optimizer: seen.append(run) if not seen else None,
            glue_folder=glue_folder,
            fisher=fisher if _takes_fisher(recipe) else None,
            source_text=source_text,
            device=device,
            progress=False,
        )
        return run, run.environment, ""
    except DivergedError as error:
        begun = seen[0] if seen else None
        where = begun.environment if begun else environment.describe(environment.choose_device(device))
        return begun, where, str(error)
    finally:
        torch.set_num_threads(threads)


def _taken(
    recipes: Sequence[Recipe], arguments: dict[str, Any], workers: int | None, address: str | None, gpu_share: float
) -> Iterator[tuple[Recipe, Outcome]]:
    """The runs as they end."""
    if not recipes:
        return
    ray = _ray(required=address is not None or (workers or 1) > 1)
    if ray is None or (workers == 1 and address is None):
        for recipe in recipes:
            yield recipe, take(recipe, **arguments)
        return
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    here = {} if address else {"num_cpus": workers, "include_dashboard": False, "_node_ip_address": "127.0.0.1"}
    ray.init(address=address, log_to_driver=False, logging_level="ERROR", **here)
    try:
        on_gpu = ray.cluster_resources().get("GPU", 0) > 0 and arguments["device"] != "cpu"
        share = gpu_share if on_gpu else 0
        calls = 1 if on_gpu else 0  # a process that used one card stays on it; 0: as many runs as come
        begin = ray.remote(num_cpus=1, num_gpus=share, max_retries=0, max_calls=calls)(take)
        waiting = {begin.remote(recipe, **arguments): (recipe, 1) for recipe in recipes}
        lost: list[Recipe] = []
        while waiting:
            (done,), _ = ray.wait(list(waiting), num_returns=1)
            recipe, tries = waiting.pop(done)
            try:
                yield recipe, ray.get(done)
            except (ray.exceptions.WorkerCrashedError, ray.exceptions.NodeDiedError, ray.exceptions.OutOfMemoryError):
                if tries < TRIES:
                    waiting[begin.remote(recipe, **arguments)] = (recipe, tries + 1)
                else:
                    lost.append(recipe)
            except ray.exceptions.RayTaskError as error:
                raise error.cause or error from None
        if lost:
            raise RuntimeError(
                f"the worker died {TRIES} times in {len(lost)} runs, first in {lost[0]}; the others are recorded"
            )
    finally:
        ray.shutdown()


def _takes_fisher(recipe: Recipe) -> bool:
    return recipe.pull == "ewc"


def _ray(required: bool):
    try:
        import ray
    except ImportError:
        if required:
            raise ValueError(
                "several workers need Ray: pip install 'recall-learn[sweep]', or use --workers 1"
            ) from None
        return None
    return ray


def _hidden(progress: bool | None) -> bool | None:
    return None if progress is None else not progress
