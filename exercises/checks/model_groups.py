"""Small stand-ins for models that a checkpoint filled in part: each parameter, and the group in which it should be."""

import operator
from collections.abc import Mapping

import numpy as np
import torch
from torch import nn

from recall_learn.practice import Mistake, built, case, wrong
from recall_learn.practice.compare import array, numeric

D = 3
NOWHERE = "in no group"


class Scale(nn.Module):
    """What T5 and Llama have for a norm: no bias, and no module of torch's."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(D))


PARTS = {
    "table": lambda: nn.Embedding(5, D),
    "dense": lambda: nn.Linear(D, D),
    "matrix": lambda: nn.Linear(D, 2, bias=False),
    "norm": lambda: nn.LayerNorm(D),
    "scale": Scale,
    "thin": lambda: nn.Linear(1, 2, bias=False),
    "long": lambda: nn.LayerNorm(4 * D),
    "conv": lambda: nn.Conv1d(D, 2, 2),
}
"""A module for each kind of part."""
NUMBERS = {"number": (), "token": (1, 1, D)}
"""Parts that are parameters themselves, and their shapes."""

MODELS = {
    "bert": {
        "bert.embeddings.word_embeddings": "table",
        "bert.embeddings.LayerNorm": "norm",
        "bert.encoder.layer.1.dense": "dense",
        "bert.encoder.layer.1.LayerNorm": "norm",
        "bert.pooler.dense": "dense new",
        "classifier": "dense new",
    },
    "t5": {
        "model.shared": "table",
        "model.encoder.embed_tokens": "tied model.shared missing",
        "model.encoder.relative_attention_bias": "table",
        "model.encoder.final_layer_norm": "scale",
        "model.decoder.cross_attention": "matrix new",
        "model.decoder.cross_norm": "scale new",
        "lm_head": "tied model.shared missing",
        "qa_outputs": "dense new",
    },
    "gpt": {
        "transformer.wte": "table frozen",
        "transformer.h.0.ln_1": "norm",
        "transformer.h.0.score": "dense",
        "transformer.h.0.c_attn": "dense bias new",
        "transformer.h.0.conv": "conv",
        "transformer.ln_f": "long",
        "transformer.gate": "thin",
        "score": "matrix other",
        "score_norm": "norm other",
        "adapter": "token other",
    },
    "clip": {
        "encoder.embed": "table frozen",
        "encoder.out": "tied encoder.embed missing",
        "encoder.head.dense": "dense",
        "encoder.cls_token": "token",
        "encoder.norm": "norm",
        "encoder_head.norm": "norm new",
        "head.dense": "matrix new",
        "head.out": "tied head.dense missing",
        "head.dense_norm": "norm",
        "cls.predictions": "dense",
        "logit_scale": "number",
        "logit_bias": "number new",
        "logit_bias_low": "number",
    },
    "masked": {
        "backbone.embeddings": "table",
        "backbone.layers.0.dense": "dense",
        "backbone.layers.0.norm_bias": "matrix",
        "cls.norm": "scale",
        "cls.decoder": "tied backbone.embeddings",
    },
}
"""Modules by name: the kind of part, and what happened: new (or its bias alone), of another shape (other), frozen, tied
to another one (and its own name missing); the rest was loaded. Names begin alike, and in a module not all is new."""


def drawn(kind, order, freeze):
    """A model, its modules made in some order, or all of it frozen."""
    model, parts = nn.Module(), list(MODELS[kind].items())
    for name, what in [parts[i] for i in order]:
        add(model, name, what)
    for name, what in parts:
        if what.startswith("tied"):
            model.get_submodule(name).weight = model.get_submodule(what.split()[1]).weight
        if freeze or "frozen" in what:
            at(model, name).requires_grad_(False)
    model.register_buffer("position_ids", torch.arange(4))
    return model


def add(model, name, what):
    *path, last = name.split(".")
    for part in path:
        if not hasattr(model, part):
            model.add_module(part, nn.Module())
        model = getattr(model, part)
    if what.split()[0] in NUMBERS:
        model.register_parameter(last, nn.Parameter(torch.ones(NUMBERS[what.split()[0]])))
    else:
        model.add_module(last, PARTS["matrix" if what.startswith("tied") else what.split()[0]]())


def at(model, name):
    module, _, last = name.rpartition(".")
    return getattr(model.get_submodule(module), last)


def names_of(name, what):
    """The names of a part's parameters."""
    found = {
        "dense": "weight bias",
        "norm": "weight bias",
        "long": "weight bias",
        "conv": "weight bias",
    } | dict.fromkeys(NUMBERS, "")
    return [".".join(filter(None, (name, each))) for each in found.get(what.split()[0], "weight").split(" ")]


