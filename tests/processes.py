"""Two processes that talk over gloo on the loopback, as data-parallel and sharded training have them."""

import pytest
import torch.multiprocessing as mp


def in_two(work, folder):
    """Run ``work(rank, folder)`` in two processes of their own, and wait for both."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GLOO_SOCKET_IFNAME", "lo")
        mp.spawn(work, (str(folder),), nprocs=2)
