"""What all tests share: small tensors on one thread each, and no model hub."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is imported; inherited by the processes that tests start
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import psutil
import pytest


@pytest.fixture
def begun():
    """A function: the processes that this test has started, directly or not, and that are still there."""
    before = set(psutil.Process().children(recursive=True))  # the browser of other tests may be among them
    return lambda: set(psutil.Process().children(recursive=True)) - before
