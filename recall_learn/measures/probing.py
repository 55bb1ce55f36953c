r"""Probes: what can be read off a layer's states, beside what the same probe makes of labels that mean nothing.

A probe is a small classifier that is trained on frozen states. It scores above chance where the states tell the answer,
and also where it is itself strong enough to learn any answer. So beside every accuracy stands that of the same probe on
*control labels*, and the difference, its *selectivity* (Hewitt and Liang, 2019, "Designing and interpreting probes
with control tasks"):

- where the question is about words (parts of speech), each word type gets one label at random, the same wherever the
  word stands, in training and in validation: what a probe reaches by knowing words by heart. This is their control;
- where it is about sentences, no two of which are the same, there is no type to know by heart. The labels are permuted
  among the examples of each split, so that each class is as frequent as it was. Its accuracy is near chance however
  strong the probe is; the strength shows in the training accuracy on these labels, which is given as well.

Every fit is deterministic: the linear probe has one solution and is solved for it, the small network begins with
weights from a generator of its own.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property

import numpy as np

from recall_learn.support.checks import number, shown, whole

KINDS = ("linear", "mlp")
L2, HIDDEN, STEPS = 1e-2, 16, 60
"""The strength of both probes' L2, and the network's hidden units and steps."""
CONVERGED = 1e-8
"""The largest entry of the gradient at which a probe is solved."""
MODERATE = 1e-4
"""That at which it is refused."""
NEGLIGIBLE = 1e-7
"""Directions in which states spread this many times less than in the widest one are none."""


@dataclass(frozen=True)
class Probed:
    """What one probe found of one question at one layer. Accuracies are shares of the validation examples.

    Attributes:
        question: its name.
        layer: 0 for the embeddings.
        kind: linear or mlp.
        accuracy: with the right labels.
        error: its standard error, see `standard_error`.
        majority: the share of the most frequent class.
        control: the accuracy with control labels.
        controls: how these were drawn: "permuted" or "by type".
        selectivity: ``accuracy - control``.
        selectivity_error: its standard error: of a difference on the same examples.
        fitted: the accuracy on the training examples.
        control_fitted: the same with control labels: what the probe can learn by heart.
        examples: training examples.
        asked: validation examples.
    """

    question: str
    layer: int
    kind: str
    accuracy: float
    error: float
    majority: float
    control: float
    controls: str
    selectivity: float
    selectivity_error: float
    fitted: float
    control_fitted: float
    examples: int
    asked: int

    def to_dict(self) -> dict[str, float | str]:
        """As JSON has it."""
        return asdict(self)


@dataclass(frozen=True)
class Linear:
    r"""A linear probe: :math:`\log p(c \mid x) \propto w_c^\top x + b_c`.

    Attributes:
        weights: [width, classes], for states as they are.
        bias: [classes].
        loss: what it minimises, see `Probe`.
    """

    weights: np.ndarray
    bias: np.ndarray
    loss: float

    def logits(self, x: np.ndarray) -> np.ndarray:
        """[n, classes], up to a number that all classes share."""
        return np.asarray(x, dtype=np.float64) @ self.weights + self.bias

    def predict(self, x: np.ndarray) -> np.ndarray:
        """The likeliest class of each state, [n]."""
        return self.logits(x).argmax(1)


@dataclass(frozen=True)
class Network:
    r"""A probe of one hidden layer: :math:`\tanh(\hat x V + a) W + b` with the standardised states :math:`\hat x`.

    Attributes:
        mean: of the training states, [width].
        scale: their standard deviations, [width].
        parts: V [width, hidden], a [hidden], W [hidden, classes], b [classes].
        loss: what it was trained to minimise, where it stopped.
    """

    mean: np.ndarray
    scale: np.ndarray
    parts: tuple[np.ndarray, ...]
    loss: float

    def logits(self, x: np.ndarray) -> np.ndarray:
        """[n, classes], up to a number that all classes share."""
        into, shift, out, bias = self.parts
        return np.tanh((np.asarray(x, dtype=np.float64) - self.mean) / self.scale @ into + shift) @ out + bias

    def predict(self, x: np.ndarray) -> np.ndarray:
        """The likeliest class of each state, [n]."""
        return self.logits(x).argmax(1)


class Probe:
    r"""The training states of one layer, ready for probes with any labels.

    Both kinds minimise, over the standardised states :math:`\hat x` (mean 0 and deviation 1 in each entry),

    .. math:: \frac{1}{n} \sum_i -\log p(y_i \mid \hat x_i) + \frac{\alpha}{2} \|W\|^2

    with every weight but the biases in W.

    Args:
        x: states [n, width].
        l2: alpha, above 0: with it the linear probe has one solution.

    Raises:
        ValueError: the states are not of that shape, or no finite numbers.
    """

    def __init__(self, x: np.ndarray, l2: float = L2):
        self.l2 = number("l2", l2, lambda value: value > 0, "a number above 0")
        x = _states("x", x)
        self.mean, spread = x.mean(0), x.std(0)
        told = spread > 1e-12 * np.abs(x).max()  # what is constant, but for rounding, tells nothing
        self.scale = np.where(told, spread, 1.0)
        self.x = np.where(told, x - self.mean, 0.0) / self.scale

    @cached_property
    def _turned(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The states along their principal directions, these directions, and what makes the loss about round there.

        Turning changes neither term of the loss. The Hessian is then nearly diagonal, and a scale for each direction
        brings it near the identity, which takes L-BFGS a tenth of the steps.
        """
        from scipy.linalg import eigh

        n, width = self.x.shape
        if width <= n:
            square, directions = eigh(self.x.T @ self.x)
            kept = square > NEGLIGIBLE**2 * square[-1]
            square, directions = square[kept], directions[:, kept]
        else:
            square, own = eigh(self.x @ self.x.T)
            kept = square > NEGLIGIBLE**2 * square[-1]
            square = square[kept]
            directions = self.x.T @ own[:, kept] / np.sqrt(square)
        return self.x @ directions, directions, 1 / np.sqrt(square / (4 * n) + self.l2)

    def linear(self, y: Sequence[int], classes: int) -> Linear:
        """Multinomial logistic regression, solved by L-BFGS in float64 to a gradient of `CONVERGED`.

        Args:
            y: the class of each state, 0 to ``classes - 1``.
            classes: at least 2.

        Raises:
            ValueError: the labels do not fit, or no solution was found.
        """
        y, classes = _labels("y", y, len(self.x), classes)
        z, directions, round_ = self._turned
        hot = np.eye(classes)[y]

        def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
            u, bias = flat[classes:].reshape(-1, classes), 2 * flat[:classes]
            w = round_[:, None] * u
            value, error = _cross_entropy(z @ w + bias, hot)
            gradient = round_[:, None] * (z.T @ error + self.l2 * w)
            return value + self.l2 / 2 * float((w * w).sum()), np.concatenate([2 * error.sum(0), gradient.ravel()])

        start = np.zeros(classes * (1 + z.shape[1]))
        flat, value, gradient = _minimised(loss, start, 1000, memory=20)
        if gradient > MODERATE:
            raise ValueError(f"the linear probe did not converge (gradient {gradient:.1g}); raise l2, now {self.l2:g}")
        weights = directions @ (round_[:, None] * flat[classes:].reshape(-1, classes)) / self.scale[:, None]
        return Linear(weights, 2 * flat[:classes] - self.mean @ weights, value)

    def mlp(
        self, y: Sequence[int], classes: int, *, hidden: int = HIDDEN, steps: int = STEPS, seed: int = 0
    ) -> Network:
        """One hidden layer of tanh units, at most so many steps of L-BFGS on all examples.

        Args:
            y: the class of each state, 0 to ``classes - 1``.
            classes: at least 2.
            hidden: units.
            steps: of L-BFGS.
            seed: of the weights that it begins with; no other random number is drawn.

        Raises:
            ValueError: the labels do not fit, or a setting is out of range.
        """
        y, classes = _labels("y", y, len(self.x), classes)
        hidden, steps = whole("hidden", hidden, 1), whole("steps", steps, 1)
        generator, width = np.random.default_rng(whole("seed", seed, 0)), self.x.shape[1]
        shapes = ((width, hidden), (hidden,), (hidden, classes), (classes,))
        start = [generator.normal(size=shape) / math.sqrt(shape[0]) for shape in shapes]
        start[1], start[3] = 0 * start[1], 0 * start[3]
        hot = np.eye(classes)[y]

        def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
            into, shift, out, bias = _parts(flat, shapes)
            units = np.tanh(self.x @ into + shift)
            value, error = _cross_entropy(units @ out + bias, hot)
            back = (error @ out.T) * (1 - units * units)
            gradients = (self.x.T @ back + self.l2 * into, back.sum(0), units.T @ error + self.l2 * out, error.sum(0))
            value += self.l2 / 2 * float((into * into).sum() + (out * out).sum())
            return value, np.concatenate([each.ravel() for each in gradients])

        flat, value, _ = _minimised(loss, np.concatenate([each.ravel() for each in start]), steps, memory=10)
        return Network(self.mean, self.scale, _parts(flat, shapes), value)


