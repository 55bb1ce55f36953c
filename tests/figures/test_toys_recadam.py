"""The toy problems of the lessons on objective shifting and RecAdam, against what mathematics says of them."""

import numpy as np
import torch

from recall_learn.figures.toys_recadam import Quadratic, joint_minimum, walk
from recall_learn.methods.recadam.optimizer import RecAdam
from recall_learn.theory.annealing import Constant

TARGET = Quadratic(lowest=(1.0, -2.0), curvature=(4.0, 0.25))
SOURCE = Quadratic(lowest=(0.0, 0.0), curvature=(3.0, 3.0))


def test_a_quadratics_gradient_is_its_slope():
    theta = torch.tensor([0.3, 0.7], dtype=torch.float64)
    slopes = [(TARGET(theta + h) - TARGET(theta - h)) / 2e-6 for h in 1e-6 * torch.eye(2, dtype=torch.float64)]
    np.testing.assert_allclose(TARGET.gradient(theta), slopes, rtol=1e-8)


def test_a_quadratic_takes_rows_of_weights():
    rows = np.array([[1.0, -2.0], [2.0, -2.0], [1.0, 0.0]])
    np.testing.assert_allclose(TARGET(rows), [0.0, 2.0, 0.5])


def test_gradient_descent_walks_as_the_closed_form_says():
    start, rate = np.array([3.0, 5.0]), 0.1
    path = walk(TARGET.gradient, lambda weights: torch.optim.SGD(weights, lr=rate), start, 12)
    left = (1 - rate * np.array(TARGET.curvature)) ** np.arange(13)[:, None]
    np.testing.assert_allclose(path, TARGET.lowest + left * (start - TARGET.lowest), rtol=1e-12)


def test_a_walk_tells_its_gradient_the_step_and_its_optimizer_the_rate():
    path = walk(
        lambda theta, t: torch.full_like(theta, float(t)),
        lambda weights: torch.optim.SGD(weights, lr=9.0),
        [0.0],
        3,
        lr=lambda t: 10.0**-t,
    )
    np.testing.assert_allclose(path[:, 0], [0.0, -0.1, -0.12, -0.123])


def test_at_the_joint_minimum_the_two_gradients_balance():
    for lam in (0.1, 0.5, 0.9):
        theta = torch.tensor(joint_minimum(TARGET, SOURCE, lam))
        balance = lam * TARGET.gradient(theta) + (1 - lam) * SOURCE.gradient(theta)
        np.testing.assert_allclose(balance, 0, atol=1e-15)


def test_adam_on_the_sum_ends_at_the_joint_minimum_and_the_decoupled_spring_does_not():
    ends = {}
    for form in ("coupled", "paper"):
        settings = {"lr": 0.01, "anneal": Constant(0.5), "gamma": 3.0, "algorithm": form}
        ends[form] = walk(TARGET.gradient, lambda weights, s=settings: RecAdam(weights, **s), np.zeros(2), 2000)[-1]
    lowest = joint_minimum(TARGET, SOURCE, 0.5)
    np.testing.assert_allclose(ends["coupled"], lowest, atol=1e-9)
    assert np.abs(ends["paper"] - lowest).max() > 0.1
    np.testing.assert_allclose(np.abs(ends["paper"]), 1 / 3, rtol=0.1)
