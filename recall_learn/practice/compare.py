"""Comparing a learner's value with the right one, and saying what differs in words of the exercise.

What a value is, `values.plain` says: numbers may come as torch tensors, NumPy arrays, lists or plain numbers, in any
precision. Here it is decided what is the same: a dictionary has to have the same keys, a tuple the same length; whole
numbers and truth values have to be just those, and other numbers the same but for rounding.
"""

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import is_dataclass
from numbers import Number
from typing import Any

import numpy as np
import torch
from torch import nn

from recall_learn.practice.values import Odd, numbers, of_kind, plain

TOLERANCE = 1e-4
"""Relative to the largest entry: float32 is enough."""
WHOLE = 1e-6
"""Relative; what is left by float32 where a whole number is right."""
ZERO = 1e-9
"""What counts as 0 where all that is right is 0."""


def same(got: object, want: object, tolerance: float = TOLERANCE) -> bool:
    """Whether two values are the same, but for rounding."""
    got, want = plain(got), plain(want)
    return not _unlike(got, want, "") and not _difference(got, want, tolerance, "")


def unlike(got: object, want: object, what: str = "your result") -> str:
    """What is wrong with the kind of a value: None, another type, shape or set of keys. "" where nothing is."""
    got, want = plain(got), plain(want)
    if got is None and want is not None:
        return f"{what} is None: is there a `return`?"
    return _unlike(got, want, what)


def _unlike(got: Any, want: Any, what: str) -> str:
    if isinstance(got, Odd):
        return f"{what} is {got.kind}; it has to be {named(want)}{'. ' if got.advice else ''}{got.advice}"
    if isinstance(want, dict):
        return _unlike_mapping(got, want, what)
    if isinstance(want, set):
        return "" if isinstance(got, set | list | tuple) else f"{what} is {named(got)}; it has to be a set"
    if isinstance(want, str | bool) or want is None:
        one = isinstance(got, torch.Tensor) and got.numel() == 1 and of_kind(got, bool)
        right = type(got) is type(want) or (isinstance(want, bool) and one)
        return "" if right else f"{what} is {named(got)}; it has to be {named(want)}"
    if isinstance(want, tuple) or numbers(want) is None:
        return _unlike_sequence(got, want, what)
    return _unlike_numbers(got, want, what)


def _unlike_mapping(got: Any, want: Mapping, what: str) -> str:
    if not isinstance(got, Mapping):
        return f"{what} is {named(got)}; it has to be a dictionary"
    missing, extra = [key for key in want if key not in got], [key for key in got if key not in want]
    if missing or extra:
        parts = [f"lacks {shown(key)}" for key in missing[:1]] + [f"has {shown(key)} too many" for key in extra[:1]]
        return f"{what} {' and '.join(parts)}; its keys have to be {', '.join(map(shown, want)) or 'none'}"
    return next((text for key in want if (text := _unlike(got[key], want[key], f"{what}[{key!r}]"))), "")


def _unlike_sequence(got: Any, want: Sequence, what: str) -> str:
    came, got = got, _row(got)
    if not isinstance(got, list | tuple) or len(got) != len(want):
        count = f" of {len(got)}" if isinstance(came, list | tuple) else ""
        return f"{what} is {named(came)}{count}; it has to be {len(want)} values, in a tuple or a list"
    return next((text for i in range(len(want)) if (text := _unlike(got[i], want[i], f"{what}[{i}]"))), "")


def _unlike_numbers(got: Any, want: Any, what: str) -> str:
    mine, right = numbers(got), numbers(want)
    if isinstance(got, list | tuple) and isinstance(want, int | float):
        return f"{what} is {named(got)} of {len(got)}; it has to be one number"
    if mine is None and isinstance(got, list | tuple):
        part = next((text for i, each in enumerate(got) if (text := _no_number(each, f"{what}[{i}]"))), "")
        return part or f"{what} is a list of parts of different shapes; it has to be {named(want)}"
    if mine is None:
        return f"{what} is {named(got)}; it has to be {named(want)}"
    if isinstance(want, list) and mine.ndim == right.ndim == 1 and mine.size != right.size:
        return f"{what} is {shown(got)}, of length {mine.size}; it has to be {shown(want)}, of length {right.size}"
    if mine.shape != right.shape and not mine.size == right.size == 1:
        came = f"has shape {list(mine.shape)}" if mine.ndim else "is one number"
        return f"{what} {came}; it has to be {list(right.shape) if mine.ndim and right.ndim else _asked(right)}"
    if right.size and of_kind(want, bool) and not of_kind(got, bool):
        return f"{what} is an array of numbers; it has to be one of True and False"
    return ""


def _asked(right: np.ndarray) -> str:
    return f"an array of shape {list(right.shape)}" if right.ndim else "one number"


def _no_number(value: Any, what: str) -> str:
    if isinstance(value, list | tuple):
        return next((text for i, each in enumerate(value) if (text := _no_number(each, f"{what}[{i}]"))), "")
    return "" if numbers(value) is not None else _unlike(value, 0.0, what)


