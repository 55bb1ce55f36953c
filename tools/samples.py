"""Data sets with fewer examples to be scored on: where a model is scored often, that is what takes the time."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from recall_learn.tasks import loading


def sample(names: Iterable[str], folder: str | None, place: Path, most: int) -> Path:
    """A folder of the sets with a fixed sample of each one's evaluation split, for every model the same.

    Args:
        names: of the tasks.
        folder: where all of them lie.
        place: an empty folder, which is filled.
        most: examples of an evaluation split; one that has fewer stays whole.
    """
    for name in names:
        data = loading.load(name, folder, training=False)
        rows = data[data.task.evaluation]
        data[data.task.evaluation] = rows.select(np.sort(np.random.default_rng(0).permutation(len(rows))[:most]))
        own = place / (data.task.folder or name)
        own.mkdir(parents=True)
        for split, rows in data.items():
            rows.to_parquet(own / f"{split}-00000-of-00001.parquet")
    return place
