"""Every argument out of range raises one ValueError that names it; a step that raises leaves everything as it was."""

import copy
import math
import warnings

import numpy as np
import pytest
import torch
from torch.nn import Parameter

from recall_learn.methods.recadam.optimizer import RecAdam
from recall_learn.models.recalled import recall_groups
from recall_learn.theory.annealing import Constant, Sigmoid

HOME = {"a": torch.ones(2), "b": torch.ones(3)}


def named():
    return [("a", Parameter(torch.zeros(2))), ("b", Parameter(torch.zeros(3)))]


def unnamed():
    return [p for _, p in named()]


SETTINGS = [
    ("lr", -1e-9, "lr is -1e-09"),
    ("lr", math.nan, "lr is nan"),
    ("lr", math.inf, "lr is inf"),
    ("lr", True, "lr is True"),
    ("lr", "2e-5", "lr is '2e-5'"),
    ("lr", None, "lr is None"),
    ("lr", torch.tensor([1e-5, 1e-5]), "lr is tensor"),
    ("lr", torch.tensor(1e-5j), "lr is .*j; it has to be"),
    ("betas", (1.0, 0.999), r"betas\[0\] is 1.0"),
    ("betas", (0.9, -0.1), r"betas\[1\] is -0.1"),
    ("betas", (0.9, math.nan), r"betas\[1\] is nan"),
    ("betas", (0.9, True), r"betas\[1\] is True"),
    ("betas", (0.9,), "betas is"),
    ("betas", (0.9, 0.99, 0.999), "betas is"),
    ("betas", 0.9, "betas is 0.9"),
    ("eps", -1e-8, "eps is -1e-08"),
    ("eps", math.nan, "eps is nan"),
    ("weight_decay", -0.1, "weight_decay is -0.1"),
    ("weight_decay", math.inf, "weight_decay is inf"),
    ("weight_decay", False, "weight_decay is False"),
    ("weight_decay", 50_000, r"lr \* weight_decay is 1; "),
    ("gamma", -1.0, "gamma is -1.0"),
    ("gamma", math.nan, "gamma is nan"),
    ("gamma", math.inf, "gamma is inf"),
    ("gamma", True, "gamma is True"),
    ("gamma", None, "gamma is None"),
    ("gamma", torch.ones(2), "gamma is tensor"),
    ("gamma", [1.0, 2.0], "gamma is "),
    ("gamma", 2.5e5, r"lambda\) \* lr \* gamma is (5|2.5) at step"),
    ("gamma", {"a": torch.ones(2)}, "gamma lacks 'b'"),
    ("gamma", {"a": torch.ones(2), "b": torch.ones(1)}, r"gamma\['b'\] has shape \(1,\), the parameter has \(3,\)"),
    ("gamma", {"a": torch.ones(2), "b": -torch.ones(3)}, r"gamma\['b'\] has negative"),
    ("gamma", {"a": torch.tensor([1.0, math.nan]), "b": torch.ones(3)}, r"gamma\['a'\] has negative or non-finite"),
    (
        "gamma",
        {"a": torch.tensor([1.0, 2.5e5]), "b": torch.ones(3)},
        r"lambda\) \* lr \* gamma is (5|2.5) at step",
    ),
    ("gamma", {"a": torch.ones(2), "b": 3.0}, r"gamma\['b'\] is a float"),
    ("anneal", lambda t: 1.0001, r"anneal\(1\) is 1.0001"),
    ("anneal", lambda t: -1e-9, r"anneal\(1\) is -1e-09"),
    ("anneal", lambda t: math.nan, r"anneal\(1\) is nan"),
    ("anneal", lambda t: "half", r"anneal\(1\) gives no number"),
    ("anneal", lambda t: None, r"anneal\(1\) gives no number"),
    ("anneal", lambda t: torch.ones(2), r"anneal\(1\) gives no number"),
    ("anneal", Sigmoid, r"anneal\(1\) gives no number"),
    ("anneal", 0.5, "anneal is 0.5"),
    ("anneal", "sigmoid", "anneal is 'sigmoid'"),
    ("algorithm", "adam", "algorithm is 'adam'; it has to be one of paper, released, coupled"),
    ("algorithm", None, "algorithm is None"),
    ("recall", "no", "recall is 'no'"),
    ("recall", 0, "recall is 0"),
]
every_setting = pytest.mark.parametrize(("name", "value", "text"), SETTINGS)


