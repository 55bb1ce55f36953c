"""Nested state, an optimizer's for one, as JSON beside tensors: what torch would pickle, without a pickle.

Dictionaries, lists, tuples, text and numbers go into the JSON; where a tensor was stands its name, and tensors go by
name into a safetensors file. What comes back is equal, to the bit and the type.
"""

import math
from collections.abc import Mapping

from torch import Tensor

from recall_learn.support.reading import Json

TAGS = ("tensor", "tuple", "dict", "float")


def pack(value: object, name: str, tensors: dict[str, Tensor]) -> Json:
    """The value in plain JSON types; its tensors are added to ``tensors``.

    Args:
        value: nested dictionaries, lists, tuples, tensors, text, numbers and None.
        name: of the value; those of its tensors begin with it.
        tensors: ``name -> tensor``, to be added to.

    Raises:
        TypeError: it holds something else.
    """
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else {"float": str(value)}
    if isinstance(value, Tensor):
        tensors[name] = value.detach().contiguous()
        return {"tensor": name}
    if isinstance(value, list | tuple):
        parts = [pack(each, f"{name}.{i}", tensors) for i, each in enumerate(value)]
        return {"tuple": parts} if isinstance(value, tuple) else parts
    if isinstance(value, Mapping):
        parts = [[key, pack(each, f"{name}.{key}", tensors)] for key, each in value.items()]
        plain = all(isinstance(key, str) and key not in TAGS for key in value)
        return dict(parts) if plain else {"dict": parts}
    raise TypeError(f"{name} is a {type(value).__name__}, which a checkpoint cannot hold")


def unpack(value: Json, tensors: Mapping[str, Tensor]) -> object:
    """What `pack` packed.

    Raises:
        KeyError, TypeError, ValueError: it is nothing that `pack` makes.
    """
    if isinstance(value, list):
        return [unpack(each, tensors) for each in value]
    if not isinstance(value, dict):
        return value
    tag = next((tag for tag in TAGS if tag in value), None)
    if tag == "tensor":
        return tensors[value["tensor"]]
    if tag == "float":
        return float(value["float"])
    if tag == "tuple":
        return tuple(unpack(each, tensors) for each in value["tuple"])
    parts = value["dict"] if tag else value.items()
    return {key: unpack(each, tensors) for key, each in parts}


def check_alike(value: object, like: object, name: str) -> None:
    """Raise unless a value is built as another is: the same types, keys, lengths, shapes and dtypes.

    Raises:
        ValueError: it is not; the message names where and what would be right.
    """
    if isinstance(like, Tensor):
        if not isinstance(value, Tensor) or value.shape != like.shape or value.dtype != like.dtype:
            raise ValueError(f"{name} is {_form(value)}; it has to be {_form(like)}")
    elif isinstance(like, Mapping):
        if not isinstance(value, Mapping) or value.keys() != like.keys():
            raise ValueError(f"{name} has {_keys(value)}; it has to have {_keys(like)}")
        for key in like:
            check_alike(value[key], like[key], f"{name}.{key}")
    elif isinstance(like, list | tuple):
        if type(value) is not type(like) or len(value) != len(like):
            raise ValueError(f"{name} is {_form(value)}; it has to be {_form(like)}")
        for i, (each, other) in enumerate(zip(value, like, strict=True)):
            check_alike(each, other, f"{name}.{i}")
    elif _kind(value) is not _kind(like):
        raise ValueError(f"{name} is {_form(value)}; it has to be {_form(like)}")


def _kind(value: object) -> type:
    return float if isinstance(value, int) and not isinstance(value, bool) else type(value)


def _keys(value: object) -> str:
    return f"the keys {', '.join(map(str, value))}"[:200] if isinstance(value, Mapping) else f"no keys ({_form(value)})"


def _form(value: object) -> str:
    if isinstance(value, Tensor):
        return f"a tensor of shape {list(value.shape)} and {str(value.dtype).removeprefix('torch.')}"
    if isinstance(value, list | tuple):
        return f"a {type(value).__name__} of {len(value)}"
    return f"of type {type(value).__name__}"
