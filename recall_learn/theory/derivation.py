r"""The derivation measured: how good is each step from Laplace's method to one number gamma?

Recall & Learn wants the loss of the pretraining data and has no such data. Where they are at hand, every step that
replaces them can be compared with what it replaces. Around theta*, for a displacement d (nats per hidden word):

==============================  ==================================================  ===================
the rise of the loss            :math:`Loss_S(\theta^* + d) - Loss_S(\theta^*)`     `rise`
Laplace: second order only      :math:`\frac12 d^\top H d`                          `hessian_form`
(what that leaves out)          :math:`\nabla Loss_S(\theta^*)^\top d`              `slope`
H by the Fisher information     :math:`\frac12 d^\top F d`                          `fisher_form`
EWC: only the diagonal of F     :math:`\frac12 \sum_i F_{ii} d_i^2`                 `diagonal_form`
the same number for all         :math:`\frac12 \gamma \|d\|^2`                      `scalar_form`
==============================  ==================================================  ===================

:math:`Loss_S = -\frac1N \sum_n \log p(w_n | x_n)` is a mean over the N examples, and so are H and F. The paper has
sums, N times as large, on both sides of every step: **its gamma is N times the one here**. Its prior is left out.

Why F may stand for H: with :math:`z(t)` the logits at :math:`\theta^* + t d`, p their softmax and dots for d/dt,

.. math:: d^\top H d = \frac1N \sum_n \Big( \mathrm{Var}_{y \sim p}(\dot z_y)
                       + \sum_y \big( p_y - [y = w_n] \big) \ddot z_y \Big),

and the first term is :math:`d^\top F d`. The second has mean zero where the words are distributed as the model says.

In every function here
    ``model`` returns logits [M, C] for ``model(**inputs)``; a `recall_learn.models.masked_lm.MaskedLM` does, with one
    hidden word a row. ``batches`` is a list of ``(inputs, words)``, words [M] in [0, C): it is gone through more than
    once. ``anchors`` is theta*, ``name -> tensor``, for the weights that move, the encoder's; all others stay as they
    are in the model. A parameter called ``model.NAME`` is found under ``NAME`` too, as MaskedLM has the names of a
    classifier behind that prefix. ``away`` is d, with the names and shapes of the anchors. A head that shares a weight
    with the encoder moves with it. All is computed on a copy in float64, in eval mode; the model is left as it is.

Chen et al., 2020, "Recall and Learn", section 3.1; Martens, 2020, "New insights and perspectives on the natural
gradient method", section 8, for F and H.
"""

import itertools
import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Generator, Tensor, nn
from torch.func import functional_call, jvp
from torch.nn.attention import SDPBackend, sdpa_kernel
from tqdm.auto import tqdm

from recall_learn.support.checks import number
from recall_learn.support.process_wide import hidden
from recall_learn.theory.anchors import check_names
from recall_learn.theory.fisher import evaluating

Weights = Mapping[str, Tensor]
Inputs = Mapping[str, Any]
Batches = Collection[tuple[Inputs, Tensor]]
Forward = Callable[[Inputs, Tensor, Tensor], Tensor]  # (inputs, words, t) -> logits at theta* + t d
Row = dict[str, Any]

COLUMNS = ("name", "kind", "scale", "distance", "rise", "slope", "hessian", "fisher", "gamma")
"""What a row of `measure` holds by itself, and `with_gamma` adds; the diagonals go by other names."""


def rise(model: nn.Module, batches: Batches, anchors: Weights, away: Weights) -> float:
    r"""What moving by d adds to the loss, :math:`Loss_S(\theta^* + d) - Loss_S(\theta^*)`, exactly.

    The four arguments are those of the module's docstring. The result is in nats per hidden word, and below zero where
    theta* is no minimum and d leads downhill.

    Raises:
        ValueError: the names or shapes of ``away``, the anchors and the model do not agree; there are no examples, or
            no row of logits for each word; the result is not finite.
    """
    with _line(model, anchors, away) as forward:
        return _loss(forward, batches, 1.0) - _loss(forward, batches, 0.0)


