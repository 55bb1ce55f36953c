import pytest


@pytest.fixture(autouse=True)
def own_progress(tmp_path, monkeypatch):
    """A progress file and a folder of answers that no learner has."""
    monkeypatch.setenv("RECALL_LEARN_PROGRESS", str(tmp_path / "progress.json"))
    monkeypatch.setenv("RECALL_LEARN_ANSWERS", str(tmp_path / "answers"))
    return tmp_path
