r"""Per-example gradients: what each example of a batch adds to a squared gradient, without a batch of one.

For a batch of n examples with logits :math:`z_n` and directions :math:`v_n` of the same shape, this file adds

.. math:: \sum_n g_n^2, \qquad g_n = J_n^\top v_n = \sum_{j} v_{nj} \, \partial z_{nj} / \partial \theta

to a running total, elementwise. Autograd alone only knows :math:`\sum_n g_n`. It does know, for all n at once, the
gradient :math:`\delta_{nt}` at the output of every layer, t the tokens; and what a layer's parameters get is a short
formula in its input :math:`x_{nt}` and :math:`\delta_{nt}`, which both keep the examples apart (Goodfellow, 2015,
"Efficient per-example gradient computations"):

==========  ===============================================================  ==============================
layer       weight                                                           bias
==========  ===============================================================  ==============================
Linear      :math:`\sum_t \delta_{nt} x_{nt}^\top`                           :math:`\sum_t \delta_{nt}`
LayerNorm   :math:`\sum_t \delta_{nt} \hat x_{nt}`, the normalised input     :math:`\sum_t \delta_{nt}`
Embedding   row i: :math:`\delta_{nt}` summed over the tokens t with id i
==========  ===============================================================  ==============================

A layer that is called twice, or two layers that share a weight, add up **before** the square.

A model with any other trainable parameter goes through a loop over batches of one: slower, and right for everything.
So does a model whose layers do not keep the examples in their first dimension. Nobody has to know which case holds: the
formulas are compared with autograd on an example of the first batch.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.graph import GradientEdge, get_gradient_edge

logger = logging.getLogger(__name__)

Inputs = Mapping[str, object] | Tensor
Score = Callable[[Tensor, Tensor | None], Iterable[Tensor]]

LEAVES = (nn.Linear, nn.LayerNorm, nn.Embedding)
# Numbers in the buffer for the weight gradients of a few examples. On a CPU it should stay in the cache, where it is
# squared; a GPU wants few large kernels.
BUFFER = {"cpu": 2**17, "cuda": 2**26}


class Call(NamedTuple):
    """One call of a layer: what its parameters' gradients are made of."""

    module: nn.Module
    x: Tensor  # [n, tokens, in]; LayerNorm: the normalised input [n, tokens, *shape]; Embedding: the ids [n, tokens]
    delta: GradientEdge | Tensor  # where the gradient at the output will appear, then that gradient [n, tokens, out]


