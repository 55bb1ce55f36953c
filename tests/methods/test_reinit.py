"""Re-initialisation: what is drawn, what is not, what stays below, and that nothing pulls to the random values."""

import math

import pytest
import torch
from mixed import assert_same
from small import config_of
from test_top_k import Classifier, shared
from torch import nn
from transformers import AutoModelForSequenceClassification
from ways import NEW, batched, bert, rows

from recall_learn import compose
from recall_learn.methods import METHODS
from recall_learn.methods.expression import parse
from recall_learn.runs.compose import begun
from recall_learn.runs.finetune import finetune
from recall_learn.runs.recipe import Recipe

IDS = torch.tensor([[2, 7, 9, 3]])


def weights(model):
    return {name: p.detach().clone() for name, p in model.named_parameters()}


def prepared(model, expression, seed=0):
    (method,) = parse(expression, METHODS)
    return set(method.prepare(model, seed))


def of(kind="bert", **config):
    torch.manual_seed(1)
    made = config_of(kind)
    model = AutoModelForSequenceClassification.from_config(type(made).from_dict({**made.to_dict(), **config}))
    with torch.no_grad():
        for p in model.parameters():
            p.add_(0.3)  # from what a model begins with
    return model.eval()


def layer_names(model, *layers):
    return {name for name in weights(model) if any(f"layer.{n}." in name for n in layers)}


@pytest.mark.parametrize("layers", [0, 1, 2])
@pytest.mark.parametrize("pooler", ["yes", "no"])
def test_what_is_drawn_is_named_and_all_else_is_as_it_was(layers, pooler):
    model = of()
    before = weights(model)
    named = prepared(model, f"reinit(layers={layers}, pooler={pooler})")
    right = layer_names(model, *range(2 - layers, 2))
    right |= {"bert.pooler.dense.weight", "bert.pooler.dense.bias"} if pooler == "yes" else set()
    assert named == right
    assert {name for name, p in model.named_parameters() if not torch.equal(p, before[name])} == right


def test_it_is_drawn_as_a_model_begins():
    model = of(initializer_range=0.07, hidden_size=64, intermediate_size=128, num_attention_heads=4)
    prepared(model, "reinit(layers=1)")
    drawn = {name: p for name, p in model.named_parameters() if "layer.1." in name or "pooler" in name}
    matrices = torch.cat([p.flatten() for p in drawn.values() if p.ndim == 2])
    assert len(matrices) > 30_000
    assert matrices.std().item() == pytest.approx(0.07, rel=0.02)
    assert abs(matrices.mean().item()) < 5 * 0.07 / math.sqrt(len(matrices))
    inside = (matrices.abs() < 0.07).float().mean().item()
    assert inside == pytest.approx(0.6827, abs=0.01)  # normal
    for name, p in drawn.items():
        if p.ndim == 1:
            assert torch.equal(p, torch.full_like(p, float("LayerNorm.weight" in name))), name


def test_without_a_config_the_spread_is_bert_s():
    model = Classifier()
    assert prepared(model, "reinit(layers=3)") == {f"base_model.layers.{i}.{j}.{kind}" for i in range(3) for j in (0, 2)
                                                   for kind in ("weight", "bias")}  # fmt: skip
    drawn = torch.cat([layer[j].weight.flatten() for layer in model.base_model.layers for j in (0, 2)])
    assert drawn.std().item() == pytest.approx(0.02, rel=0.2)


@pytest.mark.parametrize("kind", ["bert", "roberta", "electra", "distilbert", "gpt2"])
@pytest.mark.parametrize("layers", [1, 2])
def test_the_output_of_the_layers_below_is_unchanged(kind, layers):
    model, other = of(kind), of(kind)
    assert prepared(model, f"reinit(layers={layers})")
    with torch.no_grad():
        now, before = (each(input_ids=IDS, output_hidden_states=True).hidden_states for each in (model, other))
    for n in range(3):
        assert torch.equal(now[n], before[n]) is (n <= 2 - layers), n


def test_no_layer_and_no_pooler_is_vanilla():
    model, other = bert(), bert()
    for each, method in ((model, "reinit(layers=0, pooler=no)"), (other, "vanilla")):
        made = compose(method, each, lr=1e-3, new=NEW)
        for _ in range(3):
            made.loss(each(**batched(rows())), {}).backward()
            made.optimizer.step()
            made.optimizer.zero_grad()
    assert_same(weights(model), weights(other))


def test_a_weight_follows_from_the_seed_and_its_name_alone():
    one, two, other = of(), of(), of()
    state = torch.get_rng_state()
    prepared(one, "reinit(layers=1, pooler=no)", seed=4)
    prepared(two, "reinit(layers=2)", seed=4)
    prepared(other, "reinit(layers=1)", seed=5)
    assert torch.equal(torch.get_rng_state(), state)
    name = "bert.encoder.layer.1.attention.self.query.weight"
    assert torch.equal(weights(one)[name], weights(two)[name])
    assert not torch.equal(weights(one)[name], weights(other)[name])
    assert not torch.equal(weights(one)[name], weights(one)[name.replace("query", "key")])


