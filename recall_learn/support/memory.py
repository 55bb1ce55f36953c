"""Whether a step fits into memory, found out before the first one."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import psutil
import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from datasets import Dataset

T = TypeVar("T")

LIMIT = Path("/sys/fs/cgroup/memory.max")
"""Where Linux says what a container may use."""


def usual(rows: "Dataset") -> "dict[str, list]":
    """A row of usual length, of a tokenized dataset."""
    first = rows.select(range(min(100, len(rows))))
    return sorted(first, key=lambda row: len(row["input_ids"]))[len(first) // 2]


def check_batch(
    model: nn.Module, collate: Callable[[list[T]], Mapping[str, Tensor]], row: T, size: int, half: bool = False
) -> None:
    """Refuse a batch that cannot fit.

    What autograd keeps of one example, times their number, is less than any step needs: gradients, moments and what
    the layers need in between come on top. So a batch that is refused would not have fitted; one that is not may still
    be too large.

    Args:
        model: where it will train.
        collate: makes a batch of a list of rows.
        row: an example of usual length.
        size: examples a batch.
        half: whether the model computes in half precision.

    Raises:
        ValueError: more memory is needed than is free.
    """
    device = next(model.parameters()).device
    one, two = (_kept(model, {k: v.to(device) for k, v in collate([row] * n).items()}) for n in (1, 2))
    needed, there = (two - one) * size // (2 if half else 1), free(device)
    if needed > there:
        raise ValueError(
            f"batch_size is {size}; a step on so many examples needs at least {needed / 1e9:,.1f} GB, "
            f"and {there / 1e9:,.1f} GB are free: lower --batch-size or --max-length"
        )


def free(device: torch.device) -> int:
    """Bytes that a process could still take, of a GPU or of this machine."""
    if device.type == "cuda":
        unused = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return torch.cuda.mem_get_info(device)[0] + unused
    there = psutil.virtual_memory().available + psutil.swap_memory().free
    try:
        return min(there, int(LIMIT.read_text()))
    except (OSError, ValueError):  # no container, or one without a limit: "max"
        return there


@torch.enable_grad()
def _kept(model: nn.Module, inputs: Mapping[str, Tensor]) -> int:
    """Bytes that autograd keeps of a forward pass; no random number is drawn."""
    own = {tensor.untyped_storage().data_ptr() for tensor in (*model.parameters(), *model.buffers())}
    kept: dict[int, torch.UntypedStorage] = {}  # held until all is counted: none comes back in another's place

    def note(tensor: Tensor) -> None:  # a graph that held the tensor itself would hold itself for ever
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage

    training = model.training
    model.eval()
    with torch.autograd.graph.saved_tensors_hooks(note, lambda _: None):
        model(**inputs)
    model.train(training)
    return sum(storage.nbytes() for storage in kept.values())
