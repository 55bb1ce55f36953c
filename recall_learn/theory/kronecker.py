r"""Fisher information in Kronecker factors: what a layer's weights have to do with each other, not each one alone.

A linear layer's gradient for one example is :math:`g_n = \sum_t \delta_{nt} x_{nt}^\top`: t the tokens, x the layer's
input (with a 1 behind it for the bias), :math:`\delta` the gradient of log p(y | x) at its output. Its Fisher
information is a matrix with the square of the number of weights. K-FAC keeps two small ones,

.. math::
    F \approx A \otimes G, \qquad A = \frac1{\#} \sum_{nt} x_{nt} x_{nt}^\top, \qquad
    G = \frac1N \sum_{nt} \delta_{nt} \delta_{nt}^\top

as if input and gradient were independent, and so the tokens. The mean in A is over the tokens that the loss reaches
(whose :math:`\delta` is not 0), so padding counts for nothing. With :math:`A = U_A D_A U_A^\top` and
:math:`G = U_G D_G U_G^\top` it is a diagonal in another basis, where a matrix W is :math:`U_G^\top W U_A`:

==============  ====================================================================================================
``products``    :math:`\lambda_{ij} = (D_G)_{ii} (D_A)_{jj}`: K-FAC
``measured``    :math:`\lambda_{ij} = \frac1N \sum_n (U_G^\top g_n U_A)_{ij}^2`: EKFAC. Of all diagonals in that basis
                it is the nearest to the Fisher information, and it supposes no independence
==============  ====================================================================================================

The labels y are drawn from the model's own p(y | x), one for each word asked for. Parameters that are not those of a
linear layer (embeddings and what is tied to them, norms) have their diagonal, as `recall_learn.theory.fisher` takes it.

Martens, Grosse, 2015, "Optimizing neural networks with Kronecker-factored approximate curvature"; George et al., 2018,
"Fast approximate natural gradient descent in a Kronecker-factored eigenbasis"; Ritter et al., 2018, "Online structured
Laplace approximations for overcoming catastrophic forgetting".
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Generator, Tensor, nn

from recall_learn.support.checks import number, shown
from recall_learn.theory.laplace import QuadraticPenalty
from recall_learn.theory.likelihood import directions
from recall_learn.theory.per_example import PerExample, accumulator, examples_in

EIGENVALUES = ("measured", "products")
Batches = Callable[[], Iterable[Mapping[str, Tensor]]]
"""Gives the inputs of all batches, anew at each call."""


@dataclass(frozen=True)
class Layer:
    """The Fisher information of a linear layer, a diagonal in the basis of its factors.

    Attributes:
        weight: the weight's name.
        bias: the bias's name; None where there is none.
        left: U_G, [out, out].
        right: U_A, [in, in], or [in + 1, in + 1] with a bias, which comes last.
        values: lambda, [out, in], or [out, in + 1]; at least 0.
    """

    weight: str
    bias: str | None
    left: Tensor
    right: Tensor
    values: Tensor


@dataclass(frozen=True)
class Structured:
    """The Fisher information of a model.

    Attributes:
        layers: of its linear layers.
        rest: the diagonal of all others, ``name -> tensor``.
        examples: N.
    """

    layers: tuple[Layer, ...]
    rest: Mapping[str, Tensor]
    examples: int


def kronecker_fisher(
    model: nn.Module,
    batches: Batches,
    parameters: Mapping[str, nn.Parameter],
    *,
    eigenvalues: str = "measured",
    generator: Generator | None = None,
) -> Structured:
    """The Fisher information of some parameters in Kronecker factors; see the module.

    Args:
        model: in eval mode; ``model(**inputs)`` gives logits [M, C], of one example or several words an example.
        batches: gives the same batches at each of up to three calls; of tensors with the examples first.
        parameters: ``name -> parameter``, in the model under whatever name.
        eigenvalues: "measured" or "products".
        generator: of the CPU, for the labels; None is torch's global one.

    Raises:
        ValueError: ``eigenvalues`` is unknown, there are no examples, or a layer does not have the examples first.
    """
    if eigenvalues not in EIGENVALUES:
        raise ValueError(f"eigenvalues is {shown(eigenvalues)}; it has to be one of {', '.join(EIGENVALUES)}")
    layers = _layers(model, parameters)
    sums = {layer: _Sums() for layer in layers}
    examples = 0
    for inputs in batches():
        examples += examples_in(inputs)
        for layer, x, delta in _gradients(model, layers, inputs, generator):
            sums[layer].add(x, delta)
    if not examples:
        raise ValueError("batches holds no examples; it has to give them at each call")
    found = {}
    for layer, (weight, bias) in layers.items():
        if not sums[layer].tokens:
            continue  # no answer depends on it: its diagonal is 0
        (a, right), (g, left) = sums[layer].bases(examples)
        found[layer] = Layer(weight, bias, left, right, torch.outer(g, a))
    if eigenvalues == "measured" and layers:
        _measure(model, found, batches, generator, examples)
    inside = {name for layer in found.values() for name in (layer.weight, layer.bias)}
    others = {name: p for name, p in parameters.items() if name not in inside}
    return Structured(tuple(found.values()), _diagonal(model, others, batches, generator, examples), examples)


class KroneckerPenalty:
    r"""A Fisher information as it is remembered: half of strength times its quadratic form at the way from theta*.

    .. math::
        \frac{\gamma}{2} \Big( \sum_{layers} \sum_{ij} \lambda_{ij}\, (U_G^\top\, \Delta W\, U_A)_{ij}^2
        + \sum_i F_i\, \Delta\theta_i^2 \Big)

    Args:
        anchors: theta*, ``name -> tensor``, of all that ``fisher`` knows.
        fisher: as `kronecker_fisher` gives it.
        strength: gamma, at least 0; the number of the source's examples makes this Laplace's method.

    Raises:
        ValueError: ``strength`` is no such number.
    """

    def __init__(self, anchors: Mapping[str, Tensor], fisher: Structured, strength: float):
        self.strength = number("strength", strength, lambda x: x >= 0, "a finite number, at least 0")
        self.anchors, self.layers = anchors, fisher.layers
        home = {name: anchors[name] for name in fisher.rest}
        self.rest = QuadraticPenalty(home, fisher.rest) if home else None

    def __call__(self, parameters: Mapping[str, Tensor]) -> Tensor:
        """The penalty of parameters ``name -> tensor``: a scalar in nats, differentiable."""
        terms = []
        for layer in self.layers:
            away = parameters[layer.weight] - self.anchors[layer.weight]
            if layer.bias is not None:
                away = torch.cat([away, (parameters[layer.bias] - self.anchors[layer.bias])[:, None]], 1)
            turned = layer.left.T @ away.to(layer.left.dtype) @ layer.right
            terms.append(0.5 * (layer.values * turned.square()).sum())
        if self.rest is not None:
            terms.append(self.rest({name: parameters[name] for name in self.rest.anchors}))
        return self.strength * torch.stack(terms).sum()


class _Sums:
    """The running sums of one layer's factors."""

    def __init__(self):
        self.a, self.g, self.tokens = 0.0, 0.0, 0

    def add(self, x: Tensor, delta: Tensor) -> None:
        reached = (delta != 0).any(-1)
        x, delta = x[reached], delta[reached]
        self.a, self.g = self.a + x.T @ x, self.g + delta.T @ delta
        self.tokens += len(x)

    def bases(self, examples: int) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
        """Eigenvalues and eigenvectors of A and of G."""
        a, g = (torch.linalg.eigh(each) for each in (self.a / self.tokens, self.g / examples))
        return (a[0].clamp_min(0), a[1]), (g[0].clamp_min(0), g[1])


