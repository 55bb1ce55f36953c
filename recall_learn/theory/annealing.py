r"""Objective shifting: how the weight of the target task grows during fine-tuning.

Recall & Learn minimises :math:`\lambda(t)\, Loss_T + (1 - \lambda(t))\, Loss_S`, with t the optimizer's update count
(steps, starting at 1). Each schedule here is lambda: a number in [0, 1] for every t, however early, late or steep.

A schedule takes a number and gives a Python float. It also takes an array: a list or numpy array gives a numpy array, a
torch tensor a tensor on the same device (not differentiable). A ``t`` that is nan or no number raises ValueError.
``k``, ``t0`` and ``value`` may come as numbers of numpy or tensors of one element; they are kept as Python floats.

Chen et al., 2020, "Recall and Learn", section 3.2. Their code also has ``linear`` and ``constant``.
"""

import math
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, astuple, dataclass, fields
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np

from recall_learn.support.checks import number

if TYPE_CHECKING:
    from torch import Tensor


class _Shape:
    """What the schedules share: ``_formula(t, lib)``, lambda at the float64 array ``t`` of numpy or torch."""

    _formula: Callable

    def __call__(self, t):
        """Lambda at step ``t``, a number or an array."""
        return _evaluate(self._formula, t)

    def __reduce__(self):
        # through the constructor, so that what a file brings is checked
        return type(self), astuple(self)


@dataclass(frozen=True)
class Sigmoid(_Shape):
    r"""The paper's schedule, :math:`\lambda(t) = 1 / (1 + e^{-k (t - t_0)})`.

    ``k = 0`` is 1/2 for ever (multi-task learning). ``k = inf`` is a step: 0 before ``t0``, 1/2 at ``t0``, 1 after it
    (plain fine-tuning from there on). The rise from 10 % to 90 % takes ``4.39 / k`` steps. From ``37 / k`` steps after
    ``t0`` lambda is 1 exactly, in double precision.

    Args:
        k: rate, per step; at least 0, ``inf`` allowed.
        t0: the step at which both losses weigh the same; at least 0.

    Raises:
        ValueError: ``k`` or ``t0`` is negative or not a number, or ``t0`` is infinite.
    """

    k: float
    t0: float

    def __post_init__(self):
        _keep(self, "k", math.inf, "a number, at least 0 (inf is a step)")
        _keep(self, "t0", sys.float_info.max, "a finite number of steps, at least 0")

    def _formula(self, t, lib=np):
        """Lambda at the array ``t``."""
        late = t - self.t0
        # 0 * inf is no number: a flat sigmoid stays flat at t = inf, a step passes through 1/2 at t0
        x = lib.where(late == 0, lib.zeros_like(t), self.k * late) if self.k > 0 else lib.zeros_like(t)
        # exp(-|x|) never overflows, where exp(-k (t - t0)) does for the early steps of a steep schedule
        small = lib.exp(-abs(x))
        return lib.where(x < 0, small, lib.ones_like(t)) / (1.0 + small)


@dataclass(frozen=True)
class Linear(_Shape):
    r"""A straight ramp, :math:`\lambda(t) = \min(1, t / t_0)`.

    ``t0 = 0`` is 1 for ever, plain fine-tuning; the authors' code divides by zero there.

    Args:
        t0: the step from which on only the target task counts; at least 0.

    Raises:
        ValueError: ``t0`` is negative, infinite or not a number.
    """

    t0: float

    def __post_init__(self):
        _keep(self, "t0", sys.float_info.max, "a finite number of steps, at least 0")

    def _formula(self, t, lib=np):
        """Lambda at the array ``t``."""
        return _ramp(t, self.t0, lib)


@dataclass(frozen=True)
class Cosine(_Shape):
    r"""Half a cosine wave, :math:`\lambda(t) = \frac{1}{2} (1 - \cos(\pi \min(t / t_0, 1)))`.

    It starts and ends flat, and unlike the sigmoid it is exactly 0 at step 0 and exactly 1 from ``t0`` on. It is not in
    the paper. ``t0 = 0`` is 1 for ever.

    Args:
        t0: the step from which on only the target task counts; at least 0.

    Raises:
        ValueError: ``t0`` is negative, infinite or not a number.
    """

    t0: float

    def __post_init__(self):
        _keep(self, "t0", sys.float_info.max, "a finite number of steps, at least 0")

    def _formula(self, t, lib=np):
        """Lambda at the array ``t``."""
        return 0.5 * (1.0 - lib.cos(math.pi * _ramp(t, self.t0, lib)))


