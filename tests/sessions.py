"""What tests of runs in the background share: small runs, and how one is waited for."""

import time

from labs import PATIENCE

from recall_learn.lab.background import Background
from recall_learn.runs.finetune import finetune
from recall_learn.runs.recipe import Recipe

SETTINGS = {"max_length": 40, "steps": 12, "batch_size": 4, "lr": 1e-3, "evaluate_every": 4}


def recipe(world, method="recadam", **changes):
    usual = {"gamma": 100.0, "k": 0.5, "t0": 6.0} if method.startswith("recadam") else {}
    return Recipe(backbone=str(world / "bert"), method=method, **{**SETTINGS, **usual, **changes})


def begin(world, method="recadam", beside=None, folder=None, **changes):
    options = {"data_folder": world / "glue", "device": "cpu", "folder": folder}
    return Background(recipe(world, method, **changes), beside, **options)


def until(session, *states):
    deadline = time.monotonic() + PATIENCE
    while session.state not in states:
        assert time.monotonic() < deadline, session.state
        time.sleep(0.005)
    return session


def alone(world, tmp_path, name, asked, steer=None):
    options = {"data_folder": world / "glue", "device": "cpu", "progress": False}
    finetune(asked, steer=steer, out=tmp_path / name, **options)
    return tmp_path / name
