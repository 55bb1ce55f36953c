"""What a step reads and writes is compared before a kernel sees it: a sentence instead of foreign memory."""

import copy

import pytest
import torch
from torch import nn

from recall_learn.methods.recadam.optimizer import RecAdam
from recall_learn.theory.annealing import Constant, Linear

PATHS = {"plain": {"foreach": False}, "foreach": {"foreach": True}, "fused": {}}
every_path = pytest.mark.parametrize("path", PATHS)


def make(path, lam=0.5, named=True, dtype=torch.float32, gamma=5.0):
    """A group of two and a head, one step taken."""
    torch.manual_seed(0)
    named_params = {name: nn.Parameter(torch.randn(4, 3).to(dtype)) for name in ("first", "second", "head")}
    *body, head = named_params.items() if named else named_params.values()
    groups = [{"params": body}, {"params": [head], "recall": False}]
    optimizer = RecAdam(groups, 0.01, anneal=Constant(lam), gamma=gamma, **PATHS[path])
    give_gradients(named_params.values())
    optimizer.step()
    return named_params, optimizer


def give_gradients(params):
    for p in params:
        p.grad = torch.ones_like(p)


def refused(params, optimizer, text, error=ValueError):
    weights = [p.detach().clone() for p in params.values()]
    state = copy.deepcopy([optimizer.state[p] for p in params.values()])
    with pytest.raises(error, match=text) as caught:
        optimizer.step()
    assert "\n" not in str(caught.value)
    assert all(torch.equal(a, b) for a, b in zip(weights, params.values(), strict=True))
    assert [group["t"] for group in optimizer.param_groups] == [1, 1]
    for before, p in zip(state, params.values(), strict=True):
        assert all(torch.equal(before[key], optimizer.state[p][key]) for key in before)


CHANGED = {
    "longer": (lambda p: torch.cat([p, p]), r"exp_avg of {} has shape \(4, 3\), the parameter has \(8, 3\)"),
    "shorter": (lambda p: p[:2].clone(), r"exp_avg of {} has shape \(4, 3\), the parameter has \(2, 3\)"),
    "turned": (lambda p: p.t().clone(), r"exp_avg of {} has shape \(4, 3\), the parameter has \(3, 4\)"),
    "flat": (lambda p: p.flatten(), r"exp_avg of {} has shape \(4, 3\), the parameter has \(12,\)"),
    "float64": (
        lambda p: p.double(),
        r"exp_avg of {} is torch.float32, and torch.float64 is needed beside a parameter",
    ),
    "elsewhere": (lambda p: torch.empty_like(p, device="meta"), r"exp_avg of {} is on cpu .*, the parameter on meta"),
}


@every_path
@pytest.mark.parametrize("lam", [0.5, 1.0])
@pytest.mark.parametrize("name", ["second", "head"])
@pytest.mark.parametrize("change", CHANGED)
def test_a_parameter_changed_after_a_step_is_refused(path, lam, name, change):
    params, optimizer = make(path, lam)
    changed, text = CHANGED[change]
    other = params[name]
    with torch.no_grad():
        replaced = nn.Parameter(changed(other.detach()))
    torch.utils.swap_tensors(other, replaced)  # what p.data = ... does, on any device
    give_gradients(params.values())
    where = f"parameter '{name}' of param_groups\\[{int(name == 'head')}\\]"
    with pytest.raises(ValueError, match=text.format(where)):
        optimizer.step()


@every_path
def test_a_weight_padded_after_a_step_is_refused_and_nothing_moves(path):
    for lam in (0.5, 1.0):
        params, optimizer = make(path, lam)
        params["second"].data = torch.cat([params["second"].data] * 2)
        give_gradients(params.values())
        refused(params, optimizer, r"exp_avg of parameter 'second' of param_groups\[0\] has shape \(4, 3\)")


