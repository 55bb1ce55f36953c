"""What the tests of tasks share."""

import pytest

from recall_learn.tasks import loading


@pytest.fixture
def read(tmp_path, monkeypatch):
    """A function: write a file of that content in the current folder, and load it as a task."""
    monkeypatch.chdir(tmp_path)

    def load(content, name="reviews.csv", **columns):
        (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        return loading.load(name, **columns)

    return load