def slope(model: nn.Module, batches: Batches, anchors: Weights, away: Weights) -> float:
    r""":math:`\nabla Loss_S(\theta^*)^\top d`, nats per hidden word: zero if theta* were a mode; arguments as `rise`.

    A pretraining that was stopped is at no mode; then this term is the largest of all for small displacements.
    """
    with _line(model, anchors, away) as forward:
        return _slope_and_hessian(forward, batches)[0]


def hessian_form(model: nn.Module, batches: Batches, anchors: Weights, away: Weights) -> float:
    r""":math:`\frac12 d^\top H d` with the full Hessian, nats per hidden word; arguments as `rise`.

    Half the second derivative of the loss along d, by two backward passes; H is never formed. It may be negative.
    """
    with _line(model, anchors, away) as forward:
        return _slope_and_hessian(forward, batches)[1]


def fisher_form(model: nn.Module, batches: Batches, anchors: Weights, away: Weights) -> float:
    r""":math:`\frac12 d^\top F d` with the full, exact Fisher information, nats per hidden word; arguments as `rise`.

    An example adds :math:`\mathbb{E}_{y \sim p} (\nabla \log p_y^\top d)^2`. With J = dz/dtheta the Jacobian of its
    logits, :math:`\nabla \log p_y^\top d = (J d)_y - \sum_j p_j (J d)_j`, which has mean zero. So the example adds

    .. math:: d^\top F_n d = \mathrm{Var}_{y \sim p} \big( (J d)_y \big),

    and one Jacobian-vector product J d serves all examples of a batch and all labels. F is never formed.
    """
    with _line(model, anchors, away) as forward:
        return _fisher(forward, batches)


def diagonal_form(fisher: Weights, away: Weights) -> float:
    r""":math:`\frac12 \sum_i F_i d_i^2`, nats if F is a mean over examples: what EWC keeps.

    Args:
        fisher: any diagonal, exact or empirical, ``name -> tensor``; see `recall_learn.fisher_diagonal`.
        away: d, with the same names and shapes.

    Raises:
        ValueError: names or shapes differ, or something is not finite.
    """
    away = _double(away, "away")
    check_names(away, fisher, "fisher")
    fisher = _double(fisher, "fisher")
    return 0.5 * sum(float((fisher[name].to(d.device) * d.square()).sum()) for name, d in away.items())


def scalar_form(gamma: float, away: Weights) -> float:
    r""":math:`\frac12 \gamma \|d\|^2`, nats: what RecAdam keeps.

    Args:
        gamma: nats per squared unit of weight, at least 0 or ValueError; the paper's divided by N.
        away: the displacement d.
    """
    return 0.5 * number("gamma", gamma, lambda x: x >= 0, "a finite number, at least 0") * length(away) ** 2


def best_gamma(rises: Sequence[float], distances: Sequence[float]) -> float:
    r"""The one gamma for which :math:`\frac12 \gamma \|d\|^2` fits these rises best.

    Best means: least squares of the logarithms, :math:`\sum_k (\log \frac12 \gamma \|d_k\|^2 - \log rise_k)^2`, so that
    twice too much weighs as half too little and a large rise no more than a small one. The minimum is the geometric
    mean of :math:`2 \, rise_k / \|d_k\|^2`. A rise that is not positive has no logarithm and is left out.

    Raises:
        ValueError: no rise is positive, or there are not equally many finite rises and finite, positive distances.
    """
    rises, distances = np.asarray(rises, dtype=np.float64), np.asarray(distances, dtype=np.float64)
    numbers = rises.ndim == 1 and rises.shape == distances.shape and np.isfinite([rises, distances]).all()
    if not numbers or not (distances > 0).all():
        given = f"{rises.tolist()} and {distances.tolist()}"
        raise ValueError(f"rises and distances are {given}; they must be equally many numbers, distances above 0")
    up = rises > 0
    if not up.any():
        raise ValueError(f"rises are {rises.tolist()}; at least one must be above 0")
    return float(np.exp(np.mean(np.log(2 * rises[up]) - 2 * np.log(distances[up]))))