def one_line(caught):
    assert "\n" not in str(caught.value)


@every_setting
def test_a_bad_setting_is_refused_at_once(name, value, text):
    if name != "recall":
        with pytest.raises(ValueError, match=text):
            RecAdam(named(), **{name: value})
    with pytest.raises(ValueError, match=text):
        RecAdam([{"params": named(), name: value}])


@every_setting
@pytest.mark.parametrize("steps", [0, 2])
def test_a_setting_gone_bad_between_steps_changes_nothing(name, value, text, steps):
    text = text.replace(r"\(1\)", rf"\({steps + 1}\)")
    model = dict(named())
    head = Parameter(torch.ones(2))
    optimizer = RecAdam(
        [{"params": [("head", head)], "recall": False}, {"params": model.items()}], anneal=Constant(0.5), anchors=HOME
    )
    everything = [head, *model.values()]
    for p in everything:
        p.grad = torch.ones_like(p)
    for _ in range(steps):
        optimizer.step()
    group = optimizer.param_groups[1]
    good = group[name]
    group[name] = value
    before = copy.deepcopy(optimizer)
    weights = copy.deepcopy(everything)
    with pytest.raises(ValueError, match=text):
        optimizer.step()
    group[name] = good
    assert all(torch.equal(a, b) for a, b in zip(everything, weights, strict=True))
    assert [g["t"] for g in optimizer.param_groups] == [steps, steps]
    assert all(len(optimizer.state[p]) == (3 if steps else 0) for p in everything)
    old = [p for g in before.param_groups for p in g["params"]]
    for p, twin in zip(everything, old, strict=True):
        for key, value in optimizer.state[p].items():
            assert torch.equal(value, before.state[twin][key])


def test_a_refused_gamma_leaves_the_old_one_in_force():
    model = dict(named())
    good = {"a": torch.full((2,), 10.0), "b": torch.full((3,), 10.0)}
    optimizer = RecAdam(model.items(), 0.05, gamma=good, anneal=Constant(0), anchors=HOME)
    for p in model.values():
        p.grad = torch.zeros_like(p)
    optimizer.param_groups[0]["gamma"] = {"a": torch.zeros(2), "b": -torch.ones(3)}
    with pytest.raises(ValueError, match="negative"):
        optimizer.step()
    optimizer.param_groups[0]["gamma"] = good
    optimizer.step()
    assert model["a"].tolist() == pytest.approx([0.5, 0.5])


@pytest.mark.parametrize("lr", [-1.0, math.nan, math.inf])
def test_a_head_without_recall_is_checked_as_well(lr):
    head = Parameter(torch.ones(2))
    optimizer = RecAdam([{"params": [head], "recall": False}])
    head.grad = torch.ones(2)
    optimizer.param_groups[0]["lr"] = lr
    with pytest.raises(ValueError, match="lr is"):
        optimizer.step()
    assert head.tolist() == [1, 1]


