"""Comparing a learner's value with the right one, and saying what differs in words of the exercise.

Numbers may come as torch tensors, NumPy arrays, lists or plain numbers, in any precision; a dictionary has to have the
same keys, a tuple the same length. What is compared is the value.
"""

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import is_dataclass
from numbers import Number
from typing import Any

import numpy as np
import torch
from torch import nn

TOLERANCE = 1e-4
"""Relative to the largest entry: float32 is enough."""


def same(got: Any, want: Any, tolerance: float = TOLERANCE) -> bool:
    """Whether two values are the same, but for rounding."""
    return not unlike(got, want) and difference(got, want, tolerance) == ""


def unlike(got: Any, want: Any, what: str = "your result") -> str:
    """What is wrong with the kind of a value: None, another type, shape or set of keys. "" where nothing is."""
    if got is None and want is not None:
        return f"{what} is None: is there a `return`?"
    if isinstance(want, Mapping):
        return _unlike_mapping(got, want, what)
    if isinstance(want, str | bool) or want is None:
        kind = "None" if want is None else "True or False" if isinstance(want, bool) else "a string"
        right = (
            isinstance(got, bool | np.bool_) or (isinstance(got, torch.Tensor) and got.numel() == 1)
            if isinstance(want, bool)
            else isinstance(got, type(want))
        )
        return "" if right else f"{what} is {named(got)}; it has to be {kind}"
    if isinstance(want, set | frozenset):
        return "" if isinstance(got, set | frozenset | list | tuple) else f"{what} is {named(got)}; it has to be a set"
    if isinstance(want, list | tuple) and not plain(want):
        return _unlike_sequence(got, want, what)
    if not numeric(got):
        return f"{what} is {named(got)}; it has to be {named(want)}"
    mine, right = array(got), array(want)
    if mine.shape != right.shape and not mine.size == right.size == 1:
        return f"{what} has shape {list(mine.shape)}; it has to be {list(right.shape)}"
    return ""


def _unlike_mapping(got: Any, want: Mapping, what: str) -> str:
    if not isinstance(got, Mapping):
        return f"{what} is {named(got)}; it has to be a dictionary"
    missing, extra = [key for key in want if key not in got], [key for key in got if key not in want]
    if missing or extra:
        parts = [f"lacks {key!r}" for key in missing[:1]] + [f"has {key!r} too many" for key in extra[:1]]
        return f"{what} {' and '.join(parts)}; its keys have to be {', '.join(map(repr, want))}"
    return next((text for key in want if (text := unlike(got[key], want[key], f"{what}[{key!r}]"))), "")


def _unlike_sequence(got: Any, want: Sequence, what: str) -> str:
    if isinstance(got, torch.Tensor | np.ndarray) and got.ndim and len(got) == len(want):
        got = list(got)
    if not isinstance(got, list | tuple) or len(got) != len(want):
        count = f" of {len(got)}" if isinstance(got, list | tuple) else ""
        return f"{what} is {named(got)}{count}; it has to be {len(want)} values, in a tuple or a list"
    return next((text for i in range(len(want)) if (text := unlike(got[i], want[i], f"{what}[{i}]"))), "")


def difference(got: Any, want: Any, tolerance: float = TOLERANCE, what: str = "your result") -> str:
    """Where two values of the same kind differ, as a sentence; "" where they do not."""
    if isinstance(want, Mapping):
        parts = (difference(got[key], want[key], tolerance, f"{what}[{key!r}]") for key in want)
        return next(filter(None, parts), "")
    if isinstance(want, set | frozenset):
        return "" if set(got) == set(want) else f"{what} is {shown(set(got))}; it has to be {shown(want)}"
    if isinstance(want, str | bool) or want is None:
        return "" if got == want else f"{what} is {shown(got)}; it has to be {shown(want)}"
    if isinstance(want, list | tuple) and not plain(want):
        got = list(got)
        parts = (difference(got[i], want[i], tolerance, f"{what}[{i}]") for i in range(len(want)))
        return next(filter(None, parts), "")
    mine, right = array(got).reshape(array(want).shape), array(want)
    if close(mine, right, tolerance):
        return ""
    if shown(mine) != shown(right):
        return f"{what} is {shown(mine)}; it has to be {shown(right)}"
    apart = np.where(np.isnan(mine) & np.isnan(right), 0, np.nan_to_num(np.abs(mine - right), nan=np.inf))
    place = np.unravel_index(apart.argmax(), right.shape)
    where = f"[{', '.join(map(str, map(int, place)))}]" if place else ""
    return f"{what}{where} is {mine[place]:.9g}; it has to be {right[place]:.9g}"