def probe(
    train: np.ndarray,
    labels: Sequence[int],
    validation: np.ndarray,
    asked: Sequence[int],
    *,
    kind: str = "linear",
    types: tuple[Sequence[object], Sequence[object]] | None = None,
    groups: Sequence[int] | None = None,
    question: str = "",
    layer: int = 0,
    seed: int = 0,
    ready: Probe | None = None,
) -> Probed:
    """Train a probe and its control on one layer's states, and score both on the validation examples.

    Args:
        train: states [n, width].
        labels: their classes, from 0.
        validation: states [m, width].
        asked: their classes.
        kind: "linear" or "mlp".
        types: the word type of each training and of each validation example, where there are any; see
            `control_labels`.
        groups: which validation examples belong together, see `standard_error`.
        question: a name, for the result.
        layer: its number, for the result.
        seed: of the control labels, and of the network.
        ready: `Probe` of ``train``, where it serves more than once.

    Raises:
        ValueError: ``kind`` is unknown, shapes or labels do not fit, or as `Probe`.
    """
    if kind not in KINDS:
        raise ValueError(f"kind is {shown(kind)}; it has to be {' or '.join(KINDS)}")
    ready = ready or Probe(train)
    validation = _states("validation", validation, ready.x.shape[1])
    classes = 1 + max((int(label) for label in labels), default=0)
    y, _ = _labels("labels", labels, len(ready.x), max(classes, 2))
    right, _ = _labels("asked", asked, len(validation), max(classes, 2))
    controls = control_labels(y, right, types, seed)
    options = {} if kind == "linear" else {"seed": seed}
    hits, fitted = [], []
    for of_train, of_validation in ((y, right), controls):
        fit = getattr(ready, kind)(of_train, max(classes, 2), **options)
        hits.append((fit.predict(validation) == of_validation).astype(np.float64))
        fitted.append(float((fit.predict(train) == of_train).mean()))
    real, control = hits
    return Probed(
        question,
        layer,
        kind,
        float(real.mean()),
        standard_error(real, groups),
        float(np.bincount(right).max() / len(right)),
        float(control.mean()),
        "permuted" if types is None else "by type",
        float(real.mean() - control.mean()),
        standard_error(real - control, groups),
        *fitted,
        len(y),
        len(right),
    )