@every_path
def test_a_weight_padded_before_the_first_step_is_refused_where_something_pulls(path):
    weight = nn.Parameter(torch.ones(4, 3))
    optimizer = RecAdam([("w", weight)], 0.01, gamma=5.0, **PATHS[path])
    weight.data = torch.ones(8, 3)
    weight.grad = torch.ones(8, 3)
    with pytest.raises(ValueError, match=r"anchor of parameter 'w' of param_groups\[0\] has shape \(4, 3\)"):
        optimizer.step()
    assert not optimizer.state


@every_path
@pytest.mark.parametrize(
    ("gradient", "text"),
    [
        (lambda p: p.double(), "is torch.float64, and torch.float32 is needed"),
        (lambda p: p.bfloat16(), "is torch.bfloat16, and torch.float32 is needed"),
        (lambda p: p[:2], r"has shape \(2, 3\), the parameter has \(4, 3\)"),
        (lambda p: p[:, :1], r"has shape \(4, 1\), the parameter has \(4, 3\)"),
    ],
)
@pytest.mark.parametrize("named", [True, False])
def test_a_gradient_of_another_kind_is_refused(path, gradient, text, named):
    params, optimizer = make(path, named=named)
    p, kept = params["second"], params["second"].data
    p.data = gradient(kept).clone()  # torch checks a gradient when it is set, and never again
    p.grad = torch.ones_like(p)
    p.data = kept
    name = "'second'" if named else "number 1"
    refused(params, optimizer, rf"gradient of parameter {name} of param_groups\[0\] {text}.*before backward\(\)")


@every_path
@pytest.mark.parametrize("key", ["exp_avg", "exp_avg_sq"])
@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (torch.zeros(2, 3), r"has shape \(2, 3\), the parameter has \(4, 3\)"),
        (torch.zeros(400, 3), r"has shape \(400, 3\), the parameter has \(4, 3\)"),
        (torch.zeros(()), r"has shape \(\), the parameter has \(4, 3\)"),
        (torch.zeros(4, 3, dtype=torch.float64), "is torch.float64, and torch.float32 is needed"),
        (torch.zeros(4, 3, dtype=torch.bfloat16), "is torch.bfloat16, and torch.float32 is needed"),
        (torch.zeros(4, 3, device="meta"), "is on meta .*, the parameter on cpu"),
        (None, "is missing"),
    ],
)
def test_moments_put_in_by_hand_are_compared(path, key, moment, text):
    params, optimizer = make(path)
    p = params["head"]
    optimizer.state[p][key] = moment
    with pytest.raises(
        ValueError, match=rf"{key} of parameter 'head' of param_groups\[1\] {text}.*; make a new optimizer"
    ):
        optimizer.step()
    del optimizer.state[p][key]
    with pytest.raises(ValueError, match=rf"{key} of parameter 'head' of param_groups\[1\] is missing"):
        optimizer.step()
    optimizer.state[p] = {"step": 1.0, key: torch.zeros(4, 3)}
    with pytest.raises(
        ValueError, match=r"step of parameter 'head' of param_groups\[1\] is 1.0; it has to be a tensor"
    ):
        optimizer.step()
    assert [group["t"] for group in optimizer.param_groups] == [1, 1]


@every_path
def test_moments_in_another_order_of_memory_are_those_of_their_weights(path):
    # the fused kernel reads from first to last: a transposed moment would be another weight's
    ends = []
    for lay_out in (torch.clone, lambda x: x.t().contiguous().t(), lambda x: x.repeat_interleave(2, 1)[:, ::2]):
        params, optimizer = make(path)
        state = optimizer.state[params["second"]]
        with torch.no_grad():
            state["exp_avg"] = lay_out(torch.linspace(-1, 1, 12).view(4, 3))
            state["exp_avg_sq"] = lay_out(torch.linspace(0, 1, 12).view(4, 3))
        for _ in range(3):
            optimizer.step()
        ends.append(params["second"].detach())
    for end in ends[1:]:
        torch.testing.assert_close(end, ends[0], rtol=1e-6, atol=1e-7)


