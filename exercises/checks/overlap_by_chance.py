"""Against sets of places, and all children of one size counted one by one."""

import math
from itertools import combinations

import torch

from recall_learn.practice import Mistake, built, case, wrong
from recall_learn.practice.fixtures import in_columns


def drawn(rng, shapes, of_a, of_b):
    """Two children of these sizes that share more than chance would give, and unevenly among the tensors."""
    n = sum(math.prod(shape) for shape in shapes.values())
    while True:
        score = rng.uniform(size=n) + (rng.uniform(size=n) < 0.2)
        ranks = [(score + 0.8 * rng.uniform(size=n)).argsort()[::-1] for _ in range(2)]
        masks = []
        for rank, count in zip(ranks, (of_a, of_b), strict=True):
            row = torch.zeros(n, dtype=torch.bool)
            row[rank[:count].copy()] = True
            pieces = row.split([math.prod(shape) for shape in shapes.values()])
            masks.append({name: p.reshape(s) for (name, s), p in zip(shapes.items(), pieces, strict=True)})
        both = sum(int((masks[0][name] & masks[1][name]).sum()) for name in shapes)
        if 0 < both < min(of_a, of_b) and abs(both / of_a - of_b / n) > 0.05:
            return masks[0], dict(reversed(masks[1].items()))


def turned(child):
    """A child with its matrices in columns."""
    return {name: built(in_columns, mask) if mask.ndim == 2 else mask for name, mask in child.items()}


def edges(rng):
    """A child b of nothing; tensors in which a, or b, has nothing, and one of no dimension, which both have."""
    a, b = drawn(rng, {"query": (5, 4), "norm": (3,)}, 6, 6)
    nothing = {name: torch.zeros_like(mask) for name, mask in b.items()}
    row = torch.tensor(rng.permutation([True] * 5 + [False] * 7)).reshape(3, 4)
    some = torch.tensor(rng.permutation([True, True, False, False, False]))
    one, other = {"weight": row, "bias": some & False, "scale": some.any()}, {"scale": some.any(), "bias": some}
    return (a, nothing), (one, other | {"weight": row & False})


def cases(rng):
    first = {"query": (5, 4), "query.bias": (4,), "norm": (3,)}
    second = {"embedding": (7, 3), "head": (5,)}
    third = {"a": (9,), "b": (2, 3, 3), "c": (4,)}
    large = {"embedding": (40, 20), "head": (10,)}  # of more weights than a byte counts
    few, many = int(rng.integers(5, 9)), int(rng.integers(11, 15))
    return [
        case(*map(turned, drawn(rng, first, few, few)), weights=27),
        case(*drawn(rng, second, few, many), weights=26),
        case(*drawn(rng, third, many, few), weights=31),
        case(*drawn(rng, third, many, many), weights=31),
        case(*drawn(rng, large, int(rng.integers(380, 420)), int(rng.integers(480, 520))), weights=810),
        *(case(*both, weights=n) for both, n in zip(edges(rng), (23, 18), strict=True)),
    ]


def places(child):
    return {(name, i) for name, mask in child.items() for i, inside in enumerate(mask.flatten().tolist()) if inside}


def everywhere(child):
    return places({name: torch.ones_like(mask) for name, mask in child.items()})


def reference(a, b):
    mine, other, everything = places(a), places(b), everywhere(a)
    return len(mine & other) / len(mine), len(other) / len(everything)


def shares(share):
    """Another overlap, of (mine, other, everything), with the right chance."""
    return lambda a, b: (share(places(a), places(b), everywhere(a)), reference(a, b)[1])


def chances(chance):
    """The right overlap, with another chance."""
    return lambda a, b: (reference(a, b)[0], chance(places(a), places(b), everywhere(a)))


def by_tensor(a, b):
    kept = [reference({name: a[name]}, {name: b[name]})[0] for name in a if a[name].any()]
    return sum(kept) / len(kept), reference(a, b)[1]


def by_every_tensor(a, b):
    kept = [float((a[name] & b[name]).sum()) / max(int(a[name].sum()), 1) for name in a]
    return sum(kept) / len(kept), reference(a, b)[1]


TENSOR = (
    "your overlap is a mean over the tensors, which gives a small one the weight of a large one. Count over all "
    "tensors together, then divide once."
)