def _layers(model: nn.Module, parameters: Mapping[str, nn.Parameter]) -> dict[nn.Linear, tuple[str, str | None]]:
    """The plain linear layers whose weight is wanted and nobody else's, with the names of weight and bias."""
    names = {id(p): name for name, p in parameters.items()}
    users: dict[int, int] = {}
    for module in model.modules():
        for p in module._parameters.values():
            users[id(p)] = users.get(id(p), 0) + 1
    found = {}
    for module in model.modules():
        if type(module) is nn.Linear and id(module.weight) in names and users[id(module.weight)] == 1:
            found[module] = (names[id(module.weight)], names.get(id(module.bias)))
    return found


def _gradients(
    model: nn.Module, layers: Mapping[nn.Linear, tuple[str, str | None]], inputs: Mapping[str, Tensor], generator
) -> Iterator[tuple[nn.Linear, Tensor, Tensor]]:
    """Of each layer that is used: inputs [n, tokens, in], with a bias in + 1, and the gradients at its outputs."""
    n = examples_in(inputs)
    calls: dict[nn.Linear, list[tuple[Tensor, Tensor]]] = {}

    def note(module, args, output):
        if args[0].shape[:1] != (n,):
            raise ValueError(
                f"{layers[module][0]} has inputs {tuple(args[0].shape)} of {n} examples; these have to be first"
            )
        calls.setdefault(module, []).append((args[0].detach(), output))

    with torch.enable_grad(), _noting(layers, note):
        logits = model(**inputs)
    (score,) = directions(logits, None, choice="sampled", likelihood="categorical", generator=generator)
    outputs = [output for each in calls.values() for _, output in each]
    deltas = iter(torch.autograd.grad(logits, outputs, score.to(logits.dtype), allow_unused=True))
    for layer, each in calls.items():
        pairs = [(x, next(deltas)) for x, _ in each]
        pairs = [(x.reshape(n, -1, x.shape[-1]), d.reshape(n, -1, d.shape[-1])) for x, d in pairs if d is not None]
        if not pairs:
            continue
        x, delta = (torch.cat(parts, 1).to(accumulator(layer.weight)) for parts in zip(*pairs, strict=True))
        if layers[layer][1] is not None:
            x = torch.cat([x, torch.ones_like(x[..., :1])], -1)
        yield layer, x, delta