def undefined(got: Any, want: Any) -> str:
    """A sentence where a value has more nans than the right one, else ""."""
    mine, right = flat(got), flat(want)
    return "your result holds a nan (not a number)" if np.isnan(mine).sum() > np.isnan(right).sum() else ""


def close(mine: np.ndarray, right: np.ndarray, tolerance: float) -> bool:
    """Whether arrays are equal within ``tolerance`` times the largest finite entry of ``right``."""
    finite = np.abs(right[np.isfinite(right)])
    scale = finite.max() if finite.size else 0.0
    return np.allclose(mine, right, rtol=tolerance, atol=tolerance * float(scale) * 0.1, equal_nan=True)


def plain(values: list | tuple) -> bool:
    """Whether a list stands for an array of numbers, and is not a row of arrays."""
    return numeric(values) and all(isinstance(each, Number | list) for each in values)


def permuted(got: Any, want: Any, tolerance: float) -> bool:
    """Whether a tuple or a list of a few has the right parts in another order."""
    if not (isinstance(got, list | tuple) and isinstance(want, list | tuple) and len(got) == len(want) <= 5):
        return False
    return any(
        all(same(mine, right, tolerance) for mine, right in zip(order, want, strict=True))
        for order in itertools.permutations(got)
    )


def misspelt(got: Any, want: Any) -> str:
    """A sentence where a word is the right one but for capitals and blanks, else ""."""
    if not isinstance(got, str) or not isinstance(want, str) or got == want:
        return ""
    alike = "".join(got.split()).lower() == "".join(want.split()).lower()
    return f"your result is {got!r}, and it is spelled {want!r}" if alike else ""


def numeric(value: Any) -> bool:
    """Whether a value is a number or an array of them."""
    if isinstance(value, torch.Tensor | Number | np.generic):
        return True
    if isinstance(value, list | tuple) and not value:
        return False
    try:
        return np.asarray(array(value)).dtype.kind in "biuf"
    except (TypeError, ValueError, RuntimeError):
        return False


def array(value: Any) -> np.ndarray:
    """A number, a tensor or a list as a float64 array."""
    if isinstance(value, torch.Tensor):
        return value.detach().cpu().to(torch.float64).numpy()
    if isinstance(value, list | tuple):
        value = [array(each) for each in value]
    return np.asarray(value, dtype=np.float64)


def shown(value: Any) -> str:
    """A value in a few characters."""
    if not numeric(value) or isinstance(value, bool):
        return repr(value) if len(repr(value)) < 80 else f"{repr(value)[:77]}..."
    flat = array(value)
    if flat.size == 1:
        return f"{flat.item():.6g}"
    text = ", ".join(f"{each + 0.0:.4g}" for each in flat.ravel()[:4])  # + 0: no -0
    return f"[{text}{', ...' if flat.size > 4 else ''}]"


def scalars(value: Any) -> Any:
    """The same, with NumPy's arrays of one number as tensors, which `float` takes in any shape."""
    if isinstance(value, np.ndarray) and value.size == 1 and value.ndim:
        return torch.as_tensor(value)
    if type(value) is dict:
        return {key: scalars(each) for key, each in value.items()}
    if type(value) in (list, tuple):
        return type(value)(map(scalars, value))
    return value


def named(value: Any) -> str:
    """What kind of thing a value is."""
    if value is None:
        return "None"
    if isinstance(value, torch.Tensor | np.ndarray):
        return f"an array of shape {list(value.shape)}"
    if isinstance(value, Number):
        return "a number"
    kind = type(value).__name__
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"


