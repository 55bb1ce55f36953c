"""What RecAdam takes back: a state is read whole, or refused in one sentence and nothing has changed."""

import copy
import io
from dataclasses import astuple, is_dataclass

import numpy as np
import pytest
import torch
from torch import nn

from recall_learn.methods.recadam.optimizer import RecAdam
from recall_learn.theory.annealing import Constant, Cosine, Linear, Sigmoid

SETTINGS = {"anneal": Sigmoid(0.5, 10), "gamma": 40.0}


def network(labels=2, dtype=torch.float32):
    torch.manual_seed(0)
    body = nn.Linear(5, 8)
    return nn.Sequential(body, nn.Tanh(), nn.Linear(8, labels)).to(dtype)


def make(model, named=True, **settings):
    encoder, head = ([*model[i].named_parameters(f"{i}")] for i in (0, 2))
    if not named:
        encoder, head = ([p for _, p in pairs] for pairs in (encoder, head))
    groups = [{"params": encoder}, {"params": head, "recall": False}]
    return RecAdam(groups, **{"lr": 0.01} | SETTINGS | settings)


def train(model, optimizer, steps=3):
    for step in range(steps):
        torch.manual_seed(step)
        optimizer.zero_grad()
        model(torch.randn(6, 5).to(model[0].weight.dtype)).square().mean().backward()
        optimizer.step()


def trained(*args, **settings):
    model = network(*args)
    optimizer = make(model, **settings)
    train(model, optimizer)
    return model, optimizer


def through_a_file(state):
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    return torch.load(file, weights_only=True)


def photograph(optimizer):
    """Everything that a load could change, with the identity of what it could replace."""
    groups = [{key: value for key, value in group.items() if key != "params"} for group in optimizer.param_groups]
    params = [[id(p) for p in group["params"]] for group in optimizer.param_groups]
    state = {id(p): {key: (id(t), t.clone()) for key, t in values.items()} for p, values in optimizer.state.items()}
    return copy.deepcopy(groups), params, state


def same(before, after):
    def equal(a, b):
        return a.keys() == b.keys() and all(a[k][0] == b[k][0] and torch.equal(a[k][1], b[k][1]) for k in a)

    return (
        before[:2] == after[:2]
        and before[2].keys() == after[2].keys()
        and all(equal(before[2][key], after[2][key]) for key in before[2])
    )


def refused(optimizer, state, text):
    before = photograph(optimizer)
    with pytest.raises(ValueError, match=text) as caught:
        optimizer.load_state_dict(state)
    assert "\n" not in str(caught.value)
    assert same(before, photograph(optimizer))


@pytest.mark.parametrize("path", [{}, {"foreach": True}, {"foreach": False}], ids=["fused", "foreach", "plain"])
@pytest.mark.parametrize(("saved", "here"), [(2, 3), (3, 2), (3, 300), (300, 3), (2, 1), (1, 2)])
@pytest.mark.parametrize("named", [True, False])
def test_the_moments_of_another_head_are_refused(saved, here, path, named):
    # given to the kernels, such moments end the process, or train on in silence
    state = trained(saved, named=named, **path)[1].state_dict()
    model, optimizer = trained(here, named=named, **path)
    name = "parameter '2.weight'" if named else "parameter number 0"
    refused(optimizer, through_a_file(state), rf"exp_avg of {name} of param_groups\[1\] in shape \({saved}, 8\), the ")
    train(model, optimizer)


def damaged(change):
    state = copy.deepcopy(trained()[1].state_dict())
    change(state)
    return state


def put(*path, to):
    def change(state):
        for key in path[:-1]:
            state = state[key]
        if to is None:
            del state[path[-1]]
        else:
            state[path[-1]] = to

    return change


