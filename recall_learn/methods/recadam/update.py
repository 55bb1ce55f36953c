"""RecAdam's step as pure functions: one to read, and two faster ones that are tested equal to it.

:func:`update` is the algorithm on one tensor. :func:`update_buckets` runs it on many, through torch's foreach or fused
kernels. :class:`recall_learn.methods.recadam.optimizer.RecAdam` gathers the tensors and calls it.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor

HALF = (torch.bfloat16, torch.float16)
PIECE = 2**22
"""Weights that are computed at once where a step needs memory of its own: 16 MB for each float32 copy.

A multiple of every vector length, so that each weight is computed by the same instructions as in one piece."""


class Scalars(NamedTuple):
    """The numbers of one step that all weights share: floats, or 0-dim tensors for the compiler and in graphs."""

    lam: float  # lambda(t)
    pull: float  # lr (1 - lambda); times gamma: the share of the way home taken in this step
    lr: float
    share: float  # of lr, for the Adam step: lambda, and 1 where lambda is already in the gradient (coupled)
    rate: float  # share lr / (1 - beta1^t)
    unbias: float  # 1 / sqrt(1 - beta2^t)
    weight_decay: float  # times lr, never times lambda
    eps: float


class Bucket(NamedTuple):
    """The tensors of one group that share device, dtype and count of updates t: one call serves them all."""

    thetas: list[Tensor]
    grads: list[Tensor]
    ms: list[Tensor]
    vs: list[Tensor]
    anchors: list[Tensor]  # empty: nothing pulls
    gammas: list[Tensor] | float
    algorithm: str
    betas: tuple[float, float]
    t: int
    path: str
    maximize: bool = False


def update(theta, grad, m, v, anchor, gamma, s: Scalars, betas: tuple[float, float], algorithm: str) -> None:
    """One step on one tensor, in place; line numbers as in Algorithm 1. Without an ``anchor`` nothing pulls.

    The paper's pull and the decay are both taken at theta_{t-1}; "released" takes them one after the other.
    """
    beta1, beta2 = betas
    away = 0.0 if anchor is None else gamma * (theta - anchor)
    if anchor is not None and algorithm == "coupled":
        grad = s.lam * grad + (1 - s.lam) * away  # line 6, Adam
        away = 0.0
    m.mul_(beta1).add_((1 - beta1) * grad)  # line 7
    v.mul_(beta2).add_((1 - beta2) * grad * grad)  # line 8
    if algorithm == "released":
        theta.sub_(s.rate * m / ((v.sqrt() + s.eps) * s.unbias))
        if anchor is not None:
            theta.sub_(s.pull * gamma * (theta - anchor))
        theta.sub_(s.lr * s.weight_decay * theta)
    else:
        adam = s.rate * m / (v.sqrt() * s.unbias + s.eps)  # lines 9, 10
        theta.sub_(adam + s.pull * away + s.lr * s.weight_decay * theta)  # line 12


def update_buckets(work: list[tuple[Bucket, Scalars]]) -> None:
    """One step on every bucket, in place. Half precision parameters are computed in float32 and rounded once."""
    for bucket, s in work:
        for b in pieces(bucket):
            wide = b
            if b.thetas[0].dtype in HALF:
                wide = b._replace(thetas=[p.float() for p in b.thetas], grads=[g.float() for g in b.grads])
            if b.maximize:
                wide = wide._replace(grads=torch._foreach_neg(wide.grads))
            if b.path == "plain":
                _plain(wide, s)
            else:
                _many(wide, s, _adam_fused if b.path == "fused" else _adam_foreach)
            if wide.thetas is not b.thetas:
                torch._foreach_copy_(b.thetas, wide.thetas)


def pieces(bucket: Bucket) -> Iterator[Bucket]:
    """The bucket in pieces of at most `PIECE` weights, where a step needs memory for each weight of its bucket.

    A tensor that is not contiguous stays whole.
    """
    if torch.compiler.is_compiling() or not _needs_memory(bucket):
        yield bucket
        return
    sizes = [theta.numel() for theta in bucket.thetas]
    first, held = 0, 0
    for n, size in enumerate(sizes):
        if held and held + size > PIECE:
            yield _rows(bucket, slice(first, n))
            first, held = n, 0
        held += size
        if size > PIECE:
            yield from _slices(_rows(bucket, slice(n, n + 1)))
            first, held = n + 1, 0
    if first < len(sizes):
        yield _rows(bucket, slice(first, None))


def _needs_memory(b: Bucket) -> bool:
    many = b.path == "foreach" or (b.path == "fused" and (b.algorithm == "coupled" or isinstance(b.gammas, list)))
    return many or b.maximize or b.thetas[0].dtype in HALF


def _lists(b: Bucket) -> dict[str, list[Tensor]]:
    lists = {name: getattr(b, name) for name in ("thetas", "grads", "ms", "vs", "anchors", "gammas")}
    return {name: tensors for name, tensors in lists.items() if isinstance(tensors, list) and tensors}


def _rows(b: Bucket, rows: slice) -> Bucket:
    return b._replace(**{name: tensors[rows] for name, tensors in _lists(b).items()})


def _slices(b: Bucket) -> Iterator[Bucket]:
    """One large tensor in slices."""
    lists = _lists(b)
    if not all(tensors[0].is_contiguous() for tensors in lists.values()):
        yield b
        return
    cut = {name: tensors[0].view(-1).split(PIECE) for name, tensors in lists.items()}
    for parts in zip(*cut.values(), strict=True):
        yield b._replace(**{name: [part] for name, part in zip(cut, parts, strict=True)})


def _plain(b: Bucket, s: Scalars) -> None:
    for i, theta in enumerate(b.thetas):
        anchor = b.anchors[i] if b.anchors else None
        gamma = b.gammas if isinstance(b.gammas, float) else b.gammas[i]
        update(theta, b.grads[i], b.ms[i], b.vs[i], anchor, gamma, s, b.betas, b.algorithm)


def _many(b: Bucket, s: Scalars, adam: Callable) -> None:
    """The steps of :func:`update` on lists of tensors, with the Adam step left to a kernel."""
    decay = s.lr * s.weight_decay
    if b.algorithm == "released":
        adam(b, b.grads, s._replace(eps=s.eps * s.unbias, weight_decay=0.0))
        _pull(b, s.pull)
        if decay:
            torch._foreach_mul_(b.thetas, 1 - decay)
        return
    grads = b.grads
    if b.algorithm == "coupled" and b.anchors:
        grads = _coupled_gradients(b, s)
    else:
        # pulling by pull / (1 - decay) and then shrinking by 1 - decay takes both at theta_{t-1}
        _pull(b, s.pull / (1 - decay))
    adam(b, grads, s)


def _pull(b: Bucket, share: float) -> None:
    # lerp leaves a weight that equals its anchor untouched, to the bit
    if not b.anchors:
        return
    if isinstance(b.gammas, float):
        torch._foreach_lerp_(b.thetas, b.anchors, share * b.gammas)
    else:
        torch._foreach_lerp_(b.thetas, b.anchors, torch._foreach_mul(b.gammas, share))


def _coupled_gradients(b: Bucket, s: Scalars) -> list[Tensor]:
    away = torch._foreach_sub(b.thetas, b.anchors)
    torch._foreach_mul_(away, b.gammas)
    torch._foreach_mul_(away, 1 - s.lam)
    torch._foreach_add_(away, b.grads, alpha=s.lam)
    return away


def _adam_foreach(b: Bucket, grads: list[Tensor], s: Scalars) -> None:
    beta1, beta2 = b.betas
    if s.weight_decay:
        torch._foreach_mul_(b.thetas, 1 - s.lr * s.weight_decay)
    torch._foreach_lerp_(b.ms, grads, 1 - beta1)
    torch._foreach_mul_(b.vs, beta2)
    torch._foreach_addcmul_(b.vs, grads, grads, 1 - beta2)
    denominators = torch._foreach_sqrt(b.vs)
    torch._foreach_mul_(denominators, s.unbias)
    torch._foreach_add_(denominators, s.eps)
    torch._foreach_addcdiv_(b.thetas, b.ms, denominators, -s.rate)


def _adam_fused(b: Bucket, grads: list[Tensor], s: Scalars) -> None:
    # the kernel decays by its lr, which lambda has scaled: weight_decay / lambda undoes that, until it overflows
    weight_decay = s.weight_decay / s.share if s.share > 1e-30 else 0.0
    if s.weight_decay and not weight_decay:
        torch._foreach_mul_(b.thetas, 1 - s.lr * s.weight_decay)
    step = torch.full((), float(b.t), dtype=torch.float32, device=b.thetas[0].device)
    torch._fused_adamw_(
        b.thetas,
        grads,
        b.ms,
        b.vs,
        [],
        [step] * len(b.thetas),
        amsgrad=False,
        lr=s.lr * s.share,
        beta1=b.betas[0],
        beta2=b.betas[1],
        weight_decay=weight_decay,
        eps=s.eps,
        maximize=False,
    )
