"""Against all entries sorted one by one, in plain Python."""

import math

import torch

from recall_learn.practice import Mistake, built, case, wrong
from recall_learn.practice.fixtures import in_columns


def drawn(rng, shapes):
    """Entries that all differ, from 1e-10 to 1, and tensors of different sizes: each has its own part of the range."""
    total = sum(math.prod(shape) for shape in shapes.values())
    values = 10 ** torch.linspace(-10, 0, total).double() * torch.tensor(rng.uniform(0.99, 1, size=total))
    place = torch.tensor([i + rng.normal(0, total / 4) for i in range(total)]).argsort()
    pieces = values[place].split([math.prod(shape) for shape in shapes.values()])
    order = [list(shapes)[i] for i in rng.permutation(len(shapes))]
    by_name = dict(zip(shapes, pieces, strict=True))
    mixed = {name: by_name[name][torch.tensor(rng.permutation(len(by_name[name])))] for name in order}
    return {name: piece.reshape(shapes[name]) for name, piece in mixed.items()}


def crowded(fisher, count):
    """The same order, with the eight entries around the threshold so near to each other that half precision has one
    number for them.
    """
    row = torch.cat([f.flatten() for f in fisher.values()])
    places = row.argsort(descending=True)[count - 4 : count + 4]
    row[places] = row[places[-1]] * (1 + 1e-5 * torch.arange(7, -1, -1, dtype=row.dtype))
    pieces = row.split([f.numel() for f in fisher.values()])
    return {name: piece.reshape(f.shape) for (name, f), piece in zip(fisher.items(), pieces, strict=True)}


def turned(fisher):
    """A Fisher with its matrices in columns."""
    return {name: built(in_columns, f) if f.ndim == 2 else f for name, f in fisher.items()}


def cases(rng):
    shapes = (
        {"layer.0.weight": (4, 5), "layer.0.bias": (4,), "norm.weight": (5,)},
        {"query": (6, 3), "key": (6, 3), "key.bias": (6,), "norm": (2,)},
        {"embedding": (9, 2, 2), "dense": (7,)},
        {"a": (300,), "b": (30, 12), "c": (2, 7), "d": (10,)},
    )
    # n is 29, 44, 43, 684: p n has a part above one half in two of them, and below it in the others
    counts = (8, 13, 13, 480)
    parts = (-0.3, 0.3, -0.35, 0.35)
    drawn_cases = []
    for i, (shape, count, part) in enumerate(zip(shapes, counts, parts, strict=True)):
        n = sum(math.prod(s) for s in shape.values())
        p = (count + int(rng.integers(-2, 3)) + part + float(rng.uniform(-0.1, 0.1))) / n
        fisher = crowded(drawn(rng, shape), round(p * n))
        if i % 2:  # as small as those of a large model
            fisher = {name: 1e-12 * f for name, f in fisher.items()}
        drawn_cases.append(case(turned(fisher), p, entries=n))
    five, seven = {"scale": (), "weight": (2, 2)}, {"weight": (2, 2), "scale": (), "bias": (2,)}
    none = float(rng.uniform(0.01, 0.07))
    # of no entry; of 2.5 and of 3.5; of all
    for few, p, scale in ((seven, none, 2.0), (five, 0.5, 2.0), (five, 0.5, 0.0), (seven, 0.5, 2.0), (seven, 1.0, 0.0)):
        fisher = {name: f.float() for name, f in drawn(rng, few).items()}
        fisher["scale"] = torch.tensor(scale)  # a parameter of no dimension: the largest entry, or the least
        drawn_cases.append(case(fisher, p, entries=size(fisher)))
    return [drawn_cases[i] for i in (*rng.permutation(4), *range(4, 9))]


def chosen(fisher, count, largest=True):
    """The ``count`` first of all entries, by sorting (value, name, place)."""
    entries = [(float(x), name, i) for name, f in fisher.items() for i, x in enumerate(f.flatten())]
    inside = {(name, i) for _, name, i in sorted(entries, reverse=largest)[:count]}
    flat = {name: [(name, i) in inside for i in range(f.numel())] for name, f in fisher.items()}
    return {name: torch.tensor(flat[name]).reshape(f.shape) for name, f in fisher.items()}


def size(fisher):
    return sum(f.numel() for f in fisher.values())


def reference(fisher, p):
    return chosen(fisher, round(p * size(fisher)))


def each_tensor(count):
    return lambda fisher, p: {name: chosen({name: f}, count(p * f.numel()))[name] for name, f in fisher.items()}


def of_count(count, largest=True):
    return lambda fisher, p: chosen(fisher, count(p, size(fisher)), largest)


def above_the_mean(fisher, p):
    mean = sum(float(f.sum()) for f in fisher.values()) / size(fisher)
    return {name: f > mean for name, f in fisher.items()}