def length(away: Weights) -> float:
    r""":math:`\|d\|_2` over all its tensors, in float64; ValueError if they are not all finite."""
    return math.sqrt(sum(float(d.square().sum()) for d in _double(away, "away").values()))


def random_like(away: Weights, generator: Generator | None = None) -> dict[str, Tensor]:
    """A displacement as long as ``away`` over the same weights, every direction equally likely, in float64.

    The tensors are drawn in the order of ``away``; without a generator from torch's global one.
    """
    options = {"dtype": torch.float64, "generator": generator, "device": generator.device if generator else "cpu"}
    drawn = {name: torch.randn(d.shape, **options).to(d.device) for name, d in _double(away, "away").items()}
    return scaled(drawn, length(away) / length(drawn))


def scaled(away: Weights, s: float) -> dict[str, Tensor]:
    """The displacement ``s d``; ValueError if s is not a finite number."""
    s = number("s", s, lambda _: True, "a finite number")
    return {name: s * d for name, d in away.items()}


def measure(
    model: nn.Module,
    batches: Batches,
    anchors: Weights,
    displacements: Mapping[str, Weights],
    fishers: Mapping[str, Weights],
    scales: Sequence[float],
    *,
    generator: Generator | None = None,
    progress: bool | None = None,
) -> list[Row]:
    """The rise and every form of it, for each displacement d at each scale: s d instead of d.

    The forms are computed once a displacement: the slope grows with s, the others with its square.

    Args:
        model: gives logits.
        batches: the source data.
        anchors: theta*.
        displacements: ``name -> away``, such as the ways that some fine-tunings went.
        fishers: ``name -> diagonal``, each to become a column of this name.
        scales: the numbers s, other than 0.
        generator: if given, each displacement is followed by a random one of the same length, see `random_like`.
        progress: True shows a bar, False none; None shows one on a terminal.

    Returns:
        Plain rows ``{name, kind: "real" or "random", scale, distance, rise, slope, hessian, fisher, **fishers}``.

    Raises:
        ValueError: as `rise` and `diagonal_form`; a displacement is zero, or ``fishers`` uses a name of another column.
    """
    scales = _check_table(anchors, displacements, fishers, scales)
    jobs = [(name, kind) for name in displacements for kind in ("real", "random")[: 1 if generator is None else 2]]
    rows, home = [], None
    for name, kind in tqdm(jobs, desc="displacements", disable=hidden(progress)):
        away = displacements[name] if kind == "real" else random_like(displacements[name], generator)
        with _line(model, anchors, away) as forward:
            home = _loss(forward, batches, 0.0) if home is None else home
            linear, quadratic = _slope_and_hessian(forward, batches)
            forms = {"hessian": quadratic, "fisher": _fisher(forward, batches)}
            forms |= {key: diagonal_form(fisher, away) for key, fisher in fishers.items()}
            for s in scales:
                row = {"name": name, "kind": kind, "scale": s, "distance": abs(s) * length(away)}
                row |= {"rise": _loss(forward, batches, s) - home, "slope": s * linear}
                rows.append(row | {key: s * s * form for key, form in forms.items()})
    return rows


def with_gamma(rows: Sequence[Row]) -> list[Row]:
    r"""The rows with a column "gamma", :math:`\frac12 \gamma \|d\|^2` in nats.

    The number is `best_gamma` of the rows whose kind is "real", all scales together; ValueError as there.
    """
    real = [row for row in rows if row["kind"] == "real"]
    gamma = best_gamma([row["rise"] for row in real], [row["distance"] for row in real])
    return [{**row, "gamma": 0.5 * gamma * row["distance"] ** 2} for row in rows]


