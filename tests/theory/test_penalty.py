"""The quadratic penalty, and the three ways to fill it, against oracles and public mistakes."""

import math
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

from recall_learn.theory.laplace import QuadraticPenalty, ewc, hessian, l2sp


def rng(seed=0):
    return np.random.default_rng(seed)


def double(array):
    return torch.tensor(array, dtype=torch.float64)


# --- the penalty: one check, passed by the real one and failed by every public mistake ---


def small_world(seed=0, dtype=torch.float64):
    random = rng(seed)
    shapes = {"layer.weight": (3, 2), "layer.bias": (3,), "scale": ()}
    anchors = {name: torch.tensor(random.normal(size=shape), dtype=dtype) for name, shape in shapes.items()}
    precision = {name: torch.tensor(random.uniform(size=shape), dtype=dtype) for name, shape in shapes.items()}
    weights = {name: torch.tensor(random.normal(size=shape), dtype=dtype) for name, shape in shapes.items()}
    return anchors, precision, weights


def check_penalty(make):
    """``make(anchors, precision)`` is 1/2 sum P (theta - a)^2, with a where the weights were, wherever they go."""
    anchors, precision, weights = small_world()
    live = {name: anchor.clone().requires_grad_() for name, anchor in anchors.items()}
    penalty = make(live, precision)
    with torch.no_grad():
        for name in live:
            live[name].copy_(weights[name])  # the model moves on, in place, as optimizers move it
    value = penalty({"head": torch.ones(5), **live})
    value.backward()
    expected = 0.0
    for name in anchors:
        a, p, w = (t[name].numpy().ravel() for t in (anchors, precision, weights))
        expected += sum(p[i] * (w[i] - a[i]) ** 2 for i in range(len(a))) / 2
        np.testing.assert_allclose(live[name].grad.numpy().ravel(), p * (w - a), rtol=1e-12)
    assert value.item() == pytest.approx(expected, rel=1e-12)


def test_penalty_passes():
    check_penalty(QuadraticPenalty)
    check_penalty(lambda anchors, precision: ewc(anchors, {n: p / 7 for n, p in precision.items()}, 7.0))


def mistaken(half=0.5, home=1.0, copy=True, power=1):
    def make(anchors, precision):
        anchors = {n: a.detach().clone() if copy else a.detach() for n, a in anchors.items()}
        return lambda model: (
            half * sum((precision[n] ** power * (model[n] - home * anchors[n]) ** 2).sum() for n in anchors)
        )

    return make


@pytest.mark.parametrize(
    "mistake",
    [{"half": 1.0}, {"home": 0.0}, {"copy": False}, {"power": 2}],
    ids=["missing 1/2", "pull to zero", "anchors move with the weights", "precision squared"],
)
def test_mistaken_penalties_fail(mistake):
    check_penalty(mistaken())
    with pytest.raises(AssertionError):
        check_penalty(mistaken(**mistake))


def test_hessian_of_the_penalty_is_the_precision():
    anchors, precision, weights = small_world()
    matrix = hessian(QuadraticPenalty(anchors, precision), weights)
    diagonal = np.concatenate([precision[name].numpy().ravel() for name in weights])
    np.testing.assert_allclose(matrix.numpy(), np.diag(diagonal), rtol=1e-14)


def test_one_number_is_that_number_everywhere():
    anchors, _, weights = small_world()
    full = {name: torch.full_like(anchor, 5000.0) for name, anchor in anchors.items()}
    each = dict.fromkeys(anchors, 5000)
    values = [float(QuadraticPenalty(anchors, p)(weights)) for p in (5000.0, full, each)]
    distance2 = sum(((weights[n] - anchors[n]).numpy() ** 2).sum() for n in anchors)
    assert values == pytest.approx([2500 * distance2] * 3, rel=1e-12)


def test_penalty_of_a_module_leaves_the_head_alone():
    model = nn.ModuleDict({"base": nn.Linear(2, 2), "head": nn.Linear(2, 1)})
    penalty = QuadraticPenalty({n: p for n, p in model.named_parameters() if n.startswith("base")}, 3.0)
    assert penalty(model).item() == 0.0
    with torch.no_grad():
        model["base"].bias += 2.0
        model["head"].bias += 100.0
    value = penalty(model)
    value.backward()
    assert value.item() == pytest.approx(0.5 * 3 * 2 * 2**2)
    assert model["base"].bias.grad.tolist() == pytest.approx([6.0, 6.0])
    assert not model["base"].weight.grad.any()
    assert model["head"].bias.grad is None


