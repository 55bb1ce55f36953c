"""Parameters in pieces: models of ``torch.distributed.fsdp.fully_shard``, whose processes hold a part of each weight.

Such a parameter is a DTensor: it has the shape of the whole, and this process's part inside. What works entry by entry
(a mask, a penalty, a distance) works on the parts; `total` adds up over the processes, and `gathered` puts a whole
model together. Every function takes plain tensors too, and leaves them as they are.
"""

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from recall_learn.support.checks import shown
from recall_learn.theory.anchors import unwrapped

if TYPE_CHECKING:
    from torch.distributed import ProcessGroup


def is_sharded(tensor: object) -> bool:
    """Whether this is a DTensor."""
    module = sys.modules.get("torch.distributed.tensor")  # without it there are none, and it is slow to import
    return module is not None and isinstance(tensor, module.DTensor)


def local(tensor: Tensor) -> Tensor:
    """The part that this process holds: a view, differentiable; all of a plain tensor."""
    return tensor.to_local() if is_sharded(tensor) else tensor


def whole(tensor: Tensor) -> Tensor:
    """All of a tensor, as a plain one. Gathers: each process has to ask."""
    if not is_sharded(tensor):
        return tensor
    kind = tensor.device_mesh.device_type  # pieces that wait on the CPU are gathered where the processes talk
    return (tensor if tensor.device.type == kind else tensor.to(kind)).full_tensor()


def beside(held: Tensor, like: Tensor) -> Tensor:
    """``held``, a tensor of the shape of ``like``, on the device of ``like`` and in pieces as it is.

    Of a plain tensor each process takes its part, without a word to the others, so it has to be the same everywhere.
    """
    if not is_sharded(like):
        return whole(held).to(like.device)
    layout = (like.device_mesh, like.placements)
    if is_sharded(held) and (held.device_mesh, held.placements) == layout:
        return held.to(like.device)
    from torch.distributed.tensor import distribute_tensor

    return distribute_tensor(whole(held), *layout, src_data_rank=None).to(like.device)


def part(held: Tensor, like: Tensor) -> Tensor:
    """What this process holds of ``held`` when that is in pieces as ``like`` is; see `beside`."""
    return local(beside(held, like))


def total(terms: Iterable[tuple[Tensor, Tensor]]) -> Tensor:
    """The sum of scalars over all processes, each made of what is here of a parameter.

    Args:
        terms: pairs of a scalar and its parameter; at least one.

    Returns:
        A plain scalar, differentiable, the same in every process that takes part.
    """
    layouts: dict[Any, list[Tensor]] = {}
    for term, parameter in terms:
        key = (parameter.device_mesh, parameter.placements) if is_sharded(parameter) else None
        layouts.setdefault(key, []).append(term)
    device = next(iter(layouts.values()))[0].device
    sums = [_reduced(torch.stack([t.to(device) for t in part]).sum(), key) for key, part in layouts.items()]
    return sums[0] if len(sums) == 1 else torch.stack(sums).sum()


def _reduced(here: Tensor, layout: tuple[Any, Any] | None) -> Tensor:
    if layout is None:
        return here
    from torch.distributed.tensor import DTensor, Partial, Replicate

    mesh, placements = layout
    summed = [Replicate() if placement.is_replicate() else Partial() for placement in placements]
    return DTensor.from_local(here, mesh, summed, run_check=False).full_tensor()


def together(
    work: Callable[[], int], totals: Mapping[str, Tensor], group: "ProcessGroup | None", kind: Callable[[], object]
) -> int:
    """Do this process's share of ``work``, then add up ``totals`` in place over the processes of ``group``.

    Args:
        work: adds to ``totals``; returns how many examples it saw.
        totals: ``name -> tensor``, plain ones.
        group: None does the work of this process alone.
        kind: says after the work of which kind its numbers are, if it has any; only one kind is added up.

    Returns:
        The examples of all. If one process fails nobody waits for it: all raise.

    Raises:
        ValueError: ``group`` is no process group, or its processes have other names, shapes or kinds.
        RuntimeError: another process failed.
    """
    if group is None:
        return work()
    import torch.distributed as dist

    if not isinstance(group, dist.ProcessGroup):
        raise ValueError(
            f"group is {shown(group)}; it must be None or a process group of torch.distributed with this process"
        )
    count, failure = 0, None
    try:
        count = work()
    except Exception as error:
        failure = error
    shapes = [(name, tuple(tensor.shape), tensor.dtype) for name, tensor in totals.items()]
    said: list[Any] = [None] * dist.get_world_size(group)
    dist.all_gather_object(said, (count, failure and f"{type(failure).__name__}: {failure}", shapes, kind()), group)
    if failure is not None:
        raise failure
    for rank, (_, failed, other, _) in enumerate(said):
        if failed:
            raise RuntimeError(f"process {rank} of the group failed: {failed}")
        if other != shapes:
            raise ValueError(f"process {rank} of the group has other parameters than this one; all need the same model")
    kinds = {kind for *_, kind in said if kind is not None}
    if len(kinds) > 1:
        raise ValueError(f"the processes of the group have {' and '.join(sorted(kinds))} examples; say one likelihood")
    for tensor in totals.values():
        dist.all_reduce(tensor, group=group)
    return sum(count for count, *_ in said)