def report(kind, rng):
    """What the load reported."""
    parts = [(each, what) for name, what in MODELS[kind].items() for each in names_of(name, what)]
    lost = [(each, what) for each, what in parts if "new" in what or "missing" in what]
    missing = [each for each, what in lost if "bias new" not in what or each.endswith(".bias")] + ["position_ids"]
    other = [(each, (7, D), (2, D)[: 2 - i % 2]) for i, (each, what) in enumerate(parts) if "other" in what]
    unexpected = ["cls.seq_relationship.weight", "transformer.h.0.masked_bias"]
    missing = [missing[i] for i in rng.permutation(len(missing))]
    return {"missing_keys": missing, "unexpected_keys": unexpected, "mismatched_keys": other}


def made(rng, kind, freeze=False, backwards=False):
    order = list(range(len(MODELS[kind])))
    order = order[::-1] if backwards else [int(i) for i in rng.permutation(order)]
    return built(drawn, kind, order, freeze), report(kind, rng), float(rng.uniform(0.005, 0.2))


def cases(rng):
    whole = made(rng, "masked", freeze=True)
    return [case(*made(rng, kind, backwards=kind == "t5")) for kind in MODELS] + [case(*made(rng, "t5")), case(*whole)]


def said(recall, decay):
    """In words, what a group does."""
    return f"{'recalled' if recall else 'not recalled'}, weight decay {decay:.4g}"


def tensors(model):
    """Each parameter with its names and the module that holds it first."""
    found = {}
    for path, module in model.named_modules():
        for name, p in module._parameters.items():
            if p is not None:
                found.setdefault(id(p), ([], p, module))[0].append(f"{path}.{name}".removeprefix("."))
    return list(found.values())


def reported(loading):
    return {*loading["missing_keys"], *(each[0] for each in loading["mismatched_keys"])}


def is_new(names, loading):
    return all(name in reported(loading) for name in names)


def decays(names, p, module):
    return len(p.shape) >= 2


def sorted_by(
    new=is_new, decay=decays, frozen=False, twice=False, only=lambda recall, decay: True, flip=False, decays_new=True
):
    """What comes out of other rules.

    Args:
        new: whether a tensor of these names is, ``new(names, loading)``; ``loading["whole"]`` are modules at the top of
            which nothing was loaded.
        decay: whether it decays, ``decay(names, p, module)``.
        frozen: frozen ones are in a group too.
        twice: tied ones are there under each name.
        only: which tensors are in any group.
        flip: recalled and new are exchanged.
        decays_new: new ones decay as others do.
    """

    def function(model, loading, weight_decay):
        found, every = {}, tensors(model)
        tops = [(name.partition(".")[0], name in reported(loading)) for names, *_ in every for name in names]
        loading = loading | {"whole": {top for top, _ in tops if all(lost for each, lost in tops if each == top)}}
        for names, p, module in every:
            recall = not new(names, loading)
            own = weight_decay if decay(names, p, module) and (recall or decays_new) else 0.0
            inside = (p.requires_grad or frozen) and only(recall, own)
            times = len(names) if twice else 1
            found[names[0]] = " and ".join([said(recall != flip, own)] * times) if inside else NOWHERE
        return found

    return function


reference = sorted_by()


