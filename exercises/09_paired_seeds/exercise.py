r"""How many seeds?

Two methods were run with the same seeds, and one is 0.5 ahead on average. Is that more than luck? Runs have crashed,
too: such a seed is missing in one of the two, or its score is `nan`.

You get two dictionaries, seed -> score, in any order. Only the $n$ seeds that have a score in **both** count, for all
that follows (at least two do). With $d_i$ the method's score less the baseline's for one seed, return a dictionary:

- `"difference"`: $\bar d$, the mean of the $d_i$;
- `"paired"`: half the width of its 95 % interval, $q_{n-1} \, s / \sqrt n$, with $s$ the standard deviation of the
  $d_i$, and $q_\nu$ the 97.5 % quantile of Student's t with $\nu$ degrees of freedom;
- `"unpaired"`: half the width if nobody had told you which score belongs to which,
  $q_{2n-2} \sqrt{(s_1^2 + s_2^2) / n}$, with $s_1$ and $s_2$ the standard deviations of the two methods' $n$ scores;
- `"needed"`: the smallest number of seeds $m \ge 2$ for which $q_{m-1} \, s / \sqrt m \le$ `gain`. The $s$ is the one
  that you have, and $m$ may be smaller than $n$.

All standard deviations divide by $n - 1$. The quantile is `scipy.stats.t.ppf(0.975, degrees_of_freedom)`.

Before you write it: five seeds have differences with $s = 0.8$. How many does it take for a gain of 0.5: 5, 8, 13 or
30? And will the paired interval always be the narrower one?
"""

import numpy as np
from scipy import stats


def paired_seeds(baseline, method, gain):
    """The dictionary ``difference``, ``paired``, ``unpaired``, ``needed``.

    Args:
        baseline: seed -> score; ``nan`` where the run crashed.
        method: the same for the other method; it may have other seeds.
        gain: what the interval is to be narrow enough for, in the scores' unit.
    """
    raise NotImplementedError("not written yet")
