# ---
# lesson: 10
# order: 4
# goal: Say how much two children share, and how much chance would give them.
# minutes: 10
# difficulty: 1
# hints:
#   - Count three numbers, over all tensors together. How many weights are in `a`, how many in `b`, how many in both?
#   - |
#     The overlap is a share of the weights of `a`: divide by how many these are. And if `b` were drawn with darts
#     thrown at all weights: what share of `a` would they hit?
#   - |
#     With `both`, `of_a`, `of_b` and the number of all weights `n`: return `both / of_a` and `of_b / n`.
# explanation: |
#   An overlap means nothing without what chance gives. 30 % in common is much for two children of a tenth, and nothing
#   at all for two children of 30 %. So the two numbers belong side by side.
#
#   Other measures hide this. Of all weights, two children of a tenth by chance agree on 82 %: mostly on what neither of
#   them has. The Jaccard index divides by the union, and has by chance $p / (2 - p)$, here 5 %. Each is a fair number
#   with its own chance; mixing one's value with another's chance is the mistake. And count over all tensors together: a
#   mean of the tensors' shares gives a bias of two entries the weight of a matrix.
# ---
r"""What two children share.

Two children are given as masks, `name -> bool tensor`, for the same parameters. Write two shares:

- the **overlap**: of the weights of child $a$, the share that is in child $b$ as well;
- what **chance** would give: the overlap to be expected if a child of the size of $b$ were drawn at random from
  all weights.

Count over all tensors together, and not for each of them. The children need not be of the same size, nor the
dictionaries in the same order. With five weights,
$a$ = 1, 1, 0, 0, 0 and $b$ = 1, 0, 1, 1, 0, the overlap is 0.5, and chance gives 0.6.
"""


def overlap_by_chance(a, b):
    """The overlap and what chance gives, a tuple of two numbers from 0 to 1.

    Args:
        a: the first child, a dictionary from names to bool tensors. At least one entry is True; in b there may be none.
        b: the second, with the same names and shapes.
    """
    # solution
    both = sum(int((a[name] & b[name]).sum()) for name in a)
    of_a = sum(int(mask.sum()) for mask in a.values())
    of_b = sum(int(mask.sum()) for mask in b.values())
    n = sum(mask.numel() for mask in a.values())
    return both / of_a, of_b / n
    # end
