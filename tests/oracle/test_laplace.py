"""Laplace's method against closed forms in numpy; the quadratic penalty against the mistakes that are public."""

import math
from functools import partial

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn
from torch.func import functional_call

from recall_learn.laplace import QuadraticPenalty, ewc, hessian, hessian_vector_product, l2sp, laplace


def rng(seed=0):
    return np.random.default_rng(seed)


def double(array):
    return torch.tensor(array, dtype=torch.float64)


# --- Hessians ---


def logistic_regression(seed=0):
    """A loss of {"bias": (), "weight": (2, 2)} whose Hessian is known: X^T diag(s (1 - s)) X."""
    random = rng(seed)
    x, y = random.normal(size=(30, 4)), random.integers(0, 2, size=30)
    theta = {"weight": random.normal(size=(2, 2)), "bias": random.normal(size=())}

    def loss(theta):
        logits = double(x) @ theta["weight"].reshape(-1) + theta["bias"]
        return nn.functional.binary_cross_entropy_with_logits(logits, double(y), reduction="sum")

    design = np.concatenate([x, np.ones((30, 1))], axis=1)
    share = 1 / (1 + np.exp(-design @ np.append(theta["weight"].ravel(), theta["bias"])))
    return (
        loss,
        {name: double(value) for name, value in theta.items()},
        design.T @ np.diag(share * (1 - share)) @ design,
    )


def test_hessian_of_logistic_regression():
    loss, theta, expected = logistic_regression()
    np.testing.assert_allclose(hessian(loss, theta).numpy(), expected, rtol=1e-10)


def test_hessian_follows_the_order_of_the_mapping():
    loss, theta, expected = logistic_regression()
    turned = hessian(loss, {"bias": theta["bias"], "weight": theta["weight"]})
    order = [4, 0, 1, 2, 3]
    np.testing.assert_allclose(turned.numpy(), expected[np.ix_(order, order)], rtol=1e-10)


def test_hessian_of_a_flat_tensor_by_finite_differences():
    def loss(w):
        return (w[0] ** 3 * w[1] + torch.sin(w[1] * w[2])).exp()

    at, h = np.array([0.3, -0.7, 1.1]), 1e-4
    steps = h * np.eye(3)
    f = lambda w: float(loss(double(w)))  # noqa: E731
    differences = [
        [(f(at + a + b) - f(at + a - b) - f(at - a + b) + f(at - a - b)) / (4 * h * h) for b in steps] for a in steps
    ]
    np.testing.assert_allclose(hessian(loss, double(at)).numpy(), differences, atol=1e-6)


def test_hessian_of_a_model():
    torch.manual_seed(0)
    model = nn.Linear(3, 1, bias=False).double()
    x = torch.randn(10, 3, dtype=torch.float64)
    matrix = hessian(lambda theta: functional_call(model, theta, x).square().sum(), dict(model.named_parameters()))
    np.testing.assert_allclose(matrix.numpy(), 2 * x.numpy().T @ x.numpy(), rtol=1e-12)
    assert not matrix.requires_grad
    assert model.weight.grad is None


def test_hessian_of_a_linear_and_of_a_constant_function_is_zero():
    at = torch.ones(2, dtype=torch.float64)
    assert not hessian(lambda w: w.sum(), at).any()
    assert not hessian_vector_product(lambda w: w.sum(), at, at).any()
    assert not hessian(lambda w: torch.tensor(3.0), at).any()


def test_hessian_vector_product_is_the_product():
    loss, theta, expected = logistic_regression()
    vector = {"bias": double(2.0), "weight": double([[1.0, -1.0], [0.5, 3.0]])}  # in another order
    product = hessian_vector_product(loss, theta, vector)
    flat = expected @ np.array([1.0, -1.0, 0.5, 3.0, 2.0])
    assert list(product) == ["weight", "bias"]
    np.testing.assert_allclose(product["weight"].numpy(), flat[:4].reshape(2, 2), rtol=1e-10)
    np.testing.assert_allclose(product["bias"].numpy(), flat[4], rtol=1e-10)


# --- Laplace's method ---


def linear_gaussian(seed=1, noise=0.7, prior=2.0):
    """y = X w + noise, w normal with precision ``prior``: Laplace's method is exact, the evidence has a closed form."""
    random = rng(seed)
    x, y = random.normal(size=(12, 3)), random.normal(size=12)

    def loss(w):
        residual = double(y) - double(x) @ w
        likelihood = 0.5 * (residual / noise).square().sum() + 12 * math.log(noise * math.sqrt(2 * math.pi))
        return likelihood + 0.5 * prior * w.square().sum() - 1.5 * math.log(prior / (2 * math.pi))

    precision = x.T @ x / noise**2 + prior * np.eye(3)
    mode = np.linalg.solve(precision, x.T @ y / noise**2)
    evidence = stats.multivariate_normal(np.zeros(12), noise**2 * np.eye(12) + x @ x.T / prior).logpdf(y)
    return loss, mode, precision, evidence


