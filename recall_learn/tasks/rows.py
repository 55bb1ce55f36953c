"""Tokenized examples: in batches, and as digits that tell which they are."""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from torch import Tensor

if TYPE_CHECKING:
    from datasets import Dataset


def batches(
    data: "Dataset", collator: Callable[[list], Mapping[str, Tensor]], size: int
) -> Iterator[Mapping[str, Tensor]]:
    """A tokenized dataset in batches, shortest examples first, so that little is padding.

    No random number is drawn: an evaluation leaves a run as it found it.
    """
    lengths = [len(ids) for ids in data["input_ids"]]
    order = sorted(range(len(lengths)), key=lengths.__getitem__)
    for start in range(0, len(order), size):
        yield collator([data[i] for i in order[start : start + size]])


def digest(*splits: "Dataset") -> str:
    """SHA-256 over tokenized splits: the same digits, the same examples in the same order."""
    result = hashlib.sha256()
    for split in splits:
        for start in range(0, len(split), 1000):
            result.update(repr(split[start : start + 1000]).encode())
    return result.hexdigest()
