"""Which files of a folder are which split, by what they are called; and the split that is drawn where there is none."""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from recall_learn.tasks import parquet
from recall_learn.tasks.formats import READERS

SPLITS = {
    "train": ("train", "training"),
    "validation": ("validation", "valid", "val", "dev", "development", "eval"),
    "test": ("test", "testing"),
}
ABOUT = ("dataset_info.json", "dataset_infos.json", "dataset_dict.json", "state.json", "config.json", "metadata.json")
"""Files that tell about data and are none."""
DEPTH = 3
"""Folders within folders that are looked into."""
SHARE, MOST, SEED = 0.2, 5000, 0
"""Of the examples that are kept aside: their share, the most of them, and the seed of the draw: not a recipe's."""


def files(folder: Path, source: str) -> tuple[dict[str, list[Path]], list[str]]:
    """``split -> files`` of a folder: "train", and "validation" and "test" where they are; and the files of no split.

    A single file is "train".

    A file belongs to a split that its name has as a word, as in ``train.csv``, ``reviews_dev.tsv``,
    ``data/train-00000-of-00002.parquet``, or that its folder has, as in ``train/0000.parquet``.

    Raises:
        FileNotFoundError: no file is there that can be read, or a part of one split.
        ValueError: it holds several sets, or a split twice, or no training split.
    """
    found = [file for file in sorted(folder.rglob("*")) if _is_data(file, folder)]
    if not found:
        raise FileNotFoundError(f"{source} holds no file that ends in {', '.join(READERS)}")
    placed = {file: place for file in found if (place := _place(file, folder)) is not None}
    if not placed:
        if len(found) > 1:
            names = ", ".join(str(file.relative_to(folder)) for file in found[:6])
            raise ValueError(f"{source} holds {names}; name one of them, or call them train.csv and validation.csv")
        return {"train": found}, []
    homes = sorted({home for _, home in placed.values()})
    if len(homes) > 1:
        names = ", ".join(str(home.relative_to(folder)) for home in homes[:8])
        raise ValueError(f"{source} holds several data sets, {names}; name one, as in --task {source.rstrip('/')}/NAME")
    splits = {split: [file for file, (its, _) in placed.items() if its == split] for split in SPLITS}
    if not splits["train"]:
        there = ", ".join(split for split, its in splits.items() if its)
        raise ValueError(f"{source} has no training split, only {there}; call its file train{found[0].suffix}")
    others = [str(file.relative_to(folder)) for file in found if file not in placed]
    return {split: _whole(its, split, source) for split, its in splits.items() if its}, others


def _is_data(file: Path, folder: Path) -> bool:
    inside = file.relative_to(folder)
    hidden = any(part.startswith(".") for part in inside.parts)
    named = file.suffix.lower() in READERS and file.name not in ABOUT
    return named and not hidden and len(inside.parts) <= DEPTH and file.is_file()


def _place(file: Path, folder: Path) -> tuple[str, Path] | None:
    """The split that a file is of, and the folder that the set lies in."""
    if split := _split(file.stem):
        return split, file.parent
    if file.parent != folder and (split := _split(file.parent.name)):
        return split, file.parent.parent
    return None


def _split(name: str) -> str | None:
    """The split whose word a name has, if it has that of one."""
    words = set(re.split(r"[^a-z]+", name.lower()))
    found = [split for split, called in SPLITS.items() if words & set(called)]
    return found[0] if len(found) == 1 else None


def _whole(found: list[Path], split: str, source: str) -> list[Path]:
    """The files of one split, in their order."""
    if not _split(found[0].stem):  # a folder of its own
        return sorted(found)
    kinds = {(parquet.PART.split(file.stem)[0].rstrip("-_."), file.suffix): file for file in found}
    if len(kinds) > 1:
        names = " and ".join(file.name for file in kinds.values())
        raise ValueError(f"{source} has the split {split} twice, {names}; keep one of them")
    return parquet.in_order(found, [file.stem for file in found], split) if len(found) > 1 else _alone(found, split)


def _alone(found: list[Path], split: str) -> list[Path]:
    return parquet.in_order(found, [found[0].stem], split)


def draw(texts: Sequence[tuple[str, ...]], classes: Sequence[int]) -> tuple[list[int], list[int]]:
    """Rows to train on, and rows to score: the same share of every class, no text on both sides.

    Args:
        texts: of each row.
        classes: of each row; all the same in a regression.

    Returns:
        Both in the order of the rows. A class with one text only is trained on. Nothing is scored where no class has
        two texts.
    """
    groups: dict[tuple[str, ...], list[int]] = {}
    for row, text in enumerate(texts):
        groups.setdefault(text, []).append(row)
    strata: dict[int, list[list[int]]] = {}
    for rows in groups.values():
        strata.setdefault(classes[rows[0]], []).append(rows)
    generator, share = np.random.default_rng(SEED), min(SHARE, MOST / len(texts))
    aside: set[int] = set()
    for _, members in sorted(strata.items()):
        count = max(round(share * len(members)), 1) if len(members) > 1 else 0
        for chosen in generator.permutation(len(members))[:count]:
            aside.update(members[chosen])
    rows = range(len(texts))
    return [row for row in rows if row not in aside], [row for row in rows if row in aside]