@dataclass(frozen=True)
class Constant(_Shape):
    r"""The same weight at every step, :math:`\lambda(t) = value`.

    1 is plain fine-tuning, 1/2 multi-task learning, 0 never looks at the target task.

    Args:
        value: the weight of the target task, in [0, 1].

    Raises:
        ValueError: ``value`` is not a number in [0, 1].
    """

    value: float

    def __post_init__(self):
        _keep(self, "value", 1.0, "a number in [0, 1]")

    def _formula(self, t, lib=np):
        """Lambda at the array ``t``."""
        return lib.full_like(t, self.value)


Schedule = Sigmoid | Linear | Cosine | Constant

_SHAPES = {cls.__name__.lower(): cls for cls in (Sigmoid, Linear, Cosine, Constant)}


def as_dict(schedule: Schedule) -> dict[str, str | float]:
    """The schedule in plain types, as ``{"shape": "sigmoid", "k": 0.1, "t0": 250.0}``.

    An infinite ``k`` stays the float ``inf``, which Python's ``json`` writes as ``Infinity`` and reads back.

    Raises:
        ValueError: ``schedule`` is none of this module's schedules.
    """
    shape = type(schedule).__name__.lower()
    if _SHAPES.get(shape) is not type(schedule):
        raise ValueError(f"schedule is {schedule!r}; it must be a Sigmoid, Linear, Cosine or Constant")
    return {"shape": shape, **asdict(schedule)}


def from_dict(values: Mapping[str, str | float]) -> Schedule:
    """The schedule that ``as_dict`` wrote: ``from_dict(as_dict(schedule)) == schedule``.

    Raises:
        ValueError: the shape is unknown, an argument of it is missing, too many or out of its range.
    """
    if not isinstance(values, Mapping):
        raise ValueError(f"values is {values!r}; it must be a dictionary such as {as_dict(Sigmoid(0.1, 250))}")
    shape = values.get("shape")
    if not isinstance(shape, str) or shape not in _SHAPES:
        raise ValueError(f"shape is {shape!r}; it must be one of {', '.join(_SHAPES)}")
    needed = [field.name for field in fields(_SHAPES[shape])]
    given = [key for key in values if key != "shape"]
    if set(given) != set(needed):
        raise ValueError(f"shape {shape!r} came with the keys {given}; it must have exactly {needed}")
    return _SHAPES[shape](**{name: values[name] for name in needed})


def on_device(schedule: Callable, t: "Tensor") -> "Tensor":
    """Lambda in float64 at a step that is a tensor, computed where the tensor is and without a look at its value.

    A CUDA graph may hold such a computation: nothing is copied to the device or from it, and so nothing is checked.

    Args:
        schedule: one of this module's, or a callable that gives a tensor for a tensor.
        t: the step, 0-dim.

    Raises:
        ValueError: the callable gives something else than a 0-dim tensor on the device of ``t``.
    """
    import torch

    if type(schedule) in _SHAPES.values():
        return schedule._formula(t.double(), torch)
    lam = schedule(t)
    if not isinstance(lam, torch.Tensor) or lam.device != t.device or lam.dim():
        raise ValueError(
            f"anneal gives {lam!r} for a step on {t.device}; with capturable=True it has to give a 0-dim tensor there"
        )
    return lam.double()


def _ramp(t, t0: float, lib):
    """min(1, t / t0), and 0 before step 0."""
    return lib.clip(t / t0, 0.0, 1.0) if t0 > 0 else lib.ones_like(t)


def _is_tensor(value: Any) -> bool:
    """Whether it is torch's; where torch was not imported there is none, and importing it would take a second."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)


def _evaluate(schedule, t):
    """Call ``schedule``, a function of a float64 array, and answer in the kind of ``t``."""
    raw, tensor = t, _is_tensor(t)
    if tensor:
        import torch

        raw = t.detach().cpu().to(torch.float64 if t.is_floating_point() else t.dtype)
    raw = np.asarray(raw)
    if raw.dtype.kind not in "iuf" or np.isnan(steps := raw.astype(np.float64)).any():
        raise ValueError(f"t is {t!r}; it must be a number of steps or an array of them")
    with np.errstate(all="ignore"):
        values = np.asarray(schedule(steps))
    if tensor:
        dtype = t.dtype if t.is_floating_point() else torch.get_default_dtype()
        return torch.as_tensor(values, dtype=dtype, device=t.device)
    return float(values) if isinstance(t, Real) else values


def _keep(schedule, name: str, high: float, right: str) -> None:
    """Make the argument ``name`` a float, or raise unless it is a number in [0, high]."""
    value = getattr(schedule, name)
    if getattr(value, "size", None) == 1 or (_is_tensor(value) and value.numel() == 1):
        value = value.item()
    value = number(f"{type(schedule).__name__}: {name}", value, lambda x: 0 <= x <= high, right, infinite=True)
    object.__setattr__(schedule, name, value)
