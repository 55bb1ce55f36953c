"""Where each weight of the packaged model lies in the kernel's memory, and in what order torch draws them.

Nothing here is typed: sizes are those of config.json, names and shapes those of the model's parameters, and the draws
are watched while transformers makes the model from a seed. `header` writes it for C, `layout` for JavaScript.
"""

import re
from functools import cache
from itertools import groupby
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from recall_learn.models import backbones
from recall_learn.models.masked_lm import attach
from recall_learn.models.places import locate

BACKBONE = "tiny"
OUTPUTS = (1, 2)
"""Of the classifier: one number for a regression, or two classes."""


@cache
def layout() -> dict[str, Any]:
    """The model's sizes and where its weights lie.

    Returns:
        ``weights``, how many numbers there are; ``anchored``, how many of them, the first, have a theta*; ``mlm``,
        where those of the head that says words begin; ``vocabulary`` and ``types``, how many words and types of token
        there are; ``parts``, what `recall_learn.measures.distance.distance_by_layer` measures one by one, as
        ``{"name", "from", "to"}``.
    """
    backbone = _backbone(2)
    places, held = _places(), backbone.anchors
    ends = {name: start + size for name, (start, size) in places.items()}
    parts = [
        {"name": part, "from": places[names[0]][0], "to": ends[names[-1]]}
        for part, names in ((part, list(names)) for part, names in groupby(held, _part))
    ]
    config = backbone.model.config
    return {
        "weights": max(ends.values()),
        "anchored": ends[list(held)[-1]],
        "mlm": min(places[name][0] for name in _word_head()),
        "vocabulary": config.vocab_size,
        "types": config.type_vocab_size,
        "parts": parts,
    }


def weights() -> Tensor:
    """The packaged weights in the kernel's order, float32; zeros for what is new."""
    made, places = torch.zeros(layout()["weights"]), _places()
    for name, value in {**_backbone(2).anchors, **_word_head()}.items():
        start, size = places[name]
        made[start : start + size] = value.flatten()
    return made


def flat(values: dict[str, Tensor]) -> Tensor:
    """Tensors by parameter name, such as a Fisher, in the kernel's order; zeros for all others that may train."""
    made, places = torch.zeros(layout()["mlm"]), _places()
    for name, value in values.items():
        start = places[name][0]
        made[start : start + value.numel()] = value.flatten()
    return made


@cache
def _backbone(outputs: int) -> backbones.Backbone:
    return backbones.load(BACKBONE, num_labels=outputs)


@cache
def _word_head() -> dict[str, Tensor]:
    """The parameters of the head that says words; its matrix is the word embeddings', and not among them."""
    backbone = _backbone(2)
    model = attach(backbone).model
    inside = {id(p) for p in backbone.model.base_model.parameters()}
    return {name: p.detach() for name, p in model.named_parameters() if id(p) not in inside}


@cache
def _places() -> dict[str, tuple[int, int]]:
    """Where each tensor begins, and its size, with two outputs."""
    made, start = {}, 0
    for name, p in [*_backbone(2).model.named_parameters(), *_word_head().items()]:
        made[name] = (start, p.numel())
        start += p.numel()
    return made


def _part(name: str) -> str:
    numbered = re.match(r".*?\.\d+(?=\.)", name)
    return numbered[0] if numbered else ".".join(name.split(".")[:2])
