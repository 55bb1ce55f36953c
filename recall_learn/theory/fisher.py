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

p(y | x) is a softmax over classes, a Gaussian over numbers, or a Bernoulli over yes and no, never the model's own loss:
`recall_learn.theory.likelihood` says which, and why C classes take C - 1 backward passes, and K numbers K.

Over several processes
    With ``group`` each process brings its own examples and all get the mean over all of them. The model may be in
    pieces (``fully_shard``): it is gathered meanwhile, so a process needs room for all its weights and as many squares.
    Wrapped in DistributedDataParallel or torch.compile, the model inside is used, under its own names.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import Generator, Tensor, nn
from tqdm.auto import tqdm

from recall_learn.support.checks import shown
from recall_learn.support.process_wide import hidden
from recall_learn.theory.anchors import check_dense, trainable, unwrapped
from recall_learn.theory.likelihood import IGNORED as IGNORED
from recall_learn.theory.likelihood import LABELS, LIKELIHOODS, directions, resolve
from recall_learn.theory.per_example import Inputs, PerExample, accumulator, examples_in
from recall_learn.theory.sharded import gathered, together

if TYPE_CHECKING:
    from torch.distributed import ProcessGroup


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
    likelihood: str | None = None,
    generator: Generator | None = None,
    group: "ProcessGroup | None" = None,
    progress: bool | None = None,
) -> Fisher:
    """Mean over examples of the squared per-example gradients of log p(y | x), in eval mode, for each weight.

    Args:
        model: gives logits as a tensor, as ``.logits`` or as ``["logits"]``; left as it was found.
        batches: any iterable of ``{"labels": y, **inputs}`` (called as ``model(**inputs)``) or of ``(x, y)``. Tensors
            have the examples in the first dimension and are moved to the model's device. Labels may be left out for
            "exact" and "sampled", except for logits ``[N, L, V]``, where they also say which positions count.
        labels: "exact", "sampled", "empirical" or "batched".
        likelihood: "categorical", "gaussian" (variance 1) or "bernoulli"; None follows the model's config, and else
            the labels, see `recall_learn.theory.likelihood`.
        generator: for the draws of "sampled"; None is torch's global one of the CPU. With logits ``[N, C]`` and a
            generator of the CPU an example's draw does not depend on the device or on how the examples are batched.
            Each process of a group draws from its own, which should be seeded differently.
        group: a process group, such as ``torch.distributed.group.WORLD``, whose processes all call this, each with
            examples of its own: as many as it likes, also none. "exact" and "empirical" are then what one process
            finds with all the examples, up to rounding, and the same to the bit in all.
        progress: True shows a bar, False none; None shows one on a terminal.

    Returns:
        ``name -> tensor`` (squared nats per squared unit of the weight) for the parameters that require grad, see
        `recall_learn.theory.anchors.trainable`; whole tensors, float64 for float64 weights, else float32. A
        :class:`Fisher`, so ``.examples`` is N. It does not depend on the batch size, except for "batched", where a
        batch of b examples weighs b.

    Raises:
        ValueError: an unknown ``labels`` or ``likelihood``; no examples; labels missing, misshapen, out of range or at
            odds with the likelihood; logits misshapen or not finite; nothing requires grad, or nothing that does
            reaches the logits; a model that is not deterministic in eval mode, or in pieces of an unknown kind; the
            group's processes have other parameters.
        RuntimeError: another process of the group failed; the message says which, and why.
    """
    if labels not in LABELS:
        raise ValueError(f"labels is {shown(labels)}; it must be one of {', '.join(map(repr, LABELS))}")
    if likelihood not in (None, *LIKELIHOODS):
        raise ValueError(f"likelihood is {shown(likelihood)}; it must be None or one of {', '.join(LIKELIHOODS)}")
    if generator is not None and not isinstance(generator, Generator):
        raise ValueError(f"generator is {shown(generator)}; it must be a torch.Generator or None")
    if not isinstance(batches, Iterable):
        raise ValueError(f"batches is {shown(batches)}; it must be an iterable of batches")
    with gathered(unwrapped(model)) as plain, evaluating(plain), torch.enable_grad():
        sums = _Sums(plain, labels, likelihood, generator)
        run = partial(sums.add_all, tqdm(batches, desc="Fisher", unit="batch", disable=hidden(progress)))
        examples = together(run, sums.total, group, lambda: sums.likelihood)
    if not examples:
        raise ValueError("batches holds no examples; a generator that was used up before looks like this too")
    return Fisher(
        {name: tensor.div_(examples) for name, tensor in sums.total.items()}, labels=labels, examples=examples
    )


class _Sums:
    """The running sums over batches of squares, one likelihood for all."""

    def __init__(self, model: nn.Module, labels: str, likelihood: str | None, generator: Generator | None):
        parameters = trainable(model)
        if not parameters:
            raise ValueError("model has no parameter that requires grad, so there is nothing to take a Fisher of")
        for name, p in parameters.items():
            check_dense(p, f"parameter {name!r} of the model")
        self.total = {name: torch.zeros_like(p, dtype=accumulator(p)) for name, p in parameters.items()}
        self.device = next(iter(parameters.values())).device
        self.said, self.likelihood = likelihood, None
        self.problem = getattr(getattr(model, "config", None), "problem_type", None)
        self.choice, self.generator = labels, generator
        squares = PerExample(partial(finite_logits, model), model, parameters)
        self.add = squares.add_mean_square if labels == "batched" else squares.add_squares

    def add_all(self, batches: Iterable) -> int:
        """Add every batch; returns the number of examples."""
        examples = 0
        for batch in batches:
            inputs, y = _split(batch, self.device)
            n = examples_in(inputs)
            if y is not None and y.shape[:1] != (n,):
                raise ValueError(
                    f"labels have shape {tuple(y.shape)} in a batch of {n} examples; they need one row each"
                )
            if n:
                self.add(self.total, inputs, y, self._score(y))
            examples += n
        return examples

    def _score(self, whole_batch: Tensor | None) -> Callable[[Tensor, Tensor | None], Iterator[Tensor]]:
        """Directions for the rows of a batch, or for all, under what the whole batch looks like."""
        found: list[str] = []

        def score(logits: Tensor, y: Tensor | None) -> Iterator[Tensor]:
            if not found:
                rows = logits.shape[0] if whole_batch is None else len(whole_batch)
                found.append(self._resolve(logits[:1].expand(rows, *logits.shape[1:]), whole_batch))
            return directions(logits, y, choice=self.choice, likelihood=found[0], generator=self.generator)

        return score

    def _resolve(self, logits: Tensor, y: Tensor | None) -> str:
        now = resolve(logits, y, self.said, self.problem)
        if self.likelihood not in (None, now):
            raise ValueError(
                f"labels look {self.likelihood} in one batch and {now} in another; say likelihood={now!r} or "
                f"{self.likelihood!r}"
            )
        self.likelihood = now
        return now


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
    if labels is None:
        return None
    try:
        tensor = torch.as_tensor(labels)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"labels are {shown(labels)}; they must be a tensor, or numbers to make one of") from error
    return tensor.to(device)


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
