"""Against a walk over all numbers, one at a time."""

import math

import numpy as np
import torch

from recall_learn.practice import Mistake, case, wrong

HEADS = ("classifier", "score", "head.dense", "qa_outputs", "layer.top")


def steps(rng, size, shape):
    return torch.tensor(np.round(64 * size * rng.normal(size=shape)) / 64)


def drawn(rng, layers, d, head):
    """A model with its head, and its anchors: the layers are in another order there.

    All numbers are multiples of 1/64, so that many moves are the same to the last digit; one tensor has not moved.
    """
    shapes = {"embeddings.weight": (40 + d, d), "embeddings.scale": (1,), "embeddings.norm.weight": (d,)}
    for layer in range(layers):
        # "heads" and "score" are parts of the encoder here: names do not tell what is new
        shapes |= {f"layer.{layer}.heads.weight": (d, d), f"layer.{layer}.score.bias": (d,)}
    anchors = {name: steps(rng, 1.0, shape) for name, shape in shapes.items()}
    far = rng.uniform(0.2, 2.0)
    weights = {name: anchor + steps(rng, far, anchor.shape) for name, anchor in anchors.items()}
    weights["embeddings.scale"] = anchors["embeddings.scale"] + round(far) + 3
    weights["layer.1.score.bias"] = anchors["layer.1.score.bias"].clone()  # neither the first tensor nor the last
    weights["layer.1.heads.weight"] = anchors["layer.1.heads.weight"] + weights["layer.0.heads.weight"]
    weights["layer.1.heads.weight"] -= anchors["layer.0.heads.weight"]
    weights |= {
        f"{head}.weight": torch.tensor(rng.normal(size=(2, d))),
        f"{head}.bias": torch.tensor(rng.normal(size=2)),
    }
    order = [n for layer in reversed(range(layers)) for n in shapes if n.startswith(f"layer.{layer}.")]
    first = [n for n in shapes if n.startswith("embeddings.")]
    return weights, {name: anchors[name] for name in [*first, *order]}


def cases(rng):
    sizes = ((2, 3), (3, 2), (2, 5), (4, 4))
    heads = ["layer.top", *rng.permutation(HEADS)]  # the name of a head may begin as one of the encoder does
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


def one_move(weights, anchors, place):
    """The squared length of one tensor's move."""
    return moves(weights, anchors)[place].square().sum()


def rooted_again(weights, anchors):
    """A root after each tensor, of all that was added up until then."""
    total = 0.0
    for move in moves(weights, anchors):
        total = math.sqrt(total + move.square().sum())
    return total


def sum_of_moves(weights, anchors):
    """Each move with its sign, and no square."""
    return sum(move.sum() for move in moves(weights, anchors))


def squares_apart(weights, anchors):
    return sum((weights[name].square() - anchors[name].square()).sum() for name in anchors)


def root_of_mean(weights, anchors):
    return reference(weights, anchors) / math.sqrt(sum(anchor.numel() for anchor in anchors.values()))


def with_head(weights, anchors):
    return reference(weights, {name: anchors.get(name, torch.zeros_like(now)) for name, now in weights.items()})


def without(*parts):
    """The anchors without those that have one of these in their name."""
    return lambda weights, anchors: reference(
        weights, {name: home for name, home in anchors.items() if not any(part in name for part in parts)}
    )


def where(keeps):
    """The distance over the tensors that ``keeps(move)`` keeps."""
    return lambda weights, anchors: math.sqrt(sum(m.square().sum() for m in moves(weights, anchors) if keeps(m)))


def each_once(weights, anchors):
    return math.sqrt(sum(n * n for n in {n for move in moves(weights, anchors) for n in move.flatten().tolist()}))


def each_tensor_once(weights, anchors):
    return math.sqrt(
        sum(n * n for move in {tuple(m.flatten().tolist()) for m in moves(weights, anchors)} for n in move)
    )


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


