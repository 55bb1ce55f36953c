"""Layers put back to theta*: what is measured with which of them, its laws, and that nothing of it lasts."""

import copy
import json
import math

import pytest
import torch
from small import refused, save_backbone

from recall_learn.measures.ablation import ablation, at_home, parts
from recall_learn.measures.distance import distance, distance_by_layer
from recall_learn.measures.facts import cloze
from recall_learn.measures.source import source_loss
from recall_learn.models import backbones
from recall_learn.models.masked_lm import attach, hide_each
from recall_learn.world import World

NAMES = ["bert.embeddings", "bert.encoder.layer.0", "bert.encoder.layer.1"]


@pytest.fixture
def tuned(tmp_path):
    """A small BERT that was pretrained but for its pooler, and has moved since."""
    save_backbone(tmp_path)
    backbone = backbones.load(str(tmp_path), num_labels=2)
    anchors = {name: tensor for name, tensor in backbone.anchors.items() if "pooler" not in name}
    with torch.no_grad():
        generator = torch.Generator().manual_seed(3)
        for p in backbone.model.parameters():
            p.add_(torch.randn(p.shape, generator=generator) / 7)
    return backbone.model, anchors


def weights(model):
    return {name: p.detach().clone() for name, p in model.named_parameters()}


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_the_parts_are_those_of_the_distance_from_below(tuned):
    model, anchors = tuned
    assert parts(anchors) == NAMES == list(distance_by_layer(model, anchors))


@pytest.mark.parametrize("back", [[], NAMES[:1], NAMES[1:], NAMES, NAMES[2]])
def test_these_parts_are_theta_star_to_the_bit_and_no_other_weight_moves(tuned, back):
    model, anchors = tuned
    before = weights(model)
    with at_home(model, anchors, back):
        for name, p in model.named_parameters():
            inside = any(name.startswith(f"{part}.") for part in ([back] if isinstance(back, str) else back))
            assert torch.equal(p, anchors[name] if inside and name in anchors else before[name]), name
    assert same(weights(model), before)


def test_what_is_measured_with_which_parts(tuned):
    """The squared distance adds up over the parts: so each measurement is known beforehand."""
    model, anchors = tuned
    before = weights(model)
    square = {part: away**2 for part, away in distance_by_layer(model, anchors).items()}
    found = ablation(model, anchors, lambda: {"square": distance(model, anchors) ** 2, "head": float(model.training)})
    total = sum(square.values())
    assert found.parts == NAMES
    assert found.tuned["square"] == pytest.approx(total, rel=1e-6)
    assert found.pretrained == {"square": 0.0, "head": 0.0}
    for part in NAMES:
        assert found.alone[part]["square"] == pytest.approx(total - square[part], rel=1e-6)
    layers = [square[part] for part in NAMES]
    assert [each["square"] for each in found.from_top] == pytest.approx([sum(layers[:2]), layers[0], 0.0], rel=1e-6)
    assert [each["square"] for each in found.from_bottom] == pytest.approx([sum(layers[1:]), layers[2], 0.0], rel=1e-6)
    assert found.from_top[-1] == found.from_bottom[-1] == found.pretrained
    assert found.returned("square") == pytest.approx({part: square[part] / total for part in NAMES}, rel=1e-5)
    assert all(math.isnan(share) for share in found.returned("head").values())
    assert json.loads(json.dumps(found.to_dict()))["alone"] == found.alone
    assert same(weights(model), before)


def test_the_model_is_as_it_was_though_the_measure_fails(tuned):
    model, anchors = tuned
    model.train()
    model.bert.pooler.eval()
    before, modes = weights(model), [module.training for module in model.modules()]
    calls = []

    def measure():
        calls.append(1)
        if len(calls) == 4:
            raise RuntimeError("no more")
        return {"x": 1.0}

    with pytest.raises(RuntimeError, match="no more"):
        ablation(model, anchors, measure)
    assert same(weights(model), before)
    assert [module.training for module in model.modules()] == modes


def test_none_is_the_tuned_model_and_all_the_pretrained_one_to_the_bit():
    """With tiny's own head for words: source loss and facts."""
    home = backbones.load("tiny", num_labels=2)
    away = backbones.load("tiny", num_labels=2)
    with torch.no_grad():
        generator = torch.Generator().manual_seed(0)
        for name, p in away.model.named_parameters():
            if ".layer.1." in name:
                p.add_(torch.randn(p.shape, generator=generator) / 5)
    world = World()
    examples, facts = hide_each(world.text("held-out")[:10], home.tokenizer), world.facts[::4]

    def asked(backbone):
        masked_lm = attach(backbone)
        return lambda: {
            "source_loss": source_loss(masked_lm, examples),
            "facts": cloze(masked_lm, backbone.tokenizer, facts).known,
        }

    found = ablation(away.model, away.anchors, asked(away))
    assert found.tuned == asked(away)()
    assert found.pretrained == asked(home)()
    assert found.tuned["facts"] < 0.9 < found.pretrained["facts"]
    layer = "bert.encoder.layer.1"
    assert found.alone[layer] == found.pretrained  # all others are at home
    assert found.returned("facts")[layer] == 1.0
    assert all(share == 0.0 for part, share in found.returned("facts").items() if part != layer)


def test_a_model_with_one_part(tuned):
    model, anchors = tuned
    anchors = {name: tensor for name, tensor in anchors.items() if name.startswith(NAMES[1])}
    found = ablation(model, anchors, lambda: {"away": distance(model, anchors)})
    assert found.parts == NAMES[1:2]
    assert found.from_top == found.from_bottom == [{"away": 0.0}] == [found.pretrained]


def test_bad_inputs(tuned):
    model, anchors = tuned
    refused(lambda: ablation(model, {}, dict), ValueError, "anchors is empty")
    refused(lambda: ablation(model, anchors, lambda: 0.5), ValueError, "measure gave 0.5", "numbers by name")
    refused(lambda: ablation(model, anchors, lambda: {"x": math.nan}), ValueError, "measure x is nan")
    refused(lambda: ablation(model, anchors, lambda: {"x": None}), ValueError, "measure x is None")
    refused(lambda: at_home(model, anchors, ["layer.7"]), ValueError, "'layer.7'", *NAMES)
    other = copy.deepcopy(anchors) | {"nobody.layer.0.weight": torch.zeros(2)}
    refused(lambda: at_home(model, other, NAMES[:1]), ValueError, "nobody.layer.0.weight")
    found = ablation(model, anchors, lambda: {"x": 1.0})
    refused(lambda: found.returned("y"), ValueError, "'y'", "x")
