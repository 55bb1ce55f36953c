"""What a method keeps in a checkpoint of ``transformers.Trainer``, beside the model's and the optimizer's files.

``recall_start.safetensors`` is what the run started from: theta*, and the Fisher information that was taken there. It
is written once, the later checkpoints have a hard link to it. ``recall_state.safetensors`` and ``recall.json`` are the
methods, the settings that act, and the methods' own states. No file is a pickle.
"""

import contextlib
import json
import os
from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor
from typing_extensions import TypedDict

from recall_learn.runs.packing import pack, unpack
from recall_learn.support.files import write_text, writing
from recall_learn.support.reading import parse_json, read_text
from recall_learn.theory.anchors import fingerprint

START, TENSORS, REST = FILES = ("recall_start.safetensors", "recall_state.safetensors", "recall.json")
ANCHORS = "anchors"
Tables = dict[str, Mapping[str, Tensor]]


class Rest(TypedDict):
    """What is in ``recall.json``."""

    method: str
    """As it was asked for, every setting with its value."""
    now: str
    """The same with the settings that act."""
    start: dict[str, str]
    """Fingerprints of what ``recall_start.safetensors`` holds."""
    state: object
    """The methods' own states, packed."""


def fingerprints(start: Tables) -> dict[str, str]:
    """Of each table of tensors, by its name."""
    return {what: fingerprint(tensors) for what, tensors in start.items()}


def write(folder: Path, rest: dict[str, object], start: Tables, former: Path | None) -> None:
    """Write the three files into a checkpoint.

    Args:
        folder: the checkpoint.
        rest: as `Rest` has it, its state not yet packed.
        start: theta* and Fishers by name.
        former: a checkpoint that holds the same start, if there is one.

    Raises:
        OSError: the disk is full, for one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / START).unlink(missing_ok=True)
    if former is not None:
        with contextlib.suppress(OSError):  # gone, or a disk without links: written again
            os.link(former / START, folder / START)
    if not (folder / START).exists():
        _save(folder / START, {f"{what}/{name}": t for what, tensors in start.items() for name, t in tensors.items()})
    tensors: dict[str, Tensor] = {}
    packed = pack(rest["state"], "state", tensors)
    _save(folder / TENSORS, tensors)
    write_text(folder / REST, json.dumps({**rest, "state": packed}, allow_nan=False))


def is_there(folder: Path) -> bool:
    """Whether a method keeps anything in this checkpoint."""
    return (folder / REST).exists()


def read(folder: Path) -> Rest:
    """What is in ``recall.json``, its state unpacked.

    Raises:
        ValueError: it is not there, or damaged.
    """
    if not is_there(folder):
        raise ValueError(f"{folder} holds no {REST}: it was not written with this method; begin a new run")
    try:
        rest = parse_json(read_text(folder / REST, "the state"), Rest)
        return {**rest, "state": unpack(rest["state"], load_file(folder / TENSORS))}
    except (SafetensorError, OSError, LookupError, TypeError, ValueError) as error:
        raise _damaged(folder, error) from error


def read_start(folder: Path) -> Tables:
    """Theta* and Fishers that a checkpoint's run started from.

    Raises:
        ValueError: they are not there, or damaged.
    """
    right = read(folder)["start"]
    start: dict[str, dict[str, Tensor]] = {}
    try:
        for key, tensor in load_file(folder / START).items():
            what, _, name = key.partition("/")
            start.setdefault(what, {})[name] = tensor
    except (SafetensorError, OSError) as error:
        raise _damaged(folder, error) from error
    start = {what: start.get(what, {}) for what in right}
    if fingerprints(start) != right:
        raise _damaged(folder, f"{START} is not what was written")
    return start


def _damaged(folder: Path, why: object) -> ValueError:
    return ValueError(f"checkpoint {folder} is damaged: {' '.join(str(why).split())}; go on from another")


def _save(path: Path, tensors: Mapping[str, Tensor]) -> None:
    apart: dict[str, Tensor] = {}
    seen: set[int] = set()
    for name, tensor in tensors.items():
        there = tensor.untyped_storage().data_ptr()  # of one Fisher for two methods, which safetensors would refuse
        apart[name] = tensor.detach().clone() if there in seen else tensor.detach().contiguous()
        seen.add(there)
    with writing(path) as temporary:
        try:
            save_file(apart, temporary)
        except SafetensorError as error:
            raise OSError(f"{path} cannot be written: {error}") from error
