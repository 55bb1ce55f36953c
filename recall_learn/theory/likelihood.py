r"""What a model's logits say about y: the likelihood p(y | x), and the directions in which its Fisher is taken.

===============  ==============  ==================================================================================
``categorical``  [N, C], C >= 2  :math:`\log p(y|x) = z_y - \log \sum_j e^{z_j}`, y one of C classes
\                [N, L, V]       the sum of that over the positions whose label is not -100 (masked words, tags)
``gaussian``     [N, K]          :math:`\log p(y|x) = -\frac12 \sum_k (y_k - f_k)^2`: K numbers, each of variance 1
``bernoulli``    [N, K]          :math:`\log p(y|x) = \sum_k y_k \log \sigma(z_k) + (1 - y_k) \log \sigma(-z_k)`: K
                                 answers, yes (1) or no (0), independent given x
===============  ==============  ==================================================================================

Losses are other numbers: transformers' mean squared error over K outputs has 2/K times the Gaussian's gradient (so a
Fisher made of it is :math:`4/K^2` times as large), its binary cross-entropy 1/K times the Bernoulli's.

Which one it is, is said by the first of these that says anything (`resolve`): the caller; ``config.problem_type`` of
the model; the labels and the logits. Whole-number labels [N] of several logits are classes. Floats [N, K] are numbers,
or, where all are 0 or 1, answers, as transformers takes them. One logit is a Gaussian; a Bernoulli of one logit has to
be said. ``labels`` that do not fit are refused, also where only the model's own draws are needed.

One backward pass per coin flip
    Choose a label by C - 1 coin flips: is it 0? if not, is it 1? and so on. With :math:`r_k = \sum_{j \ge k} p_j`,
    flip k is reached with probability :math:`r_k` and says yes with :math:`q = p_k / r_k`. The score of a coin is
    (said yes - q) times the gradient of its log-odds, and the score of y is the sum over the flips made. Given the
    flips before it each has mean zero, so the products of two have too, and the squares add up: flip k adds
    :math:`r_k \, q (1 - q) = p_k r_{k+1} / r_k` times the squared gradient of its log-odds
    :math:`z_k - \log \sum_{j > k} e^{z_j}`. Written as directions in the logits z, with J = dz/dtheta:

    .. math:: \sum_y p_y (\nabla \log p_y)^2 = \sum_{k=0}^{C-2} (J^\top v_k)^2, \qquad
              v_k = \sqrt{\frac{p_k r_{k+1}}{r_k}} \Big( e_k - \sum_{j > k} \frac{p_j}{r_{k+1}} e_j \Big)

    The :math:`v_k` are the columns of the Cholesky factor of :math:`\mathrm{diag}(p) - p p^\top`. The definition
    takes C passes; a binary task needs one.

Many positions, many outputs
    Labels at different positions are independent given x, and each score has mean zero, so
    :math:`\mathbb{E}_y (\sum_t g_t)^2 = \sum_t \mathbb{E}_y g_t^2`: the exact Fisher sums over positions and flips, at
    that many passes. Over a large vocabulary take ``sampled``: one pass, all positions at once. For the same reason the
    K outputs of a Gaussian or Bernoulli take K passes, with :math:`v_k = e_k` and
    :math:`v_k = \sqrt{\sigma(z_k) \sigma(-z_k)} \, e_k`.
"""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from recall_learn.support.checks import shown
from recall_learn.theory.per_example import accumulator

LABELS = ("exact", "sampled", "empirical", "batched")
LIKELIHOODS = ("categorical", "gaussian", "bernoulli")
PROBLEMS = {
    "single_label_classification": "categorical",
    "multi_label_classification": "bernoulli",
    "regression": "gaussian",
}
"""What ``config.problem_type`` of transformers says."""
IGNORED = -100  # torch's label for a position without one


def resolve(logits: Tensor, labels: Tensor | None, said: str | None = None, problem: str | None = None) -> str:
    """The likelihood of these logits, one of ``LIKELIHOODS``, once the labels are known to fit it.

    Args:
        logits: ``[N, C]`` or ``[N, L, V]``.
        labels: the true labels of the whole batch, or None.
        said: the caller's, or None.
        problem: the model's ``config.problem_type``, or None; it does not concern ``[N, L, V]``.

    Raises:
        ValueError: nothing says which it is, or the logits or the labels do not fit it.
    """
    if said is not None:
        likelihood, why = said, "as you said"
    elif logits.dim() == 3:
        likelihood, why = "categorical", "as logits [N, L, V] are"
    elif problem is not None:
        if problem not in tuple(PROBLEMS):
            raise ValueError(f"model.config.problem_type is {shown(problem)}; it must be one of {', '.join(PROBLEMS)}")
        likelihood, why = PROBLEMS[problem], f"as model.config.problem_type {problem!r} says"
    else:
        likelihood, why = _guessed(logits, labels), "as logits and labels look"
    _check_logits(logits, likelihood, why)
    if labels is not None:
        _check_labels(logits, labels, likelihood, why, whole_numbers=said is not None)
    return likelihood


