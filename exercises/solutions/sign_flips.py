# ---
# lesson: 14
# order: 2
# goal: Test a gain over seeds without a formula, and know beforehand what so few seeds can show.
# minutes: 20
# difficulty: 2
# hints:
#   - |
#     If the method does nothing, each difference might as well have come with the other sign. So there are $2^n$ lists
#     of differences that were equally likely, and yours is one of them. How many of these have a mean as far from 0?
#   - |
#     `itertools.product((1, -1), repeat=n)` gives all patterns of signs. Of each, multiply it with the differences, and
#     compare the size of the sum with that of your own. "At least as far" means `>=`: yours counts, and so does the
#     one with all signs turned.
#   - |
#     The smallest p of all comes if only these two count: $2 / 2^n$. Put in one n after another, from 1 on:
#     `n = 1`, then `while 2 / 2**n > alpha: n += 1`.
# explanation: |
#   Five seeds of which all five gain give p = 2/32 = 0.0625, however large the gain is. So whoever tests five seeds at
#   0.05 has decided before the first run that nothing will be found. It takes six. Many papers of this field have five.
#
#   No bell curve is assumed here, which is what Student's t asks for. It asks for one thing: that under "no
#   difference" both signs of each $d_i$ are equally likely. The pairs see to that: the two runs of a seed have the
#   same batches and the same new head, and differ in the method alone. Without pairs one would ask of all ways to
#   divide the $2n$ scores in two, and the luck of the seeds would hide the gain.
#
#   The test that counts wins alone has the same smallest p, but throws the sizes away: four small gains and one large
#   loss are four of five for it. And a small p says nothing of how large a gain is; the mean difference does.
#
#   Last: this is the p of one comparison. Of twenty tasks or settings in which nothing is at work, up to one, on
#   average, has a p of at most 0.05 (with five seeds none can).
# ---
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
    # solution
    d = np.array(method) - np.array(baseline)
    n, far = len(d), abs(d.sum())
    sums = [abs((np.array(signs) * d).sum()) for signs in product((1, -1), repeat=n)]
    needed = 1
    while 2 / 2**needed > alpha:
        needed += 1
    return {"difference": d.mean(), "p": sum(each >= far for each in sums) / 2**n, "needed": needed}
    # end
