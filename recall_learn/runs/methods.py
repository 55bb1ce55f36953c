"""The methods of a recipe, made from the ideas: an optimizer, perhaps a penalty, perhaps a mask.

vanilla   AdamW
recadam   RecAdam towards the pretrained weights
ewc       AdamW, and the quadratic penalty with a Fisher as its precision
l2sp      AdamW, and the quadratic penalty with one precision for all
child-f   a fresh random mask on the gradients at every step
child-d   one mask: the weights with the most Fisher information for the task
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from recall_learn.methods.child_tuning import ChildTuningD, ChildTuningF, layer_names
from recall_learn.methods.recadam.optimizer import RecAdam
from recall_learn.models.backbones import Backbone
from recall_learn.models.recalled import recall_groups
from recall_learn.runs.recipe import Recipe
from recall_learn.theory.anchors import trainable
from recall_learn.theory.annealing import Sigmoid
from recall_learn.theory.laplace import QuadraticPenalty, ewc, l2sp

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


def _l2sp(model: nn.Module, anchors: Mapping[str, Tensor], head: Sequence[str], alpha: float) -> QuadraticPenalty:
    parameters = dict(model.named_parameters())
    return l2sp(anchors, alpha, {name: parameters[name] for name in head}, HEAD_DECAY)
