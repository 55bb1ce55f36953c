"""The anchors are looked at after the model's weights were moved."""

import re
from collections.abc import Mapping

import numpy as np
import torch
from torch import nn

from recall_learn.practice import Mistake, built, case, wrong

HEADS = ("head", "classifier", "score", "qa_outputs", "decoder")
BODIES = ("encoder", "bert", "model", "backbone", "transformer")


def drawn(seed, shapes, buffers, narrow=False):
    """A model with weights of these names, each with a gradient; ``*.out.weight`` is tied to the one before it."""
    rng = np.random.default_rng(seed)
    dtype = torch.float32 if narrow else torch.float64
    model, last = nn.Module(), None
    for name, shape in shapes.items():
        weight = (
            last if name.endswith(".out.weight") else nn.Parameter(torch.tensor(rng.normal(size=shape), dtype=dtype))
        )
        owner(model, name).register_parameter(name.split(".")[-1], weight)
        weight.grad = torch.ones_like(weight)
        last = weight
    weight.requires_grad_(False)  # it may train later
    for name in buffers:
        owner(model, name).register_buffer(name.split(".")[-1], torch.arange(3))
    return model.train(narrow)


def owner(model, name):
    """The module that a name's last part belongs to; one that is not there is made."""
    for part in name.split(".")[:-1]:
        if part not in model._modules:
            model.add_module(part, nn.Module())
        model = model._modules[part]
    return model


def cases(rng):
    """A part of the body called as the head; names that go on where the head's ends; a head in two parts; no point."""
    (a, b, c, d), (k, m, n, o) = (map(str, rng.permutation(all)[:4]) for all in (HEADS, BODIES))
    size = int(rng.integers(2, 5))
    square = (size, size)
    models = [
        (
            {f"{k}.embeddings.weight": (size + 2, size), f"{k}.{a}.weight": square, f"{k}.{a}.bias": (size,)}
            | {f"{a}.weight": (2, size), f"{a}.bias": (2,), f"{k}.norm.weight": (size,)},
            (f"{k}.position_ids",),
            f"{a}.",
        ),
        (
            {"scale": (1,), f"{b}.weight": square, f"{b}_norm.weight": (size,), f"{b}_norm.bias": (size,)}
            | {f"{m}.layer.weight": square, f"{m}.layer.bias": (size,), f"{b.title()}.weight": (size,)},
            (f"{m}.{b}.position_ids", f"{m}.position.weight"),
            f"{b}.",
        ),
        (
            {f"cls.{c}.weight": square, f"cls.{c}.bias": (size,), "cls.pooler.weight": square, "cls.pooler.bias": (1,)}
            | {f"cls_{c}.weight": square, f"{n}.embeddings.weight": (size, 3), f"{n}.out.weight": (size, 3)},
            (),
            f"cls.{c}.",
        ),
        (
            {f"{o}.weight": (1, 1), f"{o}.my_{d}.weight": (1, 1), f"{d}.weight": (2, 1), f"{d}_2.weight": (1,)}
            | {f"{o}.temperature": ()},
            (f"{o}.steps",),
            d,
        ),
    ]
    return [
        case(built(drawn, int(rng.integers(2**31)), shapes, buffers, i % 2 == 0), head)
        for i, (shapes, buffers, head) in enumerate(models)
    ]


def reference(model, head):
    found, seen = {}, set()
    for place, module in model.named_modules():
        for part, weight in module._parameters.items():
            name = f"{place}.{part}".lstrip(".")
            if name.find(head) != 0 and id(weight) not in seen:
                found[name] = np.array(weight.tolist())
            seen.add(id(weight))
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
    kinds = {name: weight.dtype for name, weight in model.named_parameters()}
    anchors = entry(model, head)
    if any(kinds.get(name, weight.dtype) != weight.dtype for name, weight in model.named_parameters()):
        wrong("your function changes the dtype of the model's weights. `.float()` and `.double()` of a model change it")
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


def wrongly(moved=False, buffers=False, keep=encoder, once=True, only=lambda weight: True):
    """What comes out with some things done wrong."""

    def function(model, head):
        weights = model.named_parameters(remove_duplicate=once)
        found = {n: step(w) if moved else w for n, w in weights if keep(n, head) and only(w)}
        return found | ({n: b for n, b in model.named_buffers() if keep(n, head)} if buffers else {})

    return function


