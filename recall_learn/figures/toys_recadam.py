"""Toy problems for the lessons on objective shifting and RecAdam: losses that one can write down, in float64."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import Parameter
from torch.optim import Optimizer


@dataclass(frozen=True)
class Quadratic:
    r"""A loss with one known minimum, :math:`\frac12 \sum_i a_i (\theta_i - b_i)^2`.

    Args:
        lowest: b, where the loss is 0.
        curvature: a, its second derivative along each weight; above 0.
    """

    lowest: Sequence[float]
    curvature: Sequence[float]

    def __call__(self, theta) -> np.ndarray:
        """The loss of each row of weights."""
        away = np.asarray(theta) - np.asarray(self.lowest)
        return 0.5 * (np.asarray(self.curvature) * away**2).sum(-1)

    def gradient(self, theta: Tensor, t: int = 0) -> Tensor:
        """Its gradient at ``theta``, the same at every step ``t``."""
        return theta.new_tensor(self.curvature) * (theta - theta.new_tensor(self.lowest))


def joint_minimum(target: Quadratic, source: Quadratic, lam: float) -> np.ndarray:
    r"""Where :math:`\lambda\, Loss_T + (1 - \lambda)\, Loss_S` is lowest: a weighted mean of the two minima."""
    a_t, a_s = lam * np.asarray(target.curvature), (1 - lam) * np.asarray(source.curvature)
    return (a_t * np.asarray(target.lowest) + a_s * np.asarray(source.lowest)) / (a_t + a_s)


def walk(
    gradient: Callable[[Tensor, int], Tensor],
    make: Callable[[list[Parameter]], Optimizer],
    start: Sequence[float] | np.ndarray,
    steps: int,
    lr: Callable[[int], float] | None = None,
) -> np.ndarray:
    """Let an optimizer walk, and note where it has been.

    Args:
        gradient: of the task, at the weights before step t, and t from 1.
        make: makes the optimizer for ``[weights]``; it sees the weights at ``start``.
        start: the weights to begin with.
        steps: how many to take.
        lr: the learning rate of step t, if it is not to stay the optimizer's own.

    Returns:
        ``[steps + 1, len(start)]`` in float64: the start, and the weights after each step.
    """
    theta = Parameter(torch.tensor(np.asarray(start), dtype=torch.float64))
    optimizer = make([theta])
    passed = [theta.detach().numpy().copy()]
    for t in range(1, steps + 1):
        if lr is not None:
            for group in optimizer.param_groups:
                group["lr"] = lr(t)
        theta.grad = gradient(theta.detach(), t)
        optimizer.step()
        passed.append(theta.detach().numpy().copy())
    return np.array(passed)
