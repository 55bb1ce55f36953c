"""Child-Tuning-D: which weights are the child, and that nothing outside it moves; against numpy and public mistakes."""

import io
import math

import numpy as np
import pytest
import torch
from masking import (
    OPTIMIZERS,
    SHAPES,
    all_of,
    every_optimizer,
    gradients,
    layer_fisher,
    named_parameters,
    same_bits,
    step,
    train,
)
from torch import nn
from transformers import BertConfig, BertForSequenceClassification

from recall_learn.methods.child_tuning import ChildTuningD, child_masks, layer_names

# --- D: the child ---


def child_in_numpy(fisher, p):
    flat = np.concatenate([f.double().numpy().ravel() for f in fisher.values()])
    best = np.argsort(-flat, kind="stable")[: round(p * len(flat))]
    chosen = np.zeros(len(flat), dtype=bool)
    chosen[best] = True
    pieces = np.split(chosen, np.cumsum([f.numel() for f in fisher.values()])[:-1])
    return {name: torch.tensor(piece).view(f.shape) for (name, f), piece in zip(fisher.items(), pieces, strict=True)}


def fishers():
    random = np.random.default_rng(2)
    shapes = {"a": (4, 5), "b": (7,), "c": (), "d": (3, 1, 2)}
    for scale in (1.0, 100.0):  # without and with tensors of very different size
        sizes = dict(zip(shapes, (1.0, scale, 1.0, 1 / scale), strict=True))
        yield {n: torch.tensor(sizes[n] * random.exponential(size=s)) for n, s in shapes.items()}
    yield {n: torch.tensor(random.integers(0, 3, size=s)).bfloat16() for n, s in shapes.items()}  # many ties
    yield {n: torch.tensor(1 + 1e-6 * random.normal(size=s), dtype=torch.float32) for n, s in shapes.items()}  # close
    yield {n: torch.tensor(1 + 1e-14 * random.normal(size=s)) for n, s in shapes.items()}
    yield {n: torch.zeros(s) for n, s in shapes.items()}


def check_child(choose):
    for fisher in fishers():
        for p in (0.05, 0.1, 0.3, 0.5, 0.77, 1.0):
            assert same_bits(choose(fisher, p), child_in_numpy(fisher, p))


def one_threshold_per_tensor(fisher, p):
    return {name: child_in_numpy({name: f}, p)[name] for name, f in fisher.items()}


def clipped_per_tensor(fisher, p):
    return child_in_numpy({name: f / max(1.0, float(f.double().norm())) for name, f in fisher.items()}, p)


def all_ties(fisher, p):
    flat = torch.cat([f.double().flatten() for f in fisher.values()])
    threshold = flat.sort(descending=True).values[round(p * len(flat)) - 1]
    return {name: f.double() >= threshold for name, f in fisher.items()}


def the_lowest(fisher, p):
    return child_in_numpy({name: -f for name, f in fisher.items()}, p)


def test_the_child_is_the_top_share_by_one_threshold():
    check_child(child_masks)


@pytest.mark.parametrize("mistake", [one_threshold_per_tensor, clipped_per_tensor, all_ties, the_lowest])
def test_mistaken_children_fail(mistake):
    with pytest.raises(AssertionError):
        check_child(mistake)


def test_a_child_is_its_own_fisher():
    for fisher in fishers():
        child = child_masks(fisher, 0.3)
        assert same_bits(child_masks(child, 0.3), child)


def test_more_entries_than_torch_quantile_takes():
    scores = torch.zeros(2**24 + 2)
    scores[-1] = 1.0
    child = child_masks({"w": scores}, 2 / len(scores))["w"]
    assert child.nonzero().flatten().tolist() == [0, len(scores) - 1]


# --- D: the steps ---


def check_d(attach, make, dtype=torch.float64):
    """After a warm start: outside the child nothing moves, inside it and elsewhere the plain optimizer is at work."""
    child, grads = child_masks(layer_fisher(), 0.3), gradients(8, dtype)
    before = train(make, grads=grads[:3], dtype=dtype)
    masked = [
        {n: g * child[n] if i >= 3 and n in child else g for n, g in grad.items()} for i, grad in enumerate(grads)
    ]
    plain = train(make, grads=masked, dtype=dtype)
    result = train(make, attach, warm=3, grads=grads, dtype=dtype)
    assert same_bits(
        result, {n: torch.where(child[n], plain[n], before[n]) if n in child else plain[n] for n in SHAPES}
    )


def only_gradients(optimizer):
    child = child_masks(layer_fisher(), 0.3)

    def mask_gradients(*_):
        for q, name in zip(all_of(optimizer), SHAPES, strict=True):
            if name in child:
                q.grad.mul_(child[name])

    optimizer.register_step_pre_hook(mask_gradients)


def divided_by_p(optimizer):
    ChildTuningD(optimizer, layer_fisher(), 0.3)
    optimizer.register_step_pre_hook(lambda *_: [q.grad.div_(0.3) for q in all_of(optimizer)] and None)


