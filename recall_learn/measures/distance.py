"""How far the weights are from home."""

import re
from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn

from recall_learn.theory.anchors import check_names, named
from recall_learn.theory.sharded import local, part, total


@torch.no_grad()
def distance(model: nn.Module, anchors: Mapping[str, Tensor]) -> float:
    r"""How far the weights are from home, :math:`\|\theta - \theta^*\|_2` over all anchored weights.

    Args:
        model: the model now. Of ``fully_shard`` or wrapped in DistributedDataParallel or torch.compile, it is the
            distance of the whole model, for which every process has to ask.
        anchors: theta*, ``name -> tensor``; parameters without an anchor (the head) do not count.

    Raises:
        ValueError: an anchor names no parameter of the model, or has another shape.
    """
    parameters = named(model)
    check_names({name: parameters[name] for name in anchors if name in parameters}, anchors, "anchors")
    return apart((parameters[name], anchor) for name, anchor in anchors.items())


@torch.no_grad()
def apart(pairs: Iterable[tuple[Tensor, Tensor]]) -> float:
    """The distance between parameters and their anchors, pair by pair; 0 of none."""

    def square(p: Tensor, anchor: Tensor) -> Tensor:
        return (local(p).float() - part(anchor, p).float()).square().sum(dtype=torch.float64)

    pairs = list(pairs)
    return float(total((square(p, anchor), p) for p, anchor in pairs).sqrt()) if pairs else 0.0


def distance_by_layer(model: nn.Module, anchors: Mapping[str, Tensor]) -> dict[str, float]:
    r"""`distance`, part by part: the squares of the parts add up to the square of the whole.

    Args:
        model: the model now.
        anchors: as in `distance`.

    Returns:
        ``part -> distance`` in the model's order. A part is a numbered layer ("bert.encoder.layer.0"), or what stands
        beside the layers ("bert.embeddings", "bert.pooler").

    Raises:
        ValueError: as `distance`.
    """
    parts: dict[str, dict[str, Tensor]] = {}
    for name, anchor in anchors.items():
        parts.setdefault(part_of(name), {})[name] = anchor
    return {part: distance(model, inside) for part, inside in parts.items()}


def part_of(name: str) -> str:
    """The part of `distance_by_layer` that a parameter belongs to."""
    numbered = re.match(r".*?\.\d+(?=\.)", name)
    return numbered[0] if numbered else ".".join(name.split(".")[:2])