def play(entry, model, loading, weight_decay):
    """The group of each parameter, in words, by its first name."""
    groups = entry(model, loading, weight_decay)
    if groups is None:
        return None
    if isinstance(groups, Mapping | str | torch.Tensor) or not hasattr(groups, "__iter__"):
        wrong(f"you return a {type(groups).__name__}; torch's optimizers take a list of groups, each a dictionary")
    groups = [kept(group) for group in groups]
    found, groups_of = {id(p): [] for p in model.parameters()}, {}
    for i, group in enumerate(groups):
        for each in group["params"]:
            if isinstance(each, str):
                wrong(f"a group of yours holds the name {each!r}; torch's optimizers take the parameters themselves")
            if id(each) not in found:
                what = f"tensor of shape {list(each.shape)}" if isinstance(each, torch.Tensor) else type(each).__name__
                wrong(
                    f"a group of yours holds a {what} that is no parameter of the model. An optimizer changes what it "
                    "is given, so give it the model's parameters themselves, not `.data` or copies"
                )
            if groups_of.setdefault(id(each), i) != i:
                name = next(name for name, p in model.named_parameters() if p is each)
                wrong(f"{name} is in two groups of yours, which torch refuses. A tied parameter is one tensor, once")
            found[id(each)].append(said(group["recall"], group["weight_decay"]))
    return {names[0]: " and ".join(found[id(p)]) or NOWHERE for names, p, _ in tensors(model)}


def kept(group):
    """A group with its parameters as a list, without their names, if it brings them as torch allows it."""
    if not isinstance(group, Mapping):
        wrong(f"a group of yours is a {type(group).__name__}; each has to be a dictionary with the three keys")
    if lost := [key for key in ("params", "recall", "weight_decay") if key not in group]:
        wrong(f"a group of yours lacks {lost[0]!r}; each has the keys 'params', 'recall' and 'weight_decay'")
    if not isinstance(group["recall"], bool | np.bool_):
        wrong(f'the "recall" of a group is {group["recall"]!r}; it has to be True or False')
    decay = group["weight_decay"]
    if isinstance(decay, bool) or not numeric(decay) or array(decay).size != 1:
        wrong(f'the "weight_decay" of a group is {decay!r}; it has to be a number')
    params = group["params"]
    params = [params] if isinstance(params, torch.Tensor) else list(params)
    params = [each[1] if isinstance(each, tuple) and len(each) == 2 else each for each in params]
    return {"params": params, "recall": bool(group["recall"]), "weight_decay": array(decay).item()}


BODIES = ("bert", "model", "transformer", "encoder", "backbone")
HEADS = ("classifier", "score", "qa_outputs", "head", "lm_head", "cls")


def top(name):
    return name.partition(".")[0]


def by_head(among):
    return lambda names, loading: top(names[0]) in among


def whole(name):
    return name


def above(name):
    return name.rpartition(".")[0]


def module_of(name):
    return above(name) or name


def without_weight(name):
    return name.removesuffix(".weight")


def found_in(fits, cut=whole):
    """New is what fits to a reported name, or to what is left of it where that is cut."""

    def new(names, loading):
        keys = [cut(name) for name in reported(loading)]
        return all(any(fits(name, key) for key in keys) for name in names)

    return new


def by_words(*words, ends=()):
    """Decay for all whose name does not hold a word, or end with one."""
    return lambda names, *_: not any(word in names[0].lower() for word in words) and not names[0].endswith(ends)


def by_type(names, p, module):
    return not isinstance(module, nn.LayerNorm) and not names[0].endswith("bias")


