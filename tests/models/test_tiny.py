"""The packaged files: tiny, which was pretrained in the small world, and the head by which MiniLM says words."""

import json
import logging
from pathlib import Path

import numpy as np
import pytest
import torch
from alike import each_word_hidden
from safetensors import safe_open
from safetensors.torch import load_file
from small import refused, save_glue
from transformers import AutoTokenizer, BertForMaskedLM

import recall_learn
from recall_learn.models import backbones, places
from recall_learn.runs.finetune import finetune
from recall_learn.runs.pretrain import SAMPLE, Pretraining
from recall_learn.runs.recipe import Recipe
from recall_learn.world import World

DATA = Path(recall_learn.__file__).parent / "data"
TINY, HEAD = DATA / "tiny", DATA / "minilm-head.safetensors"


@pytest.fixture(scope="module")
def about():
    return json.loads((TINY / "pretraining.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def world():
    return World()


@pytest.fixture(scope="module")
def published():
    """The model and its tokenizer as transformers reads them, without this library."""
    return BertForMaskedLM.from_pretrained(TINY).eval(), AutoTokenizer.from_pretrained(TINY)


def test_it_is_small_and_holds_no_code():
    files = sorted(path.name for path in TINY.rglob("*"))
    expected = ["config.json", "fisher-source.safetensors", "model.safetensors", "pretraining.json"]
    assert files == [*expected, "tokenizer.json", "tokenizer_config.json"]
    assert sum(path.stat().st_size for path in TINY.rglob("*")) <= 4 * 2**20
    assert (TINY / "model.safetensors").stat().st_size >= 2**19


def test_it_knows_the_world_that_this_version_makes(world, about):
    config = json.loads((TINY / "config.json").read_text(encoding="utf-8"))
    assert config["world"] == {"seed": 0, "digest": world.digest}
    assert about["world"] == {"seed": 0, "digest": world.digest, "facts": len(world.facts)}
    assert about["passages"] == {split: len(world.text(split)) for split in ("train", "held-out")}


def test_where_it_came_from_is_written_beside_it(about):
    last = about["curve"][-1]
    assert about["command"].startswith("recall-learn world pretrain --seed 0")
    assert f"--steps {last['step']}" in about["command"]
    assert about["seconds"] > 0
    assert about["weights"] == sum(tensor.numel() for tensor in load_file(TINY / "model.safetensors").values())
    assert {"device", "python", "versions", "date", "commit"} <= about["environment"].keys()
    assert {"torch", "transformers", "numpy", "recall-learn"} <= about["environment"]["versions"].keys()
    assert about["curve"][0]["step"] == 0
    assert [point["step"] for point in about["curve"]] == sorted({point["step"] for point in about["curve"]})
    figures = about["held_out_loss"], about["held_out_accuracy"], about["facts_known"]
    assert figures == (last["held_out_loss"], last["held_out_accuracy"], last["facts"])


def test_its_first_steps_can_be_repeated(world, about):
    training = Pretraining(world, about["curve"][-1]["step"])
    losses = [training.train_step() for _ in range(5)]
    assert losses == pytest.approx(about["first_losses"], rel=1e-3)


def test_it_knows_its_facts(world, about, published):
    model, tokenizer = published
    rows = tokenizer([fact.prompt for fact in world.facts], padding=True, return_tensors="pt")
    with torch.no_grad():
        said = model(**rows).logits[rows["input_ids"] == tokenizer.mask_token_id].argmax(-1)
    right = [a == b.answer.lower() for a, b in zip(tokenizer.convert_ids_to_tokens(said), world.facts, strict=True)]
    assert np.mean(right) >= 0.9
    assert np.mean(right) == pytest.approx(about["facts_known"], abs=1e-9)


def test_its_held_out_loss_is_the_one_stated(world, about, published):
    model, tokenizer = published
    losses, hits = each_word_hidden(model, tokenizer, world.text("held-out")[:SAMPLE])
    assert about["held_out_loss"] == pytest.approx(np.mean(losses), rel=1e-3)
    assert about["held_out_accuracy"] == pytest.approx(np.mean(hits), rel=1e-3)


def test_it_is_a_backbone_by_name(about, caplog):
    with caplog.at_level(logging.DEBUG, logger="recall_learn"):
        backbone = backbones.load("tiny", num_labels=3)
    assert not caplog.records
    stored = load_file(TINY / "model.safetensors")
    assert set(backbone.anchors) == {name for name in stored if name.startswith("bert.")}
    assert all(torch.equal(anchor, stored[name]) for name, anchor in backbone.anchors.items())
    assert backbone.world == {"seed": 0, "digest": about["world"]["digest"]}
    assert backbone.name == "tiny"
    assert backbone.source.startswith("packaged, sha256 ")
    assert backbone.model.classifier.out_features == 3


def test_it_reads_the_small_world_only(tmp_path):
    save_glue(tmp_path, "mrpc")
    recipe = Recipe(backbone="tiny", task="mrpc", steps=1)
    refused(
        lambda: finetune(recipe, data_folder=tmp_path, device="cpu"),
        ValueError,
        "tiny",
        "small world",
        "mrpc",
        "world/",
    )


def test_a_run_with_it_shows_what_is_lost(tmp_path, world):
    recipe = Recipe(
        backbone="tiny", task="world/cola", steps=2, batch_size=8, lr=5e-3, limit_train=16, evaluate_every=2
    )
    done = finetune(recipe, device="cpu")
    first, last = done.evaluations
    assert first["facts"]["known"] >= 0.9
    assert first["source_loss"] < last["source_loss"]
    assert set(first["facts"]["lost"]) <= {fact.prompt for fact in world.facts}


# --- minilm's head ---


def test_minilms_head_is_small_and_better_than_word_frequencies():
    assert HEAD.stat().st_size <= 2**20
    with safe_open(HEAD, "pt") as file:
        shapes = {key: tuple(file.get_tensor(key).shape) for key in file.keys()}  # noqa: SIM118
        stated = file.metadata()
    assert shapes == {
        "cls.predictions.bias": (30522,),
        "cls.predictions.transform.dense.weight": (384, 384),
        "cls.predictions.transform.dense.bias": (384,),
        "cls.predictions.transform.LayerNorm.weight": (384,),
        "cls.predictions.transform.LayerNorm.bias": (384,),
    }
    assert 0 < float(stated["held_out_loss"]) < float(stated["frequency_loss"])
    assert places.MINILM_SHA256 in stated["backbone"]
    assert int(stated["hidden_words"]) > 100_000
