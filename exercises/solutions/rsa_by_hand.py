# ---
# lesson: 13
# order: 2
# goal: Say how much the layout of a layer has changed, in one number.
# minutes: 15
# difficulty: 1
# hints:
#   - |
#     Two steps. First each model by itself: one cosine for each pair of tokens. Only then the two models together.
#     Their widths need not agree, so nothing of one can be multiplied with something of the other before that.
#   - |
#     Divide each row by its length; then `unit @ unit.T` holds all cosines. Each pair stands in it twice, and on the
#     diagonal each token with itself. `torch.triu_indices(n, n, 1)` gives the places above the diagonal.
#   - |
#     Pearson's correlation of two lists: take each one's own mean off, then divide the sum of the products by the root
#     of the product of the two sums of squares.
# explanation: |
#   RSA never asks whether a state is where it was. It asks whether the tokens that were alike are still alike. So a
#   layer that has been turned as a whole has an RSA of 1, and rightly so: the layer above could turn it back.
#
#   The diagonal is left out because it is 1 in both models, whatever they are. With $n$ tokens there are $n$ such
#   entries beside $n (n - 1) / 2$ pairs. For five tokens that is one entry in three, and RSA comes out far too high.
#
#   Cosines are taken from the origin. If fine-tuning adds one vector to all states, every cosine changes and RSA falls,
#   although no token has moved against any other. CKA takes the mean off first and sees nothing of it. Whoever
#   reports one of the two should say which; where they differ, look at the mean.
# ---
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
    # solution
    first, second = torch.triu_indices(len(before), len(before), 1)
    lists = []
    for states in (before, after):
        unit = states / states.norm(dim=1, keepdim=True)
        cosines = (unit @ unit.T)[first, second]
        lists.append(cosines - cosines.mean())
    x, y = lists
    return (x @ y) / (x.norm() * y.norm())
    # end
