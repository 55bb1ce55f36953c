"""The best of many looks.

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
    raise NotImplementedError("not written yet")