def control_labels(
    train: Sequence[int],
    validation: Sequence[int],
    types: tuple[Sequence[object], Sequence[object]] | None = None,
    seed: int = 0,
) -> tuple[np.ndarray, np.ndarray]:
    """Labels that mean nothing, for both splits; see the head of this module.

    Args:
        train: the training labels.
        validation: the validation labels.
        types: the word type of each training and of each validation example. Each type gets one label, drawn from the
            training labels as often as they are there. None: the labels of each split in another order.
        seed: of a generator of its own.

    Raises:
        ValueError: there are not as many types as labels.
    """
    generator = np.random.default_rng(whole("seed", seed, 0))
    train, validation = np.asarray(train), np.asarray(validation)
    if types is None:
        return generator.permutation(train), generator.permutation(validation)
    if len(types[0]) != len(train) or len(types[1]) != len(validation):
        raise ValueError(
            f"types are {len(types[0])} and {len(types[1])}, labels {len(train)} and {len(validation)}; each example "
            f"has to have one"
        )
    given = {each: generator.choice(train) for each in sorted({*types[0], *types[1]}, key=str)}
    return tuple(np.array([given[each] for each in its], dtype=np.int64) for its in types)


def standard_error(values: Sequence[float], groups: Sequence[int] | None = None) -> float:
    r"""Of a mean: :math:`\frac{1}{n} \sqrt{\sum_g (\sum_{i \in g} (v_i - \bar v))^2}`.

    Args:
        values: one for each example: of an accuracy 1 or 0.
        groups: the group of each example. Examples of one group (four sentences of the same words, the words of a
            sentence) are no independent evidence. None: each is a group of its own, which for an accuracy p gives
            :math:`\sqrt{p (1 - p) / n}`.

    Raises:
        ValueError: there is no value, or not as many groups.
    """
    values = np.asarray(values, dtype=np.float64)
    if not len(values) or (groups is not None and len(groups) != len(values)):
        many = "no" if groups is None else len(groups)
        raise ValueError(f"values are {len(values)}, with {many} groups; one group for each of 1 or more is right")
    apart = values - values.mean()
    if groups is not None:
        _, number_of = np.unique(np.asarray(groups), return_inverse=True)
        apart = np.bincount(number_of, weights=apart)
    return float(np.sqrt(np.square(apart).sum()) / len(values))


