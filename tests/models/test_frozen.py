"""Frozen weights: every function counts the same parameters, those that require grad, also behind adapters."""

import pytest
import torch
import transformers as hf
from small import save_backbone
from torch import nn

from recall_learn.methods.child_tuning import ChildTuningD, layer_names
from recall_learn.models import backbones
from recall_learn.models.fisher_files import save_fisher
from recall_learn.models.fishers import read_fisher, source_fisher, task_fisher
from recall_learn.models.masked_lm import MaskedLM
from recall_learn.theory.anchors import trainable
from recall_learn.theory.fisher import fisher_diagonal
from recall_learn.theory.laplace import ewc, l2sp


def bert():
    torch.manual_seed(0)
    small = {"hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 8}
    return hf.BertForSequenceClassification(hf.BertConfig(vocab_size=11, num_labels=3, **small)).eval()


def frozen():
    model = bert()
    model.bert.embeddings.requires_grad_(False)
    model.bert.encoder.layer[0].requires_grad_(False)
    model.bert.encoder.layer[1].output.dense.weight.requires_grad_(False)
    return model


class LowRank(nn.Module):
    """As PEFT's LoRA layer: the frozen layer inside, two small ones beside it."""

    def __init__(self, layer):
        super().__init__()
        self.base_layer = layer
        self.down, self.up = nn.Linear(8, 2, bias=False), nn.Linear(2, 8, bias=False)

    def forward(self, x):
        return self.base_layer(x) + self.up(self.down(x))


class Tuner(nn.Module):
    """As PEFT's LoraModel and PeftModel: the model with its head is one step down, and attributes pass through."""

    def __init__(self, model):
        super().__init__()
        self.model = model
        self.extra = nn.ModuleList([nn.Linear(2, 2)])  # a list beside the encoder: no layer of it

    def __getattr__(self, name):
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(super().__getattr__("model"), name)

    def forward(self, **inputs):
        return self.model(**inputs)


class Adapted(nn.Module):
    def __init__(self, model):
        super().__init__()
        model.requires_grad_(False)
        for layer in model.bert.encoder.layer:
            layer.attention.self.query = LowRank(layer.attention.self.query)
        model.classifier.requires_grad_(True)
        self.base_model = Tuner(model)

    def forward(self, **inputs):
        return self.base_model(**inputs)


def batch():
    g = torch.Generator().manual_seed(1)
    return {"input_ids": torch.randint(1, 11, (4, 5), generator=g), "labels": torch.tensor([0, 1, 2, 0])}


@pytest.mark.parametrize("make", [bert, frozen, lambda: Adapted(bert())], ids=["whole", "frozen", "adapted"])
def test_what_the_lesson_combines_goes_together(make):
    model = make()
    wanted = {name: p for name, p in model.named_parameters() if p.requires_grad}
    fisher = fisher_diagonal(model, [batch()], labels="empirical")
    assert list(fisher) == list(trainable(model)) == list(wanted)
    ranked = {name: fisher[name] for name in layer_names(model)}
    assert set(ranked) == {name for name in wanted if ".encoder.layer." in name}
    anchors = {name: p.detach().clone() for name, p in trainable(model).items()}
    optimizer = torch.optim.AdamW(trainable(model).items(), lr=0.1, weight_decay=0.1)
    mask = ChildTuningD(optimizer, ranked, 0.3)
    count = sum(f.numel() for f in ranked.values())
    assert sum(int(child.sum()) for child in mask.masks.values()) == round(0.3 * count)
    (model(**batch()).loss + ewc(anchors, fisher, 2.0)(model) + l2sp(anchors, 0.1)(model)).backward()
    optimizer.step()
    for name, child in mask.masks.items():
        moved = wanted[name].detach() != anchors[name]
        assert not moved[~child].any(), name
    moved = sum(int((wanted[name].detach() != anchors[name]).sum()) for name in ranked)
    assert moved > 0.2 * count


def test_a_fisher_of_a_frozen_model_is_that_part_of_the_whole():
    whole, part = fisher_diagonal(bert(), [batch()]), fisher_diagonal(frozen(), [batch()])
    assert 0 < len(part) < len(whole)
    for name, f in part.items():
        torch.testing.assert_close(f, whole[name])


def test_frozen_names_are_refused_with_a_way_out():
    whole, model = fisher_diagonal(bert(), [batch()]), frozen()
    layers = {name: f for name, f in whole.items() if ".encoder.layer." in name}
    optimizer = torch.optim.AdamW(model.named_parameters(), lr=0.1)
    with pytest.raises(ValueError, match=r"fisher has 'bert\.encoder\.layer\.0.*, which is frozen; leave it out"):
        ChildTuningD(optimizer, layers)
    anchors = {name: p.detach() for name, p in model.named_parameters()}
    with pytest.raises(ValueError, match=r"fisher lacks 'bert\.embeddings.*leave it out of anchors"):
        ewc(anchors, fisher_diagonal(model, [batch()]), 1.0)
    model.bert.encoder.requires_grad_(False)
    with pytest.raises(ValueError, match="all parameters in the layers of BertModel are frozen"):
        layer_names(model)


def test_fishers_of_a_backbone_with_frozen_layers(tmp_path):
    save_backbone(tmp_path / "bert", model_class=hf.BertForMaskedLM)
    backbone = backbones.load(str(tmp_path / "bert"), num_labels=3)
    language = MaskedLM(hf.BertForMaskedLM.from_pretrained(tmp_path / "bert").eval(), 4)
    language.model.bert = backbone.model.bert
    for model in (backbone.model, language.model):
        model.bert.encoder.layer[0].requires_grad_(False)
    ids = torch.tensor([[2, 4, 7, 3], [2, 8, 4, 3]])
    kept = {name for name, p in backbone.model.named_parameters() if p.requires_grad and name in backbone.anchors}
    assert 0 < len(kept) < len(backbone.anchors)
    source = source_fisher(backbone, language, [({"input_ids": ids}, torch.tensor([7, 9]))], "empirical")
    assert set(source) == kept
    task = task_fisher(backbone, [{"input_ids": ids, "labels": torch.tensor([0, 2])}], "empirical")
    assert set(task) - kept == {
        f"{part}.{end}" for part in ("classifier", "bert.pooler.dense") for end in ("weight", "bias")
    }
    for fisher in (source, task):
        save_fisher(tmp_path / "fisher", fisher, anchors=backbone.fingerprint)
        assert set(read_fisher(tmp_path / "fisher", backbone)[0]) == set(fisher)
    del source[min(kept)]
    save_fisher(tmp_path / "fisher", source, anchors=backbone.fingerprint)
    with pytest.raises(ValueError, match="fisher lacks"):
        read_fisher(tmp_path / "fisher", backbone)