class PerExample:
    """Sums of squared per-example gradients of one model, batch after batch.

    Args:
        forward: ``inputs -> logits``, with the examples in the first dimension of both.
        model: the module behind ``forward``; it must be in eval mode.
        parameters: ``name -> parameter``, those whose gradients are wanted.

    Attributes:
        reason: why the examples go through the model one at a time; None while they go together.
    """

    def __init__(self, forward: Callable[[Inputs], Tensor], model: nn.Module, parameters: Mapping[str, nn.Parameter]):
        self.forward, self.model, self.parameters = forward, model, parameters
        self.names = {id(parameter): name for name, parameter in parameters.items()}
        self.reason: str | None = None
        self.verified = False  # the formulas agreed with autograd on a batch
        self.repeated = 0  # the size of the batch that gave the same logits twice
        self.reached = False  # some logits depended on some parameter
        formulas = {id(p) for module in model.modules() for p in covered(module)}
        for name, parameter in parameters.items():
            if self.reason is None and id(parameter) not in formulas:
                self._one_by_one(f"{name!r} is not the weight or bias of a plain Linear, LayerNorm or Embedding")

    def add_squares(self, total: Mapping[str, Tensor], inputs: Inputs, labels: Tensor | None, score: Score) -> None:
        """Add the squares of this batch's per-example gradients to ``total``, summed over examples and directions.

        Args:
            total: ``name -> tensor``, added to in place; its dtype is the one the squares are taken in.
            inputs: what ``forward`` takes; every tensor in it has the n examples (or 1) as its first dimension.
            labels: first dimension n, or None; handed to ``score``.
            score: ``(logits, labels) -> directions v``, each shaped like the logits.

        Raises:
            ValueError: two forwards of the same batch differ, or no parameter reaches the logits.
        """
        n = examples_in(inputs)
        self.refuse_random(inputs, n)
        calls = None
        if self.reason is None and n > 1:  # the gradient of a batch of one is that of its example
            logits, calls = self._record(inputs, n)
        if calls is None:
            self._loop(total, inputs, labels, score, n)
        else:
            for v in score(logits, labels):
                self._add(total, _with_deltas(logits, calls, v))

    def add_mean_square(self, total: Mapping[str, Tensor], inputs: Inputs, labels: Tensor | None, score: Score) -> None:
        """Add n times the square of the batch-mean gradient: the public mistake, with the arguments of add_squares."""
        n = examples_in(inputs)
        self.refuse_random(inputs, n)
        logits = self.forward(inputs)
        for v in score(logits, labels):
            self._add_square_of_sum(total, logits, v, 1 / n)

    def refuse_random(self, inputs: Inputs, n: int) -> None:
        """Raise ValueError if the logits of ``inputs`` change from one forward to the next.

        Looks at a few examples of the first batch, and if that has only one also of the first larger batch.
        """
        if self.repeated >= min(n, 2):
            return
        self.repeated = n
        few = select(inputs, slice(0, 4), n)
        with torch.no_grad():
            first, again = self.forward(few), self.forward(few)
        tolerance = min(16 * torch.finfo(first.dtype).eps, 0.01)
        if (again - first).norm() > tolerance * first.norm():
            raise ValueError(
                "the model is not deterministic in eval mode: two forwards of the same examples differ (a dropout that "
                "ignores eval?), so every gradient would be another model's"
            )

    def _loop(self, total: Mapping[str, Tensor], inputs: Inputs, labels: Tensor | None, score: Score, n: int) -> None:
        for i in range(n):
            one = slice(i, i + 1)
            logits = self.forward(select(inputs, one, n))
            for v in score(logits, None if labels is None else labels[one]):
                self._add_square_of_sum(total, logits, v, 1.0)

    def _add_square_of_sum(self, total: Mapping[str, Tensor], logits: Tensor, v: Tensor, share: float) -> None:
        for square, gradient in zip(total.values(), self._gradients(logits, v), strict=True):
            if gradient is not None:
                gradient = gradient.to_dense().to(square.dtype)
                square.addcmul_(gradient, gradient, value=share)

    def _gradients(self, logits: Tensor, v: Tensor) -> tuple[Tensor | None, ...]:
        """The sum over examples that autograd gives: one tensor a parameter, None where the logits do not use it."""
        found: tuple[Tensor | None, ...] = (None,) * len(self.parameters)
        if logits.requires_grad:
            wanted = tuple(self.parameters.values())
            found = torch.autograd.grad(logits, wanted, v.to(logits.dtype), retain_graph=True, allow_unused=True)
        self.reached |= any(gradient is not None for gradient in found)
        if not self.reached:
            raise ValueError(
                "the logits do not depend on any parameter that requires grad: is the forward pass under no_grad, or "
                "does it use other tensors than model.named_parameters() gives?"
            )
        return found

    def _one_by_one(self, reason: str) -> None:
        self.reason = reason
        logger.warning("per-example gradients: one example at a time, because %s", reason)

    def _record(self, inputs: Inputs, n: int) -> tuple[Tensor, list[Call] | None]:
        """Run the model on the whole batch; note the calls of layers with a wanted parameter (None: they won't do)."""
        calls: list[Call] = []
        problems: list[str] = []

        def note(name, module, args, kwargs, output):
            x = args[0] if args else next(iter(kwargs.values()))
            if output.shape[:1] != (n,) or x.shape[:1] != (n,):
                problems.append(f"{name!r} does not have the {n} examples of the batch in its first dimension")
            elif output.requires_grad:
                # the edge, not the tensor: an in-place operation later on would move the tensor to another place
                calls.append(Call(module, _operand(module, x, n), get_gradient_edge(output)))

        with hooked(self.model, self.names, note, n):
            logits = self.forward(inputs)
        if not problems and not self.verified:
            problems = self._disagreements(inputs, n, logits, calls)
            self.verified = not problems
        if problems:
            self._one_by_one(problems[0])
        return logits, None if problems else calls

    def _add(self, total: Mapping[str, Tensor], calls: Iterable[Call]) -> None:
        """Gather the uses of each parameter and add the squares of its per-example gradients."""
        uses: dict[str, list[tuple[str, Call]]] = {}
        for call in calls:
            for role, parameter in call.module.named_parameters(recurse=False):
                if id(parameter) in self.names:
                    uses.setdefault(self.names[id(parameter)], []).append((role, call))
        for name, group in uses.items():
            square = total[name]
            with torch.autocast(square.device.type, enabled=False):
                if any(role == "bias" or isinstance(call.module, nn.LayerNorm) for role, call in group):
                    _add_vector(square, group)
                else:
                    _add_matrix(square, [call for _, call in group])

    def _disagreements(self, inputs: Inputs, n: int, logits: Tensor, calls: list[Call]) -> list[str]:
        """Compare one example's gradient by the formulas with autograd's gradient of that example alone.

        All examples of the batch carry a direction, so formulas that mix them do not pass.
        """
        v = torch.arange(logits.numel(), device=logits.device).cos().view_as(logits)
        last = slice(n - 1, n)
        found = {name: torch.zeros_like(p, dtype=accumulator(p)) for name, p in self.parameters.items()}
        self._add(found, [c._replace(x=c.x[last], delta=c.delta[last]) for c in _with_deltas(logits, calls, v)])
        alone = self._gradients(self.forward(select(inputs, last, n)), v[last])
        right = {k: torch.zeros(()) if g is None else g.to_dense() for k, g in zip(found, alone, strict=True)}
        norms = {k: gradient.double().norm().item() for k, gradient in right.items()}
        problems = []
        for name, square in found.items():
            error = square.sqrt_().sub_(right[name].abs()).norm().item()
            eps = max(torch.finfo(t.dtype).eps for t in (logits, self.parameters[name]))
            # the second term: some gradients are zero but for rounding, as those of attention's key biases are
            if not error <= max(1e-3, 16 * eps) * norms[name] + 8 * eps * max(norms.values()):
                problems.append(
                    f"the gradient of {name!r} is {norms[name]:.1e} long and the formulas miss it by {error:.1e}"
                )
        return problems