ONE_TENSOR = (
    "only the first tensor of `anchors` counts in yours. Is the `return` inside the loop? It belongs after the loop, "
    "with as much space before it as the `for` has."
)
LAST_TENSOR = (
    "only the last tensor of `anchors` counts in yours. A line `total = ...` in the loop throws away what was there: "
    "add to it, `total = total + ...`."
)
ROOT_IN_LOOP = (
    "you take a root inside the loop. Add up the squares of all tensors there, and take the root once, after the loop."
)
NO_SQUARES = (
    "you add up the differences of a tensor before they are squared, or without squaring them. Moves up and moves "
    "down cancel then. Square each difference first: `((weights[name] - anchor) ** 2).sum()`."
)
SQUARES_APART = (
    "you subtract squares from squares. The square of a difference is asked for, and 5 * 5 - 3 * 3 is not (5 - 3) * "
    "(5 - 3). Subtract first, then square."
)
MISTAKES = [
    *(
        Mistake(says, lambda weights, anchors, place=place, power=power: one_move(weights, anchors, place) ** power)
        for says, place in ((ONE_TENSOR, 0), (LAST_TENSOR, -1))
        for power in (0.5, 1)
    ),
    Mistake(ROOT_IN_LOOP, rooted_again),
    Mistake(ROOT_IN_LOOP, lambda weights, anchors: sum(move.norm() for move in moves(weights, anchors)) ** 0.5),
    Mistake(NO_SQUARES, sum_of_moves),
    Mistake(NO_SQUARES, lambda weights, anchors: sum_of_moves(weights, anchors).abs()),
    Mistake(NO_SQUARES, lambda weights, anchors: sum_of_moves(weights, anchors) ** 2),
    Mistake(NO_SQUARES, lambda weights, anchors: sum_of_moves(weights, anchors).sqrt()),
    Mistake(NO_SQUARES, lambda weights, anchors: sum(move.sum() ** 2 for move in moves(weights, anchors)).sqrt()),
    Mistake(NO_SQUARES, lambda weights, anchors: sum(move.sum() ** 2 for move in moves(weights, anchors))),
    Mistake(NO_SQUARES, lambda weights, anchors: sum(move.sum().abs() for move in moves(weights, anchors))),
    Mistake(SQUARES_APART, lambda weights, anchors: squares_apart(weights, anchors).sqrt()),
    Mistake(SQUARES_APART, squares_apart),
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
    *(
        Mistake(
            "tensors of the encoder are missing in your sum. Some of them have `head` or `score` in their names, and "
            "they are not new. Do not judge by a word in the name: ask whether the name is in `anchors`.",
            without(*parts),
        )
        for parts in (("head",), ("score",), ("head", "score"))
    ),
    Mistake("the biases are missing in your sum. They are pretrained weights too.", without("bias")),
    Mistake("only matrices count in your sum. Biases and scales are weights too.", where(lambda m: m.ndim > 1)),
    Mistake("a tensor of a single number is left out in yours. It counts too.", where(lambda m: m.numel() > 1)),
    Mistake(
        "equal moves count once in yours (in a set, or as the keys of a dictionary). Each weight counts, also if "
        "another one moved just as far.",
        each_once,
    ),
    Mistake("tensors that made the same move count once in yours. Each of them counts.", each_tensor_once),
    Mistake(
        "only weights that became larger count in yours. A move down is squared as well.",
        lambda weights, anchors: math.sqrt(sum(m.clamp(min=0).square().sum() for m in moves(weights, anchors))),
    ),
    Mistake(
        "this is the farthest move of a single weight. The distance is the root of the sum of all squared moves.",
        lambda weights, anchors: max(m.abs().max() for m in moves(weights, anchors)),
    ),
    Mistake(
        "you take the mean of the squares in each tensor. One sum over all numbers of all tensors, then one root.",
        lambda weights, anchors: math.sqrt(sum(m.square().mean() for m in moves(weights, anchors))),
    ),
    Mistake(
        "you divide by the length of the anchors: a relative distance. Asked for is the distance itself.",
        lambda weights, anchors: (
            reference(weights, anchors) / math.sqrt(sum(home.square().sum() for home in anchors.values()))
        ),
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
        "you take the root of a sum that holds no squares: you add up how far each weight went. Square each difference "
        "first, then sum, then root.",
        lambda weights, anchors: sum(move.abs().sum() for move in moves(weights, anchors)).sqrt(),
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


FAR = np.arange(1, 61).reshape(3, 5, 4) / 2**16


def bears_a_short_way(answer, rng):
    """It names a cause, so it speaks only where the same moves are right if they are long and begin at 0."""
    anchors = {f"layer.{i}.weight": 100 + steps(rng, 1.0, (5, 4)) for i in range(3)}
    moves = [torch.tensor(signs * far) for signs, far in zip(rng.choice([-1, 1], (3, 5, 4)), FAR, strict=True)]
    zeros = {name: torch.zeros_like(home) for name, home in anchors.items()}
    long = {name: 2**12 * move for name, move in zip(anchors, moves, strict=True)}
    weights = {name: home + move for (name, home), move in zip(anchors.items(), moves, strict=True)}
    right = math.sqrt((FAR**2).sum())
    if not math.isclose(float(answer(long, zeros)), 2**12 * right, rel_tol=0.02):
        return
    found = float(answer(weights, anchors))
    if not math.isclose(found, right, rel_tol=1e-3):
        wrong(
            f"60 weights near 100 that moved by less than 0.001 are {right:.5g} from home, and yours is {found:.5g}. "
            "Subtract before you square, and never in half precision"
        )


LAWS = [is_zero_at_home, leaves_the_head_out, bears_a_short_way, does_not_see_how_tensors_are_cut]


def new_head(says, weights, anchors):
    new = any(repr(name) in says for name in weights if name not in anchors)
    return "Only `weights` has this name: it is the new head. Go through the names in `anchors`." if new else ""


RAISED = {"KeyError": new_head}
