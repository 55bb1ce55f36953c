"""JSON files as somebody may have left them: read with one clear sentence for whatever is wrong.

The shape of a file is written as types (`typing_extensions.TypedDict`, dataclasses, ``list[float]``) and checked by
pydantic, strictly: ``true`` is no number and ``"3"`` is none either. What a shape does not name is let through.
"""

import json
import os
import stat
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

from recall_learn.support.checks import shown

T = TypeVar("T")
Json: TypeAlias = float | str | Sequence["Json"] | Mapping[str, "Json"] | None
"""What a JSON file may hold."""

LARGEST = 1 << 30
"""Bytes; no JSON file of this library comes near."""


def read_text(path: str | os.PathLike, what: str) -> str:
    """The text of a file.

    Args:
        path: the file; links are followed.
        what: what it is, for the message: "the grid", "the run".

    Raises:
        FileNotFoundError: there is none.
        IsADirectoryError: it is a folder.
        ValueError: it is a device or a pipe, larger than `LARGEST`, or not UTF-8.
        OSError: it cannot be read.
    """
    path = Path(path)
    try:
        about = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        raise FileNotFoundError(f"{what} {path} is not there") from None
    except (OSError, ValueError) as error:  # a loop of links, a name too long; a NUL in the name
        raise OSError(f"{what} {path} cannot be read: {error}") from None
    if stat.S_ISDIR(about.st_mode):
        raise IsADirectoryError(f"{what} {path} is a folder; name a file")
    if not stat.S_ISREG(about.st_mode):
        raise ValueError(f"{what} {path} is a device or a pipe; name a file")
    if about.st_size > LARGEST:
        raise ValueError(f"{what} {path} has {about.st_size / 1e9:.1f} GB; no such file is that large")
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{what} {path} is not UTF-8 text ({error.reason} at byte {error.start})") from None


def parse_json(text: str | bytes, shape: type[T] = object, *, infinite: bool = False) -> T:
    """What a JSON text holds, once it has the shape.

    Args:
        text: the JSON.
        shape: a type that pydantic knows.
        infinite: whether ``Infinity`` may be in it, which is no JSON, and which transformers writes. Only files of
            others have it; in ours no object names a key twice.

    Returns:
        The value as `json.loads` gives it; integers where the shape has floats stay integers.

    Raises:
        ValueError: it is not JSON, is nested too deeply, holds NaN or an infinity, or a field does not fit the shape:
            the message names the field, its value and what would be right.
    """
    try:
        own = {} if infinite else {"object_pairs_hook": _object}
        value = json.loads(text, parse_constant=_infinity if infinite else _refuse, **own)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except UnicodeDecodeError as error:
        raise ValueError(f"it is not UTF-8 text ({error.reason})") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"it is not JSON: {error}") from None
    except ValueError as error:
        if "set_int_max_str_digits" not in str(error):
            raise
        raise ValueError("it holds an integer of thousands of digits") from None
    check_shape(value, shape)
    return value


def check_shape(value: object, shape: object) -> None:
    """Raise unless a value has the shape.

    Raises:
        ValueError: a field does not fit; the message names it, its value and what would be right.
    """
    from pydantic import ValidationError

    if shape in (object, Any):
        return
    try:
        _adapter(shape).validate_python(value, strict=True)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except ValidationError as error:
        raise ValueError(_sentence(error.errors(include_url=False))) from None


def read_json(path: str | os.PathLike, shape: type[T], what: str, advice: str, *, infinite: bool = False) -> T:
    """What a JSON file holds, once it has the shape.

    Args:
        path: the file.
        shape: as in `parse_json`.
        what: what the file is, for the message: "the grid".
        advice: what would be right, for the message: "restore it, or use another --out".
        infinite: as in `parse_json`.

    Raises:
        FileNotFoundError, IsADirectoryError, OSError: as in `read_text`.
        ValueError: it cannot be read as such a file, and where in it that shows.
    """
    text = read_text(path, what)
    try:
        return parse_json(text, shape, infinite=infinite)
    except ValueError as error:
        raise ValueError(f"{what} {path} is damaged: {error}; {advice}") from None


@cache
def _adapter(shape: Any) -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(shape)


def _sentence(errors: list[dict[str, Any]]) -> str:
    first = errors[0]
    where = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in first["loc"]).removeprefix(".")
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    if first["type"] == "missing":
        return f"{where} is missing{more}"
    right = first["msg"].replace("Input should be", "it has to be").replace("Value error, ", "")
    return f"{where or 'it'} is {shown(first['input'])}; {right}{more}"


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(key for n, (key, _) in enumerate(pairs) if any(key == other for other, _ in pairs[:n]))
        raise ValueError(f"it names {shown(twice)} twice in one object")
    return found


def _refuse(constant: str) -> None:
    raise ValueError(f"it holds {constant}, which is no JSON number")


def _infinity(constant: str) -> float:
    return _refuse(constant) if constant == "NaN" else float(constant)