def covered(module: nn.Module) -> list[nn.Parameter]:
    """The parameters of ``module`` that the formulas hold for; a subclass may compute anything, so none of its."""
    if type(module) not in LEAVES:
        return []
    if isinstance(module, nn.Embedding) and (module.max_norm is not None or module.scale_grad_by_freq):
        return []
    return [p for role, p in module.named_parameters(recurse=False) if role in ("weight", "bias")]


def accumulator(parameter: Tensor) -> torch.dtype:
    """The dtype squares are summed in: float64 for float64 parameters, float32 for all others."""
    return torch.float64 if parameter.dtype == torch.float64 else torch.float32


def examples_in(inputs: Inputs) -> int:
    """The number of examples: the first dimension on which the tensors of ``inputs`` agree, those with 1 aside.

    Raises:
        ValueError: there is no tensor, or the first dimensions differ.
    """
    values = [inputs] if isinstance(inputs, Tensor) else inputs.values()
    sizes = {value.shape[0] for value in values if isinstance(value, Tensor) and value.dim()}
    if not sizes:
        raise ValueError("a batch needs at least one tensor whose first dimension is the examples")
    if len(sizes - {1}) > 1:
        raise ValueError(f"the tensors of a batch have first dimensions {sorted(sizes)}; they must all be its examples")
    return next(iter(sizes - {1}), 1)


def select(inputs: Inputs, rows: slice, n: int) -> Inputs:
    """These rows of a batch of ``n`` examples; a tensor with first dimension 1 belongs to all of them."""
    if isinstance(inputs, Tensor):
        return inputs[rows] if inputs.dim() and inputs.shape[0] == n else inputs
    return {k: select(value, rows, n) if isinstance(value, Tensor) else value for k, value in inputs.items()}


@contextmanager
def hooked(model: nn.Module, wanted: Mapping[int, str], note: Callable, n: int) -> Iterator[None]:
    """Have ``note`` called after every layer with a wanted parameter, and embeddings keep the examples apart."""

    def expand(module, args):
        # BERT looks its position ids up once, as [1, tokens], and broadcasts: every example gets its own copy here
        if args and args[0].dim() > 1 and args[0].shape[0] == 1:
            return (args[0].expand(n, *args[0].shape[1:]), *args[1:])
        return None

    handles = []
    try:
        for name, module in model.named_modules():
            if any(id(p) in wanted for p in covered(module)):
                handles.append(module.register_forward_hook(partial(note, name), with_kwargs=True))
                if isinstance(module, nn.Embedding):
                    handles.append(module.register_forward_pre_hook(expand))
        yield
    finally:
        for handle in handles:
            handle.remove()


