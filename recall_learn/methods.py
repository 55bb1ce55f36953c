"""The methods of a recipe, made from the ideas: an optimizer, perhaps a penalty, perhaps a mask.

vanilla   AdamW
recadam   RecAdam towards the pretrained weights
ewc       AdamW, and the quadratic penalty with a Fisher as its precision
l2sp      AdamW, and the quadratic penalty with one precision for all
child-f   a fresh random mask on the gradients at every step
child-d   one mask: the weights with the most Fisher information for the task
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from recall_learn.anchors import check_names, trainable
from recall_learn.annealing import Sigmoid
from recall_learn.backbones import Backbone
from recall_learn.child_tuning import ChildTuningD, ChildTuningF, layer_names
from recall_learn.fisher import Fisher, fisher_diagonal, load_fisher
from recall_learn.laplace import QuadraticPenalty, ewc, l2sp
from recall_learn.masked_lm import MaskedLM
from recall_learn.recadam import RecAdam
from recall_learn.recalled import recall_groups
from recall_learn.recipe import Recipe
from recall_learn.sharded import local, part, settle

HEAD_DECAY = 0.01
"""L2-SP's beta, on the new head (Li et al., 2018)."""


@dataclass
class Method:
    """What a training loop needs of a method."""

    optimizer: Optimizer
    penalty: QuadraticPenalty | None = None
    mask: ChildTuningF | ChildTuningD | None = None
    make_penalty: Callable[[float], QuadraticPenalty] | None = None
    """Makes the penalty of another strength."""

    def schedule(self, recipe: Recipe) -> tuple[float, float, float]:
        """Lambda, lr and pull of the step that is about to be taken."""
        group = self.optimizer.param_groups[0]
        lr = float(group["lr"])
        if not isinstance(self.optimizer, RecAdam):
            return 1.0, lr, 0.0
        group = next(group for group in self.optimizer.param_groups if group["recall"])
        lam = float(group["anneal"](group["t"] + 1))
        return lam, lr, (1 - lam) * lr * float(group["gamma"])


def build(recipe: Recipe, backbone: Backbone, fisher: Mapping[str, Tensor] | None) -> Method:
    """Make the recipe's method for a backbone.

    Args:
        recipe: what to run.
        backbone: the model is already where it will train.
        fisher: ``name -> tensor`` at the pretrained weights; needed by ewc and child-d.
    """
    anchors = {name: backbone.anchors[name] for name in trainable(backbone.model) if name in backbone.anchors}
    groups = recall_groups(backbone.model, recipe.weight_decay, anchors=anchors)
    if recipe.pull == "recadam":
        optimizer: Optimizer = RecAdam(
            groups,
            lr=recipe.lr,
            anneal=Sigmoid(recipe.k, recipe.t0),
            gamma=recipe.strength,
            anchors=anchors,
            algorithm=recipe.algorithm,
        )
    else:
        plain = [{key: value for key, value in group.items() if key != "recall"} for group in groups]
        # the fused one hides from Trainer that it skipped a step in fp16, and its schedule would run ahead of RecAdam's
        fused = None if recipe.mixed_precision == "fp16" else True  # None: torch's best of the others
        optimizer = torch.optim.AdamW(plain, lr=recipe.lr, weight_decay=0.0, fused=fused)
    method = Method(optimizer)
    if recipe.pull == "ewc":
        method.make_penalty = partial(ewc, anchors, {name: fisher[name] for name in anchors})
    elif recipe.pull == "l2sp":
        head = [name for name in trainable(backbone.model) if name not in anchors]
        method.make_penalty = partial(_l2sp, backbone.model, anchors, head)
    if method.make_penalty is not None:
        method.penalty = method.make_penalty(recipe.strength)
    if recipe.mask == "child-f":
        generator = torch.Generator().manual_seed(recipe.seed + 1)
        method.mask = ChildTuningF(optimizer, recipe.p, generator)
    elif recipe.mask == "child-d":
        layers = {name: fisher[name] for name in layer_names(backbone.model)}
        method.mask = ChildTuningD(optimizer, layers, recipe.p)
    return method


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

    See `recall_learn.fisher.fisher_diagonal` for ``batches`` and ``labels``.
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
        masked_lm: the backbone's, see `recall_learn.masked_lm.attach`.
        batches: pairs ``(inputs, hidden words)`` with one hidden word a row, as `recall_learn.world.batches.Batches`
            and `recall_learn.masked_lm.Examples.batches` give them.
        labels: as in `recall_learn.fisher.fisher_diagonal`.
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


@contextmanager
def at_home(backbone: Backbone) -> Iterator[None]:
    """The encoder at its pretrained weights, and afterwards where it stood."""
    settle(backbone.model)
    parameters = dict(backbone.model.named_parameters())
    now = {name: parameters[name].detach().clone() for name in backbone.anchors}
    _write(parameters, backbone.anchors)
    try:
        yield
    finally:
        _write(parameters, now)


def batches(data: Any, collator: Any, size: int) -> Iterator[Mapping[str, Tensor]]:
    """A tokenized dataset in batches, shortest examples first, so that little is padding.

    No random number is drawn: an evaluation leaves a run as it found it.
    """
    lengths = [len(ids) for ids in data["input_ids"]]
    order = sorted(range(len(lengths)), key=lengths.__getitem__)
    for start in range(0, len(order), size):
        yield collator([data[i] for i in order[start : start + size]])


def digest(*splits: Any) -> str:
    """SHA-256 over tokenized splits: the same digits, the same examples in the same order."""
    result = hashlib.sha256()
    for split in splits:
        for start in range(0, len(split), 1000):
            result.update(repr(split[start : start + 1000]).encode())
    return result.hexdigest()


def _l2sp(model: nn.Module, anchors: Mapping[str, Tensor], head: Sequence[str], alpha: float) -> QuadraticPenalty:
    parameters = dict(model.named_parameters())
    return l2sp(anchors, alpha, {name: parameters[name] for name in head}, HEAD_DECAY)


@torch.no_grad()
def _write(parameters: Mapping[str, nn.Parameter], values: Mapping[str, Tensor]) -> None:
    for name, value in values.items():
        local(parameters[name]).copy_(part(value, parameters[name]))
