r"""Diagonal Fisher information: how much the model's answer depends on each weight.

.. math:: F_i = \frac1N \sum_{n=1}^N \; \mathbb{E}_y \left( \frac{\partial \log p(y | x_n)}{\partial \theta_i} \right)^2

Where the label y comes from decides what the number means (Kunstner, 2019; van de Ven, 2025):

=============  ====================================================================================================
``exact``      every label, weighted by the model's own p(y | x): the Fisher information
``sampled``    one label drawn from p(y | x): the same in the mean, noisier, and the cost of one label
``empirical``  the true label: second-order information only where the model fits its data
``batched``    the square of the **batch-mean** gradient of the true labels. Not a Fisher estimate: where gradients
               cancel, as they do near a minimum, about one b-th of it is left at batch size b. Much public code
               computes this; it is here to be compared with.
=============  ====================================================================================================

The likelihood is read from the logits, never from the model's own loss:

- ``[N, C]`` with C of at least 2: p(y | x) is their softmax, so a multi-label head does not belong here.
- ``[N, 1]``, regression: a Gaussian of variance 1, log p(y | x) = -(y - f)^2 / 2, whose exact Fisher is (df/dtheta)^2.
  The gradient of a mean squared error is twice as large, and a Fisher made of it four times.
- ``[N, L, V]``, masked words, or a label for every token: log p(y | x) sums over the positions whose label is not
  -100. The labels of a causal model are one position late: shift them first.

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

Many positions
    Labels at different positions are independent given x, and each score has mean zero, so
    :math:`\mathbb{E}_y (\sum_t g_t)^2 = \sum_t \mathbb{E}_y g_t^2`: the exact Fisher sums over positions and flips, at
    that many passes. Over a large vocabulary take ``sampled``: one pass, all positions at once.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import safetensors
import torch
from safetensors.torch import save_file
from torch import Generator, Tensor, nn
from tqdm.auto import tqdm

from recall_learn.anchors import fingerprint
from recall_learn.per_example import Inputs, PerExample, accumulator, examples_in

LABELS = ("exact", "sampled", "empirical", "batched")
IGNORED = -100  # torch's label for a position without one
FORMAT = "recall-learn fisher 1"


class Fisher(dict[str, Tensor]):
    """A dictionary ``name -> tensor`` that also knows what it is the mean of.

    Attributes:
        labels: where the labels came from, one of ``LABELS``.
        examples: N, the number of examples. Laplace's method wants the sum over the data, N times this mean.
    """

    def __init__(self, tensors: Mapping[str, Tensor], *, labels: str, examples: int):
        super().__init__(tensors)
        self.labels, self.examples = labels, examples


def fisher_diagonal(
    model: nn.Module,
    batches: Iterable,
    *,
    labels: str = "exact",
    generator: Generator | None = None,
    progress: bool | None = None,
) -> Fisher:
    """Mean over examples of the squared per-example gradients of log p(y | x), in eval mode, for each weight.

    Args:
        model: gives logits as a tensor, as ``.logits`` or as ``["logits"]``; left as it was found.
        batches: any iterable of ``{"labels": y, **inputs}`` (called as ``model(**inputs)``) or of ``(x, y)``. Tensors
            have the examples in the first dimension and are moved to the model's device. Labels may be left out for
            "exact" and "sampled", except for logits ``[N, L, V]``, where they also say which positions count.
        labels: "exact", "sampled", "empirical" or "batched".
        generator: for the draws of "sampled"; None is torch's global one of the CPU. With logits ``[N, C]`` and a
            generator of the CPU an example's draw does not depend on the device or on how the examples are batched.
        progress: True shows a bar, False none; None shows one on a terminal.

    Returns:
        ``name -> tensor`` (squared nats per squared unit of the weight) for ``named_parameters()`` that require grad,
        float64 for float64 weights, else float32; a :class:`Fisher`, so ``.examples`` is N. It does not depend on the
        batch size, except for "batched", where a batch of b examples weighs b.

    Raises:
        ValueError: an unknown ``labels``; no examples; labels missing, misshapen or out of range; logits misshapen or
            not finite; nothing requires grad; a model that is not deterministic in eval mode.
    """
    if labels not in LABELS:
        raise ValueError(f"labels is {labels!r}; it must be one of {', '.join(map(repr, LABELS))}")
    parameters = {name: p for name, p in model.named_parameters() if p.requires_grad}
    if not parameters:
        raise ValueError("model has no parameter that requires grad, so there is nothing to take a Fisher of")
    total = {name: torch.zeros_like(p, dtype=accumulator(p)) for name, p in parameters.items()}
    score = partial(directions, choice=labels, generator=generator)
    examples = 0
    with evaluating(model), torch.enable_grad():
        squares = PerExample(partial(finite_logits, model), model, parameters)
        for batch in tqdm(batches, desc="Fisher", unit="batch", disable=None if progress is None else not progress):
            inputs, y = _split(batch, next(iter(parameters.values())).device)
            n = examples_in(inputs)
            if y is not None and y.shape[:1] != (n,):
                raise ValueError(
                    f"labels have shape {tuple(y.shape)} in a batch of {n} examples; they need one row each"
                )
            add = squares.add_mean_square if labels == "batched" else squares.add_squares
            if n:
                add(total, inputs, y, score)
            examples += n
    if not examples:
        raise ValueError("batches holds no examples; a generator that was used up before looks like this too")
    return Fisher({name: tensor.div_(examples) for name, tensor in total.items()}, labels=labels, examples=examples)


def directions(
    logits: Tensor, labels: Tensor | None, *, choice: str = "exact", generator: Generator | None = None
) -> Iterator[Tensor]:
    """Directions v in the logits such that an example's share of the Fisher is the sum over v of (J^T v)^2.

    Args:
        logits: ``[N, C]`` or ``[N, L, V]``.
        labels: the true labels, ``[N]`` or ``[N, L]``; see :func:`fisher_diagonal` for when they may be None.
        choice: one of ``LABELS``; "batched" has the directions of "empirical".
        generator: for "sampled".

    Yields:
        Tensors shaped like the logits, float64 for float64 logits, else float32.

    Raises:
        ValueError: the labels are missing, misshapen or out of range.
    """
    z = logits.detach().to(accumulator(logits))
    if z.shape[-1] == 1:
        yield _gaussian(z, labels, choice, generator)
        return
    log_p = z.log_softmax(-1).view(len(z), -1, z.shape[-1])  # [N, positions, C]
    counted = torch.ones(log_p.shape[:2], dtype=torch.bool, device=z.device)
    if z.dim() == 3 or choice in ("empirical", "batched"):
        y = _categories(labels, z, choice)
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


def _gaussian(f: Tensor, labels: Tensor | None, choice: str, generator: Generator | None) -> Tensor:
    """The score y - f (d log p / df); its square has mean 1 over y ~ N(f, 1), so ``exact`` is 1."""
    if f.dim() != 2:
        raise ValueError(f"logits have shape {tuple(f.shape)}; a regression needs [N, 1]")
    if choice == "exact":
        return torch.ones_like(f)
    if choice == "sampled":
        return torch.special.ndtri(_uniform(f, generator).clamp_min(2.0**-54)).to(f.dtype)
    if labels is None or labels.numel() != len(f):
        given = "missing" if labels is None else f"of shape {tuple(labels.shape)}"
        raise ValueError(
            f"labels are {given}; {choice!r} with logits [N, 1] needs one number for each of {len(f)} examples"
        )
    y = labels.reshape(f.shape).to(f.dtype)
    if not y.isfinite().all():
        raise ValueError("labels of a regression must be finite numbers, and this batch has a nan or an infinity")
    return y - f


def _uniform(like: Tensor, generator: Generator | None) -> Tensor:
    # one number per draw, in order and on the generator's own device: the CPU's gives the same labels for every batch
    # size and device
    device = "cpu" if generator is None else generator.device
    return torch.rand(like.shape, dtype=torch.float64, generator=generator, device=device).to(like.device)


def _categories(labels: Tensor | None, z: Tensor, choice: str) -> Tensor:
    """The true labels as [N, positions], or a ValueError."""
    shape, count = tuple(z.shape[:-1]), z.shape[-1]
    if labels is None:
        raise ValueError(f"labels are missing; {choice!r} with logits {tuple(z.shape)} needs labels of shape {shape}")
    if tuple(labels.shape) != shape or labels.is_floating_point() or labels.is_complex():
        raise ValueError(
            f"labels have shape {tuple(labels.shape)} and {labels.dtype}; logits {tuple(z.shape)} need integers {shape}"
        )
    allowed = (labels >= 0) & (labels < count)
    if z.dim() == 3:
        allowed |= labels == IGNORED
    if not allowed.all():
        also = f", or {IGNORED} for a position that does not count" if z.dim() == 3 else ""
        raise ValueError(
            f"labels hold {int(labels[~allowed][0])}; with {count} logits they go from 0 to {count - 1}{also}"
        )
    return labels.long().view(len(z), -1)


def finite_logits(model: nn.Module, inputs: Inputs) -> Tensor:
    """The model's logits, [N, C] or [N, L, V].

    Raises:
        ValueError: there are none, they have another number of dimensions, other examples, or are not all finite.
    """
    output = model(inputs) if isinstance(inputs, Tensor) else model(**inputs)
    logits = output if isinstance(output, Tensor) else getattr(output, "logits", None)
    if logits is None and isinstance(output, Mapping):
        logits = output.get("logits")
    if not isinstance(logits, Tensor):
        raise ValueError(f"model returned a {type(output).__name__} without logits; it needs a head with .logits")
    if logits.dim() not in (2, 3) or len(logits) != examples_in(inputs):
        raise ValueError(
            f"logits are {tuple(logits.shape)} for {examples_in(inputs)} examples; they must be [N, C] or [N, L, V]"
        )
    if not logits.isfinite().all():
        raise ValueError("logits hold a nan or an infinity, so log p(y | x) has no gradient; look at the weights")
    return logits


def _split(batch: object, device: torch.device) -> tuple[Inputs, Tensor | None]:
    """A batch as (inputs, labels or None), on ``device``."""
    if isinstance(batch, Mapping):
        inputs = {key: _to(value, device) for key, value in batch.items() if key != "labels"}
        return inputs, _labels(batch.get("labels"), device)
    if isinstance(batch, tuple | list) and 1 <= len(batch) <= 2 and isinstance(batch[0], Tensor):
        return batch[0].to(device), _labels(batch[1] if len(batch) == 2 else None, device)
    raise ValueError(f"a batch is a {type(batch).__name__}; it must be a dict of tensors or a pair of tensors (x, y)")


def _labels(labels: object, device: torch.device) -> Tensor | None:
    return None if labels is None else torch.as_tensor(labels, device=device)


def _to(value: object, device: torch.device) -> object:
    return value.to(device) if isinstance(value, Tensor) else value


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Eval mode, and afterwards each module's own mode again: a model may keep some of its parts in eval mode."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training


def save_fisher(path: str | os.PathLike, fisher: Mapping[str, Tensor], **metadata: object) -> None:
    """Write ``fisher`` as a safetensors file, whole or not at all.

    Args:
        path: where to; an existing file is replaced.
        fisher: ``name -> tensor``; a :class:`Fisher` brings its ``labels`` and ``examples`` along.
        **metadata: kept as strings: the fingerprint of the weights it was taken at, the task, ``labels`` and
            ``examples`` if ``fisher`` is a plain dictionary.

    Raises:
        ValueError: ``labels`` or ``examples`` is not known.
    """
    path = Path(path)
    known = {key: getattr(fisher, key) for key in ("labels", "examples") if hasattr(fisher, key)}
    strings = {key: str(value) for key, value in (known | metadata).items()}
    for key in ("labels", "examples"):
        if key not in strings:
            raise ValueError(f"{key} is not known; a plain dictionary needs save_fisher(..., {key}=...)")
    tensors = {name: tensor.detach().cpu().clone().contiguous() for name, tensor in fisher.items()}
    strings |= {"format": FORMAT, "tensors": fingerprint(tensors)}
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        save_file(tensors, temporary, metadata=strings)
        os.replace(temporary, path)
    except safetensors.SafetensorError as error:
        raise OSError(f"{path} cannot be written: {error}") from error
    finally:
        temporary.unlink(missing_ok=True)


def load_fisher(path: str | os.PathLike) -> tuple[Fisher, dict[str, str]]:
    """Read what :func:`save_fisher` wrote: the Fisher, on the CPU, and its metadata.

    Raises:
        ValueError: the file is damaged or is not a Fisher.
        FileNotFoundError: there is no such file.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"fisher {str(path)!r} is not a file; recall-learn fisher makes one")
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            metadata = dict(file.metadata() or {})
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except safetensors.SafetensorError as error:
        raise ValueError(f"{path} is damaged or not a safetensors file ({error}); take the Fisher again") from error
    if metadata.pop("format", None) != FORMAT:
        raise ValueError(f"{path} is a safetensors file but not a Fisher written by save_fisher")
    if metadata.pop("tensors") != fingerprint(tensors):
        raise ValueError(f"{path} is damaged: its numbers are not those that were written; take the Fisher again")
    return Fisher(tensors, labels=metadata["labels"], examples=int(metadata["examples"])), metadata
