"""Each story of the lab, told by a short run: what its figure is to show is there to be seen."""

import warnings

import pytest
import torch
from safetensors.torch import load_file

from recall_learn.lab.presets import presets
from recall_learn.models import backbones
from recall_learn.runs.finetune import finetune
from recall_learn.runs.recipe import Recipe
from recall_learn.support.shelf import Shelf

BASE = Recipe(backbone="tiny", task="world/cola", steps=60, batch_size=8, evaluate_every=20, probe="source")
SHELF = Shelf()


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """The run of each story, and the folder of its model."""
    found = {}
    for preset in presets(BASE):
        out = tmp_path_factory.mktemp("stories") / "run"
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "above 1 the pull overshoots|.*above 1 the pull")
            found[preset.name] = finetune(preset.recipe, out=out, device="cpu", progress=False, shelf=SHELF), out
    return found


def column(told, name, key):
    return [evaluation[key] for evaluation in told[name][0].evaluations]


def test_plain_fine_tuning_is_adamw_and_loses_what_the_model_knew(told):
    plain = told["Plain fine-tuning"][0]
    assert set(plain.column("lambda")) == {1.0}
    alone = finetune(Recipe(**{**BASE.to_dict(), "method": "vanilla"}), device="cpu", progress=False, shelf=SHELF)
    assert plain.column("loss") == pytest.approx(alone.column("loss"), rel=1e-4)
    lost = column(told, "Plain fine-tuning", "source_loss")
    assert lost[-1] > lost[0] + 0.05
    assert column(told, "Plain fine-tuning", "distance")[-1] > 2


def test_multi_task_never_lets_go_and_learns_all_the_same(told):
    run = told["Multi-task"][0]
    assert set(run.column("lambda")) == {0.5}
    assert max(column(told, "Multi-task", "distance")) < column(told, "Plain fine-tuning", "distance")[-1] / 2
    assert column(told, "Multi-task", "source_loss")[-1] < column(told, "Plain fine-tuning", "source_loss")[-1] - 0.05
    score = [evaluation["metrics"]["matthews_correlation"] for evaluation in run.evaluations]
    assert score[-1] > score[0] + 0.1


def test_the_papers_setting_holds_and_lets_go(told):
    away, steps = column(told, "The paper's setting", "distance"), told["The paper's setting"][0].recipe.steps
    assert told["The paper's setting"][0].recipe.t0 == steps // 3
    plain = column(told, "Plain fine-tuning", "distance")
    assert away[1] < plain[1] / 4  # a third of the run: it was held
    assert 2 * away[1] < away[-1] < plain[-1]


def test_what_pulls_too_early_never_comes_home(told):
    away = column(told, "Too early", "distance")
    assert away[0] > 50
    assert away == sorted(away, reverse=True)
    assert away[-1] > 3 * column(told, "Plain fine-tuning", "distance")[-1]


def test_too_strong_a_pull_jumps_over_home_and_arrives(told):
    run, (start, then, *_) = told["lr * gamma too large"][0], column(told, "lr * gamma too large", "distance")
    assert run.recipe.lr * run.recipe.gamma == pytest.approx(1.98)
    assert run.column("pull")[0] > 1.9
    assert start > 50
    assert then < 1
    lost = column(told, "lr * gamma too large", "source_loss")
    assert lost[0] > 5
    assert lost[1] == pytest.approx(column(told, "Plain fine-tuning", "source_loss")[0], abs=0.05)
    with pytest.raises(ValueError, match="the pull diverges"):
        Recipe(**{**run.recipe.to_dict(), "method": run.recipe.method.replace("gamma=1980", "gamma=2000")})


def test_child_tuning_trains_three_weights_in_ten_and_no_other(told):
    anchors = backbones.load("tiny", num_labels=2).anchors
    trained = load_file(told["Child-Tuning"][1] / "model" / "model.safetensors")
    same = torch.cat([(trained[name] == tensor).flatten() for name, tensor in anchors.items() if "layer" in name])
    assert 0.65 < float(same.float().mean()) < 0.75
    assert set(told["Child-Tuning"][0].column("pull")) == {0.0}


def test_every_story_is_said_in_words_and_begins_where_it_says():
    for preset in presets(BASE):
        assert preset.story.endswith((".", "?"))
        assert preset.recipe.steps == BASE.steps