def test_bfloat16_weights_are_compared_in_single_precision():
    anchor = torch.tensor([1.0 + 2**-12, 300.0])  # bfloat16 has 8 bits: it cannot tell the first one from 1
    weight = torch.ones(2, dtype=torch.bfloat16, requires_grad=True)
    value = QuadraticPenalty({"w": anchor}, 2.0**20)({"w": weight})
    value.backward()
    assert value.dtype == torch.float32
    assert weight.grad.dtype == torch.bfloat16
    assert weight.grad[0] == -(2.0**8)
    assert value.item() == pytest.approx(2**19 * (2**-24 + 299**2), rel=1e-6)
    small = QuadraticPenalty({"w": anchor.bfloat16()}, {"w": torch.ones(2, dtype=torch.bfloat16)})
    assert {small.anchors["w"].dtype, small.precision["w"].dtype} == {torch.float32}


def saved_by(function, argument):
    addresses = set()

    def note(tensor):
        addresses.add(tensor.data_ptr())
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        function(argument)
    return addresses


def test_backward_keeps_nothing_but_what_exists_already():
    anchors, precision, weights = small_world()
    for given in (precision, 3.0):
        penalty = QuadraticPenalty(anchors, given)
        leaves = {name: weight.clone().requires_grad_() for name, weight in weights.items()}
        held = [*leaves.values(), *penalty.anchors.values(), *(p for p in penalty.precision.values() if given != 3.0)]
        known = {tensor.data_ptr() for tensor in held}
        kept = saved_by(penalty, leaves)
        assert kept
        assert kept <= known


def test_functional_transforms():
    anchors, precision, weights = small_world()
    gradient = torch.func.grad(QuadraticPenalty(anchors, precision))(weights)
    for name in anchors:
        torch.testing.assert_close(gradient[name], precision[name] * (weights[name] - anchors[name]))


@pytest.mark.parametrize(
    ("anchors", "precision", "message"),
    [
        ({}, 1, "anchors is {}"),
        (None, 1, "anchors is None"),
        ({"w": 3}, 1, r"anchors\['w'\] is 3"),
        ({"w": torch.ones(2, dtype=torch.long)}, 1, r"anchors\['w'\] is torch.int64"),
        ({"w": torch.ones(2)}, -1, "precision is -1"),
        ({"w": torch.ones(2)}, math.nan, "precision is nan"),
        ({"w": torch.ones(2)}, math.inf, "precision is inf"),
        ({"w": torch.ones(2)}, True, "precision is True"),
        ({"w": torch.ones(2)}, torch.ones(2), "precision is tensor"),
        ({"w": torch.ones(2)}, {}, "precision lacks 'w'"),
        ({"w": torch.ones(2)}, {"w": 1, "v": 1}, "precision has 'v'"),
        ({"w": torch.ones(2)}, {"w": torch.ones(3)}, r"precision\['w'\] has shape \(3,\)"),
        ({"w": torch.ones(2)}, {"w": torch.tensor([1.0, -1.0])}, r"precision\['w'\] lies in \[-1, 1\]"),
        ({"w": torch.ones(2)}, {"w": torch.tensor([1.0, math.inf])}, r"precision\['w'\] lies in \[1, inf\]"),
        ({"w": torch.ones(2)}, {"w": torch.tensor([1.0, math.nan])}, r"precision\['w'\] lies in \[nan, nan\]"),
        ({"w": torch.ones(2)}, {"w": torch.ones(2, dtype=torch.long)}, r"precision\['w'\] is torch.int64"),
    ],
)
def test_bad_penalties_are_refused(anchors, precision, message):
    with pytest.raises(ValueError, match=message):
        QuadraticPenalty(anchors, precision)


def test_a_model_without_the_anchored_weights_is_refused():
    penalty = QuadraticPenalty({"weight": torch.ones(2, 3)}, 1.0)
    with pytest.raises(ValueError, match="anchors has 'weight', which names no parameter that needs one"):
        penalty({"bias": torch.ones(2)})
    with pytest.raises(ValueError, match=r"anchors\['weight'\] has shape \(2, 3\)"):
        penalty(nn.Linear(2, 2))
    with pytest.raises(ValueError, match="model is 3"):
        penalty(3)


# --- tasks in sequence: online EWC ---


def tasks():
    """Three linear-Gaussian tasks whose designs touch one weight per row: each Hessian X^T X is diagonal."""
    random = rng(5)
    designs = [np.eye(3)[random.permutation(np.arange(9) % 3)] * random.uniform(0.2, 2, size=(9, 1)) for _ in range(3)]
    return [(x, x @ random.normal(size=3) + random.normal(size=9)) for x in designs]


def joint_ridge(data, ridge):
    x = np.concatenate([x for x, _ in data] + [math.sqrt(ridge) * np.eye(3)])
    y = np.concatenate([y for _, y in data] + [np.zeros(3)])
    return np.linalg.lstsq(x, y)[0]


def minimise(loss):
    """One Newton step, exact for a quadratic."""
    start = {"w": torch.zeros(3, dtype=torch.float64, requires_grad=True)}
    loss(start).backward()
    return {"w": -torch.linalg.solve(hessian(loss, start), start["w"].grad)}


def squared_error(x, y, theta):
    return 0.5 * (double(x) @ theta["w"] - double(y)).square().sum()


