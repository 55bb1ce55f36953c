"""Rates by layer: one factor from layer to layer, at every step, whoever steps and whoever changes the rate."""

import pytest
import torch
from mixed import assert_same
from small import config_of
from test_top_k import Classifier
from transformers import AutoModelForSequenceClassification
from ways import NEW, batched, bert, rows

from recall_learn import compose
from recall_learn.methods import METHODS
from recall_learn.methods.expression import parse
from recall_learn.runs.finetune import finetune
from recall_learn.runs.recipe import Recipe


def weights(model):
    return {name: p.detach().clone() for name, p in model.named_parameters()}


def rates(optimizer):
    return {name: g["lr"] for g in optimizer.param_groups for name in g["param_names"]}


def depth(name):
    """Of a BERT with two layers, from above."""
    for n, part in enumerate(("layer.1.", "layer.0.", "embeddings"), 1):
        if part in name:
            return n
    return 0


@pytest.mark.parametrize("decay", [1.0, 1 / 0.95, 2.6, 10.0])
@pytest.mark.parametrize("beside", ["", " + recadam", " + bertadam"])
def test_each_weight_has_the_rate_of_its_layer(decay, beside):
    made = compose(f"layer-rates(decay={decay}){beside}", bert(), lr=1e-3, weight_decay=0.1, new=NEW)
    found = rates(made.optimizer)
    assert found == pytest.approx({name: 1e-3 / decay ** depth(name) for name in found}, rel=1e-12)
    assert found.keys() == weights(bert()).keys()


@pytest.mark.parametrize("kind", ["roberta", "gpt2", "distilbert", "electra", "xlnet"])
def test_the_head_is_fast_and_the_embeddings_slow_in_other_models(kind):
    model = AutoModelForSequenceClassification.from_config(config_of(kind))
    outside = [name for name, _ in model.named_parameters() if name.split(".")[0] != model.base_model_prefix]
    found = rates(compose("layer-rates", model, lr=1.0, new=outside).optimizer)
    assert {found[name] for name in outside} == {1.0}
    words = model.get_input_embeddings().weight
    assert found[next(name for name, p in model.named_parameters() if p is words)] == pytest.approx(2.6**-3)
    assert sorted(set(found.values())) == pytest.approx([2.6**-n for n in (3, 2, 1, 0)])


def test_decay_of_weights_and_recall_stay_with_their_weights():
    plain, other = (compose(m, bert(), lr=1e-3, weight_decay=0.1, new=NEW) for m in ("recadam", "recadam+layer-rates"))
    for key in ("weight_decay", "recall"):
        one, two = (
            {name: g[key] for g in each.optimizer.param_groups for name in g["param_names"]} for each in (plain, other)
        )
        assert one == two


def test_a_factor_of_1_is_vanilla():
    model, other = bert(), bert()
    for each, method in ((model, "layer-rates(decay=1)"), (other, "vanilla")):
        made = compose(method, each, lr=1e-3, weight_decay=0.1, new=NEW)
        for _ in range(3):
            made.loss(each(**batched(rows())), {}).backward()
            made.optimizer.step()
            made.optimizer.zero_grad()
    assert_same(weights(model), weights(other))


def test_the_first_step_of_each_weight_is_its_rate():
    """Adam's first step is lr, of whatever gradient."""
    model = bert()
    made = compose("layer-rates", model, lr=1e-3, new=NEW)
    before = weights(model)
    for p in model.parameters():
        p.grad = torch.ones_like(p)
    made.optimizer.step()
    for name, p in model.named_parameters():
        # an entry near 1 is moved in steps of 2^-24 or so
        torch.testing.assert_close(before[name] - p, torch.full_like(p, 1e-3 / 2.6 ** depth(name)), rtol=0, atol=2e-7)


def test_recadam_pulls_each_layer_by_its_own_rate():
    model = bert()
    made = compose("recadam(k=0, gamma=100) + layer-rates(decay=2)", model, lr=1e-2, new=NEW)
    with torch.no_grad():
        for p in model.parameters():
            p.add_(1.0)
            p.grad = torch.zeros_like(p)
    before = weights(model)
    made.optimizer.step()
    for name, p in model.named_parameters():
        share = 0.5 * 1e-2 * 100 / 2 ** depth(name) if "classifier" not in name and depth(name) else None
        if share:
            torch.testing.assert_close(before[name] - p, torch.full_like(p, share), rtol=1e-5, atol=1e-6)
    assert made.record()["pull"] == pytest.approx(0.5)  # the pooler's: that of the rate that is noted
    assert made.record()["lr"] == 1e-2
    made.set(k=1)  # every group is told


def test_a_rate_that_is_steered_keeps_the_ratios(world):
    seen = []

    def look(run, optimizer):
        seen.append(rates(optimizer))

    recipe = Recipe(
        str(world / "bert"), "mrpc", "layer-rates", steps=6, batch_size=4, lr=1e-3, max_length=40, warmup=0.34
    )
    steer = {3: {"lr": 5e-4}}
    run = finetune(
        recipe,
        look,
        steer=lambda step, run: steer.get(step, {}),
        data_folder=world / "glue",
        device="cpu",
        progress=False,
    )
    assert run.changes == [{"step": 3, "lr": 5e-4}]
    top = [max(each.values()) for each in seen]
    assert top[1] > 1.9 * top[2] > 0
    for each in seen[:-1]:
        assert each == pytest.approx({name: max(each.values()) / 2.6 ** depth(name) for name in each})


def test_a_rate_that_a_hand_puts_in_all_groups_is_noted_as_one(world):
    def halve(run, optimizer):
        if len(run.history) == 2:
            for group in optimizer.param_groups:
                group["lr"] /= 2

    recipe = Recipe(str(world / "bert"), "mrpc", "layer-rates", steps=4, batch_size=4, lr=1e-3, max_length=40)
    run = finetune(recipe, halve, data_folder=world / "glue", device="cpu", progress=False)
    assert run.changes == [{"step": 3, "lr": pytest.approx(5e-4)}]


def test_rates_that_a_group_has_already_are_divided():
    model = Classifier()
    (method,) = parse("layer-rates(decay=2)", METHODS)
    from recall_learn.methods.method import Start

    acting = method.begin(Start(model, {}, lr=1.0))
    groups = acting.groups([{"params": list(model.named_parameters()), "lr": 0.5}])
    found = {name: group["lr"] for group in groups for name, _ in group["params"]}
    assert (found["head.weight"], found["base_model.layers.2.0.bias"], found["base_model.mask"]) == (0.5, 0.25, 2.0**-5)


@pytest.mark.parametrize("decay", [0.9, 0, float("inf")])
def test_refused_settings(decay):
    with pytest.raises(ValueError, match=r"^decay is .*; it has to be a number in \[1, 1000\]$"):
        METHODS["layer-rates"](decay=decay)