def directions(
    logits: Tensor,
    labels: Tensor | None,
    *,
    choice: str = "exact",
    likelihood: str | None = None,
    generator: Generator | None = None,
) -> Iterator[Tensor]:
    """Directions v in the logits such that an example's share of the Fisher is the sum over v of (J^T v)^2.

    Args:
        logits: ``[N, C]`` or ``[N, L, V]``.
        labels: the true labels, as `resolve` wants them; needed for "empirical" and "batched", and for ``[N, L, V]``,
            where they say which positions count.
        choice: one of ``LABELS``; "batched" has the directions of "empirical".
        likelihood: one of ``LIKELIHOODS``; None is what logits and labels look like.
        generator: for "sampled".

    Yields:
        Tensors shaped like the logits, float64 for float64 logits, else float32.

    Raises:
        ValueError: as `resolve`; labels are missing.
    """
    likelihood = resolve(logits, labels, likelihood)
    if labels is None and (logits.dim() == 3 or choice in ("empirical", "batched")):
        wanted = tuple(logits.shape[:-1]) if likelihood == "categorical" else tuple(logits.shape)
        raise ValueError(
            f"labels are missing; {choice!r} with {likelihood} logits {tuple(logits.shape)} needs labels of shape "
            f"{wanted}"
        )
    z = logits.detach().to(accumulator(logits))
    if likelihood == "categorical":
        yield from _categorical(z, labels, choice, generator)
    elif choice == "exact":
        size = torch.ones_like(z) if likelihood == "gaussian" else (0.5 * (F.logsigmoid(z) + F.logsigmoid(-z))).exp()
        for k in range(z.shape[1]):
            v = torch.zeros_like(z)
            v[:, k] = size[:, k]
            yield v
    elif likelihood == "gaussian":
        yield _error(z, labels) if choice != "sampled" else _normal(z, generator)
    else:
        y = labels if choice != "sampled" else _uniform(z, generator) < z.double().sigmoid()
        yield y.reshape(z.shape).to(z.dtype) - z.sigmoid()


def _guessed(logits: Tensor, labels: Tensor | None) -> str:
    """The likelihood where neither the caller nor the model says it."""
    count = logits.shape[-1]
    whole = labels is not None and not labels.is_floating_point()
    if count == 1:
        if whole:
            raise ValueError(
                f"labels are whole numbers ({labels.dtype}) for one logit, which may mean two things; say "
                f"likelihood='bernoulli' for yes or no, 'gaussian' for numbers"
            )
        return "gaussian"
    if labels is None or labels.shape != logits.shape:
        return "categorical"
    if ((labels == 0) | (labels == 1)).all():
        return "bernoulli"
    if whole:
        raise ValueError(
            f"labels are whole numbers ({labels.dtype}) of shape {tuple(labels.shape)}, not all 0 or 1; say "
            f"likelihood='gaussian' if they are {count} numbers for each example"
        )
    if (labels >= 0).all() and ((labels.double().sum(-1) - 1).abs() < 1e-2).all():
        raise ValueError(
            f"labels look like the probabilities of {count} classes: they are at least 0, and those of each example "
            f"sum to 1. A label is one class here; give integers {tuple(labels.shape[:1])}, or say "
            f"likelihood='gaussian' if they are numbers"
        )
    return "gaussian"


def _check_logits(logits: Tensor, likelihood: str, why: str) -> None:
    shape, count = tuple(logits.shape), logits.shape[-1]
    if logits.dim() == 3 and (likelihood != "categorical" or count == 1):
        what = "a regression" if likelihood != "bernoulli" else "a Bernoulli"
        raise ValueError(f"logits have shape {shape}; {what} needs [N, 1] or [N, K]")
    if likelihood == "categorical" and count == 1:
        raise ValueError(f"logits have shape {shape} and are categorical, {why}; that needs 2 of them or more")


