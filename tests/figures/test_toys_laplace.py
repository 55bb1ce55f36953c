import pytest
import torch
from torch import nn

from recall_learn.figures import toys_laplace as toys
from recall_learn.theory.laplace import hessian, laplace


def test_every_point_of_an_ellipse_has_its_height():
    matrix = torch.tensor([[4.0, 1.5], [1.5, 1.0]], dtype=torch.float64)
    d = toys.ellipse(matrix, 0.7, 40)
    assert torch.allclose(0.5 * ((d @ matrix) * d).sum(1), torch.full((40,), 0.7, dtype=torch.float64))
    assert torch.allclose(d[0], d[-1])
    assert abs(torch.linalg.det(torch.stack([d[0], d[10]]))) > 0.1  # not all on one line


def test_the_minimum_of_a_quadratic_is_where_linear_algebra_has_it():
    matrix = torch.tensor([[3.0, 1.0], [1.0, 2.0]], dtype=torch.float64)
    slope = torch.tensor([1.0, -4.0], dtype=torch.float64)
    start = torch.tensor([5.0, 5.0], dtype=torch.float64)
    found = toys.minimum(lambda t: 0.5 * t @ matrix @ t - slope @ t, start)
    assert torch.allclose(found, torch.linalg.solve(matrix, slope), atol=1e-12)
    assert start.tolist() == [5.0, 5.0]


def test_the_network_is_at_a_minimum_that_laplace_accepts():
    x, y = toys.overlapping(120)
    model = toys.network()
    loss = toys.log_loss(model, x, y, prior=0.1)
    theta = toys.minimum(loss, toys.weights(model))
    assert sum(t.numel() for t in theta.values()) == 21
    gaussian = laplace(loss, theta, tolerance=1e-20)
    low = torch.linalg.eigvalsh(gaussian.hessian)[0]
    # a constant added to all logits changes no probability: that direction has the prior's curvature and no other
    assert float(low) < 0.1 + 1e-9
    assert float(loss(theta)) < float(loss(toys.weights(model)))


def test_a_move_along_an_eigenvector_rises_by_half_its_eigenvalue():
    x, y = toys.overlapping(90)
    model = toys.network()
    loss = toys.log_loss(model, x, y, prior=0.1)
    theta = toys.minimum(loss, toys.weights(model))
    values, vectors = torch.linalg.eigh(hessian(loss, theta))
    rise = loss(toys.moved(theta, vectors[:, -1], 1e-3)) - loss(theta)
    assert float(rise) == pytest.approx(0.5e-6 * float(values[-1]), rel=1e-2)


def test_soft_labels_that_are_certain_are_the_labels():
    x, y = toys.overlapping(30)
    model = toys.network()
    certain = torch.nn.functional.one_hot(y, toys.CLASSES).double()
    theta = toys.weights(model)
    hard, soft = toys.log_loss(model, x, y, prior=0.3)(theta), toys.log_loss(model, x, certain, prior=0.3)(theta)
    assert float(hard) == pytest.approx(float(soft), rel=1e-12)
    with torch.no_grad():
        fit = 30 * float(nn.CrossEntropyLoss()(model(x), y))
        size = sum(float(p.square().sum()) for p in model.parameters())
    assert float(hard) == pytest.approx(fit + 0.15 * size, rel=1e-12)


def test_the_classes_overlap_and_the_seed_decides():
    x, y = toys.overlapping(300, seed=1)
    assert torch.equal(x, toys.overlapping(300, seed=1)[0])
    assert not torch.equal(x, toys.overlapping(300, seed=2)[0])
    assert y.bincount().tolist() == [100, 100, 100]
    centres = torch.stack([x[y == c].mean(0) for c in range(3)])
    nearest = torch.cdist(x, centres).argmin(1)
    assert 0.6 < float((nearest == y).double().mean()) < 0.97
