"""Checkpoints that are whole or do not count.

A checkpoint is a folder: the weights (``model.safetensors``), all other tensors that the next step depends on
(``state.safetensors``: moments, random states), and the rest as JSON (``state.json``: counts, settings, the schedule).
No file is a pickle. The last thing written is a list of the files with their hashes. A folder without it was being
written when its process died; one whose files do not match it, or that lacks one, is reported.
"""

import json
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import NotRequired, Protocol

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from typing_extensions import TypedDict

from recall_learn.runs.packing import check_alike, pack, unpack
from recall_learn.runs.recipe import Recipe
from recall_learn.runs.record import Run, load
from recall_learn.support.checks import one_line
from recall_learn.support.files import check_folder, remove_leftovers, sha256, write_text, writing
from recall_learn.support.reading import parse_json, read_text

SEAL = "sealed.json"
WEIGHTS, TENSORS, REST = PARTS = ("model.safetensors", "state.safetensors", "state.json")
MOMENTS = {"step", "exp_avg", "exp_avg_sq"}
"""What AdamW and RecAdam keep of each parameter."""
ADVICE = "delete this folder to go on from the checkpoint before it, or from the start"


class Part(Protocol):
    """What goes on from its state: an optimizer, a schedule, a scaler, methods at work."""

    def state_dict(self) -> dict[str, object]:
        """All that it depends on."""

    def load_state_dict(self, state: dict[str, object], /) -> None:
        """Go on from there."""


class _Rest(TypedDict):
    optimizer: dict[str, object]
    schedule: dict[str, object]
    random: dict[str, object]
    scaler: NotRequired[dict[str, object]]
    methods: NotRequired[dict[str, object]]


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


def write(folder: Path, model: nn.Module, parts: Mapping[str, Part]) -> None:
    """Write a checkpoint, and seal it.

    Args:
        folder: ``checkpoint-STEP``, see `step_of`.
        model: the weights.
        parts: ``name -> what has a state_dict``: ``optimizer``, ``schedule``, ``random``, and where there are any
            ``scaler`` and ``methods``.

    Raises:
        OSError: the disk is full, for one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / SEAL).unlink(missing_ok=True)
    tensors: dict[str, Tensor] = {}
    states = {name: part.state_dict() for name, part in parts.items()}
    rest = {name: pack(state, name, tensors) for name, state in states.items()}
    for file, content in ((WEIGHTS, weights(model)), (TENSORS, tensors)):
        with writing(folder / file) as temporary:
            try:
                save_file(content, temporary)
            except SafetensorError as error:
                raise OSError(f"{folder / file} cannot be written: {error}") from error
    write_text(folder / REST, json.dumps(rest, allow_nan=False))
    seal(folder)


def read(folder: Path, model: nn.Module, parts: Mapping[str, Part]) -> None:
    """Put the model and all parts back to where a checkpoint has them.

    Args:
        folder: a checkpoint that `latest` found whole.
        model: as in `write`, of the same shapes.
        parts: as in `write`, each as it is at a run's start.

    Raises:
        ValueError: it is damaged, although its seal is not; or it was written by another method or model.
    """
    mine = weights(model)
    try:
        held, tensors = load_file(folder / WEIGHTS), load_file(folder / TENSORS)
        check_alike(held, {name: tensor.cpu() for name, tensor in mine.items()}, WEIGHTS)
        packed = parse_json(read_text(folder / REST, "the state"), _Rest)
        states = {name: unpack(state, tensors) for name, state in packed.items()}
        _check(states, parts)
        _check_step(states, step_of(folder))
        for name, part in parts.items():
            part.load_state_dict(states[name])
    except Exception as error:  # whatever a library says of nonsense, and in however many lines
        raise ValueError(f"checkpoint {folder} is damaged: {one_line(error)}; {ADVICE}") from error
    with torch.no_grad():
        for name, tensor in mine.items():
            tensor.copy_(held[name])


def weights(model: nn.Module) -> dict[str, Tensor]:
    """A model's weights and buffers by name, those that share their memory under the first name only."""
    seen: dict[tuple, str] = {}
    state = model.state_dict()
    first = {seen.setdefault((tensor.device, tensor.data_ptr(), tensor.shape), name) for name, tensor in state.items()}
    return {name: tensor for name, tensor in state.items() if name in first or not tensor.numel()}


def seal(folder: Path) -> None:
    """Declare a checkpoint whole."""
    write_text(folder / SEAL, json.dumps({name: sha256(folder / name) for name in PARTS}, indent=1))


def step_of(folder: Path) -> int:
    """The step after which a checkpoint was written."""
    return int(folder.name.rsplit("-", 1)[1])


