"""A run that has ended, opened again: the model gives what it gave, theta* is what it began with."""

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file
from small import refused, save_backbone, save_glue
from transformers import BertForMaskedLM

from recall_learn.measures.ablation import ablation, at_home, parts
from recall_learn.measures.distance import distance
from recall_learn.models import backbones
from recall_learn.runs.finetune import finetune
from recall_learn.runs.finished import asking, open_run
from recall_learn.runs.recipe import Recipe
from recall_learn.support.environment import choose_device


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    root = tmp_path_factory.mktemp("world")
    save_backbone(root / "bert", model_class=BertForMaskedLM)
    save_glue(root / "glue", "mnli", "stsb")
    return root


def trained(world, out, method="vanilla", task="mnli", **more):
    recipe = Recipe(str(world / "bert"), task, method, 4, 4, lr=1e-2, max_length=40, probe="none", **more)
    return finetune(recipe, out=out, data_folder=world / "glue", device="cpu", progress=False)


@pytest.mark.parametrize("method", ["vanilla", "recadam(t0=1,gamma=5)", "lora", "adapters", "side-tuning", "wise-ft"])
def test_the_model_gives_what_it_gave_and_theta_star_is_what_it_began_with(world, tmp_path, method):
    from recall_learn.runs.session import Session

    run = trained(world, tmp_path, method)
    found = open_run(tmp_path)
    assert found.run == run
    home = backbones.load(str(world / "bert"), num_labels=3)
    assert found.backbone.anchors.keys() == home.anchors.keys()
    assert all(torch.equal(found.backbone.anchors[name], home.anchors[name]) for name in home.anchors)
    assert list(found.backbone.model.config.id2label.values()) == ["entailment", "neutral", "contradiction"]
    assert distance(found.backbone.model, found.backbone.anchors) == pytest.approx(run.final["distance"], rel=1e-6)
    assert not any(module.training for module in found.backbone.model.modules())
    session = Session(run.recipe, choose_device("cpu"), world / "glue", None, False)
    session._forward = found.backbone.model.forward
    assert session.metrics() == run.final["metrics"]


def test_it_is_asked_what_its_run_recorded_and_no_bar_is_shown(world, tmp_path, capsys):
    run = trained(world, tmp_path)
    opened = open_run(tmp_path)
    capsys.readouterr()
    measure = asking(opened, world / "glue")
    assert measure() == run.final["metrics"]
    assert capsys.readouterr().err == ""  # in a notebook a bar would be a widget


@pytest.mark.parametrize("method", ["adapters", "k-adapter"])
def test_of_a_model_with_added_modules_the_anchored_weights_alone_go_back(world, tmp_path, method):
    trained(world, tmp_path, method)
    backbone = open_run(tmp_path).backbone
    before = {name: p.detach().clone() for name, p in backbone.model.named_parameters()}
    added = set(before) - set(backbone.anchors)
    assert any("adapter" in name for name in added)
    with at_home(backbone.model, backbone.anchors, parts(backbone.anchors)):
        now = dict(backbone.model.named_parameters())
        assert all(torch.equal(now[name], before[name]) for name in added)
        assert all(torch.equal(now[name], backbone.anchors[name]) for name in backbone.anchors)
    found = ablation(backbone.model, backbone.anchors, lambda: {"away": distance(backbone.model, backbone.anchors)})
    assert found.pretrained == {"away": 0.0}
    assert (found.tuned["away"] > 0) == (method == "adapters")  # whose norms train


def test_a_regression_and_a_random_start(world, tmp_path):
    run = trained(world, tmp_path, task="stsb", init="random")
    backbone = open_run(tmp_path).backbone
    assert backbone.model.config.num_labels == 1
    assert distance(backbone.model, backbone.anchors) == pytest.approx(run.final["distance"], rel=1e-6)


def test_what_cannot_be_opened(world, tmp_path):
    trained(world, tmp_path / "run")
    refused(lambda: open_run(tmp_path / "nowhere"), FileNotFoundError, "nowhere")
    for name in ("unended", "other", "damaged", "empty", "strange"):
        shutil.copytree(tmp_path / "run", tmp_path / name)
    file = tmp_path / "unended" / "run.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"final": None}))
    refused(lambda: open_run(tmp_path / "unended"), ValueError, "unended", "has not ended", "--resume")
    file = tmp_path / "other" / "run.json"
    record = json.loads(file.read_text())
    record["environment"]["anchors"] = "0" * 64
    file.write_text(json.dumps(record))
    refused(lambda: open_run(tmp_path / "other"), ValueError, "other pretrained weights", "bert")
    (tmp_path / "damaged" / "model" / "model.safetensors").write_bytes(b"no weights")
    refused(lambda: open_run(tmp_path / "damaged"), ValueError, "model.safetensors is damaged")
    (tmp_path / "empty" / "model" / "model.safetensors").unlink()
    refused(lambda: open_run(tmp_path / "empty"), FileNotFoundError, "no model was kept there")
    file = tmp_path / "strange" / "model" / "model.safetensors"
    held = load_file(file)
    save_file({name: held[name] for name in list(held)[1:]}, file)
    refused(lambda: open_run(tmp_path / "strange"), ValueError, "does not fit", "is in one of the models")
