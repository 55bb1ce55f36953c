"""Anchors from a checkpoint: theta* for a model that has been fine-tuned already.

RecAdam takes its anchors from the model as it is. In a run that goes on, the model is filled from the run's own
checkpoint before the optimizer is made: so in torch's recipe for resuming, with Lightning's ``ckpt_path``, and in a
Trainer that makes its optimizer itself. What the run started from has to be brought.
"""

import copy
from os import PathLike
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from recall_learn.models import folders
from recall_learn.models.places import locate
from recall_learn.models.recalled import not_wrapped, pretrained_parameters
from recall_learn.support.checks import shown
from recall_learn.support.process_wide import silent
from recall_learn.support.random_state import own_randomness
from recall_learn.theory.anchors import some, trainable


def load_anchors(
    checkpoint: str | PathLike, model: nn.Module | None = None, *, ignore_mismatched_sizes: bool = False
) -> dict[str, Tensor]:
    """The pretrained weights in a checkpoint, under the names that they have in a model.

    ``anchors = load_anchors("bert-base-uncased", model)`` and then ``RecAdam(recall_groups(model, anchors=anchors),
    anchors=anchors)`` recalls what the checkpoint holds, whatever ``model`` holds now.

    Args:
        checkpoint: a folder as ``save_pretrained`` writes it, in one file or in shards, safetensors only; a hub id;
            "tiny" or "minilm".
        model: of transformers, or with one such model in it; its weights are neither read nor changed. None is the
            class that the checkpoint was saved from.
        ignore_mismatched_sizes: leave out what is stored in another shape, a head of other labels or an embedding that
            was resized since, instead of refusing it.

    Returns:
        ``name -> tensor``, float32 on the CPU, one for each trainable parameter of ``model`` that the checkpoint holds;
        a tied weight once. The numbers are as exact as the parameter, so they are rounded where that is bf16.

    Raises:
        ValueError: there is no model of transformers in ``model``, or more than one; the checkpoint cannot be read for
            it, holds none of its trainable weights, or holds one in another shape.
        FileNotFoundError: there are no weights as safetensors.
        ConnectionError: the hub is needed and out of reach.
    """
    folder = _folder(checkpoint)
    prefix, inner = ("", None) if model is None else _inner(not_wrapped(model))
    kind, config = (_class_of(folder), None) if inner is None else (type(inner), copy.deepcopy(inner.config))
    with silent(), own_randomness(0):  # what is missing is drawn, and thrown away
        loaded, report = folders.read(
            folder,
            kind,
            **({} if config is None else {"config": config}),
            dtype=torch.float32,
            use_safetensors=True,
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # judged below
        )
    wrong = sorted(entry[:3] for entry in report["mismatched_keys"])
    if wrong and not ignore_mismatched_sizes:
        name, stored, wanted = wrong[0]
        raise ValueError(
            f"{checkpoint} holds {name} as {tuple(stored)}, the model has {tuple(wanted)}; it is of another model, or "
            f"load_anchors(..., ignore_mismatched_sizes=True) leaves it out"
        )
    held = {prefix + name: p for name, p in pretrained_parameters(loaded, report).items()}
    wanted = held if model is None else trainable(model)
    # what RecAdam would have copied from the model when it was loaded; apart from a file that a later save overwrites
    anchors = {
        name: p.detach().to(wanted[name].dtype).to(torch.float32, copy=True)
        for name, p in held.items()
        if name in wanted
    }
    if not anchors:
        raise ValueError(f"{checkpoint} holds no trainable weight of {kind.__name__}; it has {some(held) or 'none'}")
    return anchors


def _folder(checkpoint: str | PathLike) -> Path:
    if not isinstance(checkpoint, str | PathLike) or not str(checkpoint):
        raise ValueError(f"checkpoint is {shown(checkpoint)}; it has to be a folder, a hub id, tiny or minilm")
    folder = Path(checkpoint).expanduser()
    if folder.is_file():
        raise ValueError(f"{checkpoint} is a file; give the folder that it is in")
    if checkpoint in ("tiny", "minilm") or not folder.is_dir():
        return locate(str(checkpoint))[0]
    if not any((folder / name).is_file() for name in (folders.WEIGHTS, folders.INDEX)):
        raise FileNotFoundError(f"{folder} has no weights as safetensors; save_pretrained of a model writes them")
    absent = next((file.name for file in folders.weight_files(folder) if not file.is_file()), None)
    if absent:
        raise FileNotFoundError(f"{folder} has no {absent}, which its {folders.INDEX} names")
    return folder


def _inner(model: nn.Module) -> tuple[str, Any]:
    """The one model of transformers in a model, and what its parameters' names begin with there."""
    from transformers import PreTrainedModel

    found: dict[str, Any] = {}
    for name, module in model.named_modules():
        inside = any(not outer or name.startswith(f"{outer}.") for outer in found)
        if isinstance(module, PreTrainedModel) and not inside:
            found[name] = module
    if len(found) != 1:
        parts = f"{len(found)} models of transformers in it ({some(found)}); load the anchors of each"
        raise ValueError(
            f"model is a {type(model).__name__} with "
            f"{parts if found else 'no model of transformers in it; read its file with safetensors.torch.load_file'}"
        )
    name, inner = found.popitem()
    return f"{name}." if name else "", inner


def _class_of(folder: Path) -> type:
    """The class that a checkpoint was saved from."""
    import transformers

    config = folders.read(folder, "AutoConfig")
    name = (config.architectures or [None])[0]
    kind = getattr(transformers, name, None) if isinstance(name, str) else None
    if kind is None:
        raise ValueError(f"{folder} was saved from {name or 'no class that it names'}; pass load_anchors(..., model)")
    return kind
