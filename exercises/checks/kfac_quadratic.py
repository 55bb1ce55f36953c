"""Index by index over two layers' weights; what is made on the way is measured."""

import itertools
import tracemalloc

import numpy as np
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from recall_learn.practice import Mistake, case, wrong

OUT, IN, ROOM = 12, 18, 8_000
"""A layer to measure on, whose product has 46,656 entries, and the entries that anything may have."""


def moment(rng, size, dtype):
    """A symmetric matrix, far from a diagonal and from an even one."""
    x = rng.normal(size=(size, size)) @ np.diag(rng.uniform(0.3, 2, size)) + rng.normal(size=size)
    return torch.tensor(x.T @ x / size, dtype=dtype)


def drawn(rng, out, into, dtype=torch.float64):
    change = torch.tensor(rng.normal(size=(out, into)), dtype=dtype)
    return change, moment(rng, into, dtype), moment(rng, out, dtype)


def cases(rng):
    shapes = ((2, 3), (4, 4), (5, 2), (3, 3), (1, 4))
    kinds = (torch.float64, torch.float64, torch.float32, torch.float32, torch.float64)
    return [case(*drawn(rng, *shape, kind), outputs=shape[0]) for shape, kind in zip(shapes, kinds, strict=True)]


def summed(change, a, g, weight=lambda i, k, j, m: True, factor=0.5):
    """Over all pairs of weights, (i, j) and (k, m), of what lies between them."""
    change, a, g = (np.array(each.tolist()) for each in (change, a, g))
    rows, columns = map(range, change.shape)
    total = 0.0
    for i, k, j, m in itertools.product(rows, rows, columns, columns):
        if weight(i, k, j, m):
            total += g[i, k] * a[j, m] * change[i, j] * change[k, m]
    return factor * total


def reference(change, a, g):
    return torch.tensor(summed(change, a, g))


def flattened(change, a, g):
    """kron(a, g) with the rows one behind the other."""
    w, product = change.double().numpy().ravel(), np.kron(a.numpy(), g.numpy())
    return 0.5 * w @ product @ w


MISTAKES = [
    Mistake("the 1/2 is missing.", lambda *given: 2 * summed(*given)),
    Mistake(
        "you flatten the change row after row, and take kron(a, g), which belongs to a vec that stacks columns; row "
        "after row it is kron(g, a). Better make neither.",
        flattened,
    ),
    Mistake(
        "only the diagonals of A and G count in yours: that is one spring for each weight, as in EWC. What lies beside "
        "the diagonals ties weights together.",
        lambda *given: summed(*given, weight=lambda i, k, j, m: i == k and j == m),
    ),
    Mistake("only the diagonal of A counts in yours.", lambda *given: summed(*given, weight=lambda i, k, j, m: j == m)),
    Mistake("only the diagonal of G counts in yours.", lambda *given: summed(*given, weight=lambda i, k, j, m: i == k)),
    Mistake(
        "A is missing: the inputs count all alike.",
        lambda change, a, g: summed(change, torch.eye(len(a)), g),
    ),
    Mistake(
        "G is missing: the outputs count all alike.",
        lambda change, a, g: summed(change, a, torch.eye(len(g))),
    ),
    Mistake(
        "you take the squares of g @ change @ a. Multiply each of its entries by that of change instead.",
        lambda change, a, g: 0.5 * float((g.double() @ change.double() @ a.double()).square().sum()),
    ),
    Mistake(
        "you add up the entries of g @ change @ a. Multiply each by its entry of change first.",
        lambda change, a, g: 0.5 * float((g.double() @ change.double() @ a.double()).sum()),
    ),
]


class Sizes(TorchDispatchMode):
    """Notes the entries of the largest tensor that is made."""

    largest = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        made = function(*args, **(kwargs or {}))
        for each in made if isinstance(made, tuple | list) else (made,):
            if isinstance(each, torch.Tensor):
                self.largest = max(self.largest, each.numel())
        return made


def play(entry, change, a, g, asked=""):
    """The penalty; or how many entries the largest array has that is made on the way, in torch or in NumPy."""
    if not asked:
        return entry(change, a, g)
    with Sizes():  # what is made the first time alone, as by imports, is not counted
        entry(change, a, g)
    ours = not tracemalloc.is_tracing()
    if ours:
        tracemalloc.start()
    tracemalloc.reset_peak()
    before = tracemalloc.get_traced_memory()[0]
    with Sizes() as sizes:
        entry(change, a, g)
    numpy_s = (tracemalloc.get_traced_memory()[1] - before) / change.element_size()
    if ours:
        tracemalloc.stop()
    return {"torch": sizes.largest, "NumPy": int(numpy_s)}


def makes_nothing_large(answer, rng):
    entries = max(answer(*drawn(rng, OUT, IN), "sizes").values())
    if entries > ROOM:
        wrong(
            f"for a layer of {OUT} x {IN} yours makes an array of about {entries:,} entries on the way. The Kronecker "
            f"product has {(OUT * IN) ** 2:,}, and your three arguments {OUT * OUT + OUT * IN + IN * IN} together. Use "
            "that the product times vec(change) is vec(g @ change @ a)"
        )


def costs_nothing_at_home(answer, rng):
    change, a, g = drawn(rng, 3, 4)
    if abs(float(answer(0 * change, a, g))) > 1e-12:
        wrong("at theta* the change is 0 and so is the penalty, and yours is not")


LAWS = [makes_nothing_large, costs_nothing_at_home]
