r"""A coin for every weight.

Write the mask of Child-Tuning-F. Each entry of each gradient is kept with probability $p$ and then divided by $p$;
otherwise it becomes 0:

$$g_i \leftarrow g_i\, M_i / p , \qquad M_i \sim \mathrm{Bernoulli}(p)$$

The coins are tossed anew for every entry, every tensor and every call, and all of them come from `generator`: two
generators with the same seed give the same masks, and torch's global one is left alone. $p = 1$ keeps everything.
"""

import torch


def mask_f(gradients, p, generator):
    """The masked gradients, a list of tensors of the same shapes.

    Args:
        gradients: a list of tensors.
        p: the share that is kept, above 0 and at most 1.
        generator: a ``torch.Generator``.
    """
    raise NotImplementedError("not written yet")
