"""A Fisher as a safetensors file: written whole or not at all, and refused where it is damaged or no Fisher."""

import os
import re
from collections.abc import Mapping
from pathlib import Path

import safetensors
import torch
from safetensors.torch import save_file
from torch import Tensor

from recall_learn.support.checks import one_line, shown
from recall_learn.support.files import writing
from recall_learn.theory.anchors import check_dense, fingerprint
from recall_learn.theory.fisher import Fisher
from recall_learn.theory.likelihood import LABELS
from recall_learn.theory.sharded import whole

FORMAT = "recall-learn fisher 1"
DTYPES = (torch.float64, torch.float32, torch.bfloat16, torch.float16)


def save_fisher(path: str | os.PathLike, fisher: Mapping[str, Tensor], **metadata: object) -> None:
    """Write ``fisher`` as a safetensors file, whole or not at all.

    Args:
        path: where to; an existing file is replaced.
        fisher: ``name -> tensor``; a `recall_learn.Fisher` brings its ``labels`` and ``examples`` along.
        **metadata: kept as strings: the fingerprint of the weights it was taken at, the task, ``labels`` and
            ``examples`` if ``fisher`` is a plain dictionary.

    Raises:
        ValueError: ``labels`` or ``examples`` is not known, or ``fisher`` is not what `load_fisher` would take.
        OSError: the place cannot be written to, see `recall_learn.support.files.writing`.
    """
    known = {key: getattr(fisher, key) for key in ("labels", "examples") if hasattr(fisher, key)}
    strings = {key: str(value) for key, value in (known | metadata).items()}
    for key in ("labels", "examples"):
        if key not in strings:
            raise ValueError(f"{key} is not known; a plain dictionary needs save_fisher(..., {key}=...)")
    _check_fisher(fisher, strings, "fisher")
    tensors = {name: whole(tensor.detach()).cpu().clone().contiguous() for name, tensor in fisher.items()}
    strings |= {"format": FORMAT, "tensors": fingerprint(tensors)}
    with writing(path) as temporary:
        try:
            save_file(tensors, temporary, metadata=strings)
        except safetensors.SafetensorError as error:
            raise OSError(f"{path} cannot be written: {error}") from error


def load_fisher(path: str | os.PathLike) -> tuple[Fisher, dict[str, str]]:
    """Read what `save_fisher` wrote: the Fisher, on the CPU, and its metadata.

    Raises:
        ValueError: the file is damaged or is not a Fisher; the message names the field.
        FileNotFoundError: there is no such file.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"fisher {str(path)!r} is not a file; recall-learn fisher makes one")
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            metadata = dict(file.metadata() or {})
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except PermissionError:
        raise
    except Exception as error:  # a header may be wrong in more ways than safetensors has errors for
        said = one_line(error)[:200]
        raise ValueError(f"{path} is damaged or not a safetensors file ({said}); take the Fisher again") from error
    if metadata.pop("format", None) != FORMAT:
        raise ValueError(f"{path} is a safetensors file but not a Fisher written by save_fisher")
    if metadata.pop("tensors", None) != fingerprint(tensors):
        raise ValueError(f"{path} is damaged: its numbers are not those that were written; take the Fisher again")
    labels, examples = _check_fisher(tensors, metadata, str(path))
    return Fisher(tensors, labels=labels, examples=examples), metadata


def _check_fisher(tensors: Mapping[str, Tensor], about: Mapping[str, str], what: str) -> tuple[str, int]:
    """What a Fisher is the mean of, once it is known to be one: labels and the number of examples."""
    labels, examples = about.get("labels"), about.get("examples")
    if labels not in LABELS:
        raise ValueError(f"{what} has labels {shown(labels)}; they must be one of {', '.join(LABELS)}")
    if examples is None or not re.fullmatch("[0-9]{1,18}", examples) or not int(examples):
        raise ValueError(f"{what} has examples {shown(examples)}; it must be a whole number of at least 1")
    if not isinstance(tensors, Mapping) or not tensors:
        raise ValueError(f"{what} holds no tensors; it must have one for each parameter")
    for name, tensor in tensors.items():
        if not isinstance(tensor, Tensor) or tensor.dtype not in DTYPES:
            kind = tensor.dtype if isinstance(tensor, Tensor) else shown(tensor)
            raise ValueError(f"{what} has {kind} under {name!r}; it must be a tensor of float16 to float64")
        if not isinstance(name, str):
            raise ValueError(f"{what} has a tensor under {shown(name)}; a parameter's name is text")
        check_dense(tensor, f"{what}[{name!r}]")
        if whole((~((tensor >= 0) & tensor.isfinite())).sum()):
            raise ValueError(f"{what} has entries under {name!r} that are negative, infinite or nan; none may be")
    return labels, int(examples)
