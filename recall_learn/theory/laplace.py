r"""Laplace's method: a quadratic that stands for a loss whose data are gone.

Around a mode :math:`\theta^*` of a loss :math:`L = -\log p(\theta, D)` (nats), with n weights and the Hessian
:math:`H = \nabla^2 L(\theta^*)`,

.. math::
    L(\theta) &\approx L(\theta^*) + \tfrac12 (\theta - \theta^*)^\top H (\theta - \theta^*) \\
    p(\theta \mid D) &\approx N(\theta^*, H^{-1}) \\
    \log p(D) &\approx -L(\theta^*) + \tfrac{n}{2} \log 2 \pi - \tfrac12 \log \det H

``hessian`` and ``laplace`` do this exactly, for small problems in float64. A pretrained model has too many weights for
H, so its remedies keep only a diagonal, or one number: that is ``QuadraticPenalty``, which ``ewc``, ``l2sp`` and
``merge`` fill in three ways.

Here ``theta`` is a tensor, or a mapping ``name -> tensor``; a matrix over it has its entries in the mapping's order,
row-major within a tensor. MacKay, 2003, "Information Theory, Inference, and Learning Algorithms", chapter 27;
Chen et al., 2020, "Recall and Learn", section 3.1.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.autograd.functional import hessian as _dense_hessian
from torch.autograd.functional import vhp as _vector_times_hessian

from recall_learn.support.checks import number, shown
from recall_learn.theory.anchors import check_dense, check_names, named
from recall_learn.theory.sharded import beside, local, total, whole

Theta = Tensor | Mapping[str, Tensor]
Loss = Callable[[Theta], Tensor]


def hessian(loss: Loss, theta: Theta) -> Tensor:
    """All second derivatives of ``loss`` at ``theta``: n backward passes for n x n numbers.

    For a model, ``loss`` may call ``torch.func.functional_call(model, theta, inputs)`` with theta a dictionary.

    Args:
        loss: gives a scalar for anything built like ``theta``; twice differentiable.
        theta: n weights, as a tensor of any shape or ``name -> tensor``.

    Returns:
        The Hessian, (n, n), in the dtype of ``theta``, detached.

    Raises:
        ValueError: ``theta`` is, or holds, something other than floating point tensors.
    """
    return _dense_hessian(lambda flat: loss(_like(theta, flat)), _flatten(theta))


def hessian_vector_product(loss: Loss, theta: Theta, vector: Theta) -> Theta:
    """H v without ever forming H, for about the cost of two gradients (Pearlmutter, 1994).

    Args:
        loss: gives a scalar for anything built like ``theta``; twice differentiable.
        theta: the weights, as a tensor of any shape or ``name -> tensor``.
        vector: the direction v, built like ``theta``.

    Returns:
        H v, built like ``theta``, detached.

    Raises:
        ValueError: ``vector`` has other names or shapes than ``theta``.
    """
    check_names(_named(theta), _named(vector), "vector")
    if isinstance(theta, Mapping):
        vector = {name: vector[name] for name in theta}
    # H is symmetric, so v H is H v
    _, product = _vector_times_hessian(lambda flat: loss(_like(theta, flat)), _flatten(theta), _flatten(vector))
    return _like(theta, product)


@dataclass(frozen=True)
class Gaussian:
    r"""What ``laplace`` returns: the quadratic around a mode, and the normal distribution that it is the log of.

    Args:
        mode: a copy of theta*.
        loss: L(theta*), nats, a scalar tensor.
        hessian: H, n x n, positive definite.
        cholesky: the lower triangular C with C C^T = H.
    """

    mode: Theta
    loss: Tensor
    hessian: Tensor
    cholesky: Tensor

    def quadratic(self, theta: Theta) -> Tensor:
        r""":math:`L(\theta^*) + \frac12 (\theta - \theta^*)^\top H (\theta - \theta^*)`, in place of the loss, nats."""
        return self.loss + 0.5 * self._distance2(theta)

    def log_prob(self, theta: Theta) -> Tensor:
        r"""Log density of :math:`N(\theta^*, H^{-1})` at ``theta``: the approximate log posterior, nats."""
        return self._half_log_det() - 0.5 * len(self.hessian) * math.log(2 * math.pi) - 0.5 * self._distance2(theta)

    def log_evidence(self) -> Tensor:
        r"""The logarithm of the evidence, in nats.

        .. math:: \log \int e^{-L} \approx -L(\theta^*) + \frac{n}{2} \log 2\pi - \frac12 \log \det H
        """
        return -self.loss + 0.5 * len(self.hessian) * math.log(2 * math.pi) - self._half_log_det()

    def covariance(self) -> Tensor:
        """H^-1, n x n: the posterior covariance."""
        return torch.cholesky_inverse(self.cholesky)

    def diagonal(self) -> Theta:
        """The diagonal of H, built like the mode: what EWC keeps of it, a ``precision`` for ``QuadraticPenalty``."""
        return _like(self.mode, self.hessian.diagonal().clone())

    def _distance2(self, theta: Theta) -> Tensor:
        check_names(_named(self.mode), _named(theta), "theta")
        if isinstance(theta, Mapping):
            theta = {name: theta[name] for name in self.mode}
        away = _flatten(theta) - _flatten(self.mode)
        return away @ self.hessian @ away

    def _half_log_det(self) -> Tensor:
        return self.cholesky.diagonal().log().sum()


def laplace(loss: Loss, theta: Theta, tolerance: float = 1e-3) -> Gaussian:
    r"""Laplace's method at ``theta``, a minimum of ``loss``.

    ``theta`` counts as a minimum if the quadratic with the gradient g and Hessian H found there would fall by no more
    than ``tolerance``: :math:`\frac12 g^\top H^{-1} g`, in nats, whatever the scale of the weights.

    Args:
        loss: :math:`L = -\log p(\theta, D)` in nats (summed over the examples, prior included), as for ``hessian``.
        theta: the mode, as a tensor of any shape or ``name -> tensor``.
        tolerance: how far above the quadratic's own minimum ``theta`` may lie, nats; ``inf`` drops the linear term.

    Raises:
        ValueError: ``theta`` is no minimum: H is not positive definite there, or the gradient is too large.
    """
    tolerance = number("tolerance", tolerance, lambda x: x >= 0, "a number of nats, at least 0", infinite=True)
    matrix = hessian(loss, theta)
    cholesky, failed = torch.linalg.cholesky_ex(matrix)
    if failed:
        low = torch.linalg.eigvalsh(matrix)[0]
        raise ValueError(f"theta is no minimum: the Hessian's lowest eigenvalue is {low:.3g}, not above 0; add a prior")
    flat = _flatten(theta).detach().requires_grad_()
    value = loss(_like(theta, flat))
    if not bool(value.isfinite()):
        raise ValueError(f"loss is {value.item():g} at theta; it has to be a finite number of nats")
    (gradient,) = torch.autograd.grad(value, flat)
    fall = 0.5 * gradient @ torch.cholesky_solve(gradient[:, None], cholesky)[:, 0]
    if not fall <= tolerance:
        raise ValueError(
            f"theta is no minimum: the quadratic falls by another {fall:.3g} nats, tolerance is {tolerance:g}; "
            f"optimise first, or drop the linear term with tolerance=inf"
        )
    return Gaussian(_like(theta, flat.detach()), value.detach(), matrix, cholesky)


class QuadraticPenalty:
    r"""The pretraining loss as it is remembered, :math:`\frac12 \sum_i precision_i (\theta_i - anchors_i)^2`.

    Add it to the target loss: ``(loss + penalty(model)).backward()``. Nothing of the model's size is kept between the
    forward and the backward pass. Second derivatives by double backward work.

    The anchors are copied: they stay where they are when the model moves on. They and the arithmetic are in single
    precision or better; a model in bfloat16 gets gradients in bfloat16. The copies follow the model to its device at
    the first call there, and into the pieces of ``fully_shard``: then each process has its part of the gradient, and
    all have the value of the whole. Anchors and precision may be whole then (and alike in all processes) or in pieces.

    Args:
        anchors: theta*, ``name -> tensor``, names as in ``model.named_parameters()``. A subset of the parameters will
            do: the new head has no pretrained weights.
        precision: how firmly each weight is held, nats per squared unit of weight; at least 0. One number for all (the
            paper's gamma), or for each name in ``anchors`` a number or a tensor of the anchor's shape.

    Raises:
        ValueError: ``anchors`` is empty or no mapping of floating point tensors; ``precision`` is negative or not
            finite, or has other names or shapes than the anchors.

    Kirkpatrick et al., 2017, equation 3; Chen et al., 2020, section 3.1, where every precision is gamma.
    """

    def __init__(self, anchors: Mapping[str, Tensor], precision: float | Mapping[str, Tensor | float]):
        _check_tensors(anchors, "anchors")
        if not isinstance(precision, Mapping):
            precision = dict.fromkeys(anchors, _number(precision, "precision"))
        tensors = {name: value for name, value in precision.items() if isinstance(value, Tensor)}
        if tensors:
            _check_tensors(tensors, "precision")
        # a number fits any shape, so its anchor stands for it in the comparison
        check_names(anchors, {name: tensors.get(name, anchors.get(name)) for name in precision}, "precision")
        for name, anchor in anchors.items():
            if not bool(whole(anchor.detach().isfinite().all())):
                raise ValueError(f"anchors[{name!r}] has non-finite entries; the penalty would be none")
        self.anchors = {name: _copy(anchor) for name, anchor in anchors.items()}
        self.precision = {name: _not_negative(precision[name], f"precision[{name!r}]") for name in anchors}

    def __call__(self, model: nn.Module | Mapping[str, Tensor]) -> Tensor:
        """The penalty of ``model``, a module or ``name -> tensor``: a scalar in nats, differentiable in the weights.

        A module may be wrapped in DistributedDataParallel or torch.compile; names with and without the wrapper's fit.

        Raises:
            ValueError: an anchor names no parameter of ``model``, or one of another shape.
        """
        parameters = named(model) if isinstance(model, nn.Module) else model
        if not isinstance(parameters, Mapping):
            raise ValueError(f"model is {shown(model)}; it must be a module, or a mapping from names to tensors")
        found = {name: parameters[name] for name in self.anchors if name in parameters}
        for name, parameter in found.items():
            if not isinstance(parameter, Tensor):
                raise ValueError(f"model has {shown(parameter)} under {name!r}; it must be a tensor")
            check_dense(parameter, f"model[{name!r}]")
        check_names(found, self.anchors, "anchors")
        return total((self._term(name, parameters[name]), parameters[name]) for name in self.anchors)

    def merge(self, newer: "QuadraticPenalty", decay: float = 1.0) -> "QuadraticPenalty":
        r"""One penalty for this task and the next: online EWC. It is centred at the newer anchors.

        .. math:: precision = decay \cdot precision_{self} + precision_{newer}

        The newer anchors are the mode found with this penalty in the loss, where its gradient and the newer task's
        cancel: only the sum of both curvatures is left. That is Laplace's method on both tasks, exact where losses are
        quadratic with diagonal curvature. Separate terms, as EWC was first published, count old tasks twice.

        Args:
            newer: the penalty of the task that was just learned, with only its own Fisher as precision.
            decay: how much of the older precision is kept, in [0, 1]; below 1 old tasks fade.

        Raises:
            ValueError: the two have other names or shapes, or ``decay`` is outside [0, 1].

        Huszár, 2018, "Note on the quadratic penalties in EWC"; Schwarz et al., 2018, "Progress & Compress", section 4.
        """
        if not isinstance(newer, QuadraticPenalty):
            raise ValueError(f"newer is {shown(newer)}; it must be a QuadraticPenalty")
        if _number(decay, "decay") > 1:
            raise ValueError(f"decay is {decay!r}; it must be a number in [0, 1]")
        check_names(self.anchors, newer.anchors, "newer.anchors")
        precision = {}
        for name, anchor in newer.anchors.items():
            _, old = self._on(name, anchor)
            _, new = newer._on(name, anchor)
            precision[name] = decay * old + new
        return QuadraticPenalty(newer.anchors, precision)

    def _term(self, name: str, parameter: Tensor) -> Tensor:
        """What is here of one parameter's share."""
        anchor, precision = self._on(name, parameter)
        return _HalfSquare.apply(
            local(parameter), local(anchor), local(precision) if isinstance(precision, Tensor) else precision
        )

    def _on(self, name: str, like: Tensor) -> tuple[Tensor, Tensor | float]:
        for held in (self.anchors, self.precision):
            if isinstance(held[name], Tensor):
                held[name] = beside(held[name], like)
        return self.anchors[name], self.precision[name]


def ewc(anchors: Mapping[str, Tensor], fisher: Mapping[str, Tensor], strength: float) -> QuadraticPenalty:
    r"""Elastic weight consolidation, :math:`\frac{\lambda}{2} \sum_i F_i (\theta_i - \theta^*_i)^2`.

    Args:
        anchors: theta*, ``name -> tensor``.
        fisher: F, the mean over examples of the diagonal Fisher information at the anchors, ``name -> tensor``, with
            the names and shapes of the anchors.
        strength: lambda. The number N of pretraining examples makes this Laplace's method on their summed loss.

    Raises:
        ValueError: as ``QuadraticPenalty``.

    Kirkpatrick et al., 2017, "Overcoming catastrophic forgetting in neural networks", equation 3. For more
    than two tasks use ``QuadraticPenalty.merge``.
    """
    strength = _number(strength, "strength")
    _check_tensors(anchors, "anchors")
    _check_tensors(fisher, "fisher")
    lacking = [name for name in anchors if name not in fisher]
    if lacking:
        raise ValueError(
            f"fisher lacks {lacking[0]!r}, which has an anchor; a frozen weight has no Fisher and needs no anchor, "
            f"leave it out of anchors"
        )
    check_names(anchors, fisher, "fisher")
    precision = {name: strength * _not_negative(fisher[name], f"fisher[{name!r}]") for name in anchors}
    return QuadraticPenalty(anchors, precision)


def l2sp(
    anchors: Mapping[str, Tensor],
    alpha: float,
    head: Mapping[str, Tensor] | None = None,
    beta: float | None = None,
) -> QuadraticPenalty:
    r"""L2-SP, :math:`\frac{\alpha}{2} \|\theta - \theta^*\|^2 + \frac{\beta}{2} \|head\|^2`.

    Args:
        anchors: theta*, ``name -> tensor``.
        alpha: how firmly the pretrained weights are held, nats per squared unit of weight; at least 0.
        head: the parameters that were not pretrained, ``name -> tensor``; only their shapes are used. None leaves them
            free.
        beta: how firmly the head is held to zero, in the same unit; given if and only if ``head`` is.

    Raises:
        ValueError: only one of ``head`` and ``beta`` is given, they share a name with ``anchors``, or as
            ``QuadraticPenalty``.

    Li et al., 2018, "Explicit inductive bias for transfer learning with convolutional networks".
    """
    if (head is None) != (beta is None):
        raise ValueError(f"head is {'not ' * (head is None)}given and beta is {shown(beta)}; give both, or neither")
    _check_tensors(anchors, "anchors")
    precision = dict.fromkeys(anchors, _number(alpha, "alpha"))
    if head is None:
        return QuadraticPenalty(anchors, precision)
    _check_tensors(head, "head")
    shared = [name for name in head if name in anchors]
    if shared:
        raise ValueError(f"head has {shared[0]!r}, which is in anchors too; a parameter is pretrained or new, not both")
    origin = {name: torch.zeros_like(new) for name, new in head.items()}
    return QuadraticPenalty({**anchors, **origin}, precision | dict.fromkeys(head, _number(beta, "beta")))


class _HalfSquare(torch.autograd.Function):
    """1/2 sum precision (theta - anchor)^2, with the difference taken anew in the backward pass instead of kept."""

    generate_vmap_rule = True

    @staticmethod
    def forward(theta, anchor, precision):
        away = theta - anchor
        return 0.5 * away.mul_(away).mul_(precision).sum()

    @staticmethod
    def setup_context(ctx, inputs, output):
        theta, anchor, precision = inputs
        # a tensor has to be saved through ctx, a number cannot be
        ctx.number = None if isinstance(precision, Tensor) else precision
        ctx.save_for_backward(theta, anchor, precision if ctx.number is None else None)

    @staticmethod
    def backward(ctx, grad):
        theta, anchor, precision = ctx.saved_tensors
        weight = grad * (precision if ctx.number is None else ctx.number)
        return ((theta - anchor) * weight).to(theta.dtype), None, None


def _flatten(theta: Theta) -> Tensor:
    """The weights of ``theta`` in one vector, (n,)."""
    named = _named(theta)
    _check_tensors(named, "theta")
    if not sum(tensor.numel() for tensor in named.values()):
        raise ValueError("theta has no entries; it needs one weight or more")
    return torch.cat([tensor.reshape(-1) for tensor in named.values()])


def _like(theta: Theta, flat: Tensor) -> Theta:
    """A vector from ``_flatten`` back in the form of ``theta``."""
    named = _named(theta)
    pieces = flat.split([tensor.numel() for tensor in named.values()])
    rebuilt = {name: piece.view(named[name].shape) for name, piece in zip(named, pieces, strict=True)}
    return rebuilt if isinstance(theta, Mapping) else rebuilt[""]


def _named(theta: Theta) -> Mapping[str, Tensor]:
    if not isinstance(theta, Tensor | Mapping):
        raise ValueError(f"theta is {shown(theta)}; it must be a tensor, or a mapping from names to tensors")
    return theta if isinstance(theta, Mapping) else {"": theta}


def _copy(tensor: Tensor) -> Tensor:
    """A detached copy, in single precision or better."""
    return tensor.detach().to(torch.promote_types(tensor.dtype, torch.float32), copy=True)


def _check_tensors(tensors: Mapping[str, Tensor], what: str) -> None:
    if not isinstance(tensors, Mapping) or not tensors:
        raise ValueError(f"{what} is {shown(tensors)}; it must be a mapping from parameter names to tensors, not empty")
    for name, tensor in tensors.items():
        if not isinstance(tensor, Tensor) or not tensor.is_floating_point():
            kind = tensor.dtype if isinstance(tensor, Tensor) else shown(tensor)
            raise ValueError(f"{what}[{name!r}] is {kind}; it must be a floating point tensor")
        check_dense(tensor, f"{what}[{name!r}]")


def _number(value: float, what: str) -> float:
    return number(what, value, lambda x: x >= 0, "a finite number, at least 0")


def _not_negative(value: Tensor | float, what: str) -> Tensor | float:
    """A copy of ``value``, or raise unless all of it is finite and at least 0."""
    if not isinstance(value, Tensor):
        return _number(value, what)
    if whole((~((value >= 0) & value.isfinite())).sum()):  # of all pieces: then each process complains, or none
        low, high = whole(value).aminmax()
        raise ValueError(f"{what} lies in [{low:g}, {high:g}]; it must be finite and at least 0")
    return _copy(value)
