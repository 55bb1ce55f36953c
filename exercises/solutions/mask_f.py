# ---
# lesson: 10
# order: 1
# goal: Mask at random without changing the gradient on average.
# minutes: 15
# difficulty: 2
# hints:
#   - |
#     One coin for each entry of each gradient. A random number between 0 and 1 is under $p$ with what probability?
#   - |
#     `torch.rand(gradient.shape, generator=generator)` goes on from where the generator is at each call. So one
#     generator gives every tensor, and every step, coins of its own.
#   - |
#     For one gradient: `gradient * (torch.rand(gradient.shape, generator=generator) < p) / p`.
# explanation: |
#   The division keeps the mean: $\mathbb{E}\, g M / p = g$. What it costs is variance, $g^2 (1 - p) / p$.
#
#   Everything else is about which coin belongs to what. One coin for a tensor freezes whole layers for a step. A mask
#   that is used again in the next step is no longer F, it is a child that nobody chose. And a generator that is
#   seeded inside the function gives the same coins at every call: seed it once, outside, and let it go on.
#
#   Dropout's p is the share that is dropped, this p the share that stays. At $p = 0.5$ no test can tell them apart.
# ---
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
    # solution
    return [g * (torch.rand(g.shape, generator=generator) < p) / p for g in gradients]
    # end