WEIGHT = torch.zeros(8, 5)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (put("state", 0, "exp_avg", to=torch.zeros(5, 8)), r"exp_avg of parameter '0.weight' .* in shape \(5, 8\)"),
        (put("state", 0, "exp_avg_sq", to=torch.zeros(8)), r"exp_avg_sq of parameter '0.weight' .* in shape \(8,\)"),
        (put("state", 1, "exp_avg", to=torch.zeros(())), r"exp_avg of parameter '0.bias' .* in shape \(\)"),
        (put("state", 0, "exp_avg", to=None), "state_dict lacks exp_avg of parameter '0.weight'"),
        (put("state", 0, "step", to=None), "state_dict lacks step of parameter '0.weight'"),
        (put("state", 0, "exp_avg", to=WEIGHT.long()), "no floating point tensor as exp_avg of parameter '0.weight'"),
        (put("state", 0, "exp_avg", to=WEIGHT.tolist()), "no floating point tensor as exp_avg of parameter '0.weight'"),
        (put("state", 0, "exp_avg", to=WEIGHT.to(torch.complex64)), "no floating point tensor as exp_avg"),
        (put("state", 3, "step", to=-1.0), "step of parameter '2.bias' .* is -1.0; it has to be a whole number"),
        (put("state", 3, "step", to=1.5), "step of parameter '2.bias' .* is 1.5"),
        (put("state", 3, "step", to=float("nan")), "step of parameter '2.bias' .* is nan"),
        (put("state", 3, "step", to="3"), "step of parameter '2.bias' .* is '3'"),
        (put("state", 3, "step", to=torch.ones(2)), "step of parameter '2.bias'"),
        (put("param_groups", 1, "t", to=-3), r"t of param_groups\[1\] in state_dict is -3"),
        (put("param_groups", 1, "t", to=2.5), r"t of param_groups\[1\] in state_dict is 2.5"),
        (put("param_groups", 1, "lr", to=None), r"state_dict lacks 'lr' in param_groups\[1\]"),
        (put("param_groups", 1, "lr", to=-1.0), r"param_groups\[1\] of state_dict: lr is -1.0"),
        (put("param_groups", 1, "betas", to=(0.9, 1.0)), r"param_groups\[1\] of state_dict: betas\[1\] is 1.0"),
        (put("param_groups", 1, "algorithm", to="adam"), r"param_groups\[1\] of state_dict: algorithm is 'adam'"),
        (put("param_groups", 1, "recall", to=1), r"param_groups\[1\] of state_dict: recall is 1"),
        (put("param_groups", 1, "params", to=[2]), r"1 parameters in param_groups\[1\], this optimizer 2"),
        (put("param_groups", 0, "anneal", to={"shape": "step"}), "shape is 'step'"),
        (put("param_groups", 0, "anneal", to=(("shape", "linear"), ("t0", -1.0))), "t0 is -1.0"),
        (put("param_groups", 0, "gamma", to=-1.0), r"param_groups\[0\] of state_dict: gamma is -1.0"),
        (
            put("state", 0, "exp_avg_sq", to=-WEIGHT - 1),
            "entries in exp_avg_sq of parameter '0.weight' .* are negative",
        ),
        (put("state", 0, "exp_avg_sq", to=WEIGHT / 0), "entries in exp_avg_sq of parameter '0.weight' .* or nan"),
        (put("state", 0, "exp_avg", to=WEIGHT.to_sparse()), "no floating point tensor as exp_avg .*, or a sparse one"),
        (put("state", 0, "exp_avg", to=WEIGHT.to("meta")), "on the meta device"),
        (put("state", 0, to=5), "has 5 as the state of parameter '0.weight' .*; it has to be a dictionary"),
        (put("state", to=None), "has to hold 'state', a dictionary"),
        (put("param_groups", to=5), "'param_groups', a list of dictionaries"),
        (put("param_groups", 1, to=5), "'param_groups', a list of dictionaries"),
        (put("param_groups", 1, "params", to=3), "dictionaries with 'params'"),
        (put("param_groups", 1, "params", to=[2, 2]), "has one parameter twice in its param_groups"),
        (put("param_groups", 0, "anneal", to=5), "has anneal 5; it has to be a schedule's name and numbers"),
        (put("param_groups", 0, "anneal", to="sigmoid"), "has anneal 'sigmoid'; it has to be"),
        (put("param_groups", 0, "foreach", to="yes"), r"param_groups\[0\] of state_dict: foreach is 'yes'"),
    ],
)
def test_a_damaged_state_is_refused_before_anything_changes(change, text):
    refused(trained()[1], damaged(change), text)
    refused(make(network()), damaged(change), text)


