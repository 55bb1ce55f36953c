"""The settings of a process under which a look is taken, and after which all are as they were."""

import locale
import random
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from typing import Any

import numpy as np
import torch

KEEP = object()
"""A setting that a look leaves as it is, and puts back."""


def _deterministic() -> tuple[bool, bool]:
    return torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()


def _set_deterministic(how: tuple[bool, bool]) -> None:
    torch.use_deterministic_algorithms(how[0], warn_only=how[1])


# (what is set, how it is set, what a look needs)
SETTINGS: list[tuple[Callable[[], Any], Callable[[Any], Any], Any]] = [
    (torch.is_grad_enabled, torch.set_grad_enabled, True),
    (torch.get_default_dtype, torch.set_default_dtype, torch.float32),
    (torch.get_float32_matmul_precision, torch.set_float32_matmul_precision, "highest"),
    (_deterministic, _set_deterministic, (False, False)),
    (torch.is_anomaly_enabled, torch.autograd.set_detect_anomaly, False),
    (lambda: torch.is_autocast_enabled("cpu"), lambda on: torch.set_autocast_enabled("cpu", on), False),
    (torch.get_num_threads, torch.set_num_threads, 1),  # the cases are small
    (np.geterr, lambda how: np.seterr(**how), {"divide": "warn", "over": "warn", "under": "ignore", "invalid": "warn"}),
    (np.geterrcall, np.seterrcall, None),
    (sys.getrecursionlimit, sys.setrecursionlimit, KEEP),
    (lambda: locale.setlocale(locale.LC_ALL), lambda name: locale.setlocale(locale.LC_ALL, name), KEEP),
]


@contextmanager
def standard() -> Iterator[None]:
    """Python, NumPy and torch with the settings that they begin with; afterwards each is what it was before.

    Random numbers go on where they were, too. It may be nested: what the code inside has changed is undone.
    """
    before = [get() for get, _, _ in SETTINGS]
    drawn = torch.get_rng_state(), np.random.get_state(), random.getstate()  # noqa: NPY002
    with ExitStack() as stack:
        if torch.is_inference_mode_enabled():
            stack.enter_context(torch.inference_mode(False))
        stack.enter_context(_on_the_processor())
        stack.enter_context(warnings.catch_warnings())
        _usual_warnings()
        try:
            for get, put, needed in SETTINGS:
                if needed is not KEEP and get() != needed:
                    put(needed)
            yield
        finally:
            for (get, put, _), was in zip(SETTINGS, before, strict=True):
                if get() != was:
                    put(was)
            torch.set_rng_state(drawn[0])
            np.random.set_state(drawn[1])  # noqa: NPY002
            random.setstate(drawn[2])


@contextmanager
def _on_the_processor() -> Iterator[None]:
    """New tensors are on the CPU: neither `torch.set_default_device` nor ``with torch.device(...)`` outside counts."""
    before = torch.get_default_device()
    if before.type != "cpu":
        torch.set_default_device(None)
    inside_a_block = torch.get_default_device().type != "cpu"
    try:
        with torch.device("cpu") if inside_a_block else nullcontext():
            try:
                yield
            finally:
                if torch.get_default_device().type != "cpu":  # set by the code inside
                    torch.set_default_device(None)
    finally:
        if not inside_a_block and before.type != "cpu":
            torch.set_default_device(before)


def _usual_warnings() -> None:
    warnings.resetwarnings()
    for kind in (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning):
        warnings.simplefilter("ignore", kind)