def _row(value: Any) -> Any:
    """The parts of an array along its first dimension; anything else as it is."""
    return [plain(each) for each in value] if isinstance(value, torch.Tensor) else value


def difference(got: object, want: object, tolerance: float = TOLERANCE, what: str = "your result") -> str:
    """Where two values of the same kind differ, as a sentence; "" where they do not."""
    return _difference(plain(got), plain(want), tolerance, what)


def _difference(got: Any, want: Any, tolerance: float, what: str) -> str:
    if isinstance(want, Mapping):
        parts = (_difference(got[key], want[key], tolerance, f"{what}[{key!r}]") for key in want)
        return next(filter(None, parts), "")
    if isinstance(want, set):
        return "" if set(got) == want else f"{what} is {shown(set(got))}; it has to be {shown(want)}"
    if isinstance(want, bool):
        got = bool(got)
    if isinstance(want, str | bool) or want is None:
        return "" if got == want else f"{what} is {shown(got)}; it has to be {shown(want)}"
    if isinstance(want, tuple) or numbers(want) is None:
        got = _row(got)
        parts = (_difference(got[i], want[i], tolerance, f"{what}[{i}]") for i in range(len(want)))
        return next(filter(None, parts), "")
    mine, right = numbers(got).reshape(numbers(want).shape), numbers(want)
    if close(mine, right, tolerance, whole=of_kind(want, int) or of_kind(want, bool)):
        return ""
    if shown(got) != shown(want):
        return f"{what} is {shown(got)}; it has to be {shown(want)}"
    same = (mine == right) | (np.isnan(mine) & np.isnan(right))
    with np.errstate(invalid="ignore"):  # of two infinities
        apart = np.where(same, 0, np.nan_to_num(np.abs(mine - right), nan=np.inf))
    place = np.unravel_index(apart.argmax(), right.shape)
    where = f"[{', '.join(map(str, map(int, place)))}]" if place else ""
    return f"{what}{where} is {mine[place]:.9g}; it has to be {right[place]:.9g}"


def undefined(got: object, want: object) -> str:
    """A sentence where a value has more nans than the right one, else ""."""
    mine, right = flat(got), flat(want)
    return "your result holds a nan (not a number)" if np.isnan(mine).sum() > np.isnan(right).sum() else ""


def close(mine: np.ndarray, right: np.ndarray, tolerance: float, whole: bool = False) -> bool:
    """Whether arrays are equal within ``tolerance`` times the largest finite entry of ``right``.

    Whole numbers have to be the same ones: 1e-6 of them may be missing, and never a half.
    """
    if whole:
        return bool((np.abs(mine - right) <= np.minimum(WHOLE * np.maximum(np.abs(right), 1.0), 0.4)).all())
    finite = np.abs(right[np.isfinite(right)])
    scale = float(finite.max()) if finite.size else 0.0
    absolute = tolerance * scale * 0.1 if scale else ZERO
    with np.errstate(all="ignore"):
        return np.allclose(mine, right, rtol=tolerance, atol=absolute, equal_nan=True)


def permuted(got: object, want: object, tolerance: float) -> bool:
    """Whether a tuple or a list of a few has the right parts in another order."""
    if not (isinstance(got, list | tuple) and isinstance(want, list | tuple) and len(got) == len(want) <= 5):
        return False
    return not same(got, want, tolerance) and any(
        all(same(mine, right, tolerance) for mine, right in zip(order, want, strict=True))
        for order in itertools.permutations(got)
    )


def misspelt(got: object, want: object) -> str:
    """A sentence where a word is the right one but for capitals and blanks, else ""."""
    if not isinstance(got, str) or not isinstance(want, str) or got == want:
        return ""
    alike = "".join(got.split()).lower() == "".join(want.split()).lower()
    return f"your result is {got!r}, and it is spelled {want!r}" if alike else ""


def numeric(value: object) -> bool:
    """Whether a value is a number or an array of them."""
    return numbers(plain(value)) is not None


def array(value: object) -> np.ndarray:
    """A number, a tensor or a list as a float64 array.

    Raises:
        TypeError: it is none.
    """
    value = plain(value)
    found = numbers(value)
    if found is None:
        raise TypeError(f"{named(value)} is no array of numbers")
    return found


def shown(value: object) -> str:
    """A value in a few characters."""
    value = plain(value)
    found = numbers(value)
    if found is None or isinstance(value, bool):
        text = value.kind if isinstance(value, Odd) else repr(value)
        return text if len(text) < 80 else f"{text[:77]}..."
    if not isinstance(value, list | tuple | torch.Tensor) or found.size == 1:
        return f"{found.item():.6g}"
    truth = found.size > 0 and of_kind(value, bool)
    text = ", ".join(str(bool(each)) if truth else f"{each + 0.0:.4g}" for each in found.ravel()[:4])  # + 0: no -0
    return f"[{text}{', ...' if found.size > 4 else ''}]"


