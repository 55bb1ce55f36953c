"""What both masks of Child-Tuning have in common: together, closures, scalers, removal, and what they refuse."""

import copy
import math

import pytest
import torch
from masking import (
    OPTIMIZERS,
    SHAPES,
    every_optimizer,
    gradients,
    layer_fisher,
    masks_of_f,
    named_parameters,
    same_bits,
    seeded,
    train,
)
from torch import nn

from recall_learn.methods.child_tuning import ChildTuningD, ChildTuningF, child_masks

# --- both ---


@every_optimizer
def test_f_draws_within_the_child_of_d_in_either_order(make):
    def f_then_d(optimizer):
        ChildTuningF(optimizer, 0.4, seeded(3))
        ChildTuningD(optimizer, layer_fisher(), 0.3)

    def d_then_f(optimizer):
        ChildTuningD(optimizer, layer_fisher(), 0.3)
        ChildTuningF(optimizer, 0.4, seeded(3))

    child, masks, start = child_masks(layer_fisher(), 0.3), masks_of_f(0.4, 6, seeded(3)), named_parameters()
    masked = [
        {n: g[n] * m[n] / 0.4 * child.get(n, 1) for n in SHAPES} for g, m in zip(gradients(6), masks, strict=True)
    ]
    plain = train(make, grads=masked)
    expected = {n: torch.where(child[n], plain[n], start[n]) if n in child else plain[n] for n in SHAPES}
    assert same_bits(train(make, f_then_d), expected)
    assert same_bits(train(make, d_then_f), expected)


BOTH = {
    "F": lambda optimizer: ChildTuningF(optimizer, 0.4, seeded(3)),
    "D": lambda optimizer: ChildTuningD(optimizer, layer_fisher(), 0.3),
    "F and D": lambda optimizer: (BOTH["F"](optimizer), BOTH["D"](optimizer)),
}
every_mask = pytest.mark.parametrize("attach", BOTH.values(), ids=BOTH)


@every_mask
@pytest.mark.parametrize("by_keyword", [False, True])
def test_a_closure_is_masked_after_it_ran(attach, by_keyword):
    def run(use_closure):
        parameters = named_parameters()
        optimizer = OPTIMIZERS["adam"](parameters.items())
        attach(optimizer)
        for _ in range(4):

            def closure():
                optimizer.zero_grad()
                loss = sum((parameter**2).sum() for parameter in parameters.values())
                loss.backward()
                return loss

            if not use_closure:
                closure()
                optimizer.step(None)
            elif by_keyword:
                assert optimizer.step(closure=closure) > 0
            else:
                assert optimizer.step(closure) > 0
        return {name: parameter.detach() for name, parameter in parameters.items()}

    assert same_bits(run(True), run(False))


def test_lbfgs_only_moves_the_child():
    parameters = named_parameters()
    start, child = named_parameters(), child_masks(layer_fisher(), 0.3)
    optimizer = torch.optim.LBFGS(parameters.items(), lr=0.5, max_iter=5)
    ChildTuningD(optimizer, layer_fisher(), 0.3)

    def closure():
        optimizer.zero_grad()
        loss = sum(((parameter - 3) ** 4).sum() for parameter in parameters.values())
        loss.backward()
        return loss

    losses = [optimizer.step(closure).item() for _ in range(3)]
    assert losses[2] < losses[1] < losses[0]
    for name, mask in child.items():
        assert torch.equal(parameters[name][~mask], start[name][~mask])
        assert (parameters[name][mask] != start[name][mask]).all()


@every_mask
def test_removed_masks_leave_the_plain_optimizer(attach):
    def attach_and_remove(optimizer):
        masks = attach(optimizer)
        for mask in masks if isinstance(masks, tuple) else [masks]:
            mask.remove()
            mask.remove()

    assert same_bits(train(OPTIMIZERS["sgd"], attach_and_remove), train(OPTIMIZERS["sgd"]))
    assert not same_bits(train(OPTIMIZERS["sgd"], attach), train(OPTIMIZERS["sgd"]))


@every_mask
@pytest.mark.parametrize("name", ["adamw-foreach", "adamw-fused"])  # fused ones unscale inside their kernel
def test_a_gradient_scaler_changes_nothing(attach, name):
    def run(scale):
        parameters = named_parameters(torch.float32)
        optimizer = OPTIMIZERS[name](parameters.items())
        attach(optimizer)
        scaler = torch.amp.GradScaler("cpu", init_scale=1024.0, enabled=scale)
        for grads in gradients(4, torch.float32):
            optimizer.zero_grad()
            scaler.scale(sum((parameters[n] * grads[n]).sum() for n in SHAPES)).backward()
            scaler.step(optimizer)
            scaler.update()
        return {name: parameter.detach() for name, parameter in parameters.items()}

    scaled, plain = run(True), run(False)
    for key in SHAPES:
        torch.testing.assert_close(scaled[key], plain[key], rtol=1e-6, atol=0)


