"""load_anchors: the pretrained weights under the names of a model, whatever the model holds by now."""

import json

import pytest
import torch
import transformers as hf
from safetensors.torch import load_file, save_file
from small import save_backbone
from torch import nn

from recall_learn.methods.recadam.optimizer import RecAdam
from recall_learn.models import backbones
from recall_learn.models.recalled import recall_groups
from recall_learn.models.stored import load_anchors

KIND = hf.BertForSequenceClassification


@pytest.fixture
def moved(bert):
    """A classifier that started from the folder ``bert``, each of its weights somewhere else by now."""
    model = KIND.from_pretrained(bert)
    with torch.no_grad():
        for p in model.parameters():
            p.add_(1.0)
    return model


def same(left, right):
    return list(left) == list(right) and all(torch.equal(left[name], right[name]) for name in left)


def test_the_anchors_are_the_files_numbers_under_the_models_names(bert, moved):
    before = {name: p.detach().clone() for name, p in moved.named_parameters()}
    state = torch.get_rng_state()
    anchors = load_anchors(bert, moved)
    file = load_file(bert / "model.safetensors")  # of a BertModel: without "bert."
    assert {name: tensor.tolist() for name, tensor in anchors.items()} == {
        f"bert.{name}": tensor.tolist() for name, tensor in file.items() if f"bert.{name}" in before
    }
    assert set(before) - set(anchors) == {"classifier.weight", "classifier.bias"}
    assert same(dict(moved.named_parameters()), before)
    assert torch.equal(torch.get_rng_state(), state)
    assert same(load_anchors(str(bert), moved), anchors)
    away = RecAdam(recall_groups(moved, anchors=anchors), anchors=anchors)
    home = RecAdam(recall_groups(KIND.from_pretrained(bert)))
    assert [g["anchors"] for g in away.state_dict()["param_groups"]] == [
        g["anchors"] for g in home.state_dict()["param_groups"]
    ]


def test_a_frozen_weight_has_no_anchor(bert, moved):
    moved.bert.embeddings.requires_grad_(False)
    anchors = load_anchors(bert, moved)
    assert set(anchors) == {name for name, p in moved.bert.named_parameters(prefix="bert") if p.requires_grad}
    RecAdam(recall_groups(moved, anchors=anchors), anchors=anchors)


def test_shards_old_names_and_half_precision(bert, moved, tmp_path):
    anchors = load_anchors(bert, moved)
    hf.BertModel.from_pretrained(bert).save_pretrained(tmp_path / "shards", max_shard_size="4KB")
    assert len(list((tmp_path / "shards").glob("*.safetensors"))) > 2
    assert same(load_anchors(tmp_path / "shards", moved), anchors)
    # as bert-base-uncased is stored on the hub
    old = {name.replace("LayerNorm.weight", "LayerNorm.gamma"): p for name, p in anchors.items()}
    old = {name.replace("LayerNorm.bias", "LayerNorm.beta"): p.contiguous() for name, p in old.items()}
    (tmp_path / "old").mkdir()
    save_file(old, tmp_path / "old" / "model.safetensors", {"format": "pt"})
    assert same(load_anchors(tmp_path / "old", moved), anchors)
    hf.BertModel.from_pretrained(bert, dtype=torch.bfloat16).save_pretrained(tmp_path / "half")
    assert same(load_anchors(tmp_path / "half", moved), {name: p.bfloat16().float() for name, p in anchors.items()})


def test_a_model_in_half_precision_goes_on(bert, moved):
    optimizer = RecAdam(recall_groups(KIND.from_pretrained(bert, dtype=torch.bfloat16)))
    anchors = load_anchors(bert, moved.bfloat16())
    assert {anchor.dtype for anchor in anchors.values()} == {torch.float32}
    RecAdam(recall_groups(moved), anchors=anchors).load_state_dict(optimizer.state_dict())


def test_the_small_models_by_name_and_the_class_that_was_saved(bert):
    tiny = backbones.load("tiny", num_labels=2)
    assert same(load_anchors("tiny", tiny.model), tiny.anchors)
    file = load_file(bert / "model.safetensors")
    assert {name: p.tolist() for name, p in load_anchors(bert).items()} == {
        name: p.tolist() for name, p in file.items()
    }


def test_a_head_of_other_labels_is_refused_or_left_out(bert, moved, tmp_path):
    KIND.from_pretrained(bert, num_labels=3).save_pretrained(tmp_path / "three")
    with pytest.raises(
        ValueError, match=r"three holds classifier.bias as \(3,\), the model has \(2,\).*ignore_mismatch"
    ):
        load_anchors(tmp_path / "three", moved)
    assert same(load_anchors(tmp_path / "three", moved, ignore_mismatched_sizes=True), load_anchors(bert, moved))


class Pair(nn.Module):
    def __init__(self, *encoders):
        super().__init__()
        self.encoders = nn.ModuleList(encoders)


def test_what_cannot_be_an_anchor_is_refused_in_a_sentence(bert, moved, tmp_path):
    (tmp_path / "pickle").mkdir()
    torch.save({}, tmp_path / "pickle" / "pytorch_model.bin")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "model.safetensors").write_bytes(b"nonsense")
    hf.BertModel.from_pretrained(bert).save_pretrained(tmp_path / "shards", max_shard_size="4KB")
    sorted((tmp_path / "shards").glob("*.safetensors"))[1].unlink()
    (tmp_path / "strange").mkdir()
    save_file({"weight": torch.ones(2)}, tmp_path / "strange" / "model.safetensors", {"format": "pt"})
    config = json.loads((bert / "config.json").read_text())
    config["architectures"] = ["Unheard"]
    save_backbone(tmp_path / "unheard")
    (tmp_path / "unheard" / "config.json").write_text(json.dumps(config))
    for wrong, kind, text in (
        ((bert / "model.safetensors", moved), ValueError, "is a file; give the folder"),
        ((tmp_path / "pickle", moved), FileNotFoundError, "no weights as safetensors"),
        ((tmp_path / "shards", moved), FileNotFoundError, "has no model-00002-of-.*, which its"),
        ((tmp_path / "broken", moved), ValueError, "cannot be read by BertForSequenceClassification"),
        ((tmp_path / "strange", moved), ValueError, "holds no trainable weight of BertForSequenceClassification"),
        ((tmp_path / "unheard",), ValueError, "was saved from Unheard; pass load_anchors"),
        ((bert, nn.Linear(2, 2)), ValueError, "model is a Linear with no model of transformers in it"),
        ((bert, Pair(moved, hf.BertModel(moved.config))), ValueError, "model is a Pair with 2 models of transformers"),
        ((bert, nn.DataParallel(moved)), ValueError, "DataParallel wraps the model"),
        (("no/such/thing", moved), (ValueError, FileNotFoundError, ConnectionError), "no/such/thing"),
        ((3, moved), ValueError, "checkpoint is 3; it has to be a folder"),
        (("", moved), ValueError, "checkpoint is ''; it has to be a folder"),
    ):
        with pytest.raises(kind, match=text) as caught:
            load_anchors(*wrong)
        assert "\n" not in str(caught.value)