def named(value: object) -> str:
    """What kind of thing a value is."""
    value = plain(value)
    if isinstance(value, Odd):
        return value.kind
    if isinstance(value, torch.Tensor):
        return f"an array of {'True and False of ' if of_kind(value, bool) else ''}shape {list(value.shape)}"
    kinds = {bool: "True or False", type(None): "None", int: "a number", float: "a number", dict: "a dictionary"}
    return kinds.get(type(value)) or f"a {'string' if isinstance(value, str) else type(value).__name__}"


def ratio(
    pairs: Sequence[tuple[object, object]], known: Sequence[Mapping[str, float]], of: str = "the right one"
) -> str:
    """What a wrong result is of the right one, in every entry and every case: a factor, which may be a known quantity.

    Args:
        pairs: what came and what is right, one of each case.
        known: quantities of each case, by name, that a factor may be made of.
        of: what the second ones are, for the message.
    """
    factors = [_factor(got, want) for got, want in pairs]
    if not factors or any(factor is None for factor in factors):
        return ""
    if all(abs(factor + 1) < 1e-3 for factor in factors):
        return f"your result has the wrong sign, and is {'right' if of == 'the right one' else of} otherwise"
    for name in known[0]:
        for text, power in _POWERS.items():
            if all(np.isclose(f, power(each[name]), rtol=0.01) for f, each in zip(factors, known, strict=True)):
                value = f"{known[0][name]:g}"
                return f"your result is {text.format(f'{name} ({value} in the first case)')} times {of}"
    if np.allclose(factors, factors[0], rtol=1e-3):
        return f"your result is {factors[0]:.4g} times {of}, in every case"
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


def near(got: object, want: object) -> bool:
    """Whether numbers differ by no more than a hundredth, which no factor is told from."""
    mine, right = flat(got), flat(want)
    return mine.shape == right.shape and np.allclose(mine, right, rtol=1e-2, atol=1e-12)


def flat(value: object) -> np.ndarray:
    """All numbers of a value, in one row."""
    value = plain(value)
    found = numbers(value)
    if found is not None:
        return found.ravel()
    parts = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list | tuple) else []
    return np.concatenate([flat(each) for each in parts]) if parts else np.zeros(0)


def transposed(got: object, want: object) -> bool:
    """Whether a matrix is the right one with rows and columns exchanged."""
    mine, right = numbers(plain(got)), numbers(plain(want))
    if mine is None or right is None or mine.ndim != 2 or mine.shape != right.T.shape:
        return False
    return close(mine, right.T, TOLERANCE) and not (mine.shape == right.shape and close(mine, right, TOLERANCE))


def changed(before: object, after: object) -> str:
    """What was changed in place, between a copy from before and the thing itself: "" or what, as "its weights"."""
    if type(before) is not type(after):
        return "its value"
    if isinstance(before, nn.Module):
        return _changed_model(before, after)
    if isinstance(before, torch.Generator | np.random.Generator) or callable(before):
        return ""
    if isinstance(before, str | Number):
        return "" if before == after or before != before else "its value"
    if isinstance(before, torch.Tensor | np.ndarray):
        if not _equal(before, after):
            return "its numbers"
        return _changed_gradient(before, after) if isinstance(before, torch.Tensor) and before.is_leaf else ""
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


def _changed_gradient(before: torch.Tensor, after: torch.Tensor) -> str:
    if before.requires_grad != after.requires_grad:
        return "its requires_grad"
    return "" if _equal(before.grad, after.grad) else "its gradient, `.grad`"


def _equal(before: torch.Tensor | np.ndarray | None, after: torch.Tensor | np.ndarray | None) -> bool:
    mine, right = numbers(plain(after)), numbers(plain(before))
    if mine is None or right is None:
        return mine is right
    return mine.shape == right.shape and np.array_equal(mine, right, equal_nan=True)


def _changed_model(before: nn.Module, after: nn.Module) -> str:
    if changed(*(dict(model.state_dict()) for model in (before, after))):
        return "its weights"
    if [module.training for module in before.modules()] != [module.training for module in after.modules()]:
        return "its mode (train or eval)"
    weights = [dict(model.named_parameters()) for model in (before, after)]
    if list(weights[0]) != list(weights[1]):
        return "the names of its weights"
    for name, weight in weights[0].items():
        if weight.requires_grad != weights[1][name].requires_grad:
            return "requires_grad of its weights"
        if _changed_gradient(weight, weights[1][name]):
            return "its weights' `.grad`, which `torch.autograd.grad` leaves alone"
    for before_it, after_it in zip(before.modules(), after.modules(), strict=True):
        if new := [name for name in vars(after_it) if name not in vars(before_it)]:
            return f"its attributes: `{new[0]}` is new"
    return "" if _hooks(before) == _hooks(after) else "its hooks: take off each one that you have put on"


def _hooks(model: nn.Module) -> list[list[int]]:
    kinds = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    of_modules = [[len(getattr(module, kind)) for kind in kinds] for module in model.modules()]
    kinds = ("_backward_hooks", "_post_accumulate_grad_hooks")
    return [*of_modules, *([len(getattr(weight, kind, None) or ()) for kind in kinds] for weight in model.parameters())]
