# ---
# lesson: 9
# order: 4
# goal: Put an interval around a gain, and say how many seeds would settle it.
# minutes: 25
# difficulty: 2
# hints:
#   - |
#     First make the list of differences, method less baseline, of the seeds that have a score in both. Look a score up
#     by its seed: the places in the two dictionaries say nothing, and one `nan` is enough to make everything `nan`.
#   - |
#     `np.std` divides by $n$ unless it is told `ddof=1`. The quantile is `scipy.stats.t.ppf(0.975, n - 1)`. For the
#     unpaired interval the variance of the difference is the sum of two variances, each divided by $n$.
#   - |
#     For the number of seeds take $s$ as it is, and put in one $m$ after another, from 2 on. Both the quantile and the
#     root change with $m$, so there is no way to solve for it: `m = 2`, then
#     `while t.ppf(0.975, m - 1) * s / np.sqrt(m) > gain: m += 1`.
# explanation: |
#   With five seeds and $s = 0.8$ the interval is the mean difference and 0.99 to either side, so a gain of 0.5 cannot
#   be told from none. It takes 13. Whoever takes 1.96 for the quantile finds 10, and whoever keeps the quantile of
#   five seeds finds 20: it is 2.78 for five, and near 2 for many.
#
#   Thirteen is what makes the interval narrow enough. It does not promise that the gain is seen. A method that is
#   better by exactly 0.5 has a mean difference above 0.5 in half of all experiments, and below it in the other half,
#   where the interval may reach 0. To see it in four of five takes 23 seeds. And $s$ is an estimate: with five seeds
#   the true one lies between 0.6 and 2.9 times as high (95 %), so anything from 7 to 84 seeds may be right.
#
#   Does pairing pay? If a seed is a good one for both (the same batches, the same new head), its luck drops out of the
#   difference. If the two methods use their random numbers in different ways, the two runs of a seed share nothing but
#   its number, and pairing gains nothing: the interval is even a little wider, as its quantile has $n - 1$ degrees of
#   freedom for $2 n - 2$. Decide for one of the two before you look, not by which is narrower.
#
#   One thing no formula mends: if a method crashes on the seeds that are hard for it, the seeds that are left flatter
#   it. Say how many are missing, and in which of the two.
# ---
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
    # solution
    seeds = [seed for seed in baseline if seed in method and not np.isnan(baseline[seed] + method[seed])]
    old, new = (np.array([scores[seed] for seed in seeds]) for scores in (baseline, method))
    n, s = len(seeds), (new - old).std(ddof=1)

    def half(number):
        return stats.t.ppf(0.975, number - 1) * s / np.sqrt(number)

    needed = 2
    while half(needed) > gain:
        needed += 1
    unpaired = stats.t.ppf(0.975, 2 * n - 2) * np.sqrt((old.var(ddof=1) + new.var(ddof=1)) / n)
    return {"difference": (new - old).mean(), "paired": half(n), "unpaired": unpaired, "needed": needed}
    # end
