"""Half precision: bf16, and fp16 with its scaled losses, which needs a GPU but is made to work on a CPU here.

The gradients of a scaled loss may overflow. Such a step is none: nothing moves, and the next loss is scaled less.
"""

import numpy as np
import pytest
import torch
from accelerate.state import AcceleratorState
from alike import assert_same_run
from safetensors.torch import load_file
from small import acting
from torch.nn.modules.module import register_module_forward_hook

from recall_learn.runs.finetune import finetune
from recall_learn.runs.recipe import Recipe
from recall_learn.runs.trainer import StepTrainer
from recall_learn.support import environment
from recall_learn.theory.annealing import Sigmoid

SETTINGS = {"max_length": 32, "steps": 12, "batch_size": 4, "lr": 1e-3, "k": 0.5, "t0": 4, "evaluate_every": 4}
GAMMA = {"recadam": 100.0, "l2sp": 0.1}


def run(world, on_step=None, out=None, resume=False, steer=None, **changes):
    settings = {**SETTINGS, "gamma": GAMMA.get(changes.get("method", "vanilla").split("+")[0]), **changes}
    recipe = Recipe(backbone=str(world / "bert"), **acting(settings))
    options = {"out": out, "resume": resume, "steer": steer, "data_folder": world / "glue", "device": "cpu"}
    return finetune(recipe, on_step, **options)


@pytest.fixture
def scaled(monkeypatch):
    """fp16 on the CPU, as Trainer has it on a GPU, with losses that are scaled so far that they overflow at times."""
    make = StepTrainer.create_accelerator_and_postprocess

    def create(trainer):
        if trainer.args.mixed_precision != "fp16":
            return make(trainer)
        trainer.args.mixed_precision = "bf16"  # accelerate would refuse the other one here
        make(trainer)
        for state in (AcceleratorState(), trainer.accelerator.state):
            state._mixed_precision = "fp16"
        trainer.accelerator.scaler = torch.amp.GradScaler(
            "cpu", init_scale=2.0**126, growth_factor=2.0**110, backoff_factor=2.0**-60, growth_interval=4
        )

    monkeypatch.setattr(environment, "check_precision", lambda mixed_precision, device: None)
    monkeypatch.setattr(StepTrainer, "create_accelerator_and_postprocess", create)


def test_bf16_computes_otherwise_and_keeps_float32_weights(world, tmp_path):
    full, half = run(world, out=tmp_path / "full"), run(world, out=tmp_path / "half", mixed_precision="bf16")
    assert full.history[0]["loss"] != half.history[0]["loss"]
    assert half.history[0]["loss"] == pytest.approx(full.history[0]["loss"], rel=0.02)
    weights = load_file(tmp_path / "half" / "model" / "model.safetensors")
    assert {weight.dtype for weight in weights.values()} == {torch.float32}


def test_nothing_is_evaluated_in_half_precision(world):
    seen = {True: set(), False: set()}

    def look(module, inputs, output):
        if isinstance(module, torch.nn.Linear):
            seen[module.training].add(output.dtype)

    hook = register_module_forward_hook(look)
    try:
        run(world, mixed_precision="bf16")
    finally:
        hook.remove()
    assert seen == {True: {torch.bfloat16}, False: {torch.float32}}


def test_fp16_needs_a_gpu(world, tmp_path):
    with pytest.raises(ValueError, match="'fp16', which needs a GPU"):
        run(world, out=tmp_path / "never", mixed_precision="fp16")
    assert not (tmp_path / "never").exists()


def skips(done):
    return [record["step"] for record in done.history if record.get("skipped")]


@pytest.mark.parametrize("method", ["vanilla", "recadam", "l2sp", "child-f", "recadam+child-d"])
def test_an_overflow_is_a_step_that_was_none(world, scaled, method):
    weights, moved = [], []

    def look(done, optimizer):
        now = torch.cat([p.detach().flatten() for group in optimizer.param_groups for p in group["params"]])
        moved.append(not weights or not torch.equal(now, weights[-1]))
        weights.append(now)

    done = run(world, look, method=method, mixed_precision="fp16")
    missed = skips(done)
    assert missed[0] == 1
    assert 1 < len(missed) < 6
    assert [record["step"] for record in done.history if not moved[record["step"] - 1]] == missed[1:]
    assert done.skipped == missed
    overflowed = np.isin(np.arange(1, 13), missed)
    updates = np.cumsum(~overflowed) - ~overflowed  # that were made before each step
    np.testing.assert_allclose(done.column("lr"), 1e-3 * (1 - updates / 12), rtol=1e-12)
    lambdas = Sigmoid(0.5, 4)(updates + 1) if "recadam" in method else np.ones(12)
    np.testing.assert_allclose(done.column("lambda"), lambdas, rtol=1e-12)
    pulls = (1 - lambdas) * done.column("lr") * (100.0 if "recadam" in method else 0.0)
    pulls[overflowed] = 0.0
    np.testing.assert_allclose(done.column("pull"), pulls, rtol=1e-12)


def test_at_lambda_one_recadam_skips_and_decays_as_adamw(world, scaled):
    plain = run(world, mixed_precision="fp16")
    recalled = run(world, method="recadam", k=float("inf"), t0=0.0, mixed_precision="fp16")
    assert skips(plain) == skips(recalled) != []
    assert plain.column("lr") == recalled.column("lr")
    np.testing.assert_allclose(plain.column("loss"), recalled.column("loss"), rtol=1e-5)
    assert plain.final["distance"] == pytest.approx(recalled.final["distance"], rel=1e-4)


@pytest.mark.parametrize("other", ["no", "bf16"])
def test_a_run_of_another_precision_in_between_changes_nothing(world, scaled, other):
    alone = run(world, method="recadam", mixed_precision="fp16")

    def steer(step, done):
        if step == 6:
            state = torch.get_rng_state()
            run(world, steps=2, evaluate_every=2, mixed_precision=other)
            torch.set_rng_state(state)
        return {}

    between = run(world, steer=steer, method="recadam", mixed_precision="fp16")
    assert between.history == alone.history
    assert between.final["distance"] == alone.final["distance"]


class Crash(Exception):
    pass


@pytest.mark.parametrize("method", ["recadam", "child-f"])
def test_a_crash_between_overflows_changes_nothing(world, scaled, tmp_path, method):
    def crash(done, optimizer):
        if len(done.history) == 7:
            raise Crash

    whole = run(world, out=tmp_path / "whole", method=method, mixed_precision="fp16")
    assert max(skips(whole)) > 4  # the first checkpoint: how far the loss is scaled is in it
    with pytest.raises(Crash):
        run(world, crash, tmp_path / "crashed", method=method, mixed_precision="fp16")
    run(world, out=tmp_path / "crashed", method=method, mixed_precision="fp16", resume=True)
    assert_same_run(tmp_path / "whole", tmp_path / "crashed")