def reached(out: Path) -> int:
    """The step of the newest whole checkpoint under ``out``, 0 where there is none; none is opened or removed."""
    return max((step_of(folder) for folder in _checkpoints(out) if (folder / SEAL).is_file()), default=0)


def latest(out: Path) -> Path | None:
    """The newest whole checkpoint under ``out``, or None.

    Raises:
        ValueError: that checkpoint is damaged.
    """
    for folder in sorted(_checkpoints(out), key=step_of, reverse=True):
        if (folder / SEAL).exists():
            _verify(folder)
            return folder
    return None


def clean(out: Path) -> None:
    """Remove what killed processes left: half checkpoints, half files. Only for whoever owns ``out``."""
    remove_leftovers(out)
    for path in out.glob(".tmp*"):  # safetensors' own, before it has a name
        if re.fullmatch(r"\.tmp\w{6}", path.name) and path.is_file():
            path.unlink()
    for folder in _checkpoints(out):
        if not (folder / SEAL).exists():
            shutil.rmtree(folder)


def remove_old(out: Path, keep: int = 2) -> None:
    """Remove all but the newest ``keep`` checkpoints."""
    for folder in sorted(_checkpoints(out), key=step_of)[:-keep]:
        _remove(folder)


def remove_all(out: Path) -> None:
    """Remove the checkpoints of a run that has ended."""
    for folder in _checkpoints(out):
        _remove(folder)


def _remove(folder: Path) -> None:
    (folder / SEAL).unlink(missing_ok=True)  # first: what is left of it, if this process dies meanwhile, is half
    shutil.rmtree(folder)


def _checkpoints(out: Path) -> list[Path]:
    """Ours, whole or not; what somebody else put beside them is left alone."""
    named = [path for path in out.glob("checkpoint-*") if re.fullmatch(r"checkpoint-\d+", path.name)]
    return [path for path in named if path.is_dir() and not path.is_symlink() and _is_ours(path)]


def _is_ours(folder: Path) -> bool:
    """Whether it has one of our files, or nothing yet but a file that was being written."""
    inside = [path.name for path in folder.iterdir()]
    return bool({*PARTS, SEAL} & set(inside)) or all(name.startswith(".") for name in inside)


def _verify(folder: Path) -> None:
    try:
        files = parse_json(read_text(folder / SEAL, "the seal"), dict[str, str])
    except (ValueError, OSError) as error:
        raise ValueError(f"checkpoint {folder} is damaged: its {SEAL} cannot be read ({error}); {ADVICE}") from error
    for name in PARTS:
        if name not in files:
            raise ValueError(f"checkpoint {folder} is damaged: its {SEAL} names no {name}; {ADVICE}")
        if not (folder / name).is_file() or sha256(folder / name) != files[name]:
            raise ValueError(f"checkpoint {folder} is damaged: {name} is not what was written; {ADVICE}")


def _check(states: Mapping[str, object], parts: Mapping[str, Part]) -> None:
    """Raise unless each part can take its state: a kernel that is handed other shapes writes where it should not."""
    if states.keys() != parts.keys():
        raise ValueError(f"{REST} has the parts {', '.join(sorted(states))}, not {', '.join(sorted(parts))}")
    for name, part in parts.items():
        fresh = part.state_dict()
        if name == "random":  # that of a GPU may be missing there, or here
            check_alike({"cpu": states[name].get("cpu")}, {"cpu": fresh["cpu"]}, name)
        elif name != "optimizer":
            check_alike(states[name], fresh, name)
        if name != "optimizer":
            continue
        check_alike({**states[name], "state": {}}, {**fresh, "state": {}}, name)
        for mine, theirs in zip(fresh["param_groups"], states[name]["param_groups"], strict=True):
            if any(mine.get(key) != theirs.get(key) for key in ("params", "param_names")):
                raise ValueError(f"{name}.param_groups are of other parameters")
        shapes = [p.shape for group in part.param_groups for p in group["params"]]
        for number, moments in states[name]["state"].items():
            where = f"{name}.state.{number}"
            if not isinstance(number, int) or not 0 <= number < len(shapes) or moments.keys() != MOMENTS:
                raise ValueError(f"{where} is not {', '.join(sorted(MOMENTS))} of one of {len(shapes)} parameters")
            for key, tensor in moments.items():
                like = torch.zeros(() if key == "step" else shapes[number], dtype=torch.float32, device="meta")
                check_alike(tensor, like, f"{where}.{key}")


def _check_step(states: Mapping[str, object], step: int) -> None:
    """Raise if a folder's name says another step than what is in it; fp16 may have skipped some."""
    taken = states["schedule"].get("last_epoch", step)
    if taken > step or (taken < step and "scaler" not in states):
        raise ValueError(f"it was written after step {taken}, and its name says {step}")
