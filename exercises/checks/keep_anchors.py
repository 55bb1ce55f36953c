"""The anchors are looked at after the model's weights were moved."""

from collections.abc import Mapping

import numpy as np
import torch
from torch import nn

from recall_learn.practice import Mistake, built, case, wrong

HEADS = ("head", "classifier", "score", "qa_outputs", "decoder")


def drawn(seed, head, d):
    """A model with a head, and an encoder that has a part of the same name, and a buffer."""
    rng = np.random.default_rng(seed)
    with torch.random.fork_rng(devices=[]):  # the layers draw weights, which are replaced
        body = nn.ModuleDict({"embeddings": nn.Embedding(d + 2, d), head: nn.Linear(d, d), "norm": nn.LayerNorm(d)})
        model = nn.ModuleDict({"encoder": body, head: nn.Linear(d, 2)})
    body.register_buffer("position_ids", torch.arange(d + 2))
    body["norm"].weight.requires_grad_(False)  # it may train later
    with torch.no_grad():
        for weight in model.parameters():
            weight.copy_(torch.tensor(rng.normal(size=tuple(weight.shape))))
    return model


def cases(rng):
    heads = [str(head) for head in rng.permutation(HEADS)]
    sizes = zip(heads, (3, 2, 4, 1), strict=False)
    return [case(built(drawn, int(rng.integers(2**31)), head, d), f"{head}.") for head, d in sizes]


def reference(model, head):
    found = {}
    for name, module in model.named_modules():
        for part, weight in module._parameters.items():
            if weight is not None and f"{name}.".find(head) != 0:
                found[f"{name}.{part}"] = np.array(weight.tolist())
    return found


def step(weight):
    """Where a weight goes when the model trains."""
    return 1 - 2 * weight


def frozen(anchor):
    """An anchor's numbers as they are now."""
    if isinstance(anchor, torch.Tensor):
        return anchor.detach().clone()
    return np.array(anchor) if isinstance(anchor, np.ndarray) else anchor


def play(entry, model, head, asking=False):
    """The anchors' numbers after the model has moved; or whether any of them asks for a gradient."""
    anchors = entry(model, head)
    if not isinstance(anchors, Mapping):
        return anchors
    if asking:
        return any(getattr(anchor, "requires_grad", False) for anchor in anchors.values())
    home = {name: weight.detach().clone() for name, weight in model.named_parameters()}
    with torch.no_grad():
        for weight in model.parameters():
            weight.copy_(step(weight))
        kept = {name: frozen(anchor) for name, anchor in anchors.items()}
        for name, weight in model.named_parameters():
            weight.copy_(home[name])
    return kept


def encoder(name, head):
    return not name.startswith(head)


def wrongly(moved=False, buffers=False, keep=encoder):
    """What comes out with some things done wrong."""

    def function(model, head):
        found = {n: step(w) if moved else w for n, w in model.named_parameters() if keep(n, head)}
        return found | ({n: b for n, b in model.named_buffers() if keep(n, head)} if buffers else {})

    return function


def by_substring(name, head):
    return head not in name


def everything(name, head):
    return True


def head_alone(name, head):
    return name.startswith(head)


MOVES = (
    "your anchors move when the model trains: they share their memory with the weights, so the distance is always 0 "
    "and the pull does nothing. `detach()`, `.data` and `state_dict()` copy no numbers. Make a copy of each: `clone()`."
)
HEAD = (
    "the new head is among your anchors. It was drawn at random, so to hold it there is to hold it nowhere: leave out "
    "the names that begin with `head`."
)
MISTAKES = [
    *(
        Mistake(MOVES, wrongly(moved=True, buffers=buffers, keep=keep))
        for buffers in (False, True)
        for keep in (encoder, everything, by_substring)
    ),
    *(Mistake(HEAD, wrongly(buffers=buffers, keep=everything)) for buffers in (False, True)),
    Mistake(
        "you look for `head` anywhere in the name, and so a part of the encoder has lost its anchor. The head's names "
        "begin with it.",
        wrongly(keep=by_substring),
    ),
    Mistake(
        "a buffer is among your anchors (`position_ids`). `state_dict()` holds what a model saves, buffers included; "
        "what an optimizer trains is in `named_parameters()`.",
        wrongly(buffers=True),
    ),
    Mistake(
        "you have anchors for the head, and none for the encoder. It is the other way round: leave out the names that "
        "begin with `head`.",
        wrongly(keep=head_alone),
    ),
]


def needs_no_gradient(answer, rng):
    if answer(built(drawn, int(rng.integers(2**31)), "head", 2), "head.", True):
        wrong(
            "an anchor of yours still asks for a gradient. A `clone()` alone stays in the graph: the gradient of "
            "(weight - anchor)^2 then reaches the weight along two paths, which cancel, and nothing pulls. A copy of a "
            "parameter would be trained itself. `detach()` it first."
        )


LAWS = [needs_no_gradient]
