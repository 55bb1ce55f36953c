"""Parameter by parameter: whether it trains, and whether it is in the list, by the names that a tensor has."""

from collections import Counter

import numpy as np
import torch
from torch import nn

from recall_learn.practice import Mistake, array, built, case, wrong
from recall_learn.practice.compare import numeric

MAY_CHANGE = ("model",)
D = 3


class Embeddings(nn.Module):
    def __init__(self):
        super().__init__()
        self.words, self.norm = nn.Embedding(7, D), nn.LayerNorm(D)


class Layer(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.up, self.down, self.norm = nn.Linear(D, width), nn.Linear(width, D), nn.LayerNorm(D)


def drawn(layers, tied, frozen, order):
    """A model whose parts are registered in some order, with old gradients; ``frozen`` names what is frozen already."""
    model = nn.Module()
    parts = {
        "embeddings": Embeddings,
        "layers": lambda: nn.ModuleList([Layer(4 + i) for i in range(layers)]),
        "norm": lambda: nn.LayerNorm(D),
        "head": lambda: nn.Linear(D, 7),
    }
    for name in order:
        model.add_module(name, parts[name]())
    if tied:
        model.head.weight = model.embeddings.words.weight
    for name in frozen:
        model.get_submodule(name).requires_grad_(False)
    for p in model.parameters():
        p.grad = torch.ones_like(p)
    return model


ORDERS = (("embeddings", "layers", "norm", "head"), ("head", "norm", "embeddings", "layers"))


def cases(rng):
    layers, some = int(rng.integers(4, 6)), int(rng.integers(1, 3))
    top = f"layers.{layers - 1}.down"
    kinds = [
        (layers, False, (), 0, some),
        (layers, True, (), 1, some),
        (layers, False, (top, "norm"), 0, 2),
        (3, False, (), 1, 0),
        (3, True, ("layers.2.norm",), 0, 0),
        (layers, False, (), 0, layers),
        (1, True, (), 1, 1),
        (int(rng.integers(7, 9)), False, ("layers.0.up",), 1, 3),
    ]
    return [
        case(built(drawn, layers, tied, frozen, ORDERS[order]), count) for layers, tied, frozen, order, count in kinds
    ]


def tensors(model):
    """Each parameter with all its names."""
    found = {}
    for name, p in model.named_parameters(remove_duplicate=False):
        found.setdefault(id(p), ([], p))[0].append(name)
    return list(found.values())


def said(trains, times):
    beside = "" if times == trains else ", and is not in your list" if not times else ", and is in your list"
    return f"{'trains' if trains else 'is frozen'}{beside if times < 2 else f', and is in your list {times} times'}"


def play(entry, model, count):
    values = {name: p.detach().clone() for name, p in model.named_parameters()}
    found = entry(model, count)
    if found is None:
        return None
    if not isinstance(found, list | tuple) or len(found) != 2:
        wrong("your result has to be two values: the list of names, and the share")
    listed, share = found
    if isinstance(listed, str) or not hasattr(listed, "__iter__"):
        wrong(f"your first result is a {type(listed).__name__}; it has to be a list of names")
    named = dict(model.named_parameters(remove_duplicate=False))
    listed = list(listed)
    for each in listed:
        if not isinstance(each, str) or each not in named:
            what = repr(each) if isinstance(each, str) else f"a {type(each).__name__}"
            wrong(f"in your list is {what}, which is no name that `model.named_parameters()` gives")
    if not numeric(share) or array(share).size != 1:
        wrong("your second result has to be a number, the share")
    for name, p in model.named_parameters():
        if not torch.equal(p, values[name]) or p.grad is None or not bool((p.grad == 1).all()):
            wrong(f"{name} has another value or gradient than before. Freezing changes neither")
    times = Counter(id(named[name]) for name in listed)
    return {names[0]: said(p.requires_grad, times[id(p)]) for names, p in tensors(model)}, share


def result(freeze, listed=None, share=None):
    """What comes out if what ``freeze`` says is frozen: of the names of a parameter, the layers' number and the count.

    ``listed`` and ``share`` are of all parameters as (names, parameter, whether it trains).
    """

    def found(model, count):
        layers = len(model.layers)
        rows = [(names, p, p.requires_grad and not freeze(names, layers, count)) for names, p in tensors(model)]
        times = listed(rows) if listed else [int(trains) for *_, trains in rows]
        words = {names[0]: said(trains, n) for (names, _, trains), n in zip(rows, times, strict=True)}
        return words, (share or of_weights)(rows)

    return found


def of_weights(rows):
    return sum(p.numel() for _, p, trains in rows if trains) / sum(p.numel() for _, p, _ in rows)


def place(name):
    """The number of the layer that it is in, or None."""
    return int(name.split(".")[1]) if name.startswith("layers.") else None


def low(name, layers, count):
    return name.startswith("embeddings") or (name.startswith("layers") and place(name) < layers - count)


def right(names, layers, count):
    return any(low(name, layers, count) for name in names)


def reference(model, count):
    return result(right)(model, count)


def unfreezing(model, count):
    """All above is set to train, whatever it was before."""
    words, _ = {}, None
    rows = [(names, p, not right(names, len(model.layers), count)) for names, p in tensors(model)]
    words = {names[0]: said(trains, int(trains)) for names, _, trains in rows}
    return words, of_weights(rows)


def unfreezing_the_head(model, count):
    """The head and the norm are set to train at last, and with them what is tied to them."""

    def trains(names, p):
        above = any(name.startswith(("head", "norm")) for name in names)
        return above or (p.requires_grad and not right(names, len(model.layers), count))

    rows = [(names, p, trains(names, p)) for names, p in tensors(model)]
    return {names[0]: said(each, int(each)) for names, _, each in rows}, of_weights(rows)


def of_names(rows):
    """Tied ones counted once for each name."""
    count = [(len(names) * p.numel(), trains) for names, p, trains in rows]
    return sum(n for n, trains in count if trains) / sum(n for n, _ in count)


def only_layers(model, count):
    words, _ = reference(model, count)
    rows = [(names, p, p.requires_grad and not right(names, len(model.layers), count)) for names, p in tensors(model)]
    inside = [(names, p, trains) for names, p, trains in rows if names[0].startswith("layers")]
    return words, of_weights(inside)


MISTAKES = [
    Mistake(
        "with a count of 0 all layers train in yours: `[:-0]` is `[:0]`, and empty. Count from the bottom, "
        "`len(model.layers) - count`.",
        result(lambda names, layers, count: right(names, layers, count or layers)),
    ),
    Mistake(
        "you train the lowest layers and freeze the uppermost. The first in `model.layers` is the lowest.",
        result(
            lambda names, layers, count: any(
                name.startswith("embeddings") or (name.startswith("layers") and place(name) >= count) for name in names
            )
        ),
    ),
    Mistake(
        "you freeze `count` layers. So many train, and the others are frozen.",
        result(lambda names, layers, count: right(names, layers, layers - count)),
    ),
    Mistake(
        "your embeddings train. They are below all layers.",
        result(
            lambda names, layers, count: any(name.startswith("layers") and low(name, layers, count) for name in names)
        ),
    ),
    Mistake(
        "the norm and the head are frozen in yours. They come after the layers, and train.",
        result(lambda names, layers, count: right(names, layers, count) or names[0].startswith(("norm", "head"))),
    ),
    Mistake(
        "the norm is frozen in yours. It comes after the layers, and trains.",
        result(lambda names, layers, count: right(names, layers, count) or names[0].startswith("norm")),
    ),
    Mistake(
        "you set what is above to train, and so unfreeze what was frozen already. Only ever freeze.",
        unfreezing,
    ),
    Mistake(
        "a tensor with a name below and a name above trains in yours. It is below: who moves it moves the embeddings.",
        result(lambda names, layers, count: all(low(name, layers, count) for name in names)),
    ),
    Mistake(
        "you set the norm and the head to train. That unfreezes what was frozen, or what is tied to something below.",
        unfreezing_the_head,
    ),
    Mistake(
        "your list names the frozen ones too. An optimizer goes on with an old gradient, and decays them.",
        result(right, listed=lambda rows: [1 for _ in rows]),
    ),
    Mistake(
        "a tensor with two names counts twice in your share.",
        result(right, share=of_names),
    ),
    Mistake(
        "your share is one of tensors. Wanted is that of weights: count their entries.",
        result(right, share=lambda rows: sum(trains for *_, trains in rows) / len(rows)),
    ),
    Mistake("your share is that of what is frozen.", result(right, share=lambda rows: 1 - of_weights(rows))),
    Mistake(
        "your share is how many weights train for one that is frozen. Divide by all.",
        result(right, share=lambda rows: 1 / (1 / of_weights(rows) - 1)),
    ),
    Mistake("your share is that within the layers. Embeddings, norm and head count too.", only_layers),
]


def steps_nothing_below(answer, rng):
    """The share falls with the count, and the list of a smaller count is a part of that of a larger one."""
    before, share = None, -1.0
    model = built(drawn, 4, bool(rng.integers(2)), (), ORDERS[0])
    for count in range(5):
        words, now = answer(model, count)
        mine = {name for name, word in words.items() if word.startswith("trains")}
        if before is not None and (not before <= mine or now < share):
            wrong(f"with count = {count} fewer weights train in yours than with count = {count - 1}")
        before, share = mine, now
    if np.isclose(share, 1.0):
        wrong("with all layers your share is 1, but the embeddings are frozen and count among all weights")


LAWS = [steps_nothing_below]
