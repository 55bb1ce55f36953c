"""Hessians and Laplace's method against closed forms in numpy."""

import math

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn
from torch.func import functional_call

from recall_learn.theory.laplace import hessian, hessian_vector_product, laplace


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


@pytest.mark.parametrize("theta", [3, None, {}, {"a": 1.0}, torch.ones(2, dtype=torch.long)])
def test_hessian_refuses_what_holds_no_weights(theta):
    with pytest.raises(ValueError, match="theta"):
        hessian(lambda w: w, theta)


def test_hessian_vector_product_refuses_another_shape():
    with pytest.raises(ValueError, match="vector"):
        hessian_vector_product(lambda w: w.sum(), torch.ones(2), torch.ones(3))