@pytest.mark.parametrize(
    ("anchors", "text"),
    [
        ({"a": torch.ones(2)}, "anchors lacks 'b'; it needs one tensor for each of 2 parameters"),
        ({}, "anchors lacks 'a', 'b'"),
        (HOME | {"c": torch.ones(1)}, "anchors has 'c', which names no parameter that needs one"),
        (HOME | dict.fromkeys("cdefg", torch.ones(1)), "'c', 'd', 'e' and 2 more"),
        (HOME | {"b": torch.ones(1)}, r"anchors\['b'\] has shape \(1,\), the parameter has \(3,\)"),
        (HOME | {"b": torch.ones(1, 3)}, r"anchors\['b'\] has shape \(1, 3\)"),
        (HOME | {"b": torch.tensor([1.0, math.nan, 1.0])}, r"anchors\['b'\] has non-finite"),
        (HOME | {"b": np.ones(3)}, r"anchors\['b'\] is a ndarray"),
        (HOME | {"b": None}, r"anchors\['b'\] is a NoneType"),
        (list(HOME.values()), "anchors is a list"),
        (list(HOME.items()), "anchors is a list"),
    ],
)
def test_bad_anchors_are_refused(anchors, text):
    with pytest.raises(ValueError, match=text):
        RecAdam(named(), anchors=anchors)
    optimizer = RecAdam([("first", Parameter(torch.ones(1)))])
    with pytest.raises(ValueError, match=text):
        optimizer.add_param_group({"params": named(), "anchors": anchors})
    assert len(optimizer.param_groups) == 1


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: RecAdam(unnamed(), anchors=HOME), "anchors by name needs named parameters"),
        (lambda: RecAdam(unnamed(), gamma=HOME), "gamma by name needs named parameters"),
        (lambda: RecAdam([*named(), named()[0]], anchors=HOME), "anchors by name needs one name for each parameter"),
        (lambda: RecAdam([*named(), named()[0]], gamma=HOME), "gamma by name needs one name for each parameter"),
        (lambda: RecAdam(unnamed(), foreach=True, fused=True), "foreach=True and fused=True exclude each other"),
        (lambda: RecAdam([{"params": named(), "anchors": HOME}]), "not in one of its first groups"),
        (lambda: RecAdam([{"params": named(), "recall": False}], anchors=HOME), "anchors has 'a', 'b'"),
        (lambda: RecAdam([torch.zeros(2, dtype=torch.int64)]), "params holds a tensor that is not float64"),
        (lambda: RecAdam([Parameter(torch.zeros(2, dtype=torch.complex64))]), "params holds a tensor that is not"),
        (lambda: RecAdam([Parameter(torch.eye(3).to_sparse())]), "params holds a sparse tensor; it has to be dense"),
        (lambda: RecAdam([]), "empty parameter list"),
        (lambda: recall_groups(torch.nn.Linear(2, 2)), "cannot be told which weights of Linear"),
    ],
)
def test_a_bad_combination_is_refused(call, text):
    with pytest.raises(ValueError, match=text) as caught:
        call()
    one_line(caught)


def test_a_group_that_is_refused_leaves_no_trace():
    first = Parameter(torch.zeros(2))
    optimizer = RecAdam([("first", first)], 1e-3, gamma=100.0, anneal=Constant(0.5))
    before = optimizer.state_dict()
    gamma = {"a": torch.ones(2), "b": torch.ones(3)}
    for bad in ({"anneal": lambda t: 1 / 0}, {"gamma": gamma | {"b": -torch.ones(3)}}, {"gamma": gamma, "lr": 5.0}):
        with pytest.raises((ValueError, ZeroDivisionError)):
            optimizer.add_param_group({"params": named(), **bad})
        assert len(optimizer.param_groups) == 1
    assert optimizer.state_dict() == before
    second = named()
    optimizer.add_param_group({"params": second, "gamma": gamma})
    for p in (first, *(p for _, p in second)):
        p.grad = torch.ones_like(p)
    optimizer.step()
    assert all(p.any() for _, p in second)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_sparse_gradient_is_refused_before_anything_moves(order):
    dense, table = Parameter(torch.ones(3)), torch.nn.Embedding(4, 3, sparse=True)
    optimizer = RecAdam([[dense, table.weight][i] for i in order])
    dense.grad = torch.ones(3)
    table(torch.tensor([1])).sum().backward()
    with pytest.raises(RuntimeError, match="needs dense gradients; build the embedding with sparse=False"):
        optimizer.step()
    assert dense.tolist() == [1, 1, 1]
    assert optimizer.param_groups[0]["t"] == 0
    assert not optimizer.state