@every_optimizer
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_outside_the_child_nothing_moves(make, dtype):
    check_d(lambda optimizer: ChildTuningD(optimizer, layer_fisher(), 0.3), make, dtype)


@every_optimizer
def test_masking_gradients_alone_lets_decay_momentum_and_pull_move_the_rest(make):
    with pytest.raises(AssertionError):
        check_d(only_gradients, make)


def test_dividing_by_p_in_d_is_wrong():
    with pytest.raises(AssertionError):
        check_d(divided_by_p, OPTIMIZERS["sgd"])


def test_decay_alone_shrinks_what_only_its_gradient_was_masked():
    """The released code's mistake, by itself: no momentum, no gradient, only AdamW's decay."""
    nothing = [{name: torch.zeros(shape, dtype=torch.float64) for name, shape in SHAPES.items()}] * 5
    start, child = named_parameters(), child_masks(layer_fisher(), 0.3)["layer.weight"]
    ours = train(OPTIMIZERS["adamw-fused"], lambda o: ChildTuningD(o, layer_fisher(), 0.3), grads=nothing)
    theirs = train(OPTIMIZERS["adamw-fused"], only_gradients, grads=nothing)
    assert torch.equal(ours["layer.weight"][~child], start["layer.weight"][~child])
    assert (theirs["layer.weight"][~child].abs() < start["layer.weight"][~child].abs()).all()


def test_the_moments_never_see_a_gradient_outside_the_child():
    parameters = named_parameters()
    optimizer = OPTIMIZERS["adam"](parameters.items())
    mask = ChildTuningD(optimizer, layer_fisher(), 0.3)
    grads = gradients(1)[0]
    grads["layer.bias"][~mask.masks["layer.bias"]] = math.nan
    step(optimizer, parameters, grads)
    for name, child in mask.masks.items():
        moment = optimizer.state[parameters[name]]["exp_avg"]
        assert not moment[~child].any()
        assert moment[child].all()


def test_nan_outside_the_child_stays_outside():
    grads = gradients(4)
    child = child_masks(layer_fisher(), 0.3)
    broken = [{n: g.masked_fill(~child[n], math.nan) if n in child else g for n, g in grad.items()} for grad in grads]
    attach = lambda optimizer: ChildTuningD(optimizer, layer_fisher(), 0.3)  # noqa: E731
    assert same_bits(train(OPTIMIZERS["adam"], attach, grads=broken), train(OPTIMIZERS["adam"], attach, grads=grads))


def test_masks_survive_a_checkpoint():
    first = ChildTuningD(torch.optim.SGD(named_parameters().items()), layer_fisher(), 0.3)
    file = io.BytesIO()
    torch.save(first.state_dict(), file)
    file.seek(0)
    state = torch.load(file, weights_only=True)
    other = {name: torch.zeros_like(f) for name, f in layer_fisher().items()}
    resumed = ChildTuningD(torch.optim.SGD(named_parameters().items()), other, 0.3)
    assert not same_bits(resumed.masks, first.masks)
    resumed.load_state_dict(state)
    assert same_bits(resumed.masks, first.masks)
    state["masks"]["layer.bias"].fill_(True)
    assert same_bits(resumed.masks, first.masks)
    by_masks = ChildTuningD(torch.optim.SGD(named_parameters().items()), first.state_dict()["masks"], 0.3)
    assert same_bits(by_masks.masks, first.masks)


def test_nothing_is_held_between_steps():
    parameters = named_parameters()
    mask = ChildTuningD(torch.optim.SGD(parameters.items()), layer_fisher(), 0.3)
    step(mask.optimizer, parameters, gradients(1)[0])
    assert not mask._before


# --- which parameters are in the layers ---


class Toy(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers_of_the_head = nn.ModuleList([nn.Linear(2, 2)])  # a list, and a name, that a substring would take
        self.base_model = nn.Module()
        self.base_model.embeddings = nn.Embedding(3, 2)
        self.base_model.encoder = nn.Module()
        self.base_model.encoder.h = nn.ModuleList([nn.Linear(2, 2), nn.LayerNorm(2)])
        self.base_model.final_layer_norm = nn.LayerNorm(2)


def test_layer_names_of_a_toy():
    inside = ["base_model.encoder.h." + end for end in ("0.weight", "0.bias", "1.weight", "1.bias")]
    assert layer_names(Toy()) == inside


def test_layer_names_of_transformers():
    small = {"hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 8}
    bert = BertForSequenceClassification(BertConfig(vocab_size=11, **small))
    names = {name for name, _ in bert.named_parameters()}
    assert set(layer_names(bert)) == {name for name in names if name.startswith("bert.encoder.layer.")}
    assert set(layer_names(bert.bert)) == {
        n.removeprefix("bert.") for n in names if n.startswith("bert.encoder.layer.")
    }


def test_models_without_layers_are_refused():
    with pytest.raises(ValueError, match="model is a Linear without a base_model"):
        layer_names(nn.Linear(2, 2))
    bare = nn.Module()
    bare.base_model = nn.Linear(2, 2)
    with pytest.raises(ValueError, match=r"base_model is a Linear without an nn\.ModuleList"):
        layer_names(bare)
