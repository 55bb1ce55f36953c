"""No run outlives its test; and labs, which end with theirs."""

import threading

import pytest
from labs import PATIENCE

from recall_learn.lab import background
from recall_learn.lab.live import Lab
from recall_learn.runs.recipe import Recipe


@pytest.fixture(autouse=True)
def _no_thread_stays():
    yield
    for each in list(background._LIVING):
        each.close(wait=PATIENCE)
    for thread in threading.enumerate():
        if thread.name.startswith("recall-learn"):
            thread.join(PATIENCE)
            assert not thread.is_alive(), thread.name


@pytest.fixture
def make(world):
    made = []

    def make(beside="plain fine-tuning", folder=None, **changes):
        settings = {
            "backbone": str(world / "bert"),
            "max_length": 40,
            "steps": 12,
            "batch_size": 4,
            "lr": 1e-3,
            "evaluate_every": 4,
            "k": 0.5,
            "t0": 6.0,
        }
        recipe = Recipe(method="recadam", gamma=100.0, **{**settings, **changes})
        options = {"data_folder": world / "glue", "device": "cpu"}
        made.append(Lab(**options, folder=folder) if folder else Lab(recipe, beside, **options))
        return made[-1]

    yield make
    for lab in made:
        lab.close()
