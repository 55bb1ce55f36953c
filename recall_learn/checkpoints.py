"""Checkpoints that are whole or do not count.

transformers.Trainer writes a checkpoint as a folder of files; a process that is killed meanwhile leaves half of one.
So the last thing written is a list of the files with their hashes. A folder without it is thrown away, one whose files
do not match it is reported.
"""

import hashlib
import json
import shutil
from pathlib import Path

from recall_learn.runs import write_text

SEAL = "sealed.json"


def seal(folder: Path) -> None:
    """Declare a checkpoint whole."""
    files = {file.name: _digest(file) for file in sorted(folder.iterdir()) if file.is_file() and file.name != SEAL}
    write_text(folder / SEAL, json.dumps(files, indent=1))


def step_of(folder: Path) -> int:
    """The step after which a checkpoint was written."""
    return int(folder.name.rsplit("-", 1)[1])


def latest(out: Path) -> Path | None:
    """The newest whole checkpoint under ``out``, or None; folders that an interrupted write left are removed.

    Raises:
        ValueError: that checkpoint is damaged.
    """
    for folder in sorted(out.glob("checkpoint-[0-9]*"), key=step_of, reverse=True):
        if not (folder / SEAL).is_file():
            shutil.rmtree(folder)
            continue
        _verify(folder)
        return folder
    return None


def remove_all(out: Path) -> None:
    """Remove the checkpoints of a run that has ended."""
    for folder in out.glob("checkpoint-[0-9]*"):
        shutil.rmtree(folder)


def _verify(folder: Path) -> None:
    advice = "delete this folder to go on from the checkpoint before it, or from the start"
    try:
        files = dict(json.loads((folder / SEAL).read_text(encoding="utf-8")))
    except ValueError as error:
        raise ValueError(f"checkpoint {folder} is damaged: its {SEAL} cannot be read; {advice}") from error
    for name, digest in files.items():
        if not (folder / name).is_file() or _digest(folder / name) != digest:
            raise ValueError(f"checkpoint {folder} is damaged: {name} is not what was written; {advice}")


def _digest(file: Path) -> str:
    with open(file, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