def test_a_head_cannot_become_recalled_without_anchors():
    head = Parameter(torch.ones(2))
    optimizer = RecAdam([{"params": [head], "recall": False}])
    head.grad = torch.ones(2)
    optimizer.param_groups[0]["recall"] = True
    with pytest.raises(ValueError, match=r"recalls 1 parameters and has anchors for 0; .* recall is fixed"):
        optimizer.step()
    assert head.tolist() == [1, 1]


def test_a_pull_that_overshoots_warns_once_where_the_optimizer_is_made():
    with pytest.warns(UserWarning, match=r"\(1 - lambda\) \* lr \* gamma is 1.5; above 1 the pull") as caught:
        optimizer = RecAdam(named(), 1e-3, gamma=3000.0, anneal=Constant(0.5))
    assert len(caught) == 1
    assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for gamma in (3000.0, 3999.0, 2000.0, 2400.0):
            optimizer.param_groups[0]["gamma"] = gamma
            optimizer.step()
        RecAdam(named(), 1e-3, gamma=1000.0)


def test_a_pull_made_too_strong_between_steps_is_refused():
    a = Parameter(torch.ones(2))
    optimizer = RecAdam([a], 1e-3, gamma=500.0, anneal=Constant(0.5))
    for change in ({"lr": 8e-3}, {"lr": 1e-3, "gamma": 4000}):
        optimizer.param_groups[0].update(change)
        with pytest.raises(ValueError, match=r"lr \* gamma is 2 at step 1; the pull diverges at 2 and above"):
            optimizer.step()
    optimizer.param_groups[0]["algorithm"] = "coupled"  # there the moments rescale it
    optimizer.step()
    assert optimizer.param_groups[0]["t"] == 1


def test_a_pull_that_lambda_has_let_go_is_not_refused():
    a = Parameter(torch.ones(2))
    optimizer = RecAdam([a], 1.0, gamma=5000.0, anneal=Constant(1))
    assert optimizer.param_groups[0]["lr"] == 1.0
    RecAdam([a], 1e-3, gamma=5000.0, anneal=Constant(0.9))  # pulls by a half
    with pytest.raises(ValueError, match=r"is 2.5 at step 1"):
        RecAdam([a], 1e-3, gamma=5000.0, anneal=Constant(0.5))


def test_a_learning_rate_that_rises_after_the_pull_is_over_is_taken():
    # OneCycle is at its peak at step 30, where lr * gamma is 5 and lambda 1 to the bit
    a = Parameter(torch.ones(2))
    optimizer = RecAdam([a], 1e-5, gamma=500.0, anneal=Sigmoid(10, 10))
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1e-2, 60, pct_start=0.5, div_factor=1e3)
    for _ in range(60):
        a.grad = torch.ones(2)
        optimizer.step()
        if schedule.last_epoch < 59:
            schedule.step()
    assert optimizer.param_groups[0]["t"] == 60
    assert a.isfinite().all()


def test_a_pull_that_a_later_step_makes_too_strong_is_refused_there():
    a = Parameter(torch.ones(2))
    optimizer = RecAdam([a], 1e-3, gamma=5000.0, anneal=lambda t: 1.0 if t < 3 else 0.0)
    for _ in range(2):
        a.grad = torch.ones(2)
        optimizer.step()
    before = a.detach().clone()
    with pytest.raises(ValueError, match=r"is 5 at step 3; the pull diverges"):
        optimizer.step()
    assert torch.equal(a, before)
    assert optimizer.param_groups[0]["t"] == 2


def test_no_message_has_two_lines():
    for name, value, text in SETTINGS:
        with pytest.raises(ValueError, match=text) as caught:
            RecAdam([{"params": named(), name: value}])
        one_line(caught)