def by_substring(name, head):
    return head not in name


def everything(name, head):
    return True


def by_pattern(name, head):
    return not re.match(head, name)


def without_point(name, head):
    return not name.startswith(head.rstrip("."))


def by_first_part(name, head):
    return name.split(".")[0] != head.rstrip(".")


def by_both_first_parts(name, head):
    return name.split(".")[0] != head.split(".")[0]


def of_encoder(name, head):
    return name.startswith("encoder.")


def head_alone(name, head):
    return name.startswith(head)


MOVES = (
    "your anchors move when the model trains: they share their memory with the weights, so the distance is always 0 "
    "and the pull does nothing. `detach()`, `.data` and `state_dict()` copy no numbers. Make a copy of each: `clone()`."
)
HEAD = (
    "the new head is among your anchors. It was drawn at random, so it has nothing to remember: leave out the names "
    "that begin with `head`."
)
STATES = ((False, True), (True, True), (True, False))  # the last is a `state_dict()`, where tied weights are twice
MISTAKES = [
    *(
        Mistake(MOVES, wrongly(moved=True, buffers=buffers, keep=keep, once=once))
        for buffers, once in STATES
        for keep in (encoder, everything, by_substring, by_first_part)
    ),
    *(Mistake(HEAD, wrongly(buffers=buffers, keep=everything, once=once)) for buffers, once in STATES),
    Mistake(
        "you look for `head` anywhere in the name, and so a part of the encoder has lost its anchor. The head's names "
        "begin with it.",
        wrongly(keep=by_substring),
    ),
    Mistake(
        "you take `head` for a pattern: in `re.match` its dot stands for any character, and so a part of the encoder "
        "has lost its anchor. Ask `name.startswith(head)`.",
        wrongly(keep=by_pattern),
    ),
    Mistake(
        "you take the dot off `head`. Without it other names begin like that too (`score_norm.weight` is no part of "
        "`score.`), and these parts of the encoder have lost their anchors.",
        wrongly(keep=without_point),
    ),
    *(
        Mistake(
            "you compare the first part of a name. `head` may have two parts, such as `cls.score.`, or be the "
            "beginning of one: ask `name.startswith(head)`.",
            wrongly(keep=keep),
        )
        for keep in (by_first_part, by_both_first_parts)
    ),
    Mistake(
        "you keep the names that begin with `encoder.`, and in many models there are none. All are kept but those that "
        "begin with `head`.",
        wrongly(keep=of_encoder),
    ),
    Mistake(
        "a tied weight is among your anchors under both its names. `model.named_parameters()` has it once, under the "
        "first.",
        wrongly(once=False),
    ),
    Mistake(
        "a weight that asks for no gradient now has no anchor in yours. It may be trained later: take all parameters.",
        wrongly(only=lambda weight: weight.requires_grad),
    ),
    Mistake(
        "your weights of one dimension have no anchors. Biases and norms are pretrained too: take all parameters.",
        wrongly(only=lambda weight: weight.ndim > 1),
    ),
    *(
        Mistake(
            "a buffer is among your anchors (such as `position_ids`). `state_dict()` holds what a model saves, buffers "
            "included; what an optimizer trains is in `named_parameters()`.",
            wrongly(buffers=True, once=once),
        )
        for once in (True, False)
    ),
    Mistake(
        "you have anchors for the head, and none for the encoder. It is the other way round: leave out the names that "
        "begin with `head`.",
        wrongly(keep=head_alone),
    ),
]


def needs_no_gradient(answer, rng):
    shapes = {"encoder.weight": (2, 2), "head.weight": (2, 2), "encoder.bias": (2,)}
    if answer(built(drawn, int(rng.integers(2**31)), shapes, ()), "head.", True):
        wrong(
            "an anchor of yours still asks for a gradient. A `clone()` alone stays in the graph: the gradient of "
            "(weight - anchor)^2 then reaches the weight along two paths, which cancel, and nothing pulls. A copy of a "
            "parameter would be trained itself. `detach()` it first."
        )


LAWS = [needs_no_gradient]