@every_path
def test_a_model_cast_down_after_a_step_goes_on(path):
    # moments and anchors are in float32 for both, so bfloat16 finds what it needs
    params, optimizer = make(path)
    for p in params.values():
        p.data = p.data.to(torch.bfloat16)
        p.grad = None
    give_gradients(params.values())
    optimizer.step()
    assert [group["t"] for group in optimizer.param_groups] == [2, 2]
    assert all(p.dtype == torch.bfloat16 and p.isfinite().all() for p in params.values())


@every_path
@pytest.mark.parametrize("by_name", [True, False])
def test_parameters_may_be_replaced_before_the_first_step(path, by_name):
    # as apex's O2 does, with masters in float32 for weights in half precision, and whoever makes a model anew
    torch.manual_seed(0)
    halves = {name: nn.Parameter(torch.randn(4, 3).bfloat16()) for name in ("first", "second")}
    gamma = {name: torch.rand(4, 3) for name in halves} if by_name else 5.0
    optimizer = RecAdam(halves.items(), 0.01, anneal=Constant(0.5), gamma=gamma, **PATHS[path])
    masters = {name: nn.Parameter(p.detach().float()) for name, p in halves.items()}
    twins = {name: nn.Parameter(p.detach().float()) for name, p in halves.items()}
    twin = RecAdam(twins.items(), 0.01, anneal=Constant(0.5), gamma=gamma, **PATHS[path])
    optimizer.param_groups[0]["params"] = list(masters.values())
    for step in range(3):
        for params in (masters, twins):
            for p in params.values():
                p.grad = torch.full_like(p, float(step - 1))
        optimizer.step()
        twin.step()
    assert all(torch.equal(masters[name], twins[name]) for name in masters)
    assert not torch.equal(masters["first"], halves["first"])
    assert optimizer.state_dict()["param_groups"][0]["anchors"] == twin.state_dict()["param_groups"][0]["anchors"]


def test_parameters_replaced_after_a_step_are_refused():
    params, optimizer = make("fused")
    state = optimizer.state_dict()
    optimizer.param_groups[0]["params"] = [nn.Parameter(p.detach().clone()) for p in list(params.values())[:2]]
    give_gradients(optimizer.param_groups[0]["params"])
    text = "other parameters than those that steps were taken on .* wrap the model before the first step"
    for call in (optimizer.step, optimizer.state_dict, lambda: optimizer.load_state_dict(state)):
        with pytest.raises(ValueError, match=text):
            call()
    assert optimizer.param_groups[0]["t"] == 1
    for old, new in zip(list(params.values())[:2], optimizer.param_groups[0]["params"], strict=True):
        optimizer.state[new] = optimizer.state.pop(old)
    optimizer.step()
    assert optimizer.param_groups[0]["t"] == 2


@pytest.mark.parametrize("what", ["a parameter less", "a parameter more", "a group less", "a group more"])
def test_parameters_that_come_and_go_by_hand_are_refused(what):
    _, optimizer = make("fused")
    group = optimizer.param_groups[0]
    if what == "a parameter less":
        del group["params"][0]
    elif what == "a parameter more":
        group["params"].append(nn.Parameter(torch.ones(2)))
    elif what == "a group less":
        del optimizer.param_groups[0]
    else:
        optimizer.param_groups.append(dict(group))
    with pytest.raises(ValueError, match="added by add_param_group"):
        optimizer.step()


def test_groups_in_another_order_meet_other_anchors_only_if_their_shapes_agree():
    first, second = nn.Parameter(torch.ones(3)), nn.Parameter(torch.ones(2))
    optimizer = RecAdam([{"params": [first]}, {"params": [second]}], 0.01, anneal=Linear(4), gamma=5.0)
    optimizer.param_groups.reverse()
    give_gradients([first, second])
    with pytest.raises(ValueError, match=r"anchor of parameter number 0 of param_groups\[0\] has shape \(3,\)"):
        optimizer.step()
