# ---
# lesson: 15
# order: 1
# goal: Read four numbers off the matrix of a sequence, as their papers define them.
# minutes: 20
# difficulty: 2
# hints:
#   - |
#     Mind where the counting begins. Row $i$ of the matrix stands after $i$ tasks, row 0 before any; columns begin at
#     0, too. So the score of a task in column $c$, when it had just been learned, is in row $c + 1$.
#   - |
#     `own = np.diagonal(scores[1:])` holds each task's score when it had just been learned. `np.diagonal(scores[:-1])`
#     holds each task's score just before that. Which of the tasks count?
#   - |
#     Forgetting, for column c of all but the last: `scores[c + 1 : T, c].max() - scores[T, c]`. The slice ends before
#     row T, so the last row is not among those of the maximum.
# explanation: |
#   Backward transfer and forgetting ask nearly the same, and differ in what they compare the end with: the score when
#   the task had just been learned, or the best score that it had since. So forgetting is at least minus backward
#   transfer. The two differ where a task was at its best after its own row and before
#   the last one. In the question, forgetting is
#   $0.9 - 0.85 = 0.05$, and backward transfer is $0.85 - 0.8 = 0.05$: the task was forgotten, and is still better than
#   when it had just been learned.
#
#   Each slip of public code is small, and none of them raises an error. Divided by T in place of T - 1, two tasks look
#   half as forgotten as they are, ten look a tenth better. With the last row in the maximum, a task that gained from
#   those after it counts as 0, and the mean can only be too high. If minus backward transfer is called forgetting, what
#   was gained and lost again in between is not seen. So before you compare numbers of two papers, look which code they
#   used.
#
#   The maximum begins at the task's own row. Before that it was not learned, and a lucky score of a random head is
#   nothing that can be forgotten.
# ---
r"""Four numbers from one matrix.

`T` tasks were learned one after another, at least two. `scores` has a row before any training, and a row after each
task; a column for each task. In the formulas $R_{i,j}$ is the score on task $j = 1, ..., T$ after $i$ tasks, with $i$
from 0 to $T$. So $R_{0,j}$ is the score before any training. Return a dictionary:

- `"average"`, average accuracy: $\frac1T \sum_{j=1}^{T} R_{T,j}$;
- `"forgetting"`: $\frac{1}{T-1} \sum_{j=1}^{T-1} \big( \max_{j \le l < T} R_{l,j} - R_{T,j} \big)$;
- `"backward"`, backward transfer: $\frac{1}{T-1} \sum_{j=1}^{T-1} (R_{T,j} - R_{j,j})$;
- `"forward"`, forward transfer: $\frac{1}{T-1} \sum_{j=2}^{T} (R_{j-1,j} - R_{0,j})$.

Before you write it: a task scores 0.8 just after it was learned, 0.9 after the next one, and 0.85 in the end. Was it
forgotten? Ask forgetting, and ask backward transfer.
"""

import numpy as np


def matrix_measures(scores):
    """The dictionary ``average``, ``forgetting``, ``backward``, ``forward``.

    Args:
        scores: R, an array [T + 1, T] with T of at least 2; row 0 is before any training.
    """
    # solution
    T = scores.shape[1]
    end, own, just_before = scores[T], np.diagonal(scores[1:]), np.diagonal(scores[:-1])
    best = [scores[c + 1 : T, c].max() for c in range(T - 1)]
    return {
        "average": end.mean(),
        "forgetting": (best - end[:-1]).mean(),
        "backward": (end - own)[:-1].mean(),
        "forward": (just_before - scores[0])[1:].mean(),
    }
    # end
