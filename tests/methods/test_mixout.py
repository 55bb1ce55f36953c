"""Mixout against sums written out, and its laws."""

import itertools
import math
import random

import numpy as np
import pytest
import torch
from mixed import Model, X, Y, assert_same, away, begun, passed, seen, trained
from torch import nn

from recall_learn.methods import METHODS
from recall_learn.methods.expression import parse


def single(p=0.7, mask="neuron", size=(7, 400), home=None, seed=0):
    """One linear layer in float64 under mixout: the layer, theta*, and the methods at work."""
    torch.manual_seed(3)
    layer = nn.Linear(size[1], size[0]).double()
    home = torch.randn_like(layer.weight).detach() if home is None else home
    return layer, home, begun(layer, f"mixout(p={p}, mask={mask})", {"weight": home, "bias": layer.bias + 1}, seed)


def entries(matrix, w, home, p):
    """M, by comparing entry by entry with the two values that the paper's formula can have. Nothing else may come."""
    w, found = w.detach(), torch.zeros(w.shape, dtype=torch.bool)
    for i in range(w.shape[0]):
        for j in range(w.shape[1]):
            value, u, now = (float(each[i, j]) for each in (matrix, home, w))
            if math.isclose(value, (u - p * u) / (1 - p), rel_tol=1e-9, abs_tol=1e-9):
                found[i, j] = True
            else:
                assert math.isclose(value, (now - p * u) / (1 - p), rel_tol=1e-9, abs_tol=1e-9), (i, j)
    return found


@pytest.mark.parametrize("p", [0.25, 0.7, 0.9])
def test_the_paper_s_formula_by_input_neurons(p):
    layer, home, _ = single(p)
    taken = entries(seen(layer), layer.weight, home, p)
    assert (taken == taken[0]).all()  # a neuron with all its weights
    assert abs(taken[0].double().mean() - p) < 5 * math.sqrt(p * (1 - p) / 400)


def test_the_paper_s_formula_by_weights():
    layer, home, _ = single(0.7, "weight")
    taken = entries(seen(layer), layer.weight, home, 0.7).double()
    for share, count in ((taken.mean(), 2800), *((column, 7) for column in taken.mean(0)[:3])):
        assert abs(share - 0.7) < 5 * math.sqrt(0.21 / count)
    assert not (taken == taken[0]).all()


@pytest.mark.parametrize("mask", ["neuron", "weight"])
def test_gradients_of_a_model_are_those_of_the_formula(mask):
    """Forward and backward by numpy, with the masks that the layers had."""
    p, model = 0.6, Model().double()
    anchors = away(model)
    begun(model, f"mixout(p={p}, mask={mask})", anchors)
    out = model(X)
    nn.functional.cross_entropy(out, Y).backward()
    used = {name: seen(getattr(model, name)).numpy() for name in ("first", "second")}  # of the same pass
    now = {name: each.detach().numpy() for name, each in model.named_parameters()}
    x, y = X.numpy(), Y.numpy()
    h = np.tanh(x @ used["first"].T + now["first.bias"])
    z = h @ used["second"].T + now["second.bias"]
    spread = np.sqrt(((z - z.mean(1, keepdims=True)) ** 2).mean(1, keepdims=True) + 1e-5)
    normed = (z - z.mean(1, keepdims=True)) / spread
    logits = (normed * now["norm.weight"] + now["norm.bias"]) @ now["head.weight"].T + now["head.bias"]
    np.testing.assert_allclose(out.detach().numpy(), logits, rtol=1e-9)
    slope = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    slope[np.arange(6), y] -= 1
    slope /= 6
    back = slope @ now["head.weight"] * now["norm.weight"]
    back_z = (back - back.mean(1, keepdims=True) - normed * (back * normed).mean(1, keepdims=True)) / spread
    back_h = back_z @ used["second"] * (1 - h**2)
    for name, at, inside in (("second", back_z, h), ("first", back_h, x)):
        taken = entries(used[name], getattr(model, name).weight, anchors[f"{name}.weight"], p).numpy()
        layer = getattr(model, name)
        np.testing.assert_allclose(layer.weight.grad.numpy(), at.T @ inside * (1 - taken) / (1 - p), atol=1e-12)
        np.testing.assert_allclose(layer.bias.grad.numpy(), at.sum(0), atol=1e-12)
    features = normed * now["norm.weight"] + now["norm.bias"]
    np.testing.assert_allclose(model.head.weight.grad.numpy(), slope.T @ features, atol=1e-12)


