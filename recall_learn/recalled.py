"""Which weights are recalled: parameter groups for RecAdam, the pretrained encoder told from the new head."""

from typing import Any

from torch import nn


def recall_groups(model: nn.Module, weight_decay: float = 0.0) -> list[dict[str, Any]]:
    """Parameter groups for `recall_learn.recadam.RecAdam`: the pretrained encoder is recalled, the new head is not.

    The encoder is ``model.base_model``, as every ``transformers`` model names it; a weight is told by identity, never
    by its name. Biases and norms (fewer than 2 dimensions) are not decayed. Frozen parameters are left out.

    Args:
        model: a model with ``base_model``, not wrapped: ``recall_groups(ddp.module)``.
        weight_decay: for every weight matrix, encoder and head.

    Raises:
        ValueError: the model has no ``base_model``.
    """
    base = getattr(model, "base_model", None)
    if not isinstance(base, nn.Module):
        raise ValueError(
            f"{type(model).__name__} has no base_model to recall; pass groups of your own, the head with recall=False"
        )
    encoder = {id(p) for p in base.parameters()}
    groups: dict[tuple[bool, float], list] = {}
    for name, p in model.named_parameters():
        if p.requires_grad:
            key = (id(p) in encoder, weight_decay if p.ndim > 1 else 0.0)
            groups.setdefault(key, []).append((name, p))
    return [{"params": named, "recall": recall, "weight_decay": decay} for (recall, decay), named in groups.items()]