def summary(rows: Sequence[Row], forms: Sequence[str]) -> list[Row]:
    r"""How well each form (a column of the rows) stands for the rise, for each kind of displacement and each scale.

    Returns:
        Rows ``{form, kind, scale, displacements, error, rank}`` with how many there are; the median of
        :math:`|form - rise| / |rise|`; and Spearman's rank correlation of form and rise, which asks only whether the
        form knows the costly displacements from the cheap. The rank is None for fewer than three displacements, or
        where the form or the rise is the same for all.

    Raises:
        ValueError: a row lacks a form, or its rise is 0, so that no error is relative to it.
    """
    from scipy.stats import spearmanr

    groups: dict[tuple[str, float], list[Row]] = {}
    for row in rows:
        lacking = [form for form in forms if form not in row]
        if lacking:
            raise ValueError(f"forms has {lacking[0]!r}, which row {row['name']!r} lacks; it has {', '.join(row)}")
        if row["rise"] == 0:
            raise ValueError(f"rise of {row['name']!r} is 0; leave a displacement without effect out of the summary")
        groups.setdefault((row["kind"], row["scale"]), []).append(row)
    lines = []
    for form, ((kind, scale), group) in itertools.product(forms, groups.items()):
        is_, should = (np.array([row[key] for row in group], dtype=np.float64) for key in (form, "rise"))
        line = {"form": form, "kind": kind, "scale": scale, "displacements": len(group)}
        line["error"] = float(np.median(np.abs(is_ - should) / np.abs(should)))
        ranked = len(group) > 2 and np.ptp(is_) > 0 and np.ptp(should) > 0
        lines.append({**line, "rank": float(spearmanr(is_, should).statistic) if ranked else None})
    return lines


@contextmanager
def _line(model: nn.Module, anchors: Weights, away: Weights) -> Iterator[Forward]:
    """Gives ``(inputs, words, t) -> logits`` at theta* + t d: a copy of the model in float64, in eval mode."""
    home = _double(anchors, "anchors")
    check_names(home, away, "away")
    d = _double(away, "away")
    parameters = dict(model.named_parameters())
    prefix = "" if all(name in parameters for name in home) else "model."
    inside = {name: parameters[prefix + name] for name in home if prefix + name in parameters}
    check_names(inside, home, "anchors")
    copy = {name: _in_double(value.detach()) for name, value in (*parameters.items(), *model.named_buffers())}
    device = next(iter(inside.values())).device
    home, d = ({name: value.to(device) for name, value in tensors.items()} for tensors in (home, d))

    def forward(inputs: Inputs, words: Tensor, t: Tensor) -> Tensor:
        moved = {prefix + name: home[name] + t * d[name] for name in home}
        inputs = {key: _in_double(v.to(device)) if isinstance(v, Tensor) else v for key, v in inputs.items()}
        logits = functional_call(model, copy | moved, kwargs=inputs)
        _check_batch(logits, words)
        return logits

    # attention's fast kernels have no forward mode and no second derivative; the plain formula has both
    with evaluating(model), sdpa_kernel(SDPBackend.MATH), torch.no_grad():
        yield forward


def _mean(batches: Batches, sums: Callable[[Inputs, Tensor], Tensor], what: str) -> list[float]:
    """The mean over all examples of what ``sums`` gives for a batch, a tensor [k] summed over its examples."""
    if iter(batches) is batches:
        raise ValueError(f"batches is a {type(batches).__name__}, good for one pass only; make it a list")
    total, count = torch.zeros((), dtype=torch.float64), 0
    for inputs, words in batches:
        total, count = total + sums(inputs, words).cpu(), count + len(words)
    if not count:
        raise ValueError("batches holds no examples; it needs pairs (inputs, words) with at least one word")
    if not total.isfinite().all():
        raise ValueError(f"{what} is {total.tolist()} over all examples; look at the weights, or take a smaller away")
    return (total / count).tolist()


def _nats(forward: Forward, inputs: Inputs, words: Tensor, t: Tensor) -> Tensor:
    logits = forward(inputs, words, t)
    return nn.functional.cross_entropy(logits, words.to(logits.device), reduction="sum")


def _loss(forward: Forward, batches: Batches, t: float) -> float:
    """Loss_S at theta* + t d."""
    at = torch.tensor(t, dtype=torch.float64)
    return _mean(batches, lambda inputs, words: _nats(forward, inputs, words, at)[None], "the loss")[0]


