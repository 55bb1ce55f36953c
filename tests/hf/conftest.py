"""What several of these tests train: a small BERT and a small MRPC, in folders."""

import pytest
from small import save_backbone, save_glue, short_text

from recall_learn.world import World


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A folder with ``bert`` and ``glue``; a file that needs others has a fixture of its own by this name."""
    root = tmp_path_factory.mktemp("world")
    save_backbone(root / "bert")
    save_glue(root / "glue", "mrpc")
    return root


@pytest.fixture
def bert(tmp_path):
    """A folder with a small BERT."""
    save_backbone(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def short_world():
    """The small world with little text."""
    with short_text():
        made = World()
        made.text("train")
        yield made
