"""Where each weight of the packaged model lies in the kernel's memory, and in what order torch draws them.

Nothing is typed here that the model knows: sizes are those of config.json, names and shapes those of the parameters,
and the draws are watched while transformers makes the model from a seed. `header` says it to C, `layout` to JavaScript.
"""

import math
import textwrap
from functools import cache
from itertools import groupby
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from recall_learn.measures.distance import part_of
from recall_learn.models import backbones
from recall_learn.models.backbones import Backbone
from recall_learn.models.configs import read_config
from recall_learn.models.masked_lm import attach
from recall_learn.models.places import locate
from recall_learn.support.reading import Json

BACKBONE = "tiny"
OUTPUTS = (1, 2)
"""Of the classifier: one number for a regression, or two classes."""
LANES = 4
"""Floats that the kernel takes at once: the classifier's bias has room for as many."""


@cache
def layout() -> dict[str, Json]:
    """The model's sizes and where its weights lie.

    Returns:
        ``weights``, how many numbers there are; ``anchored``, how many of them, the first, have a theta*; ``mlm``,
        where those of the head that says words begin; ``vocabulary`` and ``types``, how many words and types of token
        there are; ``parts``, what `recall_learn.measures.distance.distance_by_layer` measures one by one, as
        ``{"name", "from", "to"}``.
    """
    backbone, places = _backbone(2), _places(2)
    held, config = list(backbone.anchors), backbone.model.config
    parts = [(part, list(names)) for part, names in groupby(held, part_of)]
    return {
        "weights": max(start + size for start, size in places.values()),
        "anchored": sum(places[held[-1]]),
        "mlm": min(places[name][0] for name in _word_head()),
        "vocabulary": config.vocab_size,
        "types": config.type_vocab_size,
        "parts": [{"name": part, "from": places[names[0]][0], "to": sum(places[names[-1]])} for part, names in parts],
    }


def weights() -> Tensor:
    """The packaged weights in the kernel's order, float32; zeros for what is new."""
    return _flat({**_backbone(2).anchors, **_word_head()}, layout()["weights"])


def flat(values: dict[str, Tensor]) -> Tensor:
    """Tensors by parameter name, such as a Fisher, in the kernel's order; zeros for all others that may train."""
    return _flat(values, layout()["mlm"])


def places(outputs: int) -> dict[str, tuple[int, int]]:
    """Where each parameter that trains begins, and how many numbers it has, with so many outputs."""
    return {name: _places(outputs)[name] for name, _ in _backbone(outputs).model.named_parameters()}


def header() -> str:
    """layout.h."""
    config, sizes = _backbone(2).model.config, layout()
    lines = [
        "/* Sizes and offsets of the packaged model. Written by layout.py, not by hand. */",
        "#ifndef RECALL_LEARN_LAYOUT",
        "#define RECALL_LEARN_LAYOUT",
        "",
        _enum(
            VOCABULARY=config.vocab_size,
            KIND_COUNT=config.type_vocab_size,
            POSITIONS=config.max_position_embeddings,
            WIDTH=config.hidden_size,
            INNER=config.intermediate_size,
            HEADS=config.num_attention_heads,
            LAYERS=config.num_hidden_layers,
            PADDING=config.pad_token_id,
        ),
        "/* In theta. A bias lies behind its matrix or its scale. */",
        _enum(**_offsets(), ANCHORED=sizes["anchored"], WEIGHTS=sizes["weights"]),
        "/* From the start of a layer. */",
        _enum(**_inside_layer()),
        f"#define NORM_EPSILON {config.layer_norm_eps!r}f",
        f"#define HEAD_ROOT {math.sqrt(config.hidden_size / config.num_attention_heads)!r}f",
        f"#define DEVIATION {config.initializer_range!r}f",
        "",
        "/* What trains, in the order of named_parameters(); matrix: whether weight decay acts on it. */",
        "typedef struct {",
        "  int from, count, matrix;",
        "} Tensor;",
        "",
        *_tables("Tensor", "TENSORS", "TRAIN", _tensors),
        "/* What torch draws from a seed, in its order: `skipped` numbers that no weight keeps, then a tensor. */",
        "typedef struct {",
        "  int skipped, from, count;",
        "} Draw;",
        "",
        *_tables("Draw", "DRAWS", "DRAWN", _draws),
        "/* The scales of layer norms, which are 1 at first. */",
        f"enum {{ NORMS = {len(_norms())} }};",
        f"static const int NORM_AT[NORMS] = {{{', '.join(map(str, _norms()))}}};",
        "",
        "#endif",
    ]
    return "\n".join(lines) + "\n"


@cache
def _backbone(outputs: int) -> Backbone:
    return backbones.load(BACKBONE, num_labels=outputs)


@cache
def _word_head() -> dict[str, Tensor]:
    """The parameters of the head that says words; its matrix is that of the word embeddings, and not among them."""
    backbone = _backbone(2)
    model = attach(backbone).model
    inside = {id(p) for p in backbone.model.base_model.parameters()}
    return {name: p.detach() for name, p in model.named_parameters() if id(p) not in inside}


