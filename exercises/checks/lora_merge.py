"""Entry by entry in NumPy; outputs with and without the matrices; the result is looked at after the state has moved."""

import copy
from collections.abc import Mapping

import numpy as np
import torch

from recall_learn.practice import Mistake, case, same, wrong

MOVED = 1.0
"""What is added to each tensor that came in, before the result is looked at."""
PARTS = (".lora_A", ".lora_B")


def drawn(rng, dtype=torch.float64, square=False):
    """An encoder of two layers with matrices and one without, each layer's r its own."""
    size = int(rng.integers(4, 7))

    def part(*shape):
        return torch.tensor(rng.normal(size=shape), dtype=dtype)

    state = {"embeddings.weight": part(size + 2, size)}
    ranks = [2, 3] if rng.random() < 0.5 else [3, 1]
    for n, r in enumerate(ranks):
        out = size if square else size + 1 + n
        state |= {
            f"layer.{n}.query.weight": part(out, size),
            f"layer.{n}.query.bias": part(out),
            f"layer.{n}.query.lora_A": part(r, size),
            f"layer.{n}.query.lora_B": part(out, r),
            f"layer.{n}.key.weight": part(out, size),
        }
    return state | {"classifier.weight": part(2, size), "classifier.bias": part(2)}


def cases(rng):
    kinds = ((torch.float64, False), (torch.float32, True), (torch.float64, True), (torch.float32, False))
    return [
        case(drawn(rng, *kind), alpha, alpha=alpha) for kind, alpha in zip(kinds, (16.0, 4.0, 1.5, 8.0), strict=True)
    ]


def kept(value):
    """A copy of a tensor or an array."""
    return value.detach().clone() if isinstance(value, torch.Tensor) else copy.deepcopy(value)


def play(entry, state, alpha):
    """The result, read after all that came in has moved."""
    found = entry(state, alpha)
    if not isinstance(found, Mapping):
        return found
    before = [(tensor, tensor.clone()) for tensor in state.values()]
    for tensor, _ in before:
        tensor.add_(MOVED)
    read = {name: kept(each) for name, each in found.items()}
    for tensor, was in before:
        tensor.copy_(was)
    return read


def merged(state, alpha, factor=lambda alpha, r: alpha / r, change=None, rest=lambda weight: weight, rank=len):
    """The plain state, but for some part of it."""
    result = {}
    for name, tensor in state.items():
        layer = name.rpartition(".")[0]
        weight = np.array(tensor.tolist())
        if name.endswith(PARTS):
            continue
        if not name.endswith(".weight") or f"{layer}.lora_A" not in state:
            result[name] = rest(weight)
            continue
        a, b = (np.array(state[f"{layer}{part}"].tolist()) for part in PARTS)
        moved = np.array(
            [[sum(b[i, k] * a[k, j] for k in range(len(a))) for j in range(a.shape[1])] for i in range(len(b))]
        )
        moved = factor(alpha, rank(a)) * (change(a, b) if change else moved)
        result[name] = weight + moved
    return result


def reference(state, alpha):
    return merged(state, alpha)


def varied(**parts):
    return lambda state, alpha: merged(state, alpha, **parts)


def with_matrices(state, alpha):
    done = merged(state, alpha)
    return {name: done.get(name, np.array(tensor.tolist())) for name, tensor in state.items()}


def changes_alone(state, alpha):
    done = merged(state, alpha)
    with_them = {name for name in done if f"{name.removesuffix('.weight')}.lora_A" in state}
    return {n: done[n] - np.array(state[n].tolist()) if n in with_them else done[n] for n in done}


def of_first(state, alpha):
    r = len(next(tensor for name, tensor in state.items() if name.endswith(".lora_A")))
    return merged(state, alpha, rank=lambda a: r)


MISTAKES = [
    Mistake(
        "what you hand on as it came shares its memory with the state: when that moves, your result moves along. Clone "
        "it.",
        varied(rest=lambda weight: weight + MOVED),
    ),
    Mistake("alpha is not divided by r in yours.", varied(factor=lambda alpha, r: alpha)),
    Mistake(
        "you divide by the root of r. That is the rank-stabilised form; this one divides by r.",
        varied(factor=lambda alpha, r: alpha / r**0.5),
    ),
    Mistake("alpha ({alpha}) is missing.", varied(factor=lambda alpha, r: 1 / r)),
    Mistake("alpha and r are missing: the change is alpha / r times B A.", varied(factor=lambda alpha, r: 1.0)),
    Mistake("you divide by the r of the first layer. Each has its own.", of_first),
    Mistake(
        "you divide by the number of inputs. r is the number of A's rows.",
        varied(rank=lambda a: a.shape[1]),
    ),
    Mistake("the change is there twice.", varied(factor=lambda alpha, r: 2 * alpha / r)),
    Mistake("the change is taken off. Add it.", varied(factor=lambda alpha, r: -alpha / r)),
    Mistake(
        "yours is the change alone, without the pretrained weight.",
        changes_alone,
    ),
    Mistake("your change is transposed: it is B A, with the outputs in rows.", varied(change=lambda a, b: (b @ a).T)),
    Mistake("the matrices are still in yours. A plain model has no place for them.", with_matrices),
    Mistake("nothing is merged in yours.", varied(factor=lambda alpha, r: 0.0)),
]


def gives_the_same_output(answer, rng):
    state = drawn(rng)
    found, name = answer(state, 3.0), "layer.0.query"
    x = torch.tensor(rng.normal(size=state[f"{name}.weight"].shape[1]))
    a, b = (state[f"{name}{part}"] for part in PARTS)
    want = state[f"{name}.weight"] @ x + 3.0 / len(a) * (b @ (a @ x))
    if not np.allclose(np.asarray(found[f"{name}.weight"], dtype=float) @ x.numpy(), want.numpy(), atol=1e-4):
        wrong("the merged layer has to give the output of the layer with its matrices, and yours gives another")


def begins_at_the_pretrained_model(answer, rng):
    state = {name: 0 * each if name.endswith(".lora_B") else each for name, each in drawn(rng).items()}
    found = answer(state, 16.0)
    if not all(same(found[name], each) for name, each in state.items() if not name.endswith(PARTS)):
        wrong("where B is 0 the merged model is the pretrained one, and yours is not")


def keeps_the_order(answer, rng):
    state = drawn(rng)
    if list(answer(state, 2.0)) != [name for name in state if not name.endswith(PARTS)]:
        wrong("the names have to come in the order of the state")


LAWS = [gives_the_same_output, begins_at_the_pretrained_model, keeps_the_order]
