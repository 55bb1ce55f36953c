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
    raise NotImplementedError("not written yet")
