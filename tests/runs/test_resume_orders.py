"""Methods that act on rates, on the order of layers and after the run: one that was stopped ends as if it had not."""

import pytest
from alike import assert_same_run
from test_resume import Crash, crash_after, go

from recall_learn.runs import finetune as finetuning

METHODS = [
    "ema(decay=0.5) + thaw(every=3)",
    "reinit + layer-rates + slanted",
    "bertadam + wise-ft(points=2)",
    "recadam(t0=6) + layer-rates + ema(decay=0.9) + wise-ft(points=2)",
]


@pytest.mark.parametrize("method", METHODS)
def test_a_crash_between_two_checkpoints_changes_nothing(world, tmp_path, monkeypatch, method):
    monkeypatch.setattr(finetuning, "QUICK", 1e9)
    asked = {"method": method, "k": None, "t0": None}
    go(world, tmp_path / "whole", **asked)
    with pytest.raises(Crash):
        go(world, tmp_path / "stopped", crash_after(7), **asked)
    go(world, tmp_path / "stopped", resume=True, **asked)
    assert_same_run(tmp_path / "whole", tmp_path / "stopped")