def _cross_entropy(logits: np.ndarray, hot: np.ndarray) -> tuple[float, np.ndarray]:
    """The mean loss in nats, and its gradient by the logits."""
    logits = logits - logits.max(1, keepdims=True)
    exponentials = np.exp(logits)
    total = exponentials.sum(1, keepdims=True)
    value = float((np.log(total[:, 0]) - (logits * hot).sum(1)).mean())
    return value, (exponentials / total - hot) / len(hot)


def _minimised(loss, start: np.ndarray, steps: int, memory: int) -> tuple[np.ndarray, float, float]:
    """Where L-BFGS ends, the loss there, and the largest entry of the gradient."""
    from scipy.optimize import minimize

    options = {"maxiter": steps, "maxfun": 4 * steps, "gtol": CONVERGED, "ftol": 0.0, "maxcor": memory}
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options=options)
    return found.x, float(found.fun), float(np.abs(found.jac).max())


def _parts(flat: np.ndarray, shapes: Sequence[tuple[int, ...]]) -> tuple[np.ndarray, ...]:
    ends = np.cumsum([math.prod(shape) for shape in shapes])[:-1]
    return tuple(part.reshape(shape) for part, shape in zip(np.split(flat, ends), shapes, strict=True))


def _states(name: str, x: np.ndarray, width: int | None = None) -> np.ndarray:
    x = np.asarray(x, dtype=np.float64)
    if x.ndim != 2 or not x.size or (width is not None and x.shape[1] != width):
        raise ValueError(f"{name} is of the shape {x.shape}; it has to be [examples, {width or 'width'}]")
    if not np.isfinite(x).all():
        raise ValueError(f"{name} holds nan or inf; states have to be finite")
    return x


def _labels(name: str, labels: Sequence[int], count: int, classes: int) -> tuple[np.ndarray, int]:
    classes, labels = whole("classes", classes, 2), np.asarray(labels)
    if labels.shape != (count,):
        raise ValueError(f"{name} is of the shape {labels.shape}; there are {count} states, and each has one label")
    wrong = labels.dtype.kind not in "iu" or labels.min() < 0 or labels.max() >= classes
    if wrong:
        raise ValueError(f"{name} is {shown(labels.tolist())}; labels have to be whole numbers from 0 to {classes - 1}")
    return labels.astype(np.int64), classes