def _operand(module: nn.Module, x: Tensor, n: int) -> Tensor:
    """The input as the formulas want it, with everything between examples and features in one dimension."""
    if isinstance(module, nn.Embedding):
        return x.reshape(n, -1)
    x = x.detach().to(accumulator(x))
    if isinstance(module, nn.LayerNorm):
        return F.layer_norm(x, module.normalized_shape, eps=module.eps).reshape(n, -1, *module.normalized_shape)
    return x.reshape(n, -1, x.shape[-1])


def _with_deltas(logits: Tensor, calls: list[Call], v: Tensor) -> list[Call]:
    """One backward pass, for all examples: each call with the gradient at its output, those without one left out."""
    edges = [call.delta for call in calls]
    if not edges or not logits.requires_grad:
        return []
    deltas = torch.autograd.grad(logits, edges, v.to(logits.dtype), retain_graph=True, allow_unused=True)
    found = [(call, delta) for call, delta in zip(calls, deltas, strict=True) if delta is not None]
    return [c._replace(delta=d.to(accumulator(d)).reshape(*c.x.shape[:2], *_features(c))) for c, d in found]


def _features(call: Call) -> tuple[int, ...]:
    if isinstance(call.module, nn.LayerNorm):
        return tuple(call.module.normalized_shape)
    return (call.module.weight.shape[0 if isinstance(call.module, nn.Linear) else 1],)


def _add_vector(total: Tensor, uses: list[tuple[str, Call]]) -> None:
    """A bias, or a LayerNorm's weight: the per-example gradients [n, *shape] are no larger than delta."""
    terms = [(call.delta * call.x if role == "weight" else call.delta).sum(1) for role, call in uses]
    total.add_(sum(terms).square_().sum(0))


def _add_matrix(total: Tensor, uses: list[Call]) -> None:
    """A Linear's or an Embedding's weight: per-example gradients [n, rows, columns], a few examples at a time."""
    x, delta = uses[0].x, uses[0].delta
    if len(uses) == 1 and isinstance(uses[0].module, nn.Embedding):
        return _add_rows(total, uses[0])
    if len(uses) == 1 and x.shape[1] == 1:  # one token: (delta_i x_j)^2 = delta_i^2 x_j^2
        # the sum of the batch first: added to the total one by one, small terms would be lost in it
        total.add_(delta[:, 0].square().T @ x[:, 0].square())
        return None
    few = max(1, BUFFER.get(total.device.type, BUFFER["cpu"]) // total.numel())
    buffer = total.new_empty(min(few, len(x)), *total.shape)
    for start in range(0, len(x), few):
        part = buffer[: len(x) - start]
        for k, call in enumerate(uses):
            _write(part, call, slice(start, start + len(part)), add=k > 0)
        if len(part) == 1:
            total.addcmul_(part[0], part[0])
        else:
            total.add_(part.square_().sum(0))
    return None


def _write(part: Tensor, call: Call, rows: slice, *, add: bool) -> None:
    """Set ``part`` [few, rows, columns] to the gradients of these examples through one call, or add them to it."""
    x, delta = call.x[rows], call.delta[rows]
    if isinstance(call.module, nn.Linear):
        torch.baddbmm(part, delta.mT, x, beta=int(add), out=part)
        return
    if not add:
        part.zero_()
    first = torch.arange(len(x), device=x.device)[:, None] * part.shape[1]
    part.view(-1, part.shape[2]).index_add_(0, (first + x).flatten(), _unpadded(call, x, delta).flatten(0, 1))


def _add_rows(total: Tensor, call: Call) -> None:
    """An Embedding that is called once: only the rows of the ids that occur, in memory [n, tokens, columns]."""
    same = (call.x[:, :, None] == call.x[:, None, :]).to(total.dtype)
    rows = torch.bmm(same, _unpadded(call, call.x, call.delta))  # every token holds the whole gradient of its row,
    rows = rows.square_().div_(same.sum(2, keepdim=True))  # so its square is shared among the tokens of that row
    total.index_add_(0, call.x.flatten(), rows.flatten(0, 1))


def _unpadded(call: Call, ids: Tensor, delta: Tensor) -> Tensor:
    padding = call.module.padding_idx
    return delta if padding is None else delta.masked_fill((ids == padding)[:, :, None], 0)