@pytest.mark.parametrize("state", [None, 3, [], {}, {"state": {}}])
def test_what_is_no_state_is_refused(state):
    refused(trained()[1], state, "state_dict is not a RecAdam's: it has to hold 'state'")


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"t": -5}, "t is -5; it has to be a whole number of at least 0"),
        ({"t": float("nan")}, "t is nan"),
        ({"t": "3"}, "t is '3'"),
        *(({name: None}, f"a group of param_groups lacks '{name}'") for name in ("gamma", "lr", "anneal", "foreach")),
    ],
)
def test_a_group_that_was_edited_to_nonsense_is_named_at_the_step(change, text):
    model, optimizer = trained()
    before = copy.deepcopy(model.state_dict())
    for name, value in change.items():
        if value is None:
            del optimizer.param_groups[0][name]
        else:
            optimizer.param_groups[0][name] = value
    with pytest.raises(ValueError, match=text):
        optimizer.step()
    assert all(torch.equal(model.state_dict()[name], tensor) for name, tensor in before.items())


@pytest.mark.parametrize("count", [3, 3.0, np.float32(3), np.int64(3), torch.tensor(3), torch.tensor([3.0])])
def test_a_count_that_is_a_plain_number_is_taken(count):
    # as torch before 1.12 and other libraries save it
    def change(state):
        for values in state["state"].values():
            values["step"] = count

    whole, optimizer = trained()
    train(whole, optimizer)
    model, _ = trained()
    again = network()
    resumed = make(again)
    again.load_state_dict(model.state_dict())
    resumed.load_state_dict(damaged(change))
    for values in resumed.state.values():
        assert values["step"].dtype == torch.float32
        assert values["step"].dim() == 0
    train(again, resumed)
    assert all(torch.equal(a, b) for a, b in zip(again.parameters(), whole.parameters(), strict=True))


def test_a_state_of_before_these_settings_is_taken():
    state = trained()[1].state_dict()
    for group in state["param_groups"]:
        for key in ("maximize", "capturable", "foreach", "fused", "dtype"):
            del group[key]
        group["anneal"] = dict(group["anneal"])  # as it was saved then
    optimizer = make(network(), foreach=True)
    optimizer.load_state_dict(state)
    assert optimizer.param_groups[0]["t"] == 3
    assert optimizer.param_groups[0]["foreach"] is True
    assert optimizer.param_groups[0]["anneal"] == SETTINGS["anneal"]
    assert not optimizer.param_groups[0]["maximize"]


@pytest.mark.parametrize(("saved", "here"), [("float32", "float64"), ("float32", "bfloat16"), ("bfloat16", "float32")])
def test_a_state_for_another_dtype_names_both(saved, here):
    state = trained(2, getattr(torch, saved))[1].state_dict()
    model = network(2, getattr(torch, here))
    refused(make(model), state, rf"saved with {saved} parameters, param_groups\[0\] has {here}, .* cast it afterwards")
    optimizer = make(float_model := network(2, getattr(torch, saved)))
    float_model.to(getattr(torch, here))
    optimizer.load_state_dict(state)
    train(float_model, optimizer)


def test_other_anchors_come_with_the_remedy():
    # the usual order of resuming: the fine-tuned weights, an optimizer for them, its state
    model, optimizer = trained()
    text = (
        r"other anchors than those of param_groups\[0\]: make the optimizer before the fine-tuned weights are loaded, "
        r"or give it anchors=load_anchors\("
    )
    refused(make(copy.deepcopy(model)), optimizer.state_dict(), text)
    home = {f"0.{name}": p for name, p in network()[0].named_parameters()}
    make(model, anchors=home).load_state_dict(optimizer.state_dict())