MISTAKES = [
    Mistake(
        "your overlap is divided by the union: that is the Jaccard index. Asked for is the share of a's weights that b "
        "has too: divide by the size of a.",
        shares(lambda mine, other, n: len(mine & other) / len(mine | other)),
    ),
    Mistake(
        "your overlap is a share of all weights. Asked for is the share of a's weights that b has too: divide by the "
        "size of a.",
        shares(lambda mine, other, n: len(mine & other) / len(n)),
    ),
    Mistake(
        "you count where the two agree, also on weights that neither of them has. Count those that both have, and "
        "divide by the size of a.",
        shares(lambda mine, other, n: 1 - len(mine ^ other) / len(n)),
    ),
    Mistake(
        "you count the weights that only one of the two has, the symmetric difference. Count those that both have.",
        shares(lambda mine, other, n: len(mine ^ other) / len(n)),
    ),
    Mistake(
        "you count the weights that only one of the two has, the symmetric difference. Count those that both have.",
        shares(lambda mine, other, n: len(mine ^ other) / len(mine)),
    ),
    Mistake(
        "your overlap is the Dice coefficient, over the mean size of the two. Asked for is the share of a's weights "
        "that b has too: divide by the size of a.",
        shares(lambda mine, other, n: 2 * len(mine & other) / (len(mine) + len(other))),
    ),
    Mistake(
        "your overlap is the share of b's weights that a has. It is asked the other way round: divide by the size of "
        "a.",
        shares(lambda mine, other, n: len(mine & other) / max(len(other), 1)),
    ),
    Mistake(TENSOR, by_tensor),
    Mistake(TENSOR, by_every_tensor),
    Mistake(
        "your overlap is the share of a's weights that b lacks. Take those that both have.",
        shares(lambda mine, other, n: len(mine - other) / len(mine)),
    ),
    Mistake(
        "your chance is the share of a in all weights. A weight of a is in b by chance as often as any other weight: "
        "take the share of b in all weights.",
        chances(lambda mine, other, n: len(mine) / len(n)),
    ),
    Mistake(
        "your chance is that of a weight to be in both children. Here the weight is in a already: what is left is the "
        "share of b.",
        chances(lambda mine, other, n: len(mine) * len(other) / len(n) ** 2),
    ),
    Mistake(
        "your two numbers are per cent. Shares are from 0 to 1.",
        lambda a, b: tuple(100 * share for share in reference(a, b)),
    ),
    Mistake(
        "your overlap is a number of weights, not a share. Divide by the size of a.",
        shares(lambda mine, other, n: len(mine & other)),
    ),
    Mistake(
        "both are numbers of weights. Shares are asked for: divide each by the size of a.",
        lambda a, b: tuple(len(places(a)) * share for share in reference(a, b)),
    ),
    Mistake(
        "your two numbers are in the other order: the overlap first, then chance.", lambda a, b: reference(a, b)[::-1]
    ),
]


def whole_with_itself(answer, rng):
    a, _ = drawn(rng, {"x": (4, 4), "y": (7,)}, 8, 8)
    if abs((mine := float(answer(a, a)[0])) - 1) > 1e-6:
        wrong(f"a child shares all of its weights with itself: the overlap has to be 1; yours is {mine:.4g}")
    nothing = {name: ~mask for name, mask in a.items()}
    if abs(mine := float(answer(a, nothing)[0])) > 1e-6:
        wrong(f"with all that it is not, a child shares nothing: the overlap has to be 0; yours is {mine:.4g}")


def chance_is_the_mean(answer, rng):
    """Over all children of one size, the overlap is on average what chance is said to give."""
    n, size = 8, int(rng.integers(2, 4))
    a = {"x": torch.tensor(rng.permutation([i < 3 for i in range(n)]))}
    found = []
    for places_of_b in combinations(range(n), size):
        row = torch.zeros(n, dtype=torch.bool)
        row[list(places_of_b)] = True
        found.append([float(x) for x in answer(a, {"x": row})])
    overlap, chance = (sum(column) / len(found) for column in zip(*found, strict=True))
    if abs(overlap - chance) > 1e-4:
        wrong(
            f"over all children b of {size} of {n} weights your overlap is {overlap:.4f} on average, and you say that "
            f"chance gives {chance:.4f}. The two have to be the same"
        )


LAWS = [whole_with_itself, chance_is_the_mean]
