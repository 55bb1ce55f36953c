"""The modules that some methods add to a model which was pretrained without them."""

import hashlib
from contextlib import AbstractContextManager

from torch import Tensor, nn

from recall_learn.support.random_state import own_randomness


def drawn(name: str, seed: int) -> AbstractContextManager[None]:
    """While the block lasts, what torch draws comes from a generator of a method's own.

    Args:
        name: the method's.
        seed: the run's, which the head and other methods have too.
    """
    key = hashlib.blake2b(f"{name} {seed}".encode(), digest_size=8).digest()
    return own_randomness(int.from_bytes(key))


class Bottleneck(nn.Module):
    r"""An adapter, :math:`h + W_2\, gelu(W_1 h + b_1) + b_2`; weights are drawn from N(0, ``init``^2), biases are 0.

    Args:
        size: of h.
        width: of what is between.
        init: standard deviation.
    """

    def __init__(self, size: int, width: int, init: float):
        super().__init__()
        self.down, self.up = nn.Linear(size, width), nn.Linear(width, size)
        for layer in (self.down, self.up):
            nn.init.normal_(layer.weight, std=init)
            nn.init.zeros_(layer.bias)

    def forward(self, hidden: Tensor) -> Tensor:
        """The same shape, [..., size]."""
        return hidden + self.up(nn.functional.gelu(self.down(hidden)))
