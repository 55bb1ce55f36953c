"""What a value is: the one place that says what counts as a number, an array, a truth value, a word or nothing.

`plain` takes whatever a learner's code gives back. What it leaves is None, bool, int, float, str, a torch tensor of at
least one dimension (bool, int64 or float64), or a list, tuple, set or dict of these. All else becomes an `Odd`, which
says in words what came.
"""

from collections.abc import Mapping, Set
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import torch

DEPTH = 20
"""A list within lists deeper than this is no result; it may be one that holds itself."""
SAFE = 1 << 1000
"""A whole number below this one is also a float."""
ENTRIES = 1_000_000
"""Entries of the lists and dictionaries of a result."""


@dataclass(frozen=True)
class Odd:
    """What is no value that can be compared.

    Attributes:
        kind: what it is, as "a complex number".
        advice: what may be meant, or "".
    """

    kind: str
    advice: str = ""


def plain(value: object) -> object:
    """What a value is, see the module's head. Applied twice it changes nothing."""
    return _plain(value, DEPTH, [ENTRIES])


def _plain(value: Any, depth: int, left: list[int]) -> Any:
    left[0] -= 1
    if depth == 0 or left[0] < 0:
        return Odd("a list within lists without an end" if depth == 0 else f"more than {ENTRIES:,} entries")
    kind = type(value)
    if kind in (float, bool, str, type(None), Odd) or (kind is int and -SAFE < value < SAFE):
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, torch.Tensor):
        with torch._C.DisableTorchFunctionSubclass():  # a subclass may say anything of itself
            return _of_tensor(value)
    if isinstance(value, np.ndarray):
        return _of_array(value)
    if isinstance(value, Mapping):
        return {_key(key): _plain(each, depth - 1, left) for key, each in value.items()}
    if isinstance(value, list | tuple | range):
        parts = [_plain(each, depth - 1, left) for each in value]
        return tuple(parts) if isinstance(value, tuple) else parts
    if isinstance(value, Set):
        return {_key(each) for each in value}
    return _number(value)


def _number(value: Any) -> Any:
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, complex | np.complexfloating):
        return Odd("a complex number", "The root of a negative number is one; take `.real` of one that should not be.")
    try:
        if isinstance(value, int | np.integer):
            float(value)
            return int(value)
        if isinstance(value, float | np.floating | Fraction | Decimal):
            with np.errstate(all="ignore"):
                return float(value)
    except OverflowError:
        return Odd("a whole number of more than 308 digits", "No float holds it.")
    if hasattr(value, "__array__") and not isinstance(value, type):
        try:
            return _of_array(np.asarray(value))
        except Exception:  # it is somebody's class: whatever it does, it is no array
            return Odd(_kind(value))
    looped = hasattr(value, "__next__") or type(value).__name__ in ("dict_values", "dict_items")
    return Odd(_kind(value), "Put `list(...)` around it." if looped else "")


def _kind(value: Any) -> str:
    if callable(value):
        return "a class" if isinstance(value, type) else "a function" if hasattr(value, "__code__") else _article(value)
    return _article(value)


def _article(value: Any) -> str:
    name = type(value).__name__
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


def _key(key: Any) -> Any:
    """A key of a dictionary, or an entry of a set: what can be hashed, and is the same in another process."""
    if isinstance(key, tuple):
        return tuple(map(_key, key))
    if key is None or isinstance(key, str | bool | int | float | np.generic):
        return _plain(key, 2, [2])
    return Odd(_kind(key))


def _of_tensor(value: torch.Tensor) -> Any:
    shape = f"of shape {list(value.shape)}" if not value.is_nested else "that is nested"
    if value.is_complex():
        return Odd(f"an array of complex numbers {shape}", "Take `.real` of one that should not be.")
    if value.device.type == "meta" or value.is_nested:
        return Odd(f"a tensor {shape} without numbers")
    try:
        value = value.detach()
        value = value.to_dense() if value.layout != torch.strided else value
        value = value.dequantize() if value.is_quantized else value
        kind = torch.bool if value.dtype == torch.bool else torch.float64 if value.is_floating_point() else torch.int64
        value = value.as_subclass(torch.Tensor).to("cpu", kind)
        return value.item() if value.ndim == 0 else value.contiguous()
    except (RuntimeError, NotImplementedError, TypeError) as error:
        return Odd(f"a tensor {shape} whose numbers cannot be read ({str(error).splitlines()[0][:80]})")


def _of_array(value: np.ndarray) -> Any:
    if isinstance(value, np.ma.MaskedArray):
        if np.ma.is_masked(value):
            return Odd("an array with masked entries", "Fill them, or leave them out.")
        value = value.data
    kind = value.dtype.kind
    if kind == "U":
        return value.tolist()
    if kind not in "biuf":
        of = {"c": "complex numbers", "O": "objects", "S": "bytes"}.get(kind, str(value.dtype))
        advice = {"c": "Take `.real` of one that should not be.", "O": "Give it a dtype, such as float."}
        return Odd(f"an array of {of} of shape {list(value.shape)}", advice.get(kind, ""))
    with np.errstate(all="ignore"):
        value = np.array(value, dtype={"b": np.bool_, "f": np.float64}.get(kind, np.int64), order="C", subok=False)
    return value.item() if value.ndim == 0 else torch.from_numpy(value)


def numbers(value: object) -> np.ndarray | None:
    """A plain value as an array of float64; None if it is no number and no array of them, also nested in lists."""
    if isinstance(value, bool | int | float):
        return np.asarray(value, dtype=np.float64)
    if isinstance(value, torch.Tensor):
        return value.double().numpy()
    if not isinstance(value, list | tuple):
        return None
    parts = [numbers(each) for each in value]
    if any(each is None or each.shape != parts[0].shape for each in parts):
        return None
    return np.stack(parts) if parts else np.zeros(0)


def of_kind(value: object, kind: type) -> bool:
    """Whether all numbers of a plain value are of a kind: bool, or int (which a bool is not)."""
    if isinstance(value, torch.Tensor):
        return value.dtype == {bool: torch.bool, int: torch.int64}[kind]
    if isinstance(value, list | tuple):
        return all(of_kind(each, kind) for each in value)
    return type(value) is kind


def like(value: object, pattern: object) -> object:
    """A plain value in the kind of another one, as far as it goes: an array as a list where that one is a list."""
    if isinstance(pattern, np.ndarray):
        found = numbers(value)
        return value if found is None else found
    if isinstance(pattern, torch.Tensor):
        found = None if isinstance(value, torch.Tensor) else numbers(value)
        return value if found is None else torch.from_numpy(np.atleast_1d(found))
    if isinstance(pattern, Mapping) and isinstance(value, dict) and pattern:
        one = next(iter(pattern.values()))
        return {key: like(each, pattern.get(key, one)) for key, each in value.items()}
    if isinstance(pattern, list | tuple) and isinstance(value, torch.Tensor | list | tuple):
        parts = value.tolist() if isinstance(value, torch.Tensor) and numbers(plain(pattern)) is not None else value
        fit = [pattern[min(i, len(pattern) - 1)] for i in range(len(parts))] if len(pattern) else list(parts)
        return type(pattern)(like(each, one) for each, one in zip(map(plain, parts), fit, strict=True))
    if isinstance(pattern, bool | int | float) and isinstance(value, torch.Tensor) and value.numel() == 1:
        return value.item()
    return value