def test_half_precision_is_rounded_from_the_same_numbers():
    model, other = of(), of().bfloat16()
    for each in (model, other):
        prepared(each, "reinit")
    name = "bert.encoder.layer.1.attention.self.query.weight"
    assert torch.equal(weights(other)[name], weights(model)[name].bfloat16())


PULLS = ["recadam(k=0, t0=1)", "l2sp(gamma=100, beta=0)", "ewc(gamma=100)"]


@pytest.mark.parametrize("pull", PULLS)
def test_nothing_pulls_to_the_random_values_nor_to_those_that_are_gone(pull):
    """Public code copies its anchors after the draw, and holds the new layers to their noise."""
    model = bert()
    fisher = {name: torch.ones_like(p) for name, p in model.named_parameters()}
    methods = parse(f"{pull} + reinit", METHODS)
    start = begun(methods, model, lr=1e-3, new=NEW, fisher=fisher)
    drawn = layer_names(model, 1) | {"bert.pooler.dense.weight", "bert.pooler.dense.bias"}
    assert start.anchors.keys() == weights(model).keys() - drawn - {"classifier.weight", "classifier.bias"}
    made = compose(f"{pull} + reinit", bert(), lr=1e-3, new=NEW, fisher=fisher)
    with torch.no_grad():
        for group in made.optimizer.param_groups:
            for p in group["params"]:
                p.add_(0.1)
                p.grad = torch.zeros_like(p)
        penalty = sum(made.terms({}, None).values())
        if isinstance(penalty, torch.Tensor) and penalty.requires_grad:
            pytest.fail("made without a gradient")
        before = {name: p.clone() for group in made.optimizer.param_groups for name, p in named(group)}
    terms = made.terms({}, None)
    if terms:
        sum(terms.values()).backward()
    made.optimizer.step()
    after = {name: p for group in made.optimizer.param_groups for name, p in named(group)}
    moved = {name for name in after if not torch.equal(after[name], before[name])}
    assert not moved & drawn
    assert moved >= layer_names(model, 0)


def named(group):
    return zip(group["param_names"], group["params"], strict=True)


def test_a_run_keeps_what_was_forgotten_in_its_distance(world):
    recipe = Recipe(str(world / "bert"), "mrpc", "recadam(t0=3) + reinit", steps=2, batch_size=4, max_length=40)
    run = finetune(recipe, data_folder=world / "glue", device="cpu", progress=False)
    layers = run.evaluations[0]["layers"]
    drawn = {"bert.encoder.layer.1", "bert.pooler"}
    assert {name for name, away in layers.items() if away} == drawn
    assert run.evaluations[0]["distance"] == pytest.approx(sum(layers[name] ** 2 for name in drawn) ** 0.5)


def frozen_layer():
    model = of()
    model.bert.encoder.layer[1].attention.self.query.bias.requires_grad_(False)
    return model


@pytest.mark.parametrize(
    ("make", "expression", "says"),
    [
        (of, "reinit(layers=3)", r"^layers is 3; BertForSequenceClassification has 2, and it has to be at most that$"),
        (shared, "reinit", r"^Albert\w+ has 2 layers, and 1 in encoder.albert_layer_groups.*; reinit needs layers"),
        (lambda: nn.Sequential(nn.Linear(2, 2)), "reinit", r"^Sequential has no nn.ModuleList of layers; reinit needs"),
        (
            frozen_layer,
            "reinit",
            r"^reinit draws bert.encoder.layer.1.attention.self.query.bias anew, and it is frozen; take fewer layers",
        ),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_drawn(make, expression, says):
    model = make()
    before = weights(model)
    with pytest.raises(ValueError, match=says):
        prepared(model, expression)
    assert_same(weights(model), before)


def test_layers_that_top_k_freezes_are_not_drawn():
    with pytest.raises(ValueError, match=r"^reinit draws \S*layer.0.\S* anew, and it is frozen; take fewer layers"):
        compose("reinit(layers=2) + top-k(layers=1)", bert(), lr=1e-3, new=NEW)
    compose("reinit(layers=1) + top-k(layers=1)", bert(), lr=1e-3, new=NEW)


@pytest.mark.parametrize("wrong", [{"layers": -1}, {"layers": 1.5}, {"pooler": "maybe"}])
def test_refused_settings(wrong):
    with pytest.raises(
        ValueError, match=rf"^{next(iter(wrong))} is .*; it has to be (a whole number of at least 0|one)"
    ):
        METHODS["reinit"](**wrong)
