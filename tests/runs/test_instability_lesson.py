"""Lesson 16 knows what its recordings hold: how many rows, which settings, which looks at the gradients."""

import re
from pathlib import Path

import instability
import numpy as np
import pytest
import sequences
import torch

from recall_learn.methods.uncorrected import UncorrectedAdam
from recall_learn.world.tasks import make

LESSON = (Path(__file__).parents[2] / "book" / "16_is_it_forgetting.md").read_text(encoding="utf-8")


def test_the_counts_are_those_of_the_tools():
    for name, jobs in {
        "wanted": instability.run_tiny(),
        "wanted_pairs": sequences.run_pairs(),
        "wanted_real": instability.run_minilm("", "", Path()),
    }.items():
        assert f"\n{name} = {len(list(jobs))}\n" in LESSON


def test_the_settings_are_those_of_the_tools():
    shown = re.search(r"^SHOWN = \{(.*)\}$", LESSON, re.MULTILINE)[1]
    uncorrected = [name for name, how in instability.SETTINGS.items() if how.get("method") == "bertadam"]
    assert re.findall(r'"([^"]+)": "', shown) == uncorrected
    named = re.search(r'for name in \(("plain", .*)\)\}', LESSON)[1]
    assert set(re.findall(r'"([^"]+)"', named)) <= set(instability.SETTINGS)
    for setting in instability.REAL:
        assert (
            f'("{setting["method"]}", {setting.get("warmup", 0.0)}, {setting.get("after")!r}): "'.replace("'", '"')
            in LESSON
        )
    assert f"ORDER = {sequences.TASKS!r}".replace("'", '"') in LESSON


@pytest.mark.parametrize("setting", instability.SETTINGS)
def test_every_run_has_fifteen_looks_at_the_same_shares_of_its_steps(setting):
    steps = {"steps": instability.STEPS, **instability.SETTINGS[setting]}["steps"]
    looks = [step for step in range(1, steps + 1) if step % instability.EVERY == 1]
    taken = looks[:: len(looks) // 15][:15]
    np.testing.assert_allclose((np.array(taken) - 1) / steps, np.arange(15) / 15)


def test_the_live_run_is_that_of_the_recording():
    given = re.search(r"def first_steps\(method, seed=0, lr=(\S+), steps=48, of=(\d+)", LESSON)
    assert (float(given[1]), int(given[2])) == (instability.LR, instability.STEPS)
    assert f'tasks.make("{instability.TASK}", {instability.EXAMPLES})' in LESSON


def test_chance_is_one_half():
    for split in make(instability.TASK, instability.EXAMPLES).values():
        assert np.mean(split["label"]) == 0.5  # so the papers' line and a coin's are the same here


def test_the_factor_is_the_optimizers():
    """The lesson's function, against the library's optimizer and torch's, on one gradient after another."""
    scope = {"np": np}
    exec(re.search(r"^def longer.*?\n    return .*?\n", LESSON, re.MULTILINE | re.DOTALL)[0], scope)
    gradients = torch.randn(10, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    moved = {}
    for kind in (UncorrectedAdam, torch.optim.AdamW):
        p = torch.nn.Parameter(torch.zeros(3, dtype=torch.float64))
        optimizer = kind([p], lr=0.1, eps=1e-30, weight_decay=0.0)
        moved[kind] = []
        for gradient in gradients:
            before = p.detach().clone()
            p.grad = gradient.clone()
            optimizer.step()
            moved[kind].append(p.detach() - before)
    for step in (1, 2, 5, 10):
        plain, corrected = (moved[kind][step - 1] for kind in (UncorrectedAdam, torch.optim.AdamW))
        torch.testing.assert_close(plain, corrected * scope["longer"](step), rtol=1e-6, atol=0)
