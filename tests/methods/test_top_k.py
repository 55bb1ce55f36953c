"""Top-K: what is below stays to the bit, whoever steps; the layers are found in models of many kinds, or refused."""

import math

import pytest
import torch
from torch import nn

from recall_learn import Recipe, finetune
from recall_learn.methods import METHODS
from recall_learn.methods.composed import Composed
from recall_learn.methods.expression import parse
from recall_learn.methods.method import Start
from recall_learn.models.recalled import recall_groups
from recall_learn.theory.anchors import trainable

IDS, Y = torch.randint(0, 11, (6, 4), generator=torch.Generator().manual_seed(3)), torch.tensor([0, 1, 2, 2, 1, 0])


class Base(nn.Module):
    def __init__(self, layers=3):
        super().__init__()
        self.mask = nn.Parameter(torch.ones(5))
        self.words, self.before = nn.Embedding(11, 5), nn.LayerNorm(5)
        self.layers = nn.ModuleList([nn.Sequential(nn.Linear(5, 7), nn.Tanh(), nn.Linear(7, 5)) for _ in range(layers)])
        self.places, self.after = nn.Embedding(4, 5), nn.LayerNorm(5)  # registered late, and yet below

    def forward(self, ids):
        h = self.before(self.words(ids) * self.mask + self.places.weight)
        for layer in self.layers:
            h = h + layer(h)
        return self.after(h).mean(1)


class Classifier(nn.Module):
    """Its head is registered before its base."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.head, self.base_model = nn.Linear(5, 3), Base()

    def forward(self, ids):
        return self.head(self.base_model(ids))


BELOW = ["mask", "words.weight", "before.weight", "before.bias", "places.weight"]


def lower(count):
    """The names of what is in the first layers."""
    return [f"layers.{i}.{j}.{kind}" for i in range(count) for j in (0, 2) for kind in ("weight", "bias")]


def frozen(model):
    return {name for name, p in model.named_parameters() if not p.requires_grad}


def prepared(model, expression):
    methods = parse(expression, METHODS)
    for method in methods:
        method.prepare(model, 0)
    return methods


@pytest.mark.parametrize("layers", [0, 1, 2, 3])
def test_what_is_frozen(layers):
    model = Classifier()
    prepared(model, f"top-k(layers={layers})")
    assert frozen(model) == {f"base_model.{name}" for name in BELOW + lower(3 - layers)}


def test_a_model_without_a_base_is_its_own_and_a_wrapper_is_looked_through():
    model = Base()
    prepared(nn.DataParallel(model), "top-k")
    assert frozen(model) == {*BELOW, *lower(2)}


def test_what_was_frozen_stays_frozen():
    model = Classifier()
    model.base_model.layers[2][0].weight.requires_grad_(False)
    prepared(model, "top-k")
    assert "base_model.layers.2.0.weight" in frozen(model)
    assert "head.weight" not in frozen(model)


def trained(expression, decay=0.1, steps=4):
    """The names of what has moved."""
    model = Classifier()
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    methods = prepared(model, expression)
    anchors = {name: p.detach() + 0.5 for name, p in trainable(model).items() if not name.startswith("head")}
    fisher = {name: torch.rand_like(p) for name, p in trainable(model).items()}
    groups = recall_groups(model, decay, anchors=anchors)
    made = Composed(methods, Start(model, anchors, lr=1e-2, fisher=lambda kind: fisher), groups)
    for _ in range(steps):
        made.optimizer.zero_grad()
        out = model(IDS)
        (nn.functional.cross_entropy(out, Y) + sum(made.terms({}, out).values())).backward()
        made.optimizer.step()
    return {name for name, p in model.named_parameters() if not torch.equal(p, before[name])}, model


BESIDE = ["", " + recadam(gamma=50)", " + ewc", " + l2sp", " + mixout(p=0.5)", " + child-f", " + child-d"]


@pytest.mark.parametrize("beside", BESIDE)
def test_what_is_below_does_not_change_by_one_bit(beside):
    moved, model = trained(f"top-k(layers=1){beside}")
    still = {f"base_model.{name}" for name in BELOW + lower(2)}
    assert not moved & still
    assert moved == {name for name, _ in model.named_parameters()} - still
    assert not any(p.grad is not None for name, p in model.named_parameters() if name in still)


def test_all_layers_train_as_plain_fine_tuning_does_without_its_embeddings():
    _, one = trained("top-k(layers=3)")
    other = Classifier()
    for name in BELOW:
        other.base_model.get_parameter(name).requires_grad_(False)
    groups = recall_groups(other, 0.1, anchors={n: p for n, p in trainable(other).items() if not n.startswith("head")})
    optimizer = torch.optim.AdamW([{k: v for k, v in group.items() if k != "recall"} for group in groups], lr=1e-2)
    for _ in range(4):
        optimizer.zero_grad()
        nn.functional.cross_entropy(other(IDS), Y).backward()
        optimizer.step()
    for name, p in one.named_parameters():
        torch.testing.assert_close(p, other.get_parameter(name), msg=name)


@pytest.mark.parametrize("kind", ["bert", "roberta", "electra", "distilbert", "gpt2", "xlnet"])
def test_models_of_transformers(kind):
    """Of two layers the upper one trains; frozen is all that a lower layer's output depends on, and nothing else."""
    from small import config_of
    from transformers import AutoModelForSequenceClassification

    def made():
        torch.manual_seed(1)
        return AutoModelForSequenceClassification.from_config(config_of(kind)).eval()

    model, other = made(), made()
    prepared(model, "top-k(layers=1)")
    ids = torch.tensor([[2, 7, 9, 3]])
    # what the first layer's output depends on, by autograd in a model without top-k
    (stack,) = [each for each in other.base_model.modules() if isinstance(each, nn.ModuleList)]
    kept = []
    stack[0].register_forward_hook(lambda module, args, out: kept.append(out[0] if isinstance(out, tuple) else out))
    other(input_ids=ids)
    kept[0].square().sum().backward()
    reached = {name for name, p in other.named_parameters() if p.grad is not None}
    upper = {name for name, p in other.named_parameters() if any(p is q for q in stack[1].parameters())}
    assert reached
    assert frozen(model) >= reached
    assert not frozen(model) & upper
    model(input_ids=ids, labels=torch.tensor([1])).loss.backward()
    for name, p in model.named_parameters():
        assert (p.grad is None) or name not in frozen(model)
    outside = {name for name, _ in model.named_parameters() if name.split(".")[0] != model.base_model_prefix}
    assert outside
    assert not outside & frozen(model)