@contextmanager
def _noting(layers: Iterable[nn.Module], note: Callable) -> Iterator[None]:
    handles = [layer.register_forward_hook(note) for layer in layers]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _measure(model, found: Mapping[nn.Linear, Layer], batches: Batches, generator, examples: int) -> None:
    """Put the means of the squared gradients in the layers' bases in the place of the products."""
    names = {layer: (each.weight, each.bias) for layer, each in found.items()}
    for each in found.values():
        each.values.zero_()
    for inputs in batches():
        for layer, x, delta in _gradients(model, names, inputs, generator):
            each = found[layer]
            for row, d in zip(x @ each.right, delta @ each.left, strict=True):  # one example at a time
                each.values.add_((d.T @ row).square_())
    for each in found.values():
        each.values.div_(examples)


def _diagonal(model, parameters: Mapping[str, nn.Parameter], batches: Batches, generator, examples: int):
    """The mean squared gradients of the parameters that have no factors."""
    total = {name: torch.zeros_like(p, dtype=accumulator(p)) for name, p in parameters.items()}
    if not parameters:
        return total

    def score(logits: Tensor, labels: Tensor | None) -> Iterator[Tensor]:
        return directions(logits, None, choice="sampled", likelihood="categorical", generator=generator)

    with torch.enable_grad():
        squares = PerExample(lambda inputs: model(**inputs), model, parameters)
        for inputs in batches():
            squares.add_squares(total, inputs, None, score)
    return {name: tensor.div_(examples) for name, tensor in total.items()}