# --- what is refused ---


def named_sgd():
    return torch.optim.SGD(named_parameters().items(), lr=0.1)


@pytest.mark.parametrize("p", [0, -0.1, 1.1, math.nan, math.inf, "0.3", None, True])
def test_p_outside_the_unit_interval_is_refused(p):
    for attach in (lambda o: ChildTuningF(o, p), lambda o: ChildTuningD(o, layer_fisher(), p)):
        with pytest.raises(ValueError, match=r"p is .*; it has to be a number in \(0, 1\]"):
            attach(named_sgd())
    with pytest.raises(ValueError, match="p is"):
        child_masks(layer_fisher(), p)


@pytest.mark.parametrize(
    ("fisher", "message"),
    [
        ({}, "fisher is {}"),
        (None, "fisher is None"),
        ({"layer.bias": 3.0}, "it must be a tensor"),
        ({"layer.bias": -torch.ones(5)}, r"fisher\['layer.bias'\] has entries that are negative"),
        ({"layer.bias": torch.full((5,), math.nan)}, "infinite or nan"),
        ({"layer.bias": torch.full((5,), math.inf)}, "infinite or nan"),
        ({"layer.bias": torch.ones(4)}, r"fisher\['layer.bias'\] has shape \(4,\)"),
        ({"layer.bias": torch.ones(5), "other": torch.ones(5)}, "fisher has 'other'"),
        ({"scale": torch.ones(())}, "keeps none of 1 entries"),
    ],
)
def test_bad_fishers_are_refused(fisher, message):
    with pytest.raises(ValueError, match=message):
        ChildTuningD(named_sgd(), fisher, 0.3)


def test_optimizers_that_cannot_be_masked_are_refused():
    parameters = list(named_parameters().values())
    with pytest.raises(ValueError, match=r"make it from model\.named_parameters\(\)"):
        ChildTuningD(torch.optim.SGD(parameters), layer_fisher())
    with pytest.raises(ValueError, match="two parameters named 'layer'"):
        ChildTuningD(torch.optim.SGD([("layer", parameters[0]), ("layer", parameters[1])]), layer_fisher())
    with pytest.raises(ValueError, match="optimizer is a list"):
        ChildTuningF(parameters)
    with pytest.raises(ValueError, match="generator is 3"):
        ChildTuningF(named_sgd(), generator=3)
    ChildTuningF(torch.optim.SGD(parameters))  # F needs no names


def test_a_second_mask_of_the_same_kind_is_refused_until_the_first_is_removed():
    optimizer = named_sgd()
    for attach in (ChildTuningF, lambda o: ChildTuningD(o, layer_fisher())):
        first = attach(optimizer)
        with pytest.raises(ValueError, match="optimizer already has a ChildTuning"):
            attach(optimizer)
        first.remove()
        attach(optimizer)


def test_a_copied_optimizer_is_a_plain_one():
    optimizer = named_sgd()
    ChildTuningF(optimizer)
    ChildTuningF(copy.deepcopy(optimizer))


def test_sparse_gradients_are_refused():
    table = nn.Embedding(5, 2, sparse=True)
    optimizer = torch.optim.SGD(table.parameters(), lr=0.1)
    ChildTuningF(optimizer)
    table(torch.tensor([1])).sum().backward()
    with pytest.raises(ValueError, match="needs dense ones"):
        optimizer.step()


def test_states_of_others_are_refused():
    f, d = ChildTuningF(named_sgd(), 0.3), ChildTuningD(named_sgd(), layer_fisher(), 0.3)
    for mask, state, message in [
        (f, d.state_dict(), "must be a state_dict of this class"),
        (d, f.state_dict(), "must be a state_dict of this class"),
        (f, None, "state has None"),
        (f, f.state_dict() | {"p": 0.2}, "state has p = 0.2, this one has 0.3"),
        (d, d.state_dict() | {"p": 0.2}, "state has p = 0.2, this one has 0.3"),
        (d, {"p": 0.3, "masks": {"layer.bias": torch.ones(5)}}, "masks lacks 'layer.weight'"),
    ]:
        with pytest.raises(ValueError, match=message):
            mask.load_state_dict(state)
