r"""Luck, counted.

A method and its baseline were run with the same $n$ seeds. Entry $i$ of both lists belongs to the same seed, so the
difference $d_i$, method less baseline, is what the method changed for that seed. Their mean is away from 0. Could that
be luck?

If the method did nothing, each $d_i$ could as well have had the **other sign**. That makes $2^n$ lists of
differences, all equally likely. Return a dictionary:

- `"difference"`: the mean of the $d_i$ as they are;
- `"p"`: the share of the $2^n$ lists whose mean is **at least as far from 0**, on either side, as that of the list
  as it is. That list is one of them;
- `"needed"`: the smallest number of seeds $m \ge 1$ with which a p of at most `alpha` can come out at all, however
  large the differences are.

The scores are multiples of 1/8, so that sums are exact and equal means are equal.

Before you write it: five seeds, and the method is ahead with each of them. How small is p: 0.5, 0.2, 0.06 or 0.03?
And does it matter by how much the method is ahead?
"""

from itertools import product

import numpy as np


def sign_flips(baseline, method, alpha):
    """The dictionary ``difference``, ``p``, ``needed``.

    Args:
        baseline: its scores, one a seed, at most 10.
        method: the other method's with the same seeds, in the same order.
        alpha: a number above 0 and at most 1.
    """
    raise NotImplementedError("not written yet")