def test_a_decoder_that_is_tied_to_the_embeddings_is_frozen_with_them():
    from small import config_of
    from transformers import BertForMaskedLM

    model = BertForMaskedLM(config_of("bert"))
    assert model.cls.predictions.decoder.weight is model.bert.embeddings.word_embeddings.weight
    prepared(model, "top-k")
    assert not model.cls.predictions.decoder.weight.requires_grad
    assert model.cls.predictions.transform.dense.weight.requires_grad


def test_recomputed_activations_reach_what_trains():
    from small import config_of
    from transformers import BertForSequenceClassification

    torch.manual_seed(1)
    model = BertForSequenceClassification(config_of("bert"))
    prepared(model, "top-k")
    getattr(model, "activation_checkpointing_enable", model.gradient_checkpointing_enable)()  # 5.23, 5.15
    model.train()(input_ids=torch.tensor([[2, 7, 3]]), labels=torch.tensor([1])).loss.backward()
    assert {name for name, p in model.named_parameters() if p.grad is not None} == set(trainable(model))


def two_stacks():
    model = Base()
    model.others = nn.ModuleList([nn.Linear(5, 5)])
    return model


def no_stack():
    return nn.Sequential(nn.Linear(2, 2))


def shared():
    from small import config_of
    from transformers import AlbertForSequenceClassification

    return AlbertForSequenceClassification(config_of("albert"))


@pytest.mark.parametrize(
    ("make", "expression", "says"),
    [
        (Classifier, "top-k(layers=4)", r"^layers is 4; Classifier has 3, and it has to be at most that$"),
        (two_stacks, "top-k", r"^Base has layers in layers and in others; top-k needs one stack of them"),
        (no_stack, "top-k", r"^Sequential has no nn.ModuleList of layers; top-k needs one stack of them"),
        (
            shared,
            "top-k",
            r"^Albert\w+ has 2 layers, and 1 in encoder.albert_layer_groups, so that some",
        ),
    ],
)
def test_what_cannot_be_told_is_refused_and_nothing_is_frozen(make, expression, says):
    model = make()
    with pytest.raises(ValueError, match=says):
        prepared(model, expression)
    assert not frozen(model)


@pytest.mark.parametrize("layers", [-1, 1.5, math.inf])
def test_layers_is_a_whole_number(layers):
    with pytest.raises(ValueError, match=r"^layers is .*; it has to be a whole number of at least 0$"):
        METHODS["top-k"](layers=layers)


def test_lists_inside_of_layers_and_lists_without_weights_are_no_stacks():
    model = Base()
    model.dropouts = nn.ModuleList([nn.Dropout(0.1)])
    model.layers[1].add_module("experts", nn.ModuleList([nn.Linear(5, 5)]))
    prepared(model, "top-k")
    assert frozen(model) == {*BELOW, *lower(2), "layers.1.experts.0.weight", "layers.1.experts.0.bias"}


def test_a_run_of_the_head_alone_leaves_all_that_was_pretrained():
    recipe = Recipe(backbone="tiny", task="world/cola", steps=2, method="top-k(layers=0)", probe="none")
    run = finetune(recipe, progress=False)
    assert run.final["distance"] == 0
    assert run.history[-1]["loss"] != run.history[0]["loss"]
