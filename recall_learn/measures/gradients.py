r"""How hard a batch pulls at each part of a model: the norms of gradients, layer by layer.

.. math:: \|g_l\|_2 = \Big( \sum_{i \in l} g_i^2 \Big)^{1/2}

Where fine-tuning fails, the norms of the lower layers vanish while the top still learns; where it succeeds, they grow
(Mosbach et al., 2021, "On the Stability of Fine-tuning BERT", arXiv 2006.04884, section 5.1; they look at each tensor).
"""

import torch
from torch import nn

from recall_learn.measures.distance import part_of
from recall_learn.theory.anchors import named


@torch.no_grad()
def gradient_norms(model: nn.Module) -> dict[str, float]:
    """The Euclidean norm of the gradient that lies in each part; look after ``backward``, and before clipping.

    Args:
        model: whose parameters hold gradients.

    Returns:
        ``part -> norm`` in the model's order, the parts being those of `recall_learn.measures.distance_by_layer` and
        the head's. A parameter without a gradient counts as 0; a part that is frozen whole is left out. The squares
        add up to the square of what ``torch.nn.utils.clip_grad_norm_`` returns.

    Raises:
        ValueError: no parameter holds a gradient.
    """
    parts: dict[str, list[torch.Tensor]] = {}
    for name, p in named(model).items():
        if p.requires_grad:
            part = part_of(name)
            squares = parts.setdefault(name.rpartition(".")[0] if part == name else part, [])
            if p.grad is not None:
                squares.append(p.grad.double().square().sum())
    if not any(parts.values()):
        raise ValueError(f"no parameter of {type(model).__name__} holds a gradient; call backward on a loss first")
    return {part: float(sum(squares, start=torch.zeros(()))) ** 0.5 for part, squares in parts.items()}