def _slope_and_hessian(forward: Forward, batches: Batches) -> list[float]:
    """The first derivative of Loss_S along d at theta*, and half the second."""

    def sums(inputs: Inputs, words: Tensor) -> Tensor:
        # backward twice: a derivative of jvp is shorter, and for LayerNorm silently wrong (pytorch issue 196700)
        with torch.enable_grad():
            t = torch.zeros((), dtype=torch.float64, requires_grad=True)
            # 0 t^2: a direction that the logits do not depend on has derivatives as well
            (first,) = torch.autograd.grad(_nats(forward, inputs, words, t).cpu() + 0 * t**2, t, create_graph=True)
            (second,) = torch.autograd.grad(first, t)
        return torch.stack([first.detach(), 0.5 * second])

    return _mean(batches, sums, "a derivative of the loss")


def _fisher(forward: Forward, batches: Batches) -> float:
    """Half the mean variance of J d under the model's own p; see `fisher_form`."""

    def sums(inputs: Inputs, words: Tensor) -> Tensor:
        zero = torch.zeros((), dtype=torch.float64)
        z, moved = jvp(lambda t: forward(inputs, words, t), (zero,), (torch.ones_like(zero),))
        p = z.softmax(-1)
        score = moved - (p * moved).sum(-1, keepdim=True)
        return 0.5 * (p * score.square()).sum()[None]

    return _mean(batches, sums, "the Fisher form")[0]


def _check_batch(logits: Tensor, words: Tensor) -> None:
    if not isinstance(logits, Tensor) or logits.dim() != 2 or logits.shape[1] < 2:
        given = tuple(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
        raise ValueError(f"logits are {given}; the model must return a tensor [M, C] with C at least 2")
    rows, count = logits.shape
    if words.shape != (rows,) or words.is_floating_point():
        raise ValueError(f"words are {tuple(words.shape)} of {words.dtype}; {rows} rows of logits need {rows} integers")
    wrong = words[(words < 0) | (words >= count)]
    if wrong.numel():
        raise ValueError(f"words hold {int(wrong[0])}; with {count} logits they go from 0 to {count - 1}")


def _check_table(anchors: Weights, displacements: Mapping, fishers: Mapping, scales: Sequence[float]) -> list[float]:
    """The scales as floats, or a ValueError before anything was computed."""
    if not displacements:
        raise ValueError("displacements is empty; it needs at least one name -> away")
    for name, away in displacements.items():
        check_names(anchors, away, f"displacements[{name!r}]")
        if length(away) == 0:
            raise ValueError(f"displacements[{name!r}] has length 0; it must lead away from the anchors")
    for key, fisher in fishers.items():
        check_names(anchors, fisher, f"fishers[{key!r}]")
        if key in COLUMNS:
            raise ValueError(f"fishers has {key!r}, the name of another column; choose one such as 'diagonal'")
    scales = [number("scales", s, lambda _: True, "a finite number") for s in scales]
    if not scales or 0 in scales:
        raise ValueError(f"scales are {scales}; they must be numbers other than 0, at least one")
    return scales


def _in_double(value: Tensor) -> Tensor:
    return value.double() if value.is_floating_point() else value


def _double(tensors: Weights, what: str) -> dict[str, Tensor]:
    """``tensors`` in float64, or a ValueError unless they are finite floating point numbers."""
    if not isinstance(tensors, Mapping) or not tensors:
        given = "empty" if isinstance(tensors, Mapping) else f"a {type(tensors).__name__}"
        raise ValueError(f"{what} is {given}; it must be a dictionary name -> tensor with at least one")
    for name, value in tensors.items():
        if not isinstance(value, Tensor) or not value.is_floating_point():
            kind = value.dtype if isinstance(value, Tensor) else f"a {type(value).__name__}"
            raise ValueError(f"{what}[{name!r}] is {kind}; it must be a floating point tensor")
        if not value.isfinite().all():
            raise ValueError(f"{what}[{name!r}] holds a nan or an infinity; it must be finite")
    return {name: value.detach().double() for name, value in tensors.items()}
