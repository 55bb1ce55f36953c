"""The modules that some methods add to a model which was pretrained without them."""

import hashlib
from contextlib import AbstractContextManager

from recall_learn.support.random_state import own_randomness


def drawn(name: str, seed: int) -> AbstractContextManager[None]:
    """While the block lasts, what torch draws comes from a generator of a method's own.

    Args:
        name: the method's.
        seed: the run's, which the head and other methods have too.
    """
    key = hashlib.blake2b(f"{name} {seed}".encode(), digest_size=8).digest()
    return own_randomness(int.from_bytes(key))
