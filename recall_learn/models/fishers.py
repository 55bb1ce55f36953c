"""The Fisher of a task, or of the pretraining itself, at a backbone's pretrained weights."""

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path

import torch
from torch import Tensor

from recall_learn.models.backbones import Backbone
from recall_learn.models.fisher_files import load_fisher
from recall_learn.models.masked_lm import MaskedLM
from recall_learn.theory.anchors import check_names, trainable
from recall_learn.theory.fisher import Fisher, fisher_diagonal
from recall_learn.theory.sharded import at


def read_fisher(path: str | Path, backbone: Backbone) -> tuple[Fisher, dict[str, str]]:
    """Read a Fisher and make sure that it was taken at this backbone's pretrained weights.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is damaged, or belongs to another model.
    """
    fisher, metadata = load_fisher(path)
    if metadata.get("anchors") != backbone.fingerprint:
        raise ValueError(f"{path} is a Fisher of {metadata.get('backbone', 'another model')}, not of {backbone.name}")
    encoder = {name: p for name, p in trainable(backbone.model).items() if name in backbone.anchors}
    check_names(encoder, {name: fisher[name] for name in encoder if name in fisher}, "fisher")
    return fisher, metadata


def task_fisher(
    backbone: Backbone,
    batches: Iterable[Mapping[str, Tensor]],
    labels: str,
    generator: torch.Generator | None = None,
    progress: bool | None = None,
) -> Fisher:
    """The diagonal Fisher of a task at the pretrained weights, wherever the model's own encoder stands now.

    See `recall_learn.fisher_diagonal` for ``batches`` and ``labels``.
    """
    with at_home(backbone):
        return fisher_diagonal(backbone.model, batches, labels=labels, generator=generator, progress=progress)


def source_fisher(
    backbone: Backbone,
    masked_lm: MaskedLM,
    batches: Iterable[tuple[Mapping[str, Tensor], Tensor]],
    labels: str,
    generator: torch.Generator | None = None,
    progress: bool | None = None,
) -> Fisher:
    """The diagonal Fisher of the pretraining itself, at the pretrained weights: what EWC wants and seldom can have.

    Args:
        backbone: wherever its encoder stands now.
        masked_lm: the backbone's, see `recall_learn.models.masked_lm.attach`.
        batches: pairs ``(inputs, hidden words)`` with one hidden word a row, as `recall_learn.world.batches.Batches`
            and `recall_learn.models.masked_lm.Examples.batches` give them.
        labels: as in `recall_learn.fisher_diagonal`.
        generator: as there.
        progress: as there.

    Returns:
        ``name -> tensor`` under the anchors' names; frozen weights have none.
    """
    stream = ({**inputs, "labels": words} for inputs, words in batches)
    # a part of the head that was pretrained has a Fisher as well; in the masked language model it is a copy, and rests
    parameters, shared = dict(masked_lm.model.named_parameters()), set(backbone.model.parameters())
    copies = [parameters[name] for name in backbone.anchors if name in parameters and parameters[name] not in shared]
    try:
        for p in copies:
            p.requires_grad_(True)
        with at_home(backbone):
            fisher = fisher_diagonal(masked_lm, stream, labels=labels, generator=generator, progress=progress)
    finally:
        for p in copies:
            p.requires_grad_(False)
    own = {name: fisher[f"model.{name}"] for name in backbone.anchors if f"model.{name}" in fisher}
    return Fisher(own, labels=labels, examples=fisher.examples)


def at_home(backbone: Backbone) -> AbstractContextManager[None]:
    """The encoder at its pretrained weights, and afterwards where it stood."""
    return at(backbone.model, backbone.anchors)
