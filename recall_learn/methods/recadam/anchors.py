"""What a RecAdam keeps beside its parameters: the anchors, and a gamma by name.

Both are kept by position, the n-th tensor of a group for its n-th parameter. So the parameters may be replaced under
the optimizer, as FSDP2, accelerate and apex do. A tensor follows its parameter to another device, and into its shards
where the parameter is a ``DTensor``: a collective, so all processes have to get there together.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from recall_learn.methods.recadam.update import HALF
from recall_learn.theory.anchors import check_names, fingerprint
from recall_learn.theory.sharded import is_sharded, whole


@dataclass
class Kept:
    """The tensors beside one group's parameters."""

    anchors: list[Tensor]
    """Empty where nothing is recalled."""
    gammas: list[Tensor] = field(default_factory=list)
    """Of a gamma by name; empty for a number."""
    read: Mapping[str, Tensor] | float | None = None
    """The gamma that was read last."""
    largest: float = 0.0
    """Its largest value."""
    print: str | None = None
    """The anchors' fingerprint, once it was asked for."""

    def follow(self, params: list[Tensor]) -> None:
        """Bring every tensor to the device and into the shards of its parameter."""
        for tensors in (self.anchors, self.gammas):
            for n, (tensor, p) in enumerate(zip(tensors, params, strict=False)):
                if tensor.shape == p.shape and not is_beside(tensor, p):
                    tensors[n] = placed(tensor, p)
                    if is_sharded(p):
                        self.print = None  # the first process's anchors became everyone's

    def fingerprint(self, params: list[Tensor]) -> str | None:
        """SHA-256 of the anchors, the same in every process; None for FSDP1's flat shards, whose origin is unknown."""
        if any(getattr(p, "_fsdp_flattened", False) for p in params):
            return None
        if self.print is None:
            self.follow(params)
            self.print = fingerprint(_Whole(self.anchors))
        return self.print


class _Whole(Mapping):
    """Tensors under names in their order, each gathered from its shards when it is asked for."""

    def __init__(self, tensors: list[Tensor]):
        self.tensors = tensors

    def __getitem__(self, name: str) -> Tensor:
        return whole(self.tensors[int(name)])

    def __iter__(self) -> Iterator[str]:
        return (f"{n:06d}" for n in range(len(self.tensors)))

    def __len__(self) -> int:
        return len(self.tensors)


def named(group: dict[str, object], what: str) -> dict[str, Tensor]:
    """The group's parameters by name.

    Raises:
        ValueError: they have no names, or two share one.
    """
    if len(group.get("param_names", ())) != len(group["params"]):
        raise ValueError(
            f"{what} by name needs named parameters; pass model.named_parameters() or recall_groups(model)"
        )
    pairs = dict(zip(group["param_names"], group["params"], strict=True))
    if len(pairs) < len(group["params"]):
        raise ValueError(f"{what} by name needs one name for each parameter; here two share one")
    return pairs


def anchors_by_name(groups: list[dict[str, object]], anchors: Mapping[str, Tensor]) -> list[list[Tensor]]:
    """Copies of the anchors in the order of each group's parameters.

    Raises:
        ValueError: a name is missing, extra or shared, a shape differs, or an entry is not finite.
    """
    each = [named(group, "anchors") for group in groups]
    everyone = {name: p for pairs in each for name, p in pairs.items()}
    if len(everyone) < sum(map(len, each)):
        raise ValueError("anchors by name needs one name for each parameter; here two share one")
    check_names(everyone, anchors, "anchors")
    for name in everyone:
        if not bool(whole(anchors[name].detach().isfinite().all())):
            raise ValueError(f"anchors[{name!r}] has non-finite entries; the pull would spread them")
    return [[copy_of(anchors[name], p) for name, p in pairs.items()] for pairs in each]


def read_gamma(group: dict[str, object], kept: Kept) -> None:
    """Read a group's gamma, if it is another than the one read last; a mapping is copied beside the parameters.

    Raises:
        ValueError: a name is missing, a shape differs, or an entry is negative or not finite.
    """
    gamma = group["gamma"]
    if not isinstance(gamma, Mapping):
        kept.gammas, kept.read, kept.largest = [], gamma, gamma
    elif gamma is not kept.read:
        pairs = named(group, "gamma")
        check_names(pairs, {name: gamma[name] for name in pairs if name in gamma}, "gamma")
        largest = 0.0
        for name in pairs:
            ends = [whole(end) for end in gamma[name].detach().aminmax()] if gamma[name].numel() else [0.0, 0.0]
            low, high = (float(end) for end in ends)
            if not 0 <= low <= high < float("inf"):
                raise ValueError(f"gamma[{name!r}] has negative or non-finite entries; a precision is at least 0")
            largest = max(largest, high)
        kept.gammas = [copy_of(gamma[name], p) for name, p in pairs.items()]
        kept.read, kept.largest = gamma, largest


def gamma_fingerprint(group: dict[str, object]) -> str:
    """SHA-256 of a gamma by name, as far as it is this group's."""
    gamma = group["gamma"]
    return fingerprint({name: whole(gamma[name]) for name in group["param_names"] if name in gamma})


def working_dtype(p: Tensor) -> torch.dtype:
    """Of the anchors and the moments: float32 for half precision."""
    return torch.float32 if p.dtype in HALF else p.dtype


def copy_of(source: Tensor, p: Tensor) -> Tensor:
    """A copy in the working dtype, where ``p`` is."""
    return placed(source.detach().to(dtype=working_dtype(p), copy=True), p)


def placed(tensor: Tensor, p: Tensor) -> Tensor:
    """The tensor on the device and in the shards of ``p``; a whole one is taken from the first process."""
    if tensor.is_meta and not p.is_meta:
        raise ValueError(
            f"an anchor or a moment of shape {tuple(tensor.shape)} is on the meta device, where weights have no "
            f"numbers: make the optimizer after the weights are loaded"
        )
    if is_sharded(tensor) and not (is_sharded(p) and tensor.device_mesh == p.device_mesh):
        tensor = whole(tensor)
    if is_sharded(p):
        if is_sharded(tensor):
            tensor = tensor.redistribute(p.device_mesh, p.placements)
        else:
            from torch.distributed.tensor import distribute_tensor

            tensor = distribute_tensor(tensor, p.device_mesh, p.placements)
    return tensor.to(p.device)


def is_beside(tensor: Tensor, p: Tensor) -> bool:
    """Whether ``tensor`` is on the device and in the shards of ``p``."""
    if is_sharded(tensor) != is_sharded(p) or tensor.device != p.device:
        return False
    return not is_sharded(p) or (tensor.device_mesh == p.device_mesh and tensor.placements == p.placements)