POOLER = (
    "you tell what is new from its place in the model. A pooler or a cross-attention inside the body may be new, and a "
    "part outside it may have been loaded: the report says what happened to each."
)
SUBSTRING = (
    "you look for the reported names inside other names, or at their beginning, and so take a parameter for new that "
    "was loaded: `head.dense.weight` is not `encoder.head.dense.weight`. Names have to be equal."
)
TIED = (
    "you judge a tied parameter by one of its names. The file holds it under one name, and the other is reported as "
    "missing: it is new only if all its names are."
)
WORDS = (
    "you tell from its name whether a parameter decays. `relative_attention_bias.weight` is a table with two "
    "dimensions, norms are called `ln_1` elsewhere, and a scale may be one number: ask for its dimensions."
)
ONE = "norms decay in yours. Whatever has fewer than two dimensions does not: biases, norms, single numbers."
MISTAKES = [
    Mistake("True and False of `recall` are exchanged: recalled is what was loaded.", sorted_by(flip=True)),
    Mistake("you recall what is new, too. It was drawn anew, so it has no home.", sorted_by(new=lambda *_: False)),
    Mistake(
        "mismatched parameters are recalled in yours. They did not fit, so they were drawn anew: they are new.",
        sorted_by(new=lambda names, loading: all(name in loading["missing_keys"] for name in names)),
    ),
    *(
        Mistake(TIED, sorted_by(new=new))
        for new in (
            lambda names, loading: names[0] in reported(loading),
            lambda names, loading: names[-1] in reported(loading),
            lambda names, loading: any(name in reported(loading) for name in names),
        )
    ),
    *(
        Mistake(POOLER, sorted_by(new=new))
        for new in (
            lambda names, loading: top(names[0]) in loading["whole"],
            lambda names, loading: top(names[0]) not in BODIES,
            lambda names, loading: not any(top(name) in BODIES for name in names),
            lambda names, loading: not any(name.startswith(BODIES) for name in names),
            *(by_head(HEADS), by_head(HEADS[:4])),
        )
    ),
    *(
        Mistake(SUBSTRING, sorted_by(new=found_in(fits, cut)))
        for cut in (whole, module_of, without_weight)
        for fits in (operator.contains, str.startswith, str.endswith)
    ),
    Mistake(
        "in yours a module is new as a whole where one of its parameters is. Its weight may have been loaded and its "
        "bias not: go by the parameters' own names.",
        sorted_by(new=lambda names, loading: {*map(above, names)} <= {*map(above, reported(loading))}),
    ),
    Mistake("a tied parameter is there twice in yours, once for each name. It is one tensor.", sorted_by(twice=True)),
    Mistake("frozen parameters are in your groups. Leave out those without `requires_grad`.", sorted_by(frozen=True)),
    *(
        Mistake(f"{what} is in no group of yours, so nothing would train it.", sorted_by(only=only))
        for what, only in {
            "what is new": lambda recall, decay: recall,
            "what was loaded": lambda recall, decay: not recall,
            "what does not decay": lambda recall, decay: decay,
        }.items()
    ),
    *(
        Mistake(WORDS, sorted_by(decay=decay))
        for decay in (
            by_words("bias", "norm"),
            by_words("bias", "layernorm"),
            by_words("norm", ends=("bias",)),
            by_words("norm", ends=(".bias",)),
            by_words("bias", "norm", "ln_"),
            by_words("norm", "ln_", ends=(".bias",)),
        )
    ),
    *(
        Mistake(ONE, sorted_by(decay=decay))
        for decay in (by_words("bias"), by_words(ends=("bias",)), by_words(ends=(".bias",)))
    ),
    Mistake(
        "you ask for `nn.LayerNorm`. Many models have norms of a class of their own: ask for the dimensions.",
        sorted_by(decay=by_type),
    ),
    Mistake("what is new does not decay in yours. It does, as the others do.", sorted_by(decays_new=False)),
    Mistake(
        "you go by the number of entries: a small matrix does not decay in yours, or a long vector does. What counts "
        "is the number of dimensions.",
        sorted_by(decay=lambda names, p, module: p.numel() > D),
    ),
    Mistake(
        "biases decay in yours, and norms: they have one dimension. Only what has two or more decays.",
        sorted_by(decay=lambda names, p, module: p.ndim >= 1),
    ),
    Mistake("all of yours decay. Those of fewer than two dimensions do not.", sorted_by(decay=lambda *_: True)),
    Mistake("none of yours decays. Those of two dimensions or more do.", sorted_by(decay=lambda *_: False)),
    Mistake(
        "a parameter that is one number, without a dimension, decays in yours. Fewer than two are one or none.",
        sorted_by(decay=lambda names, p, module: p.ndim != 1),
    ),
    Mistake(
        "a parameter with three dimensions does not decay in yours: two or more do.",
        sorted_by(decay=lambda names, p, module: p.ndim == 2),
    ),
]


def nothing_is_new_where_all_was_loaded(answer, rng):
    for kind in MODELS:
        model, loading, weight_decay = made(rng, kind)
        found = answer(model, {key: [] for key in loading}, weight_decay)
        if new := [name for name, what in found.items() if what.startswith("not")]:
            wrong(f"where nothing is missing and nothing mismatched, nothing is new. Yours takes {new[0]!r} for new")


LAWS = [nothing_is_new_where_all_was_loaded]