def settle(model: nn.Module) -> None:
    """Have all of ``fully_shard``'s parameters in pieces: a forward pass leaves some whole, for the backward."""
    fsdp = sys.modules.get("torch.distributed.fsdp")
    for module in model.modules() if fsdp is not None else ():
        if isinstance(module, fsdp.FSDPModule):
            module.reshard()


@contextmanager
def gathered(model: nn.Module) -> Iterator[nn.Module]:
    """The same model with whole, plain parameters and without the hooks of ``fully_shard``; afterwards as it was.

    Each process has to come here, and then needs room for all weights. A model in one piece is left as it is.

    Raises:
        ValueError: it is in pieces of another kind.
    """
    _refuse_other_pieces(model)
    settle(model)
    if not any(is_sharded(p) for p in model.parameters()):
        yield model
        return
    undo: list[Callable[[], None]] = []
    plain: dict[int, nn.Parameter] = {}  # by the parameter in pieces: a tied weight stays one
    try:
        for module in model.modules():
            for parameter in module.parameters(recurse=False):
                if is_sharded(parameter) and id(parameter) not in plain:
                    gotten = whole(parameter.detach()).clone()
                    plain[id(parameter)] = nn.Parameter(gotten, parameter.requires_grad)
            undo.append(_made_plain(module, plain))
        yield model
    finally:
        for put_back in undo:
            put_back()


@contextmanager
def at(model: nn.Module, anchors: Mapping[str, Tensor]) -> Iterator[None]:
    """The model with these weights, ``name -> tensor``, and afterwards with those that it had."""
    settle(model)
    parameters = {name: p for name, p in unwrapped(model).named_parameters() if name in anchors}
    now = {name: p.detach().clone() for name, p in parameters.items()}
    _write(parameters, anchors)
    try:
        yield
    finally:
        _write(parameters, now)


@torch.no_grad()
def _write(parameters: Mapping[str, nn.Parameter], values: Mapping[str, Tensor]) -> None:
    for name, parameter in parameters.items():
        local(parameter).copy_(part(values[name], parameter))


def _made_plain(module: nn.Module, plain: Mapping[int, nn.Parameter]) -> Callable[[], None]:
    """Swap the parameters, the hooks and the class of one module; returns what swaps them back."""
    from torch.distributed.fsdp import FSDPModule

    names = ("_parameters", "_forward_pre_hooks", "_forward_hooks")
    former = {name: dict(getattr(module, name)) for name in names}
    kind = type(module)

    def put_back():
        module.__class__ = kind
        for name, entries in former.items():
            getattr(module, name).clear()
            getattr(module, name).update(entries)

    if isinstance(module, FSDPModule):
        module.__class__ = next(base for base in kind.__bases__ if not issubclass(base, FSDPModule))
    module._parameters.update({key: plain[id(p)] for key, p in former["_parameters"].items() if id(p) in plain})
    for name in names[1:]:
        hooks = getattr(module, name)
        for number in [number for number, hook in hooks.items() if _is_from(hook, "torch.distributed.fsdp")]:
            del hooks[number]
    return put_back


def _refuse_other_pieces(model: nn.Module) -> None:
    fsdp = sys.modules.get("torch.distributed.fsdp")
    for name, module in model.named_modules():
        where = f"model.{name}" if name else "model"
        if fsdp is not None and isinstance(module, fsdp.FullyShardedDataParallel):
            raise ValueError(
                f"{where} is a FullyShardedDataParallel, whose parameters are flat pieces without names; shard by "
                f"torch.distributed.fsdp.fully_shard, or take the model as it is before it is wrapped"
            )
        hooks = (*module._forward_hooks.values(), *module._forward_pre_hooks.values())
        if any(_is_from(hook, "torch.distributed.tensor") for hook in hooks):
            raise ValueError(
                f"{where} is parallelized by torch.distributed.tensor, which computes in pieces; take the model as it "
                f"is before that, or sharded by torch.distributed.fsdp.fully_shard alone"
            )


def _is_from(hook: Callable, package: str) -> bool:
    return (getattr(hook, "__module__", None) or "").startswith(package)
