r"""Small problems in float64 whose Hessian and Fisher information fit on a page.

The lessons on Laplace's method and on the Fisher information use them: data in the plane with three overlapping
classes, a network of 21 weights for them, and a minimum that is found to the last digits, so that what an
approximation leaves out is not mixed up with a training that was stopped.
"""

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.func import functional_call

from recall_learn.theory.laplace import Loss, Theta, hessian

CLASSES = 3
"""Of `overlapping`."""


def overlapping(count: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Points in the plane around three centres, close enough together that no model separates them.

    Returns:
        ``(x, y)``: float64 [count, 2], and the classes [count], as equally frequent as they can be.
    """
    generator = torch.Generator().manual_seed(seed)
    y = torch.arange(count) % CLASSES
    angle = 2 * math.pi * y.double() / CLASSES
    noise = torch.randn((count, 2), dtype=torch.float64, generator=generator)
    return torch.stack([angle.cos(), angle.sin()], 1) + 0.8 * noise, y


def network(seed: int = 0, hidden: int = 3) -> nn.Sequential:
    """Plane to tanh to the logits of three classes: 21 weights in float64, small ones, drawn from ``seed``."""
    model = nn.Sequential(nn.Linear(2, hidden), nn.Tanh(), nn.Linear(hidden, CLASSES)).double()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(0.5 * torch.randn(p.shape, dtype=p.dtype, generator=generator))
    return model


def weights(model: nn.Module) -> dict[str, Tensor]:
    """A copy of the model's parameters, ``name -> tensor``."""
    return {name: p.detach().clone() for name, p in model.named_parameters()}


def log_loss(model: nn.Module, x: Tensor, y: Tensor, prior: float = 0.0) -> Loss:
    r"""Minus the log posterior of a classifier, :math:`-\sum_n \log p(y_n | x_n) + \frac{prior}{2} \|\theta\|^2`, nats.

    Args:
        model: gives logits.
        x: the inputs.
        y: the classes [N], or a distribution over them for each example [N, C].
        prior: the precision of a Gaussian prior around zero; its constant is left out.
    """

    def loss(theta: Mapping[str, Tensor]) -> Tensor:
        fit = nn.functional.cross_entropy(functional_call(model, theta, (x,)), y, reduction="sum")
        return fit + 0.5 * prior * sum(t.square().sum() for t in theta.values())

    return loss


def minimum(loss: Loss, theta: Theta, polish: bool = True) -> Theta:
    """A minimum of ``loss`` near ``theta``: L-BFGS, then Newton's steps to the last digits.

    Args:
        loss: as for `recall_learn.theory.laplace.hessian`.
        theta: where to start, float64; it is not changed.
        polish: whether to take Newton's steps; not where the minimum is flat in some direction.
    """
    named = {"": theta} if isinstance(theta, Tensor) else theta
    found = {name: t.detach().clone().requires_grad_() for name, t in named.items()}

    def built(tensors: Mapping[str, Tensor]) -> Theta:
        return tensors[""] if isinstance(theta, Tensor) else tensors

    optimizer = torch.optim.LBFGS(
        list(found.values()), max_iter=500, tolerance_grad=1e-10, tolerance_change=0, line_search_fn="strong_wolfe"
    )

    def closure() -> Tensor:
        optimizer.zero_grad()
        value = loss(built(found))
        value.backward()
        return value

    optimizer.step(closure)
    for _ in range(3 if polish else 0):
        closure()
        slope = torch.cat([t.grad.reshape(-1) for t in found.values()])
        here = {name: t.detach() for name, t in found.items()}
        step = torch.linalg.solve(hessian(loss, built(here)), slope)
        for name, t in moved(here, step, -1.0).items():
            found[name].data = t
    return built({name: t.detach() for name, t in found.items()})


def moved(theta: Mapping[str, Tensor], direction: Tensor, distance: float) -> dict[str, Tensor]:
    """``theta`` and ``distance`` times ``direction``, a vector in the order of the Hessian's rows."""
    pieces = direction.split([t.numel() for t in theta.values()])
    return {name: t + distance * piece.view(t.shape) for (name, t), piece in zip(theta.items(), pieces, strict=True)}


def ellipse(matrix: Tensor, height: float, points: int = 91) -> Tensor:
    r"""Where :math:`\frac12 d^\top M d = height` in the plane: closed, [points, 2].

    Args:
        matrix: M, 2 x 2, positive definite.
        height: above 0.
        points: the first is the last.
    """
    angle = torch.linspace(0, 2 * math.pi, points, dtype=torch.float64)
    circle = math.sqrt(2 * height) * torch.stack([angle.cos(), angle.sin()])
    return torch.linalg.solve_triangular(torch.linalg.cholesky(matrix).T, circle, upper=True).T
