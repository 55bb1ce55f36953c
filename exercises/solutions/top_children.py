# ---
# lesson: 10
# order: 2
# goal: Choose the child by one threshold over the whole model.
# minutes: 20
# difficulty: 2
# hints:
#   - |
#     One threshold for all tensors: put all entries into one row first, rank them there, and cut the row into tensors
#     again.
#   - |
#     Rank by place, not by value, and the number is exact also where entries are equal: `torch.topk` of the row gives
#     the places of the largest.
#   - |
#     `chosen = torch.zeros(len(row), dtype=torch.bool)`, then `chosen[row.topk(count).indices] = True`. Cut it with
#     `chosen.split([f.numel() for f in fisher.values()])` and give each piece its shape.
# explanation: |
#   One threshold means that tensors compete: a LayerNorm may be in the child as a whole, and the biases of the keys
#   not at all. With a threshold for each tensor every tensor gets the same share, and that is a different child, one
#   that says nothing about where in the model the task looks.
#
#   Comparing with a quantile has two traps. The top share $p$ is above the quantile $1 - p$, not $p$. And where many
#   entries are equal, and a Fisher has many zeros, "at least the threshold" takes in all of them. Ranking
#   places and taking `count` of them has neither.
# ---
r"""The child, by one threshold.

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
    # solution
    row = torch.cat([f.flatten() for f in fisher.values()])
    chosen = torch.zeros(len(row), dtype=torch.bool)
    chosen[row.topk(round(p * len(row))).indices] = True
    pieces = chosen.split([f.numel() for f in fisher.values()])
    return {name: piece.reshape(f.shape) for (name, f), piece in zip(fisher.items(), pieces, strict=True)}
    # end
