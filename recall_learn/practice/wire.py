"""Values on their way to another process and back, as JSON and the bytes of the arrays. Nothing in them is ever run.

What goes to a learner's process are the arguments of a call: plain values in their own types, generators of random
numbers with their state, and what is `built` there. What comes back is plain, see `values.plain`.
"""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
import torch

from recall_learn.practice.values import Odd

LARGEST = 1 << 24
"""Bytes of a packed value that comes from a learner's process."""
PLAIN = ("list", "tuple", "set", "dict", "tensor", "array", "scalar", "odd")


class NotPlain(TypeError):
    """An argument of a case can neither be sent nor made elsewhere: the check has to be mended."""


@dataclass(frozen=True)
class Built:
    """An argument that is made where it is used; see `built`."""

    function: Callable
    arguments: tuple
    seed: int


def built(function: Callable, *arguments: object) -> Built:
    """An argument of a case that is no plain value, such as a model: ``function(*arguments)``, made anew for each call.

    Torch's random numbers are the same ones each time that it is made, so that a new layer has the same weights.

    Args:
        function: one that the check's module defines or imports, under its own name.
        arguments: plain values.
    """
    return Built(function, arguments, int(torch.randint(2**62, ())))


def pack(value: object) -> bytes:
    """A value as bytes: a head of JSON and the arrays behind it.

    Raises:
        NotPlain: a part is neither plain nor `built`, nor a `torch.Generator`.
    """
    arrays: list[bytes] = []
    head = json.dumps(_packed(value, arrays)).encode()
    return b"".join([len(head).to_bytes(8, "big"), head, *arrays])


def _packed(value: Any, arrays: list[bytes]) -> Any:
    if value is None or type(value) in (bool, int, float, str):
        return value
    if isinstance(value, torch.Tensor):
        flat = value.detach().contiguous().reshape(-1).view(torch.uint8)
        about = [str(value.dtype).removeprefix("torch."), list(value.shape), value.requires_grad]
        return ["tensor", *about, _kept(flat.numpy().tobytes(), arrays)]
    if isinstance(value, np.ndarray | np.generic):
        if value.dtype.kind not in "biuf":
            raise NotPlain(f"an array of {value.dtype} is no plain value")
        kind = "array" if isinstance(value, np.ndarray) else "scalar"
        return [kind, value.dtype.str, list(value.shape), _kept(value.tobytes(), arrays)]
    if type(value) is torch.Generator:
        return ["generator", _kept(value.get_state().numpy().tobytes(), arrays)]
    if isinstance(value, Built):
        return ["built", value.function.__name__, value.seed, *(_packed(each, arrays) for each in value.arguments)]
    if isinstance(value, Odd):
        return ["odd", value.kind, value.advice]
    if type(value) is dict:
        return ["dict", *([_packed(key, arrays), _packed(each, arrays)] for key, each in value.items())]
    if type(value) in (list, tuple, set):
        return [type(value).__name__, *(_packed(each, arrays) for each in value)]
    raise NotPlain(f"a {type(value).__name__} is no plain value; `built(function, ...)` makes one where it is used")


def _kept(data: bytes, arrays: list[bytes]) -> int:
    arrays.append(data)
    return len(data)


def unpack(data: bytes, module: object = None) -> object:
    """The value that was packed. Nothing in it is run: without ``module`` only what is plain is read.

    Args:
        data: what `pack` gave; or anything that a learner's process wrote.
        module: the check, whose functions `built` names. Only for what a check's own process packed.

    Raises:
        ValueError: it is nothing that `pack` gives.
    """
    try:
        start = 8 + int.from_bytes(data[:8], "big")
        reader = _Reader(memoryview(data)[start:], module)
        value = reader.read(json.loads(data[8:start]))
    except Exception as error:  # whatever a learner's process has written
        if module is not None:
            raise
        raise ValueError(f"unreadable: {type(error).__name__}: {error}") from None
    return value


class _Reader:
    """Reads a head, with the arrays behind it in their order."""

    def __init__(self, arrays: memoryview, module: Any):
        self.arrays, self.module = arrays, module

    def read(self, head: Any) -> Any:
        if not isinstance(head, list):
            if head is None or type(head) in (bool, int, float, str):
                return head
            raise ValueError(f"a {type(head).__name__}")
        kind, *rest = head
        if kind in ("list", "tuple", "set"):
            return {"list": list, "tuple": tuple, "set": set}[kind](map(self.read, rest))
        if kind == "dict":
            return {self.read(key): self.read(each) for key, each in rest}
        if kind not in (PLAIN if self.module is None else (*PLAIN, "generator", "built")):
            raise ValueError(str(kind))
        return getattr(self, f"_{kind}")(*rest)

    def _bytes(self, count: int) -> bytearray:
        if type(count) is not int or not 0 <= count <= len(self.arrays):
            raise ValueError(f"{count} bytes of {len(self.arrays)}")
        found, self.arrays = bytearray(self.arrays[:count]), self.arrays[count:]
        return found

    def _tensor(self, dtype: str, shape: list[int], needs: bool, count: int) -> torch.Tensor:
        kind = getattr(torch, dtype)
        if not isinstance(kind, torch.dtype) or count != math.prod(shape) * kind.itemsize:
            raise ValueError(f"{count} bytes for {shape} of {dtype}")
        data = self._bytes(count)
        value = torch.frombuffer(data, dtype=kind).reshape(shape) if count else torch.empty(shape, dtype=kind)
        return value.requires_grad_() if needs else value

    def _array(self, dtype: str, shape: list[int], count: int) -> np.ndarray:
        kind = np.dtype(dtype)
        if kind.kind not in "biuf":
            raise ValueError(dtype)
        return np.frombuffer(self._bytes(count), dtype=kind).reshape(shape)

    def _scalar(self, dtype: str, shape: list[int], count: int) -> np.generic:
        return self._array(dtype, shape, count)[()]

    def _generator(self, count: int) -> torch.Generator:
        state = torch.frombuffer(self._bytes(count), dtype=torch.uint8)
        return torch.Generator().set_state(state)

    def _built(self, name: str, seed: int, *arguments: Any) -> Any:
        given = [self.read(each) for each in arguments]
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)  # torch.manual_seed would seed every GPU, too
            return getattr(self.module, name)(*given)

    def _odd(self, kind: str, advice: str) -> Odd:
        return Odd(str(kind)[:200], str(advice)[:200])


def send(stream: BinaryIO, data: bytes) -> None:
    """Write packed bytes, with their number before them."""
    stream.write(len(data).to_bytes(8, "big") + data)
    stream.flush()


def receive(stream: BinaryIO, largest: int | None = None) -> bytes | None:
    """Read what `send` wrote; None at the end of the stream.

    Raises:
        ValueError: it says that it is larger than ``largest``.
    """
    head = stream.read(8)
    if len(head) < 8:
        return None
    count = int.from_bytes(head, "big")
    if largest is not None and count > largest:
        raise ValueError(f"{count} bytes")
    data = stream.read(count)
    return data if len(data) == count else None