def ratio(pairs: Sequence[tuple[Any, Any]], known: Sequence[Mapping[str, float]]) -> str:
    """What a wrong result is of the right one, in every entry and every case: a factor, which may be a known quantity.

    Args:
        pairs: what came and what is right, one of each case.
        known: quantities of each case, by name, that a factor may be made of.
    """
    factors = [_factor(got, want) for got, want in pairs]
    if not factors or any(factor is None for factor in factors):
        return ""
    if all(abs(factor + 1) < 1e-3 for factor in factors):
        return "your result has the wrong sign, and is right otherwise"
    for name in known[0]:
        for text, power in _POWERS.items():
            if all(np.isclose(f, power(each[name]), rtol=0.01) for f, each in zip(factors, known, strict=True)):
                value = f"{known[0][name]:g}"
                return f"your result is {text.format(f'{name} ({value} in the first case)')} times the right one"
    if np.allclose(factors, factors[0], rtol=1e-3):
        return f"your result is {factors[0]:.4g} times the right one, in every case"
    return ""


_POWERS: dict[str, Callable[[float], float]] = {
    "{}": lambda x: x,
    "1 / {}": lambda x: 1 / x if x else np.nan,
    "the square of {}": lambda x: x * x,
    "1 / the square of {}": lambda x: 1 / x**2 if x else np.nan,
    "the root of {}": lambda x: np.sqrt(x) if x >= 0 else np.nan,
}


def _factor(got: Any, want: Any) -> float | None:
    mine, right = flat(got), flat(want)
    if mine.shape != right.shape or not right.size or not (np.isfinite(mine).all() and np.isfinite(right).all()):
        return None
    factor = float(mine @ right / (right @ right)) if np.any(right) else 0.0
    if factor == 0 or abs(factor - 1) < 1e-3 or not np.allclose(mine, factor * right, rtol=1e-2, atol=1e-12):
        return None
    return factor


def flat(value: Any) -> np.ndarray:
    """All numbers of a value, in one row."""
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list | tuple) and not numeric(value):
        parts = [flat(each) for each in value]
        return np.concatenate(parts) if parts else np.zeros(0)
    return array(value).ravel() if numeric(value) else np.zeros(0)


def transposed(got: Any, want: Any) -> bool:
    """Whether a matrix is the right one with rows and columns exchanged."""
    if not numeric(got) or not numeric(want):
        return False
    mine, right = array(got), array(want)
    if mine.ndim != 2 or mine.shape != right.T.shape:
        return False
    return close(mine, right.T, TOLERANCE) and not (mine.shape == right.shape and close(mine, right, TOLERANCE))


def changed(before: Any, after: Any) -> str:
    """What was changed in place, between a copy from before and the thing itself: "" or what, as "its weights"."""
    if isinstance(before, nn.Module):
        return _changed_model(before, after)
    if isinstance(before, torch.Generator | np.random.Generator) or callable(before):
        return ""
    if isinstance(before, str | Number):
        equal = type(before) is type(after) and (before == after or before != before)
        return "" if equal else "its value"
    if isinstance(before, torch.Tensor | np.ndarray):
        equal = before.shape == after.shape and np.array_equal(array(before), array(after), equal_nan=True)
        return "" if equal else "its numbers"
    if isinstance(before, Mapping):
        if list(before) != list(after):
            return "its keys"
        return next((f"its entry {key!r}" for key in before if changed(before[key], after[key])), "")
    if isinstance(before, list | tuple):
        if len(before) != len(after):
            return "its length"
        return next((f"its entry {i}" for i in range(len(before)) if changed(before[i], after[i])), "")
    if is_dataclass(before):
        return changed(vars(before), vars(after))
    return ""


def _changed_model(before: nn.Module, after: nn.Module) -> str:
    if changed(dict(before.state_dict()), dict(after.state_dict())):
        return "its weights"
    if [module.training for module in before.modules()] != [module.training for module in after.modules()]:
        return "its mode (train or eval)"
    wants = [[p.requires_grad for p in model.parameters()] for model in (before, after)]
    if wants[0] != wants[1]:
        return "requires_grad of its weights"
    return ""
