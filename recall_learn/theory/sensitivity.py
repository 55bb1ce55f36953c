r"""How much a model's answers depend on each weight, without any label: memory-aware synapses' importance.

.. math:: \Omega_i = \frac1N \sum_{n=1}^N \left| \frac{\partial \|f(x_n)\|^2}{\partial \theta_i} \right|

The absolute value is each example's: that of a batch's mean gradient, which much public code takes, leaves out what
cancels between examples.

Aljundi et al., 2018, "Memory Aware Synapses: Learning what (not) to forget", section 4.1.
"""

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn

from recall_learn.theory.per_example import accumulator, examples_in, select


def sensitivity(
    model: nn.Module, batches: Iterable[Mapping[str, Tensor]], parameters: Mapping[str, nn.Parameter]
) -> dict[str, Tensor]:
    """The importance of some parameters, one example after another.

    Args:
        model: in eval mode; ``model(**inputs)`` gives f, a tensor.
        batches: inputs, tensors with the examples first.
        parameters: ``name -> parameter``, in the model under whatever name.

    Returns:
        ``name -> tensor``, float64 for float64 weights, else float32; 0 for what f does not depend on.

    Raises:
        ValueError: there are no examples.
    """
    total = {name: torch.zeros_like(p, dtype=accumulator(p)) for name, p in parameters.items()}
    examples, wanted = 0, tuple(parameters.values())
    for inputs in batches:
        n = examples_in(inputs)
        examples += n
        for i in range(n):
            with torch.enable_grad():
                size = model(**select(inputs, slice(i, i + 1), n)).square().sum()
            found = torch.autograd.grad(size, wanted, allow_unused=True)
            for sum_, gradient in zip(total.values(), found, strict=True):
                if gradient is not None:
                    sum_.add_(gradient.abs())
    if not examples:
        raise ValueError("batches holds no examples; a generator that was used up before looks like this too")
    return {name: tensor.div_(examples) for name, tensor in total.items()}
