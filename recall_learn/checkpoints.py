"""Checkpoints that are whole or do not count.

transformers.Trainer writes a checkpoint as a folder of files; a process that is killed meanwhile leaves half of one.
So the last thing written is a list of the files with their hashes. A folder without it is thrown away, one whose files
do not match it is reported.
"""

import hashlib
import json
import re
import shutil
from pathlib import Path

from recall_learn.files import check_folder, write_text
from recall_learn.recipe import Recipe
from recall_learn.runs import Run, load

SEAL = "sealed.json"
FIRST = ("config.json", "model.safetensors", SEAL)  # one of them is in every folder that Trainer began


def open_run(recipe: Recipe, out: Path | None, resume: bool) -> tuple[Run, Path | None]:
    """The run that ``out`` holds, back at its newest checkpoint; or a new one, and no checkpoint.

    Raises:
        ValueError: ``out`` holds another recipe's run, or this one without ``resume``; or what it holds is damaged.
        NotADirectoryError: ``out`` cannot be a folder.
    """
    if out is None:
        if resume:
            raise ValueError("resume needs the folder of the run to go on with; give it with --out")
        return Run(recipe), None
    check_folder(out)
    if not (out / "run.json").exists():
        foreign = next((path.name for name in ("checkpoint-*", "model") for path in out.glob(name)), None)
        if foreign:
            raise ValueError(f"{out} holds {foreign} but no run.json; restore it, or choose another --out")
        return Run(recipe), None
    run = load(out / "run.json")
    other = recipe.difference(run.recipe)
    if other:
        raise ValueError(f"{out} holds another recipe's run: {other}; choose another --out")
    if not resume:
        raise ValueError(
            f"{out} holds this run already, up to step {len(run.history)}; add --resume, or choose another"
        )
    if run.final:
        return run, None
    checkpoint = latest(out)
    step = step_of(checkpoint) if checkpoint else -1
    run.truncate(step)
    if len(run.history) != max(step, 0):
        raise ValueError(f"{out / 'run.json'} is damaged: it ends before its checkpoint at step {step}; restore it")
    return run, checkpoint


def seal(folder: Path) -> None:
    """Declare a checkpoint whole."""
    files = {file.name: _digest(file) for file in sorted(folder.iterdir()) if file.is_file() and file.name != SEAL}
    write_text(folder / SEAL, json.dumps(files, indent=1))


def step_of(folder: Path) -> int:
    """The step after which a checkpoint was written."""
    return int(folder.name.rsplit("-", 1)[1])


def reached(out: Path) -> int:
    """The step of the newest whole checkpoint under ``out``, 0 where there is none; none is opened or removed."""
    return max((step_of(folder) for folder in _checkpoints(out) if (folder / SEAL).is_file()), default=0)


def latest(out: Path) -> Path | None:
    """The newest whole checkpoint under ``out``, or None; folders that an interrupted write left are removed.

    Raises:
        ValueError: that checkpoint is damaged.
    """
    for folder in sorted(_checkpoints(out), key=step_of, reverse=True):
        if (folder / SEAL).is_file():
            _verify(folder)
            return folder
        shutil.rmtree(folder)
    return None


def remove_old(out: Path, keep: int = 2) -> None:
    """Remove all but the newest ``keep`` checkpoints."""
    for folder in sorted(_checkpoints(out), key=step_of)[:-keep]:
        shutil.rmtree(folder)


def remove_all(out: Path) -> None:
    """Remove the checkpoints of a run that has ended."""
    for folder in _checkpoints(out):
        shutil.rmtree(folder)


def _checkpoints(out: Path) -> list[Path]:
    """The folders that Trainer wrote, whole or not; what somebody else put beside them is left alone."""
    named = [path for path in out.glob("checkpoint-*") if re.fullmatch(r"checkpoint-\d+", path.name) and path.is_dir()]
    return [path for path in named if any((path / file).exists() for file in FIRST) or not any(path.iterdir())]


def _verify(folder: Path) -> None:
    advice = "delete this folder to go on from the checkpoint before it, or from the start"
    try:
        files = dict(json.loads((folder / SEAL).read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise ValueError(f"checkpoint {folder} is damaged: its {SEAL} cannot be read; {advice}") from error
    if "model.safetensors" not in files:
        raise ValueError(f"checkpoint {folder} is damaged: its {SEAL} names no model.safetensors; {advice}")
    for name, digest in files.items():
        if not (folder / name).is_file() or _digest(folder / name) != digest:
            raise ValueError(f"checkpoint {folder} is damaged: {name} is not what was written; {advice}")


def _digest(file: Path) -> str:
    with open(file, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
