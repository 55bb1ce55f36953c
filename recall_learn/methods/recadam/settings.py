"""The settings of a RecAdam group: checked, and made plain Python numbers where they are kept."""

import math
from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor

from recall_learn.methods.recadam import ALGORITHMS
from recall_learn.methods.recadam.update import HALF
from recall_learn.support import checks

DTYPES = (torch.float64, torch.float32, *HALF)
NEEDED = (
    *("params", "lr", "betas", "eps", "weight_decay", "anneal", "gamma", "algorithm", "recall", "t", "maximize"),
    *("foreach", "fused", "capturable"),
)
"""What a step reads of a group."""
CAPTURABLE = ("cuda", "xpu", "hpu", "xla")
"""Devices on which torch's optimizers, too, take ``capturable=True`` outside of ``torch.compile``."""
FUSED = ("cpu", "cuda")
"""Devices on which the fused kernel is taken."""


def check(group: dict[str, object], look: bool = True) -> None:
    """Check a group's settings in place; numbers of numpy and tensors of one element become floats.

    Args:
        group: of ``param_groups``.
        look: at an ``lr`` that is a tensor. A captured step must not: it would wait for the device.

    Raises:
        ValueError: a setting is out of range.
    """
    for name in NEEDED:
        if name not in group:
            raise ValueError(f"a group of param_groups lacks {name!r}; put it back")
    for name in ("maximize", "capturable", "recall"):
        if not isinstance(group[name], bool):
            raise ValueError(f"{name} is {group[name]!r}; it has to be True or False")
    for name in ("foreach", "fused"):
        if not (group[name] is None or isinstance(group[name], bool)):
            raise ValueError(f"{name} is {group[name]!r}; it has to be True, False or None")
    if group["foreach"] and group["fused"]:
        raise ValueError("foreach=True and fused=True exclude each other; set one of them")
    _check_numbers(group, look)
    if not isinstance(group["t"], Tensor):  # capturable
        group["t"] = checks.whole("t", group["t"], 0)
    if not callable(group["anneal"]):
        raise ValueError(f"anneal is {group['anneal']!r}; it has to be a callable from the step to [0, 1]")
    if group["algorithm"] not in ALGORITHMS:
        raise ValueError(f"algorithm is {group['algorithm']!r}; it has to be one of {', '.join(ALGORITHMS)}")
    if any(p.dtype not in DTYPES for p in group["params"]):
        raise ValueError("params holds a tensor that is not float64, float32, bfloat16 or float16")
    if any(p.layout is not torch.strided for p in group["params"]):
        raise ValueError("params holds a sparse tensor; it has to be dense")


def _check_numbers(group: dict[str, object], look: bool) -> None:
    for name in ("lr", "weight_decay", "eps"):
        if name == "lr" and group["capturable"] and isinstance(group["lr"], Tensor):
            if look:
                number(name, group[name], lambda x: x >= 0, "a number of at least 0")
        else:
            group[name] = number(name, group[name], lambda x: x >= 0, "a number of at least 0")
    if look or not isinstance(group["lr"], Tensor):
        share = float(group["lr"]) * group["weight_decay"]
        if share >= 1:
            raise ValueError(f"lr * weight_decay is {share:g}; it has to be under 1, or the weights change sign")
    if not (isinstance(group["betas"], (tuple, list)) and len(group["betas"]) == 2):
        raise ValueError(f"betas is {group['betas']!r}; it has to be a pair of numbers in [0, 1)")
    group["betas"] = tuple(
        number(f"betas[{i}]", beta, lambda x: 0 <= x < 1, "a number in [0, 1)") for i, beta in enumerate(group["betas"])
    )
    if not isinstance(group["gamma"], Mapping):
        right = "a number of at least 0, or name -> tensor"
        group["gamma"] = number("gamma", group["gamma"], lambda x: x >= 0, right)


def number(name: str, value: object, holds: Callable[[float], bool], right: str) -> float:
    """A finite number as a Python float, from Python, numpy or a tensor of one element.

    Raises:
        ValueError: it is none, or ``holds`` is False.
    """
    if isinstance(value, (Tensor, np.ndarray)) and math.prod(value.shape) == 1:
        value = value.reshape(())
    return checks.number(name, value, holds, right)


def plain(value: object) -> object:
    """A value as it is saved: numbers of numpy and tensors of one element as Python's, in tuples and lists, too."""
    if isinstance(value, (tuple, list)):
        return type(value)(plain(each) for each in value)
    if isinstance(value, (np.generic, np.ndarray, Tensor)) and math.prod(value.shape) == 1:
        return value.item()
    return value


def lambda_at_next(group: dict[str, object]) -> float:
    """Lambda at the group's next step.

    Raises:
        ValueError: ``anneal`` gives no number in [0, 1] there.
    """
    t = int(group["t"]) + 1
    try:
        lam = float(group["anneal"](t))
    except (TypeError, ValueError) as error:
        raise ValueError(f"anneal({t}) gives no number ({error}); it has to give lambda, in [0, 1]") from error
    if not 0 <= lam <= 1:
        raise ValueError(f"anneal({t}) is {lam!r}; lambda has to be in [0, 1]")
    return lam


def pull_at_next(group: dict[str, object], lam: float, gamma: float) -> float:
    """The share of the way home that the next step takes; 0 for "coupled", where the moments rescale it.

    Raises:
        ValueError: it is 2 or more.
    """
    if group["algorithm"] == "coupled":
        return 0.0
    pull = (1 - lam) * float(group["lr"]) * gamma
    if pull >= 2:
        raise ValueError(
            f"(1 - lambda) * lr * gamma is {pull:g} at step {int(group['t']) + 1}; the pull diverges at 2 and above, "
            f"keep it under 1"
        )
    return pull


def path(group: dict[str, object]) -> str:
    """Which of the equal paths a group asks for: by default the fused kernel, and where that is not wanted foreach."""
    if group["fused"] or (group["fused"] is None and group["foreach"] is None):
        return "fused"
    return "foreach" if group["foreach"] or group["foreach"] is None else "plain"


def check_capture(groups: list[dict[str, object]]) -> None:
    """Raise if a CUDA graph is being captured and a group would wait for the device."""
    capturing = torch.cuda.is_initialized() and torch.cuda.is_current_stream_capturing()
    if capturing and not all(group["capturable"] for group in groups):
        raise RuntimeError("a CUDA graph is being captured; make RecAdam with capturable=True for that")
