"""For a Trainer of one's own: lambda, the pull and the distance beside the loss that it logs."""

from collections.abc import Mapping

from torch import Tensor
from torch.optim import Optimizer
from transformers import TrainerCallback

from recall_learn.measures.distance import apart, distance
from recall_learn.methods.recadam.optimizer import RecAdam


class RecallCallback(TrainerCallback):
    r"""Adds three numbers to every training log of ``transformers.Trainer``.

    - ``lambda``, the weight of the task in the step that was just taken;
    - ``pull``, the share of the way home that the step took, :math:`(1 - \lambda)\, \eta\, \gamma`; of a gamma by name
      its largest entry's;
    - ``distance``, :math:`\|\theta - \theta^*\|_2` over what is recalled, after the step.

    They are RecAdam's, of its first group that recalls. Another optimizer has lambda 1, pull 0, and a distance only
    where ``anchors`` are given.

    Args:
        anchors: theta*, ``name -> tensor``, see `recall_learn.load_anchors`; None takes RecAdam's own.

    ``Trainer(..., callbacks=[RecallCallback()])`` adds them to ``log_history``, to checkpoints and to the console.
    Trainer's own reporters (TensorBoard, W&B) look before any callback of the caller's do. To be before them:
    ``trainer.callback_handler.callbacks.insert(0, RecallCallback())``.
    """

    def __init__(self, anchors: Mapping[str, Tensor] | None = None):
        self.anchors = anchors
        self.taken: dict[str, float] = {"lambda": 1.0, "pull": 0.0}

    def on_pre_optimizer_step(self, args, state, control, optimizer=None, **kwargs):
        """Read the schedule before the step counts and the learning rate changes."""
        inner = _inner(optimizer)
        groups = [group for group in inner.param_groups if group["recall"]] if isinstance(inner, RecAdam) else []
        if groups:
            group = groups[0]
            gamma = group["gamma"]
            largest = max(float(g.max()) for g in gamma.values()) if isinstance(gamma, Mapping) else float(gamma)
            lam = float(group["anneal"](int(group["t"]) + 1))
            self.taken = {"lambda": lam, "pull": (1 - lam) * float(group["lr"]) * largest}

    def on_log(self, args, state, control, logs=None, model=None, optimizer=None, **kwargs):
        """Add the numbers to the log of a training step; an evaluation's is left as it is."""
        if logs is None or "loss" not in logs:
            return
        numbers, inner = dict(self.taken), _inner(optimizer)
        if self.anchors is not None:
            numbers["distance"] = distance(model, self.anchors)
        elif isinstance(inner, RecAdam):
            pairs = zip(inner.param_groups, inner.anchors(), strict=True)
            numbers["distance"] = apart(
                (p, anchor) for group, anchors in pairs for p, anchor in zip(group["params"], anchors, strict=False)
            )
        logs.update(numbers)
        state.log_history[-1].update(numbers)


def _inner(optimizer: object) -> Optimizer:
    """The optimizer inside accelerate's wrapper."""
    while not isinstance(optimizer, RecAdam) and isinstance(getattr(optimizer, "optimizer", None), Optimizer):
        optimizer = optimizer.optimizer
    return optimizer