def _check_labels(logits: Tensor, labels: Tensor, likelihood: str, why: str, *, whole_numbers: bool) -> None:
    """Raise unless the labels fit; ``whole_numbers`` says that the caller knows that numbers may be whole ones."""
    shape, count = tuple(logits.shape), logits.shape[-1]
    given = f"labels have shape {tuple(labels.shape)} and {labels.dtype}"
    if likelihood == "categorical":
        return _check_classes(logits, labels, f"{given}; logits {shape} are categorical, {why}, and need integers")
    fits = labels.shape == logits.shape or (count == 1 and labels.shape == logits.shape[:1])
    if not fits or labels.is_complex():
        raise ValueError(f"{given}; logits {shape} are {likelihood}, {why}, and need one number for each logit")
    if likelihood == "bernoulli":
        other = (labels != 0) & (labels != 1)
        if other.any():
            raise ValueError(f"labels hold {labels[other][0].item()!r}; they are bernoulli, {why}: 0 or 1")
    elif not labels.is_floating_point() and not whole_numbers:
        raise ValueError(
            f"{given}: classes? logits {shape} are gaussian, {why}, which takes floats; say likelihood='gaussian' if "
            f"they are numbers"
        )
    elif not labels.isfinite().all():
        raise ValueError("labels of a regression must be finite numbers, and this batch has a nan or an infinity")
    return None


def _check_classes(logits: Tensor, labels: Tensor, wanted: str) -> None:
    shape, count = tuple(logits.shape[:-1]), logits.shape[-1]
    if tuple(labels.shape) != shape or labels.is_floating_point() or labels.is_complex():
        raise ValueError(f"{wanted} {shape}")
    allowed = (labels >= 0) & (labels < count)
    if logits.dim() == 3:
        allowed |= labels == IGNORED
    if not allowed.all():
        also = f", or {IGNORED} for a position that does not count" if logits.dim() == 3 else ""
        raise ValueError(
            f"labels hold {int(labels[~allowed][0])}; with {count} logits they go from 0 to {count - 1}{also}"
        )


def _categorical(z: Tensor, labels: Tensor | None, choice: str, generator: Generator | None) -> Iterator[Tensor]:
    log_p = z.log_softmax(-1).view(len(z), -1, z.shape[-1])  # [N, positions, C]
    counted = torch.ones(log_p.shape[:2], dtype=torch.bool, device=z.device)
    if labels is not None:
        y = labels.long().view(len(z), -1)
        counted = y != IGNORED
    if choice == "exact":
        slot = torch.where(counted, counted.cumsum(1) - 1, -1)  # the how-manieth counted position of its example
        for k in range(1 if z.dim() == 2 else int(counted.sum(1).max())):
            for v in _coin_flips(log_p):
                yield (v * (slot == k)[:, :, None]).view_as(z)
        return
    if choice == "sampled":
        cdf = log_p.double().exp().cumsum(-1)
        y = torch.searchsorted(cdf, _uniform(counted, generator)[:, :, None], right=True)[:, :, 0]
    y = y.clamp(0, z.shape[-1] - 1)[:, :, None]  # the clamp: -100, and a draw beyond a cdf that ends just under 1
    v = (-log_p.exp()).scatter_add_(2, y, torch.ones_like(y, dtype=z.dtype))
    yield (v * counted[:, :, None]).view_as(z)


def _coin_flips(log_p: Tensor) -> Iterator[Tensor]:
    """The C - 1 columns v_k of the module's docstring. In logarithms: no quotient of two vanishing numbers."""
    log_r = log_p.flip(-1).logcumsumexp(-1).flip(-1)
    for k in range(log_p.shape[-1] - 1):
        v = torch.zeros_like(log_p)
        v[..., k] = 1
        v[..., k + 1 :] = -(log_p[..., k + 1 :] - log_r[..., k + 1, None]).exp()
        yield v * (0.5 * (log_p[..., k] + log_r[..., k + 1] - log_r[..., k])).exp()[..., None]


def _error(f: Tensor, labels: Tensor) -> Tensor:
    """The score y - f (d log p / df) of a Gaussian."""
    return labels.reshape(f.shape).to(f.dtype) - f


def _normal(f: Tensor, generator: Generator | None) -> Tensor:
    """That score for y drawn from N(f, 1)."""
    return torch.special.ndtri(_uniform(f, generator).clamp_min(2.0**-54)).to(f.dtype)


def _uniform(like: Tensor, generator: Generator | None) -> Tensor:
    # one number per draw, in order and on the generator's own device: the CPU's gives the same labels for every batch
    # size and device
    device = "cpu" if generator is None else generator.device
    return torch.rand(like.shape, dtype=torch.float64, generator=generator, device=device).to(like.device)
