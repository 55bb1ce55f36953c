"""Against a walk over all numbers, one at a time."""

import math

import torch

from recall_learn.practice import Mistake, case, wrong

HEADS = ("classifier", "score", "head.dense", "qa_outputs", "top")


def drawn(rng, layers, d, head):
    """A model with its head, and its anchors: the layers are in another order there."""
    shapes = {"embeddings.weight": (d + 2, d)}
    for layer in range(layers):
        # "heads" and "score" are parts of the encoder here: names do not tell what is new
        shapes |= {f"layer.{layer}.heads.weight": (d, d), f"layer.{layer}.score.bias": (d,)}
    anchors = {name: torch.tensor(rng.normal(size=shape)) for name, shape in shapes.items()}
    far = rng.uniform(0.2, 2.0)
    weights = {name: anchor + far * torch.tensor(rng.normal(size=anchor.shape)) for name, anchor in anchors.items()}
    weights |= {
        f"{head}.weight": torch.tensor(rng.normal(size=(2, d))),
        f"{head}.bias": torch.tensor(rng.normal(size=2)),
    }
    order = [n for layer in reversed(range(layers)) for n in shapes if n.startswith(f"layer.{layer}.")]
    return weights, {name: anchors[name] for name in ["embeddings.weight", *order]}


def cases(rng):
    sizes = ((2, 3), (3, 2), (2, 5), (4, 4))
    heads = rng.permutation(HEADS)
    pairs = [drawn(rng, layers, d, str(head)) for (layers, d), head in zip(sizes, heads, strict=False)]
    return [case(*pair, number_of_weights=sum(a.numel() for a in pair[1].values())) for pair in pairs]


def reference(weights, anchors):
    squares = 0.0
    for name in anchors:
        for now, home in zip(weights[name].flatten().tolist(), anchors[name].flatten().tolist(), strict=True):
            squares += (now - home) ** 2
    return math.sqrt(squares)


def moves(weights, anchors):
    return [weights[name] - anchors[name] for name in anchors]


def root_of_mean(weights, anchors):
    return reference(weights, anchors) / math.sqrt(sum(anchor.numel() for anchor in anchors.values()))


def with_head(weights, anchors):
    return reference(weights, {name: anchors.get(name, torch.zeros_like(now)) for name, now in weights.items()})


def by_position(weights, anchors):
    pairs = zip(weights.values(), anchors.values(), strict=False)
    return sum((now - home).square().sum() for now, home in pairs).sqrt()


def spectral(weights, anchors):
    return sum(torch.linalg.norm(move, 2).square() for move in moves(weights, anchors)).sqrt()


def lengths_apart(weights, anchors):
    return abs(
        math.sqrt(sum(weights[n].square().sum() for n in anchors))
        - math.sqrt(sum(home.square().sum() for home in anchors.values()))
    )


MISTAKES = [
    Mistake(
        "this is the square of the distance: the root is missing. You are in company, for what the released RecAdam "
        'code logs as "Euclid distance" is the squared sum too. Take the root, once, at the end.',
        lambda weights, anchors: reference(weights, anchors) ** 2,
    ),
    Mistake(
        "you add up the lengths of the tensors' moves. Lengths do not add (3 and 4 at a right angle make 5), squares "
        "do: one sum of squares over all tensors, then one root.",
        lambda weights, anchors: sum(move.norm() for move in moves(weights, anchors)),
    ),
    Mistake(
        "you take the mean of the tensors' distances. The model is one long vector: one sum of squares over all "
        "tensors, then one root.",
        lambda weights, anchors: sum(move.norm() for move in moves(weights, anchors)) / len(anchors),
    ),
    Mistake(
        "the new head counts in your distance, as if its home were zero. It has no pretrained weights: go through the "
        "names in `anchors` only.",
        with_head,
    ),
    Mistake(
        "you take the mean of the squares, over all {number_of_weights} weights in this case, before the root. That "
        "says how far one weight went, as a root mean square. The distance is the root of their sum.",
        root_of_mean,
    ),
    Mistake(
        "this is the mean of the squares. The distance is the root of their sum.",
        lambda weights, anchors: root_of_mean(weights, anchors) ** 2,
    ),
    Mistake(
        "you pair the tensors by their position. The two dictionaries are in different orders, so you measure from one "
        "layer to another. Pair by name: weights[name] - anchors[name].",
        by_position,
    ),
    Mistake(
        "norm(..., 2) of a matrix is its largest singular value, not the root of the sum of its squares. Flatten the "
        "matrix first, or leave the 2 out.",
        spectral,
    ),
    Mistake(
        "you add up how far each weight went, without its sign. That is another distance (by blocks, not as the crow "
        "flies). Square, sum, root.",
        lambda weights, anchors: sum(move.abs().sum() for move in moves(weights, anchors)),
    ),
    Mistake(
        "you compare the length of the weights with that of the anchors. A model can turn around and keep its length: "
        "subtract first, weight by weight, then take the length.",
        lengths_apart,
    ),
]


def is_zero_at_home(answer, rng):
    _, anchors = drawn(rng, 2, 3, "classifier")
    if abs(float(answer({name: anchor.clone() for name, anchor in anchors.items()}, anchors))) > 1e-6:
        wrong("weights that have not moved should be at distance 0")


def leaves_the_head_out(answer, rng):
    weights, anchors = drawn(rng, 2, 3, "top")
    before = float(answer(weights, anchors))
    after = float(answer(weights | {"top.weight": weights["top.weight"] + 10}, anchors))
    if not math.isclose(before, after, rel_tol=1e-4):
        wrong("your distance changes when only the new head moves, and the head does not count")


def does_not_see_how_tensors_are_cut(answer, rng):
    weights, anchors = drawn(rng, 2, 4, "top")
    whole = float(answer(weights, anchors))
    name = "embeddings.weight"
    for values in (weights, anchors):
        values |= {f"{name}.{i}": part for i, part in enumerate(values.pop(name).split(3))}
    if not math.isclose(whole, float(answer(weights, anchors)), rel_tol=1e-4):
        wrong("your distance changes when one tensor is stored as two; the weights are the same, so it must not")


LAWS = [is_zero_at_home, leaves_the_head_out, does_not_see_how_tensors_are_cut]