@cache
def _places(outputs: int) -> dict[str, tuple[int, int]]:
    """Where each tensor begins, and its size; the head that says words is where it is with two outputs."""
    made, start = {}, 0
    for name, p in _backbone(outputs).model.named_parameters():
        made[name] = (start, p.numel())
        start += p.numel()
    start = (
        -(-start // LANES) * LANES if outputs == max(OUTPUTS) else _places(max(OUTPUTS))[next(iter(_word_head()))][0]
    )
    for name, p in _word_head().items():
        made[name] = (start, p.numel())
        start += p.numel()
    return made


def _flat(values: dict[str, Tensor], size: int) -> Tensor:
    made, starts = torch.zeros(size), _places(2)
    for name, value in values.items():
        start = starts[name][0]
        made[start : start + value.numel()] = value.detach().flatten()
    return made


def _offsets() -> dict[str, int]:
    starts = {name: start for name, (start, _) in _places(2).items()}
    embeddings, layers = "bert.embeddings", [name for name in starts if ".layer." in name]
    return {
        "WORDS": starts[f"{embeddings}.word_embeddings.weight"],
        "PLACES": starts[f"{embeddings}.position_embeddings.weight"],
        "KINDS": starts[f"{embeddings}.token_type_embeddings.weight"],
        "EMBEDDING_NORM": starts[f"{embeddings}.LayerNorm.weight"],
        "FIRST_LAYER": starts[layers[0]],
        "LAYERS_END": sum(_places(2)[layers[-1]]),
        "POOLER": starts["bert.pooler.dense.weight"],
        "CLASSIFIER": starts["classifier.weight"],
        "MLM": min(starts[name] for name in _word_head()),
        "MLM_BIAS": starts["cls.predictions.bias"],
        "MLM_DENSE": starts["cls.predictions.transform.dense.weight"],
        "MLM_NORM": starts["cls.predictions.transform.LayerNorm.weight"],
    }


def _inside_layer() -> dict[str, int]:
    layer = "bert.encoder.layer.0."
    starts = {name.removeprefix(layer): at for name, (at, _) in _places(2).items() if name.startswith(layer)}
    first, end = min(starts.values()), _offsets()["LAYERS_END"]
    named = {
        "QUERY": "attention.self.query",
        "KEY": "attention.self.key",
        "VALUE": "attention.self.value",
        "ATTENTION_OUT": "attention.output.dense",
        "ATTENTION_NORM": "attention.output.LayerNorm",
        "INNER_IN": "intermediate.dense",
        "INNER_OUT": "output.dense",
        "OUTPUT_NORM": "output.LayerNorm",
    }
    size = (end - first) // _backbone(2).model.config.num_hidden_layers
    return {name: starts[f"{module}.weight"] - first for name, module in named.items()} | {"LAYER": size}


def _tensors(outputs: int) -> list[tuple[int, ...]]:
    model = _backbone(outputs).model
    return [(*_places(outputs)[name], int(p.ndim > 1)) for name, p in model.named_parameters()]


class _Watched(TorchDispatchMode):
    """Notes what is filled with random numbers: where it is in memory, how many, and whether they are normal."""

    def __init__(self):
        super().__init__()
        self.seen: list[tuple[int, int, bool]] = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        name = function.overloadpacket.__name__
        if name == "uniform_" or (name == "normal_" and args[0].numel() >= 16):
            self.seen.append((args[0].data_ptr(), args[0].numel(), name == "normal_"))
        elif torch.Tag.nondeterministic_seeded in function.tags:
            raise ValueError(f"the model draws {args[0].numel()} numbers by {name}, which the kernel does not know")
        return function(*args, **(kwargs or {}))


def _draws(outputs: int) -> list[tuple[int, ...]]:
    """Each tensor's last draw, which is what it keeps; what is drawn in between is skipped."""
    config = read_config(locate(BACKBONE)[0], num_labels=outputs)
    with _Watched() as watched:
        model = backbones.drawn(config, 0)
    names = {p.data_ptr(): name for name, p in model.named_parameters()}
    last = {at: n for n, (at, _, _) in enumerate(watched.seen)}
    made, skipped = [], 0
    for n, (at, count, normal) in enumerate(watched.seen):
        if last[at] == n and normal:
            made.append((skipped, _places(outputs)[names[at]][0], count))
            skipped = 0
        else:  # a normal tensor's last 16 are drawn twice where its size is no multiple of 16
            skipped += count + (16 if normal and count % 16 else 0)
    return made


def _norms() -> list[int]:
    return [at for name, (at, _) in places(2).items() if name.endswith("LayerNorm.weight")]


def _enum(**values: int) -> str:
    inside = "".join(f"  {name} = {value},\n" for name, value in values.items())
    return f"enum {{\n{inside}}};\n"


def _tables(kind: str, count: str, name: str, rows_of: Any) -> list[str]:
    rows = [rows_of(outputs) for outputs in OUTPUTS]
    tables = [", ".join(f"{{{', '.join(map(str, row))}}}" for row in table) for table in rows]
    return [
        f"enum {{ {count} = {len(rows[0])} }};",
        f"static const {kind} {name}[{len(OUTPUTS)}][{count}] = {{",
        *(textwrap.fill(f"{{{table}}},", 118, initial_indent="  ", subsequent_indent="   ") for table in tables),
        "};",
        "",
    ]