def tensors_by_mean(fisher, p):
    """Whole tensors, those of the largest mean, until the share is reached."""
    left, masks = round(p * size(fisher)), {}
    for name in sorted(fisher, key=lambda each: -float(fisher[each].mean())):
        masks[name] = torch.full_like(fisher[name], left > 0, dtype=torch.bool)
        left -= fisher[name].numel()
    return {name: masks[name] for name in fisher}


EACH = (
    "you have a threshold for each tensor, so each of them gives the same share. The child has one threshold: rank all "
    "entries together."
)

MISTAKES = [
    *(Mistake(EACH, each_tensor(count)) for count in (round, int, math.ceil, lambda x: max(1, round(x)))),
    *(Mistake(EACH, each_tensor(count)) for count in (lambda x: max(1, int(x)), lambda x: math.floor(x) + 1)),
    Mistake(
        "your child is the entries with the least Fisher information. Take the largest.",
        of_count(lambda p, n: round(p * n), largest=False),
    ),
    Mistake(
        "you round a half up. Python's `round` takes the even one: round(2.5) is 2.",
        of_count(lambda p, n: math.floor(p * n + 0.5)),
    ),
    Mistake(
        "you round what is left out. The number that is chosen is round(p * n), and n - round((1 - p) * n) is another "
        "one at a half.",
        of_count(lambda p, n: n - round((1 - p) * n)),
    ),
    *(
        Mistake(
            "your child has the share 1 - p. The top share p is what lies above the quantile 1 - p, not above the "
            "quantile p.",
            of_count(count),
        )
        for count in (
            lambda p, n: n - round(p * n),
            lambda p, n: n - math.ceil(p * n),
            lambda p, n: n - math.floor(p * n),
            lambda p, n: n - math.floor(p * (n - 1)) - 1,
        )
    ),
    Mistake(
        "your mask is the other way round: True is for the weights that train, the largest.",
        lambda fisher, p: {name: ~mask for name, mask in reference(fisher, p).items()},
    ),
    Mistake("you take the entries above the mean, whatever p is. Take the round(p * n) largest.", above_the_mean),
    Mistake("you choose whole tensors. Rank the entries: a tensor may be in the child in part.", tensors_by_mean),
    Mistake(
        "you choose all entries where round(p * n) is 0: a slice that begins at -0 begins at the first one.",
        lambda fisher, p: chosen(fisher, round(p * size(fisher)) or size(fisher)),
    ),
    Mistake(
        "you choose one entry where round(p * n) is 0, and that is none.",
        of_count(lambda p, n: max(1, round(p * n))),
    ),
    Mistake("you round p * n down. It is rounded to the nearest: round(p * n).", of_count(lambda p, n: int(p * n))),
    Mistake("you round p * n up. It is rounded to the nearest: round(p * n).", of_count(lambda p, n: math.ceil(p * n))),
    Mistake("you take p for per cent. It is a share: 0.1 is a tenth.", of_count(lambda p, n: round(p * n / 100))),
    *(
        Mistake("your child is one entry too small: is the threshold itself left out?", of_count(count))
        for count in (lambda p, n: round(p * n) - 1, lambda p, n: max(round(p * n) - 1, 0))
    ),
    Mistake(
        "your child is one entry too large. It has round(p * n) entries.",
        of_count(lambda p, n: min(round(p * n) + 1, n)),
    ),
]


def is_exact_among_equals(answer, rng):
    """Many zeros, and the threshold lies among them, or among other equal entries."""
    top = torch.tensor(rng.uniform(1, 2, size=6))
    fisher = {"a": torch.cat([top[:3], torch.zeros(9)]), "b": torch.cat([torch.zeros(8), top[3:]]).reshape(1, 11)}
    for low, p in ((0.0, 10 / 23), (0.5, 10 / 23), (0.0, 1.0)):
        given = {name: f.clamp(min=low) for name, f in fisher.items()}
        masks = {name: torch.as_tensor(mask).bool() for name, mask in answer(given, p).items()}
        count = sum(int(mask.sum()) for mask in masks.values())
        if count != round(p * 23):
            left = "Take as many of the equal ones as are missing" if count in (6, 23) else "It is round(p * n)"
            wrong(
                f"of 23 entries, of which 17 are equal, you choose {count} at p = {p:.3f}; it has to be "
                f"{round(p * 23)}. {left}"
            )
        if not all(masks[name][fisher[name] > 0.9].all() for name in fisher):
            wrong("where the threshold lies among equal entries, you leave out one that is larger")


def scale_does_not_matter(answer, rng):
    fisher = drawn(rng, {"a": (5, 3), "b": (8,)})
    once, again = answer(fisher, 0.4), answer({name: 1e6 * f for name, f in fisher.items()}, 0.4)
    if not all(torch.equal(torch.as_tensor(once[name]), torch.as_tensor(again[name])) for name in fisher):
        wrong("with every entry a million times as large the child has to be the same; yours changes")


LAWS = [is_exact_among_equals, scale_does_not_matter]
