"""Do the names matter?

Models came to the same source loss in several ways, several runs of each way, and every run has a score on a task. The
way with the highest mean score and the way with the lowest lie apart by some **gap**. Would two ways lie as far apart
if the names meant nothing?

`scores` has the runs of each way: `{"cut": [0.5, 0.75], "noise": [0.25, ...], ...}`; their numbers may differ. Put all
scores into one list, in the order of the dictionary. Each entry of `orders` is an exchange: a list of the places
0, 1, 2, ... in some order. After the exchange, place $i$ has the score that was at place `order[i]`. The first places
belong to the first way, as many as it had, the next to the second, and so on.

Return a dictionary:

- `"highest"` and `"lowest"`: the names of the ways with the highest and the lowest mean (no two are equal there);
- `"gap"`: the difference of these two means;
- `"nearer"`: the share of the exchanges after which highest and lowest mean, **of whichever ways then**, lie nearer
  than that: a gap as large does not count.

The scores are multiples of 1/64 and each way has 2, 4 or 8 runs, so that equal gaps are equal.

Before you write it: six ways, and the names mean nothing. Is the best of the six nearer to the worst than the first of
the list is to the last, as near, or further away?
"""

import numpy as np


def ways_apart(scores, orders):
    """The dictionary ``highest``, ``lowest``, ``gap``, ``nearer``.

    Args:
        scores: way -> the scores of its runs, a list.
        orders: the exchanges, a list of lists of whole numbers.
    """

    raise NotImplementedError("not written yet")
