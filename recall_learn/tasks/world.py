"""The small world's tasks as files: they have the names, columns and scores of GLUE's behind "world/".

Without a folder they are made when they are loaded, see `recall_learn.world.tasks`.
"""

import json
from pathlib import Path

from typing_extensions import TypedDict

from recall_learn.support.files import check_folder, writing
from recall_learn.support.reading import parse_json
from recall_learn.tasks import parquet, stored
from recall_learn.tasks.registry import named
from recall_learn.tasks.task import WORLD
from recall_learn.world import World, tasks


class _OfWorld(TypedDict):
    seed: int


def save(folder: str | Path, task: str, size: int, world: World) -> Path:
    """Write a task of the small world as parquet, in the hub's layout: ``FOLDER/world/cola/train-...``.

    Args:
        folder: the folder of data sets to write in; an existing file is replaced.
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
    made = tasks.make(task, size, world)
    out.mkdir(parents=True, exist_ok=True)
    for split, columns in made.items():
        table = pa.table(columns).replace_schema_metadata({"world": json.dumps({"seed": world.seed})})
        with writing(out / f"{split}-00000-of-00001.parquet") as temporary:
            pq.write_table(table, temporary)
    return out


def seed_of(task: str, folder: str | Path | None = None) -> int | None:
    """The seed of the world that a task is about; None for a task that is not of the small world, or does not say.

    Raises:
        ValueError: a file says something else than a seed, or the splits are of different worlds.
        FileNotFoundError, ConnectionError: as `recall_learn.tasks.stored.locate`.
    """
    if not task.startswith(WORLD):
        return None
    place = stored.locate(named(task), folder)
    if place is None:
        return World().seed
    files = [file for split in named(task).splits for file in parquet.shards(place, split)]
    seeds = {_seed_of(file): file for file in files}
    if len(seeds) > 1:
        one, other = (file.name for file in list(seeds.values())[:2])
        raise ValueError(f"{place} mixes worlds: {one} is of another than {other}; make the task again")
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
