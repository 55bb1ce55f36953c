# ---
# lesson: 9
# order: 2
# goal: Measure what picking the best evaluation adds to a score.
# minutes: 15
# difficulty: 2
# hints:
#   - A best evaluation is chosen in one run at a time. Does the next run have its best at the same step?
#   - |
#     First one number a run (its last, or its best, along the second axis), then the median of these numbers over the
#     runs. In this order.
#   - |
#     `best = np.median(scores.max(axis=1))` and `last = np.median(scores[:, -1])`. The gain is the difference of the
#     two.
# explanation: |
#   A score wobbles from one evaluation to the next. The largest of many wobbles lies above where the run is, so the
#   best evaluation is never below the last, even if nothing was learned at all. Put random numbers in: there is a gain,
#   and the more often you evaluate, the larger it is.
#
#   Each run may choose its own step, on the data that it is reported on. The best point of the median curve is a
#   different number, and never a larger one, as there all runs have to share one step.
#
#   In a comparison the gain goes to whichever method wobbles more, or is evaluated more often. Give both the last
#   evaluation, or choose the step on one half of the dev set and report the score on the other.
# ---
r"""The best of many looks.

A run is scored again and again while it trains. Some report its **last** score. The paper reports its **best** one,
each run's own. How much difference does that make?

You have the `scores` of several runs of one setting, one row for each run, one column for each evaluation; all runs
were evaluated at the same steps. Return a dictionary:

- `"last"`: the median over the runs of each run's last score;
- `"best"`: the median over the runs of each run's best score, at whatever step that run had it;
- `"gain"`: `"best"` minus `"last"`.

Higher is better. An example: two runs with the scores (0.5, 0.7, 0.6) and (0.8, 0.4, 0.6) have 0.6 as their median last
score and 0.75 as their median best one. The gain is 0.15.
"""

import numpy as np


def best_evaluation(scores):
    """The dictionary ``last``, ``best``, ``gain``.

    Args:
        scores: an array, ``[runs, evaluations]``, the first evaluation first.
    """
    # solution
    last = np.median(scores[:, -1])
    best = np.median(scores.max(axis=1))
    return {"last": last, "best": best, "gain": best - last}
    # end