def total(terms, theta):
    return sum(term(theta) for term in terms)


def check_sequence(remember):
    """Learning three tasks in turn, with ``remember(penalties, newest)`` for the past, ends at the joint solution."""
    data, ridge = tasks(), 0.3
    memory = [QuadraticPenalty({"w": torch.zeros(3, dtype=torch.float64)}, ridge)]
    for x, y in data:
        task = partial(squared_error, x, y)
        theta = minimise(partial(total, [task, *memory]))
        fisher = {"w": hessian(task, theta).diagonal()}
        memory = remember(memory, ewc(theta, fisher, 1.0))
    np.testing.assert_allclose(theta["w"].numpy(), joint_ridge(data, ridge), rtol=1e-9)


def test_online_ewc_is_exact_on_diagonal_linear_gaussian_tasks():
    check_sequence(lambda memory, newest: [memory[0].merge(newest)])


@pytest.mark.parametrize(
    "remember",
    [
        lambda memory, newest: [*memory, newest],
        lambda memory, newest: [newest.merge(memory[0])],
        lambda memory, newest: [newest],
        lambda memory, newest: [memory[0].merge(newest, decay=0.5)],
    ],
    ids=["separate terms count twice", "centred at the older anchors", "only the last task", "decayed"],
)
def test_other_memories_fail(remember):
    with pytest.raises(AssertionError):
        check_sequence(remember)


def test_merged_precision_and_centre():
    old = QuadraticPenalty({"a": torch.zeros(2), "b": torch.zeros(1)}, {"a": torch.tensor([1.0, 2.0]), "b": 4.0})
    new = QuadraticPenalty({"b": torch.ones(1), "a": torch.full((2,), 3.0)}, 10.0)
    merged = old.merge(new, decay=0.5)
    assert merged.precision["a"].tolist() == [10.5, 11.0]
    assert merged.precision["b"] == 12.0
    assert merged.anchors["a"].tolist() == [3.0, 3.0]
    assert old.precision["a"].tolist() == [1.0, 2.0]
    assert merged.anchors["a"].data_ptr() != new.anchors["a"].data_ptr()


@pytest.mark.parametrize("decay", [-0.1, 1.1, math.nan, None, True])
def test_bad_decay_is_refused(decay):
    penalty = QuadraticPenalty({"w": torch.ones(2)}, 1.0)
    with pytest.raises(ValueError, match="decay is"):
        penalty.merge(penalty, decay)


def test_merging_what_does_not_belong_together_is_refused():
    penalty = QuadraticPenalty({"w": torch.ones(2)}, 1.0)
    with pytest.raises(ValueError, match=r"newer.anchors has 'v'"):
        penalty.merge(QuadraticPenalty({"w": torch.ones(2), "v": torch.ones(2)}, 1.0))
    with pytest.raises(ValueError, match=r"newer is 1\.0"):
        penalty.merge(1.0)


# --- L2-SP and EWC ---


def test_l2sp_by_hand():
    anchors, head = {"w": torch.tensor([1.0, 2.0])}, {"h": torch.tensor([[5.0]])}
    model = {"w": torch.tensor([2.0, 4.0]), "h": torch.tensor([[3.0]])}
    assert l2sp(anchors, 0.1)(model).item() == pytest.approx(0.05 * (1 + 4))
    assert l2sp(anchors, 0.1, head, 0.01)(model).item() == pytest.approx(0.05 * (1 + 4) + 0.005 * 9)


@pytest.mark.parametrize(
    ("alpha", "head", "beta", "message"),
    [
        (-1, None, None, "alpha is -1"),
        (1, {"h": torch.ones(1)}, None, "head is given and beta is None"),
        (1, None, 1.0, "head is not given and beta is 1.0"),
        (1, {"w": torch.ones(1)}, 1.0, "head has 'w', which is in anchors too"),
        (1, {"h": torch.ones(1)}, -1.0, "beta is -1.0"),
        (1, {}, 1.0, "head is {}"),
    ],
)
def test_bad_l2sp_is_refused(alpha, head, beta, message):
    with pytest.raises(ValueError, match=message):
        l2sp({"w": torch.ones(1)}, alpha, head, beta)


@pytest.mark.parametrize(
    ("fisher", "strength", "message"),
    [
        ({"w": torch.ones(2)}, -1, "strength is -1"),
        ({"v": torch.ones(2)}, 1, "fisher lacks 'w'"),
        ({"w": torch.ones(3)}, 1, r"fisher\['w'\] has shape \(3,\)"),
        ({"w": -torch.ones(2)}, 1, r"fisher\['w'\] lies in \[-1, -1\]"),
        (None, 1, "fisher is None"),
    ],
)
def test_bad_ewc_is_refused(fisher, strength, message):
    with pytest.raises(ValueError, match=message):
        ewc({"w": torch.ones(2)}, fisher, strength)
