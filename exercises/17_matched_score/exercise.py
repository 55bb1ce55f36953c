"""What two runs lost when they scored the same.

A run was looked at now and then: a list of looks `(step, score, loss)`, by step. The score is the task's, higher is
better, and may fall on the way. The loss is the source loss. The two runs may have different looks.

For each run, find the point where it **first** scores at least `wanted`:

- if its first look is enough, the point is that look;
- else it lies between the first look that is enough and the look before it, where a straight line through both scores
  has the score `wanted`. Step and loss lie on straight lines, too;
- if no look is enough, the run has no such point.

If a run has no such point, return `None`: they cannot be compared at this score. Else return a dictionary:

- `"steps"`: the steps of the two points, `[one, other]`;
- `"rises"`: by how much the loss of each has risen there since **its own first look**, `[one, other]`;
- `"less"`: `"one"`, `"other"` or `"neither"`: the run whose loss has risen less; `"neither"` if both rose by as much.

Where the two rises are equal, both points are looks of the runs and all numbers are exact, so a plain `==` is enough.

Before you write it: the slower of two runs has lost less after 60 steps. At equal score, can it have lost more?
"""

import numpy as np


def matched_score(one, other, wanted):
    """The dictionary ``steps``, ``rises``, ``less``; None if a run never scores so much.

    Args:
        one: a run's looks, a list of ``(step, score, loss)``.
        other: the other's.
        wanted: the score, a number.
    """

    raise NotImplementedError("not written yet")
