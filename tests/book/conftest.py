"""What several tests of the lessons share."""

import json

import pytest


@pytest.fixture
def world(tmp_path, monkeypatch):
    """Saves rows as a recording of the small world; the cells read those of this folder."""
    folder = tmp_path / "runs" / "world"
    folder.mkdir(parents=True)
    monkeypatch.chdir(tmp_path)

    def save(name, rows):
        (folder / f"{name}.json").write_text(json.dumps({"environment": {}, "rows": rows}))

    return save