def test_pre_hooks_come_before_the_checks_and_post_hooks_after():
    def widen(optimizer, state):
        state = copy.deepcopy(state)
        for number in (2, 3):
            for key in ("exp_avg", "exp_avg_sq"):
                state["state"][number][key] = torch.cat(
                    [state["state"][number][key], torch.zeros(1, *WEIGHT.shape[: number - 3])]
                )
        return state

    state = trained(2)[1].state_dict()
    optimizer = make(network(3))
    refused(optimizer, state, "exp_avg of parameter '2.weight'")
    seen = []
    optimizer.register_load_state_dict_pre_hook(widen)
    optimizer.register_load_state_dict_post_hook(lambda optimizer: seen.append(optimizer.param_groups[0]["t"]))
    optimizer.load_state_dict(state)
    assert seen == [3]


def test_what_was_loaded_is_not_changed_by_the_steps_that_follow():
    state = through_a_file(trained()[1].state_dict())
    kept = copy.deepcopy(state)
    resumed = make(network())
    resumed.load_state_dict(state)
    assert state["param_groups"] == kept["param_groups"]
    assert state["state"].keys() == kept["state"].keys()
    assert resumed.state_dict()["param_groups"] == kept["param_groups"]


NUMBERS = [np.float32, np.float64, np.array, torch.tensor, lambda x: torch.tensor([x]), lambda x: np.array([x])]


@pytest.mark.parametrize(
    "kind", NUMBERS, ids=["float32", "float64", "array", "tensor", "tensor of one", "array of one"]
)
@pytest.mark.parametrize(
    "settings",
    [
        {"lr": 1 / 64},
        {"betas": (0.5, 0.75)},
        {"eps": 0.5},
        {"weight_decay": 0.5},
        {"gamma": 0.5},
        {"anneal": lambda kind: Sigmoid(kind(0.5), kind(4.0))},
        {"anneal": lambda kind: Linear(kind(4.0))},
        {"anneal": lambda kind: Cosine(kind(4.0))},
        {"anneal": lambda kind: Constant(kind(0.5))},
    ],
    ids=["lr", "betas", "eps", "weight_decay", "gamma", "sigmoid", "linear", "cosine", "constant"],
)
def test_numbers_of_numpy_and_torch_are_kept_as_pythons(kind, settings):
    ((name, value),) = settings.items()
    ends = []
    for made in (lambda x: x, kind):
        given = value(made) if callable(value) else tuple(map(made, value)) if name == "betas" else made(value)
        model = network()
        optimizer = make(model, **{name: given})
        plain = optimizer.param_groups[0][name]
        plain = plain if isinstance(plain, tuple) else astuple(plain) if is_dataclass(plain) else (plain,)
        assert all(type(number) is float for number in plain)
        train(model, optimizer)
        state = through_a_file(optimizer.state_dict())  # only what weights_only lets through
        make(network()).load_state_dict(state)
        ends.append((model, state["param_groups"], optimizer.param_groups[0][name]))
    assert ends[0][1] == ends[1][1]
    assert ends[0][2] == ends[1][2]
    assert all(torch.equal(a, b) for a, b in zip(ends[0][0].parameters(), ends[1][0].parameters(), strict=True))


def test_numbers_of_numpy_that_a_scheduler_writes_are_saved_as_pythons():
    model = network()
    optimizer = make(model, lr=np.float32(0.01))
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: np.cos(np.float64(step) / 10))
    for _ in range(3):
        train(model, optimizer, 1)
        schedule.step()
    optimizer.param_groups[0]["max_momentum"] = [np.float64(0.9), np.int64(3)]
    group = through_a_file(optimizer.state_dict())["param_groups"][0]
    assert type(group["lr"]) is type(group["initial_lr"]) is float
    assert [type(value) for value in group["max_momentum"]] == [float, int]


def test_a_schedule_read_from_a_file_is_checked():
    class Steep(Sigmoid):
        def __reduce__(self):
            return Sigmoid, (float("nan"), 3.0)

    for schedule in (Sigmoid(0.1, 250), Linear(3), Cosine(5), Constant(0.25)):
        assert through_a_file(schedule) == schedule
        assert copy.deepcopy(schedule) == schedule
    with pytest.raises(Exception, match="k is nan"):
        through_a_file(Steep(0.1, 250))
