# ---
# lesson: 17
# order: 1
# goal: Compare what two runs lost when they scored the same, and not after as many steps.
# minutes: 15
# difficulty: 2
# hints:
#   - |
#     Go through the looks of one run from the first on, and stop at the first whose score is enough. If there is none,
#     there is nothing to compare.
#   - |
#     The look before that one is below the score, so the score lies between the two. With
#     `share = (wanted - before) / (after - before)` of their scores, step and loss are that share of the way from the
#     look before to this one.
#   - |
#     If the very first look is enough, there is no look before. In Python, `looks[-1]` is the last one, and raises
#     nothing. And "at least" is `>=`.
# explanation: |
#   A run at a small rate has lost less after 60 steps. It has also learned less, and perhaps it has lost less for that
#   reason alone. At equal score it can have lost more.
#
#   The first look that is enough is the one that counts. A score goes up and down from look to look; whoever takes the
#   last crossing, or the best look, waits longer with the run that wavers more, and gives it more time to forget.
#   `np.interp(wanted, scores, losses)` is no way out either: it wants scores that rise, and where they do not it gives
#   some number without a word.
#
#   A score that one run never reaches leaves nothing to say at that score. To take its end instead would be kind to
#   the run that learned least. But to drop such pairs has a price, too: what remains are the pairs of runs that learn,
#   so say how many were dropped.
#
#   There are two choices left that you should state. The score: at a low one both runs have hardly begun. And the
#   straight line: between two looks 50 steps apart, nobody knows when the loss rose.
# ---
r"""What two runs lost when they scored the same.

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

    # solution
    def point(looks):
        steps, scores, losses = np.array(looks, dtype=float).T
        enough = np.flatnonzero(scores >= wanted)
        if not len(enough):
            return None
        j = enough[0]
        if j == 0:
            return steps[0], 0.0
        share = (wanted - scores[j - 1]) / (scores[j] - scores[j - 1])
        return tuple(
            each[j - 1] + share * (each[j] - each[j - 1]) - from_ for each, from_ in ((steps, 0), (losses, losses[0]))
        )

    found = [point(one), point(other)]
    if None in found:
        return None
    (first, rise), (second, other_rise) = found
    less = "neither" if rise == other_rise else "one" if rise < other_rise else "other"
    return {"steps": [first, second], "rises": [rise, other_rise], "less": less}
    # end