def test_p_0_is_plain_training_to_the_bit():
    plain, other = Model(), Model()
    assert_same(trained(plain, begun(plain, "vanilla")), trained(other, begun(other, "mixout(p=0)")))


def test_at_home_it_is_plain_to_the_bit():
    model = Model()
    plain = model(X.float())
    begun(model, anchors={name: p.detach().clone() for name, p in model.named_parameters() if "head" not in name})
    assert torch.equal(model(X.float()), plain)


@pytest.mark.parametrize("mask", ["neuron", "weight"])
def test_the_mean_over_masks_is_w_and_the_variance_that_of_the_docstring(mask):
    layer, home, _ = single(0.6, mask, (3, 8))
    drawn = torch.stack([seen(layer) for _ in range(4000)])  # each a pass of its own
    variance = 0.6 / 0.4 * (layer.weight.detach() - home) ** 2
    assert ((drawn.mean(0) - layer.weight).abs() < 5 * (variance / 4000).sqrt()).all()
    torch.testing.assert_close(drawn.var(0), variance, rtol=0.15, atol=0)


def test_in_evaluation_it_is_plain_and_counts_nothing():
    model = Model().eval()
    plain = model(X.float())
    made = begun(model)
    assert torch.equal(model(X.float()), plain)
    assert passed(made) == 0
    model.train()
    assert not torch.equal(model(X.float()), plain)
    model.eval()
    assert torch.equal(model(X.float()), plain)
    assert passed(made) == 1


def test_with_theta_star_0_it_is_dropout_of_weights_or_of_inputs():
    zero = torch.zeros(7, 400, dtype=torch.float64)
    layer, _, _ = single(0.75, "weight", home=zero)
    used = seen(layer)
    assert ((used == 0) | torch.isclose(used, 4 * layer.weight)).all()
    assert abs((used == 0).double().mean() - 0.75) < 5 * math.sqrt(0.1875 / 2800)
    kept = (seen(single(0.75, "neuron", home=zero)[0]) != 0).any(0)
    x = torch.randn(2, 400, dtype=torch.float64)
    layer, _, _ = single(0.75, "neuron", home=zero)  # of the same seed
    torch.testing.assert_close(layer(x), nn.functional.linear(x * kept / 0.25, layer.weight, layer.bias))


def test_each_pass_draws_anew_and_leaves_the_global_generators_alone():
    layer, _, made = single()
    states = torch.get_rng_state(), random.getstate()
    drawn = [seen(layer) for _ in range(3)]  # the micro-batches of one step
    assert passed(made) == 3
    assert not any(torch.equal(one, other) for one, other in itertools.pairwise(drawn))
    assert torch.equal(torch.get_rng_state(), states[0])
    assert random.getstate() == states[1]


def test_the_seed_decides_and_layers_differ():
    assert torch.equal(seen(single(seed=1)[0]), seen(single(seed=1)[0]))
    assert not torch.equal(seen(single(seed=1)[0]), seen(single(seed=2)[0]))
    twins = nn.Sequential(nn.Linear(50, 50), nn.Linear(50, 50)).double()
    begun(twins, anchors={name: torch.zeros_like(p) for name, p in twins.named_parameters()})
    twins(torch.zeros(1, 50, dtype=torch.float64))
    taken = [(seen(layer) == 0).all(0) for layer in twins]
    assert not torch.equal(*taken)


