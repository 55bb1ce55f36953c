r"""How alike two sets of states are: representational similarity (RSA) and centred kernel alignment (CKA), by layer.

Both compare what n tokens look like to one model with what the same n tokens look like to another one. Neither needs
the two widths to agree, and neither sees a rotation: it is the tokens' places towards each other that count.

- **RSA**, Merchant et al., 2020, "What happens to BERT embeddings during fine-tuning?", section 4.2: the correlation,
  over all pairs of tokens, between the cosine that a pair has in one model and the cosine that it has in the other.
  Cosines are taken from the origin, so one offset on all states changes RSA.
- **CKA**, Kornblith et al., 2019, "Similarity of neural network representations revisited", linear kernel: states are
  centred first, so an offset does nothing. The plain one is biased upwards where n is not much larger than the width;
  the debiased one takes the unbiased HSIC of Song et al., 2012, "Feature selection via dependence maximization",
  equation 5, and lies around 0, on either side, where two sets of states have nothing to do with each other.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

BLOCK = 512
"""Rows of the cosine matrices that are there at a time."""


@dataclass(frozen=True)
class Alike:
    """How alike one layer's states are in two models; each is 1 where nothing changed.

    Attributes:
        layer: 0 for the embeddings.
        rsa: see `rsa`.
        cka: see `cka`.
        cka_debiased: see `cka`, with ``debiased``.
    """

    layer: int
    rsa: float
    cka: float
    cka_debiased: float


def by_layer(before: np.ndarray, after: np.ndarray) -> list[Alike]:
    """All three measures of each layer against the same layer.

    Args:
        before: states [layers, n, width] of n tokens, as `recall_learn.measures.states.token_states` gives them.
        after: states [layers, n, width'] of the same tokens in the other model.

    Raises:
        ValueError: the layers are not equally many; or as `rsa` and `cka`.
    """
    if np.ndim(before) != 3 or np.ndim(after) != 3 or len(before) != len(after):
        raise ValueError(
            f"before and after are of the shapes {np.shape(before)} and {np.shape(after)}; they have to be "
            f"[layers, tokens, width] with equally many layers"
        )
    return [
        Alike(layer, rsa(x, y), cka(x, y), cka(x, y, debiased=True))
        for layer, (x, y) in enumerate(zip(before, after, strict=True))
    ]


def rsa(x: np.ndarray, y: np.ndarray) -> float:
    r"""Pearson's correlation of :math:`\cos(x_i, x_j)` and :math:`\cos(y_i, y_j)` over the pairs i < j.

    Args:
        x: states [n, width], n of at least 3.
        y: states [n, width'] of the same n tokens.

    Returns:
        A number in [-1, 1]: 1 for y = c R x with c > 0 and a rotation R, for each token alone even another c.

    Raises:
        ValueError: the shapes do not fit, an entry is no finite number, a token's state is zero, or all pairs have the
            same cosine, so that there is nothing to correlate.
    """
    x, y = _pair(x, y, 3)
    units = []
    for name, states in (("x", x), ("y", y)):
        length = np.linalg.norm(states, axis=1, keepdims=True)
        if not length.all():
            raise ValueError(f"{name}[{int(length.argmin())}] is zero; it has no cosine with another state")
        units.append(states / length)
    n = len(x)
    # the mean cosine of all pairs is known from the sum of the units, so that one pass is enough
    means = [(np.square(unit.sum(0)).sum() - np.square(unit).sum()) / (n * (n - 1)) for unit in units]
    products = np.zeros(3)
    for start in range(0, n, BLOCK):
        a, b = (unit[start : start + BLOCK] @ unit.T - mean for unit, mean in zip(units, means, strict=True))
        above = np.arange(n) > np.arange(start, min(start + BLOCK, n))[:, None]
        a, b = a[above], b[above]
        products += a @ a, b @ b, a @ b
    spread = products[:2] / (n * (n - 1) / 2)
    if spread.min() <= 1e-24:  # rounding alone
        raise ValueError(f"{'x' if spread[0] <= 1e-24 else 'y'} has one cosine for all pairs; there is no correlation")
    return float(np.clip(products[2] / np.sqrt(products[0] * products[1]), -1, 1))


def cka(x: np.ndarray, y: np.ndarray, *, debiased: bool = False) -> float:
    r"""Linear CKA, :math:`\|Y^\top X\|_F^2 / (\|X^\top X\|_F \|Y^\top Y\|_F)` with centred columns.

    With ``debiased``, :math:`H(K, L) / \sqrt{H(K, K) H(L, L)}` of the kernels :math:`K = X X^\top` and
    :math:`L = Y Y^\top`, where with :math:`\tilde K` for K with zeros on its diagonal

    .. math:: H(K, L) = \frac{1}{n (n - 3)} \Big[ \operatorname{tr} \tilde K \tilde L
        + \frac{1^\top \tilde K 1 \; 1^\top \tilde L 1}{(n - 1)(n - 2)}
        - \frac{2}{n - 2} 1^\top \tilde K \tilde L 1 \Big].

    Args:
        x: states [n, width], n of at least 2, debiased 4.
        y: states [n, width'] of the same n tokens.
        debiased: whether the estimate is free of the bias that grows with width / n.

    Returns:
        A number in [0, 1]; debiased it is at most 1, and may lie under 0. Rotations, offsets and one scale for all
        states change nothing.

    Raises:
        ValueError: the shapes do not fit, an entry is no finite number, or all states of one set are the same;
            debiased, also where the estimate of x or of y with itself is not above 0.
    """
    x, y = (states - states.mean(0) for states in _pair(x, y, 4 if debiased else 2))
    for name, states in (("x", x), ("y", y)):
        if np.ptp(states, axis=0).max() == 0:
            raise ValueError(f"{name} has the same state for all tokens; it is like nothing")
    x, y = (states / np.abs(states).max() for states in (x, y))  # far from overflow; no scale matters
    if not debiased:
        return min(float(np.square(y.T @ x).sum() / (np.linalg.norm(x.T @ x) * np.linalg.norm(y.T @ y))), 1.0)
    own = _hsic(x, x), _hsic(y, y)
    if min(own) <= 0:
        raise ValueError(f"{'x' if own[0] <= 0 else 'y'} has a debiased HSIC of {min(own):.2g}; give more tokens")
    return min(float(_hsic(x, y) / np.sqrt(own[0] * own[1])), 1.0)


def _hsic(x: np.ndarray, y: np.ndarray) -> float:
    """The unbiased HSIC of two linear kernels, without a matrix of n times n."""
    n, (k, l) = len(x), (np.square(states).sum(1) for states in (x, y))  # noqa: E741 the diagonals of K and L
    rows_k, rows_l = x @ x.sum(0) - k, y @ y.sum(0) - l
    trace = np.square(x.T @ y).sum() - k @ l
    both = rows_k.sum() * rows_l.sum() / ((n - 1) * (n - 2))
    return float((trace + both - 2 / (n - 2) * (rows_k @ rows_l)) / (n * (n - 3)))


def _pair(x: np.ndarray, y: np.ndarray, least: int) -> Sequence[np.ndarray]:
    found = []
    for name, states in (("x", x), ("y", y)):
        states = np.asarray(states, dtype=np.float64)
        if states.ndim != 2 or not states.shape[1] or len(states) < least:
            raise ValueError(f"{name} is of the shape {states.shape}; it has to be [tokens, width], {least} or more")
        if not np.isfinite(states).all():
            raise ValueError(f"{name} holds nan or inf; states have to be finite")
        found.append(states)
    if len(found[0]) != len(found[1]):
        raise ValueError(f"x and y hold {len(found[0])} and {len(found[1])} states; they have to be of the same tokens")
    return found
