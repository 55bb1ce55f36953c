"""What torch asks of the state, the hooks and the copies of its own optimizers, asked of RecAdam.

The table in test_recadam_torch_generic.py says which test stands for which of torch's.
"""

import copy

import pytest
import torch
from least_squares import INPUTS, equal, make, problem, step, through_a_file
from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook

from recall_learn.methods.recadam.optimizer import RecAdam

every_input = pytest.mark.parametrize("given", INPUTS.values(), ids=INPUTS)


@every_input
def test_a_loaded_optimizer_takes_the_same_steps(given):
    params, loss = problem()
    home = {name: p.detach().clone() for name, p in params.items()}
    optimizer = make(params, **given)
    for _ in range(5):
        step(optimizer, loss)
    twins, twin_loss = problem()
    with torch.no_grad():
        for name, p in twins.items():
            p.copy_(params[name])
    twin = make(twins, anchors=home, **given)
    state, kept = copy.deepcopy(optimizer.state_dict()), copy.deepcopy(optimizer.state_dict())
    twin.load_state_dict(state)
    assert state["param_groups"] == kept["param_groups"]
    for number in kept["state"]:
        assert equal(state["state"][number].values(), kept["state"][number].values())
    for _ in range(5):
        step(optimizer, loss)
        step(twin, twin_loss)
        assert equal(params.values(), twins.values())
    assert optimizer.state_dict()["param_groups"] == twin.state_dict()["param_groups"]
    # what is loaded is the optimizer's alone: it can load itself again
    twin.load_state_dict(twin.state_dict())
    step(optimizer, loss)
    step(twin, twin_loss)
    assert equal(params.values(), twins.values())


@every_input
def test_a_state_without_the_newer_flags_is_taken(given):
    params, loss = problem()
    optimizer = make(params, **given)
    step(optimizer, loss)
    state = optimizer.state_dict()
    for group in state["param_groups"]:
        for flag in ("maximize", "foreach", "fused", "capturable"):
            del group[flag]
    optimizer.load_state_dict(state)
    step(optimizer, loss)
    assert optimizer.param_groups[0]["t"] == 2
    assert optimizer.param_groups[0]["maximize"] == given.get("maximize", False)


@pytest.mark.parametrize(("saved", "here"), [(True, False), (False, True), (True, True)])
def test_names_are_exchanged(saved, here):
    params, loss = problem()
    optimizer = make(params if saved else params.values())
    step(optimizer, loss)
    others, other_loss = problem()
    named = {f"other.{name}": p for name, p in others.items()}
    other = make(named if here else others.values())
    other.load_state_dict(optimizer.state_dict())
    names = other.param_groups[0].get("param_names")
    assert names == (["weight", "bias"] if saved else ["other.weight", "other.bias"])  # as torch does
    step(other, other_loss)
    assert other.param_groups[0]["t"] == 2


@every_input
def test_a_state_through_a_file_is_equal(given):
    params, loss = problem()
    optimizer = make(params, **given)
    step(optimizer, loss)
    state, read = optimizer.state_dict(), through_a_file(optimizer.state_dict())
    assert read["param_groups"] == state["param_groups"]
    for number, values in state["state"].items():
        assert equal(values.values(), read["state"][number].values())


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_another_dtype_is_cast_without_anchors(dtype):
    params, loss = problem()
    optimizer = RecAdam([{"params": params.values(), "recall": False}])
    step(optimizer, loss)
    others, other_loss = problem(dtype)
    other = RecAdam([{"params": others.values(), "recall": False}])
    other.load_state_dict(optimizer.state_dict())
    wide = torch.float32 if dtype == torch.bfloat16 else dtype
    for p, twin in zip(params.values(), others.values(), strict=True):
        assert other.state[twin]["exp_avg"].dtype == wide
        assert torch.equal(other.state[twin]["exp_avg"], optimizer.state[p]["exp_avg"].to(wide))
        assert other.state[twin]["step"].dtype == torch.float32
    step(other, other_loss)


def test_step_hooks():
    params, loss = problem()
    optimizer = make(params)
    seen = []

    def note(what):
        return lambda optimizer, args, kwargs: seen.append(what)

    handles = [
        register_optimizer_step_pre_hook(note("every, before")),
        register_optimizer_step_post_hook(note("every, after")),
        optimizer.register_step_pre_hook(note("own, before")),
        optimizer.register_step_post_hook(note("own, after")),
    ]
    try:
        step(optimizer, loss)
        assert seen == ["every, before", "own, before", "own, after", "every, after"]
    finally:
        for handle in handles:
            handle.remove()
    step(optimizer, loss)
    assert len(seen) == 4


def test_state_hooks():
    params, loss = problem()
    optimizer = make(params)
    step(optimizer, loss)
    seen = []
    first = optimizer.register_state_dict_pre_hook(lambda optimizer: seen.append("before"))
    second = optimizer.register_state_dict_post_hook(lambda optimizer, state: {**state, "mine": len(seen)})
    state = optimizer.state_dict()
    assert seen == ["before"]
    assert state["mine"] == 1
    assert isinstance(state["param_groups"][0]["anchors"], str)
    first.remove()
    second.remove()
    assert "mine" not in optimizer.state_dict()


def test_load_hooks():
    params, loss = problem()
    optimizer = make(params)
    step(optimizer, loss)
    state = optimizer.state_dict()
    seen = []

    def change(factor):
        def hook(optimizer, state):
            seen.append(factor)
            groups = [group | {"lr": group["lr"] * factor} for group in state["param_groups"]]
            return {**state, "param_groups": groups}

        return hook

    optimizer.register_load_state_dict_pre_hook(change(2))
    prepended = optimizer.register_load_state_dict_pre_hook(change(3), prepend=True)
    optimizer.register_load_state_dict_post_hook(lambda optimizer: seen.append(optimizer.param_groups[0]["lr"]))
    optimizer.load_state_dict(state)
    assert seen == [3, 2, pytest.approx(0.006)]
    assert state["param_groups"][0]["lr"] == 0.001
    prepended.remove()
    optimizer.load_state_dict(state)
    assert seen[3:] == [2, pytest.approx(0.002)]


@every_input
def test_a_copy_has_every_attribute(given):
    params, loss = problem()
    optimizer = make(params, **given)
    step(optimizer, loss)
    twin = copy.deepcopy(optimizer)
    assert {name for name in vars(optimizer) if name[0] != "_"} == {name for name in vars(twin) if name[0] != "_"}
    assert twin.defaults.keys() >= optimizer.defaults.keys()  # torch adds "differentiable"
    assert len(twin.state) == len(optimizer.state) == 2
    assert not set(twin.state) & set(optimizer.state)


@every_input
def test_a_step_makes_state(given):
    params, loss = problem()
    optimizer = make(params, **given)
    step(optimizer, loss)
    assert set(optimizer.state) == set(params.values())
    for p, state in optimizer.state.items():
        assert set(state) == {"step", "exp_avg", "exp_avg_sq"}
        assert state["step"] == 1
        assert state["exp_avg"].shape == p.shape
