"""What two children share.

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
    raise NotImplementedError("not written yet")
