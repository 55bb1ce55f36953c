"""The child, by one threshold.

Write the choice of Child-Tuning-D: of all $n$ entries of the Fisher information, in all tensors together, the
`round(p * n)` largest are the child. One threshold serves all tensors, so one of them may be in the child as a whole,
and another not at all.

The number has to be exact, also where it is 0 (then nothing trains), and also where entries are equal. Which of those
that equal the threshold are taken is up to you. `round` is Python's, which rounds a half to the even number: 2.5
becomes 2, 3.5 becomes 4. For two tensors with the entries 5, 1, 4 and 2, 3, and $p = 0.4$, the child is 5 and 4.
"""

import torch


def top_children(fisher, p):
    """Which weights train, a dictionary from the names to bool tensors of the same shapes.

    Args:
        fisher: a dictionary from the names of the parameters to tensors, at least 0.
        p: the share of all entries that is chosen, above 0 and at most 1.
    """
    raise NotImplementedError("not written yet")