def test_a_resumed_run_goes_on_to_the_bit():
    whole, first, second = Model(), Model(), Model()
    made = begun(whole)
    trained(whole, made, 4)
    want = trained(whole, made, 3)
    stopped = begun(first)
    trained(first, stopped, 4)
    second.load_state_dict(first.state_dict())
    resumed = begun(second, anchors=away(Model()))
    resumed.load_state_dict(stopped.state_dict())
    resumed.optimizer.load_state_dict(stopped.optimizer.state_dict())
    assert_same(trained(second, resumed, 3), want)


@pytest.mark.parametrize("reentrant", [False, True])
def test_recomputed_activations_see_the_same_masks(reentrant):
    plain, other = Model(), Model(recompute=reentrant)
    assert_same(trained(plain, begun(plain)), trained(other, begun(other)))


def test_a_live_p_acts_from_the_next_pass_on():
    layer, home, made = single(0.5)
    made.change(parse("mixout(p=0.9)", METHODS))
    entries(seen(layer), layer.weight, home, 0.9)
    with pytest.raises(ValueError, match="mask of mixout cannot change while it trains"):
        made.change(parse("mixout(p=0.9, mask=weight)", METHODS))


def test_bf16_autocast_mixes_in_the_precision_of_the_weights():
    layer, home, _ = single()
    layer, home = layer.float(), home.float()
    begun(layer, anchors={"weight": home}, expression="mixout(p=0.7)")
    x = torch.randn(3, 400)
    with torch.autocast("cpu", torch.bfloat16):
        out = layer(x)
    out.float().sum().backward()
    taken = layer.weight.grad[0] == 0
    w = layer.weight.detach().double()
    used = torch.where(taken, home.double(), home.double() + (w - home.double()) / 0.3)
    right = nn.functional.linear(x.bfloat16(), used.bfloat16(), layer.bias.bfloat16())
    assert out.dtype == torch.bfloat16
    torch.testing.assert_close(out, right, rtol=0.01, atol=0.01 * float(right.abs().max()))
    assert layer.weight.grad.dtype == torch.float32


def test_weights_in_bf16_lose_nothing_by_large_differences():
    """(w - p u) / (1 - p) in bf16 is off by 2 % of w here; the way from home is short, and so is its rounding."""
    layer, _, _ = single()
    layer = layer.bfloat16()
    layer.bias.data.zero_()
    home = (layer.weight.detach().float() * 1.01).bfloat16()
    begun(layer, "mixout(p=0.9, mask=weight)", {"weight": home})
    used, w, u = seen(layer).double(), layer.weight.detach().double(), home.double()
    gap = torch.minimum((used - u).abs(), (used - (u + 10 * (w - u))).abs()) / w.abs()
    assert gap.max() < 2**-7


@pytest.mark.parametrize(
    ("expression", "says"),
    [
        ("mixout(p=1)", r"^p is 1.0; it has to be a number in \[0, 1\)$"),
        ("mixout(p=-0.1)", r"^p is -0.1; it has to be a number in \[0, 1\)$"),
        ("mixout(mask=row)", "^mask is 'row'; it has to be one of neuron, weight$"),
    ],
)
def test_refused_settings(expression, says):
    with pytest.raises(ValueError, match=says):
        parse(expression, METHODS)


def test_refused_models_and_states():
    model = Model()
    with pytest.raises(
        ValueError, match=r"^mixout finds no linear layer in Model whose weight is pretrained and trains"
    ):
        begun(model, anchors={"norm.weight": torch.ones(4)})
    assert not model._forward_pre_hooks
    made = begun(model)
    with pytest.raises(ValueError, match="cannot act in the copies of DataParallel; take DistributedDataParallel"):
        model._replicate_for_data_parallel()(X.float())
    for state, says in (
        ({"p": 1}, "^state of mixout has p; it has to have passes$"),
        ({"passes": -1}, "^passes in the state of mixout is -1; it has to be a whole number of at least 0$"),
    ):
        with pytest.raises(ValueError, match=says):
            made.load_state_dict({"mixout": state})
