r"""RSA, by hand.

A layer gave states for $n$ tokens before fine-tuning, and gives others after it. Have the tokens that were alike stayed
alike? Representational similarity analysis (RSA) answers in two steps, as Merchant et al. (2020) take them:

1. in each of the two models, the cosine $c_{ij} = \frac{h_i \cdot h_j}{\|h_i\| \, \|h_j\|}$ of every pair of tokens
   $i < j$, from the states as they are;
2. Pearson's correlation between the list of cosines before and the list of cosines after.

Write that number. The two models may have different widths, and in neither are all cosines the same.

Before you write it: all states of the layer are turned by one rotation. What does RSA say? And if one vector is added
to all of them?
"""

import torch


def rsa_by_hand(before, after):
    """RSA, a number from -1 to 1.

    Args:
        before: the states before fine-tuning, a tensor ``[n, width]`` with n of at least 4.
        after: the states of the same tokens after it, ``[n, width]``; its width may differ.
    """
    raise NotImplementedError("not written yet")
