"""The random state of this process, of all generators that training draws from: taken, and put back."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NotRequired, TypedDict

import numpy as np
import torch


class RandomState(TypedDict):
    """The states of the generators; that of the GPU's where one is in use."""

    torch: torch.Tensor
    python: tuple
    numpy: tuple
    cuda: NotRequired[torch.Tensor]


def random_state() -> RandomState:
    """The state of torch's, numpy's and Python's own generator, and of the GPU's where one is in use."""
    kind, *numbers = np.random.get_state()  # noqa: NPY002 the legacy state is what transformers seeds
    state = {
        "torch": torch.get_rng_state(),
        "python": random.getstate(),
        "numpy": (kind, numbers[0].tolist(), *numbers[1:]),
    }
    if torch.cuda.is_available() and torch.cuda.is_initialized():
        state["cuda"] = torch.cuda.get_rng_state()
    return state


def set_random_state(state: RandomState) -> None:
    """Put back what `random_state` gave; where there is no GPU now, its state is left out."""
    torch.set_rng_state(state["torch"])
    np.random.set_state(state["numpy"])  # noqa: NPY002
    random.setstate(state["python"])
    if "cuda" in state and torch.cuda.is_available():
        torch.cuda.set_rng_state(state["cuda"])


@contextmanager
def own_randomness(seed: int) -> Iterator[None]:
    """Draw on the CPU from ``seed``, and give torch's global generator back as it was."""
    with torch.random.fork_rng(devices=[]), torch.device("cpu"):
        torch.default_generator.manual_seed(seed)  # torch.manual_seed would seed every GPU as well
        yield
