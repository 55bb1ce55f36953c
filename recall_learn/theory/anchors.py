"""Anchors: the pretrained weights theta*, by name, that every remedy in this library refers to.

RecAdam pulls towards them, a quadratic penalty measures from them, a Fisher is taken at them. They are plain
dictionaries ``name -> tensor``; this file checks that such a dictionary belongs to a model, and names it by a hash.

Which parameters of a model count is said here, once, in `trainable`.
"""

import hashlib
from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn


def unwrapped(model: nn.Module) -> nn.Module:
    """The model inside DistributedDataParallel, DataParallel and torch.compile, whose names a checkpoint has."""
    while True:
        if not isinstance(model, nn.Module):
            raise ValueError(f"model is a {type(model).__name__}; it must be a torch.nn.Module")
        if isinstance(model, nn.DataParallel | nn.parallel.DistributedDataParallel):
            model = model.module
        elif "_orig_mod" in model._modules:
            model = model._orig_mod
        else:
            return model


def trainable(model: nn.Module) -> dict[str, nn.Parameter]:
    """The parameters that count in this library, ``name -> parameter``: those that require grad, a tied one once.

    A frozen weight does not move, so it has no Fisher, is in no child network, and needs no anchor. Names are those of
    the model inside its wrappers, see `unwrapped`.
    """
    return {name: p for name, p in unwrapped(model).named_parameters() if p.requires_grad}


def named(model: nn.Module) -> dict[str, nn.Parameter]:
    """All parameters of ``model`` under the names of the model inside its wrappers, and under those of the wrapper."""
    return dict(unwrapped(model).named_parameters()) | dict(model.named_parameters())


def check_names(expected: Mapping[str, Tensor], given: Mapping[str, Tensor], what: str) -> None:
    """Raise unless ``given`` has exactly the names and shapes of ``expected``.

    Args:
        expected: the parameters that need a partner, ``name -> tensor``.
        given: what was handed in, ``name -> tensor``.
        what: what ``given`` is, for the message ("anchors", "fisher").

    Raises:
        ValueError: ``given`` is no ``name -> tensor``, or a name is missing, extra, or has another shape.
    """
    if not isinstance(given, Mapping):
        raise ValueError(f"{what} is a {type(given).__name__}; it has to be a dictionary name -> tensor")
    missing = [name for name in expected if name not in given]
    if missing:
        raise ValueError(f"{what} lacks {some(missing)}; it needs one tensor for each of {len(expected)} parameters")
    extra = [name for name in given if name not in expected]
    if extra:
        raise ValueError(f"{what} has {some(extra)}, which names no parameter that needs one; leave it out")
    for name, tensor in expected.items():
        if not isinstance(given[name], Tensor):
            raise ValueError(f"{what}[{name!r}] is a {type(given[name]).__name__}; it has to be a torch tensor")
        check_dense(given[name], f"{what}[{name!r}]")
        if given[name].shape != tensor.shape:
            raise ValueError(
                f"{what}[{name!r}] has shape {tuple(given[name].shape)}, the parameter has {tuple(tensor.shape)}; "
                f"it comes from another model"
            )


def check_dense(tensor: Tensor, what: str) -> None:
    """Raise unless a tensor holds real numbers that arithmetic is done with, each in its place.

    Raises:
        ValueError: it is sparse, complex, of 8-bit floats, or on the meta device, where there are no numbers.
    """
    fault = None
    if tensor.is_meta:
        fault = "on the meta device, without numbers"
    elif tensor.layout != torch.strided:
        fault = f"sparse ({tensor.layout})"
    elif tensor.is_complex() or (tensor.is_floating_point() and tensor.dtype.itemsize < 2):
        fault = str(tensor.dtype)
    if fault:
        raise ValueError(
            f"{what} is {fault}; it has to be a dense tensor of real numbers, of 16 bits or more if floats"
        )


def fingerprint(tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 over the names, shapes, dtypes and bytes of ``tensors``, in the order of their names.

    The same weights give the same 64 hexadecimal digits on every device; one changed bit gives others.
    """
    digest = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name].detach()
        if tensor.is_meta:
            raise ValueError(f"tensor {name!r} is on the meta device, where there are no numbers to tell apart")
        tensor = tensor.cpu().contiguous()
        digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}\n".encode())
        digest.update(tensor.view(-1).view(torch.uint8).numpy())
    return digest.hexdigest()


def some(names: Iterable[str], most: int = 3) -> str:
    """Names as a message shows them: the first few, and how many more there are."""
    names = list(names)
    text = ", ".join(repr(name) for name in names[:most])
    return text if len(names) <= most else f"{text} and {len(names) - most} more"