def test_evidence_and_posterior_of_a_linear_gaussian_model_are_exact():
    loss, mode, precision, evidence = linear_gaussian()
    gaussian = laplace(loss, double(mode))
    assert float(gaussian.log_evidence()) == pytest.approx(evidence, rel=1e-12)
    np.testing.assert_allclose(gaussian.covariance().numpy(), np.linalg.inv(precision), rtol=1e-10)
    np.testing.assert_allclose(gaussian.diagonal().numpy(), np.diag(precision), rtol=1e-12)
    posterior = stats.multivariate_normal(mode, np.linalg.inv(precision))
    for w in rng(2).normal(size=(5, 3)):
        assert float(gaussian.quadratic(double(w))) == pytest.approx(float(loss(double(w))), rel=1e-12)
        assert float(gaussian.log_prob(double(w))) == pytest.approx(posterior.logpdf(w), rel=1e-10)


def test_quadratic_evidence_and_posterior_are_bayes_theorem():
    loss, mode, _, _ = linear_gaussian()
    gaussian = laplace(loss, double(mode))
    w = double(rng(3).normal(size=3))
    assert float(gaussian.log_prob(w) + gaussian.log_evidence()) == pytest.approx(float(-gaussian.quadratic(w)))


@pytest.mark.parametrize("n", [1, 5, 20, 100])
def test_laplace_on_the_gamma_integral_is_stirlings_formula(n):
    def loss(x):  # n! is the integral of x^n e^-x
        return (x - n * torch.log(x)).sum()

    stirling = 0.5 * math.log(2 * math.pi * n) + n * math.log(n) - n
    assert float(laplace(loss, double([float(n)])).log_evidence()) == pytest.approx(stirling, rel=1e-12)
    assert stirling == pytest.approx(math.lgamma(n + 1), abs=1 / (11.9 * n))


def test_laplace_of_a_mapping_and_its_mode_is_a_copy():
    theta = {"a": torch.zeros(2, 1, dtype=torch.float64), "b": torch.zeros((), dtype=torch.float64)}
    gaussian = laplace(lambda p: (p["a"] - 1).square().sum() * 3 + (p["b"] - 1) ** 2, theta, tolerance=math.inf)
    theta["a"] += 7
    flat = double([0.0])
    alone = laplace(lambda w: w.square().sum(), flat)
    flat += 7
    assert alone.mode.item() == 0
    assert gaussian.mode["a"].tolist() == [[0], [0]]
    assert gaussian.diagonal()["a"].tolist() == [[6], [6]]
    assert gaussian.diagonal()["b"].item() == 2
    # the linear term is dropped: only the curvature counts, away from the mode
    away = {"b": double(2.0), "a": double([[1.0], [0.0]])}
    assert float(gaussian.quadratic(away)) == float(gaussian.loss) + 0.5 * 6 + 0.5 * 2 * 4


def test_laplace_measures_the_distance_to_the_minimum_in_nats():
    def loss(w):  # 0.5 nats above its minimum at w = 1e-3, in units where the curvature is 1e6
        return 0.5e6 * w.square().sum()

    with pytest.raises(ValueError, match=r"falls by another 0\.5 nats"):
        laplace(loss, double([1e-3]))
    assert laplace(loss, double([1e-3]), tolerance=0.51).hessian.item() == pytest.approx(1e6)


@pytest.mark.parametrize("loss", [lambda w: -w.square().sum(), lambda w: w.sum(), lambda w: w.sum() * math.nan])
def test_laplace_refuses_what_is_no_minimum(loss):
    with pytest.raises(ValueError, match="lowest eigenvalue"):
        laplace(loss, torch.zeros(2, dtype=torch.float64))


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


@pytest.mark.parametrize("theta", [3, None, {}, {"a": 1.0}, torch.ones(2, dtype=torch.long)])
def test_hessian_refuses_what_holds_no_weights(theta):
    with pytest.raises(ValueError, match="theta"):
        hessian(lambda w: w, theta)


def test_hessian_vector_product_refuses_another_shape():
    with pytest.raises(ValueError, match="vector"):
        hessian_vector_product(lambda w: w.sum(), torch.ones(2), torch.ones(3))
