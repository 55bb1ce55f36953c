"""Where a backbone is found: on the hub, in its cache, in a pip package; minilm, the real one."""

import shutil
import sys
from importlib.machinery import ModuleSpec

import pytest
import torch
from alike import head
from huggingface_hub import constants
from safetensors.torch import load_file
from small import refused
from small import save_backbone as save

from recall_learn.models import backbones, hub, places
from recall_learn.models.stored import load_anchors

# --- the hub ---


@pytest.fixture
def no_hub(tmp_path, monkeypatch):
    """An empty cache, and a hub that cannot be asked."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    return tmp_path / "cache"


def into_cache(cache, repo_id, commit="c" * 40):
    """Lay a small model out as the hub's client caches it."""
    repo = cache / f"models--{repo_id.replace('/', '--')}"
    save(repo / "snapshots" / commit)
    (repo / "refs").mkdir()
    (repo / "refs" / "main").write_text(commit)
    return repo / "snapshots" / commit


def test_a_cached_hub_model_needs_no_hub(no_hub):
    into_cache(no_hub, "who/what")
    backbone = backbones.load("who/what", num_labels=2)
    assert backbone.source == "hub who/what@" + "c" * 40
    assert backbone.name == "who/what"


def test_the_anchors_of_a_cached_hub_model(no_hub):
    into_cache(no_hub, "who/what")
    backbone = backbones.load("who/what", num_labels=2, init="random")
    anchors = load_anchors("who/what", backbone.model)
    assert list(anchors) == list(backbone.anchors)
    assert all(torch.equal(anchor, backbone.anchors[name]) for name, anchor in anchors.items())
    refused(lambda: load_anchors("who/else", backbone.model), ConnectionError, "who/else", "HF_HUB_OFFLINE")


def test_a_hub_model_without_a_hub_names_the_ways_out(no_hub):
    text = refused(lambda: backbones.load("who/what", num_labels=2), ConnectionError, "who/what", "folder", "minilm")
    assert places.MINILM_INSTALL in text


def test_what_is_not_whole_in_the_cache_is_fetched(no_hub, tmp_path, monkeypatch):
    (into_cache(no_hub, "who/what") / "tokenizer.json").unlink()
    save(tmp_path / ("d" * 40))
    asked = []

    def fetch(repo_id, *, repo_type, patterns, advice):
        asked.append((repo_id, repo_type))
        assert "*.bin" not in patterns
        return tmp_path / ("d" * 40)

    monkeypatch.setattr(hub, "fetch", fetch)
    assert backbones.load("who/what", num_labels=2).source == "hub who/what@" + "d" * 40
    assert asked == [("who/what", "model")]


def test_a_hub_model_without_safetensors(no_hub, tmp_path, monkeypatch, bert):
    (bert / "model.safetensors").unlink()
    monkeypatch.setattr(hub, "fetch", lambda *_, **__: bert)
    refused(lambda: backbones.load("who/what", num_labels=2), FileNotFoundError, "the hub's who/what", "safetensors")


# --- minilm, as it is installed ---


@pytest.fixture(scope="module")
def minilm():
    return backbones.load("minilm", num_labels=2)


def test_minilm_is_the_published_one(minilm):
    assert places.MINILM_SHA256.startswith("53aa5117")
    assert places.MINILM_SHA256.endswith("d9db")
    assert len(places.MINILM_SHA256) == 64
    assert places.MINILM_SHA256 in minilm.source
    assert sum(anchor.numel() for anchor in minilm.anchors.values()) == 22_713_216
    assert "sentence_transformers" not in sys.modules
    assert places.MINILM_PACKAGE not in sys.modules


def test_minilm_has_all_of_bert_anchored_the_pooler_too(minilm):
    layer = [
        *(f"attention.self.{part}" for part in ("query", "key", "value")),
        *("attention.output.dense", "attention.output.LayerNorm"),
        *("intermediate.dense", "output.dense", "output.LayerNorm"),
    ]
    modules = [f"encoder.layer.{i}.{part}" for i in range(6) for part in layer] + [
        "embeddings.LayerNorm",
        "pooler.dense",
    ]
    expected = {f"bert.{module}.{part}" for module in modules for part in ("weight", "bias")}
    expected |= {f"bert.embeddings.{kind}_embeddings.weight" for kind in ("word", "position", "token_type")}
    assert set(minilm.anchors) == expected
    assert set(head(minilm)) == {"classifier.weight", "classifier.bias"}
    assert minilm.unanchored == ()


def test_minilms_anchors_are_the_files_weights(minilm):
    folder, _ = places.locate("minilm")
    stored = load_file(folder / "model.safetensors")
    encoder = backbones.encoder_parameters(minilm.model)
    for name, anchor in minilm.anchors.items():
        assert torch.equal(anchor, stored[name.removeprefix("bert.")]), name
        assert torch.equal(anchor, encoder[name]), name


def test_minilms_tokens(minilm):
    assert minilm.tokenizer("Hello world")["input_ids"] == [101, 7592, 2088, 102]


def test_minilm_not_installed(monkeypatch):
    monkeypatch.setattr(places, "MINILM_PACKAGE", "no_such_package_as_this")
    refused(lambda: backbones.load("minilm", num_labels=2), FileNotFoundError, "minilm", places.MINILM_INSTALL)


def test_minilm_damaged(tmp_path, monkeypatch):
    folder, _ = places.locate("minilm")
    shutil.copytree(folder, tmp_path / "model", ignore=shutil.ignore_patterns("model.safetensors"))
    data = bytearray((folder / "model.safetensors").read_bytes())
    data[-1] ^= 1
    (tmp_path / "model" / "model.safetensors").write_bytes(data)
    spec = ModuleSpec(places.MINILM_PACKAGE, None)
    spec.submodule_search_locations = [str(tmp_path)]
    monkeypatch.setattr(places.importlib.util, "find_spec", lambda name: spec)
    refused(lambda: backbones.load("minilm", num_labels=2), ValueError, "damaged", "53aa5117", "--force-reinstall")
