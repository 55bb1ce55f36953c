r"""What the batch mean leaves.

Somebody computes a "Fisher" the wrong way: draw $b$ of the $N$ examples, take the mean of their gradients, square it,
and average that over very many batches. What will come out? You can tell beforehand.

Given is the table of the $N$ per-example gradients, one row $g_n$ for each example. A batch is $b$ rows, each drawn
from all $N$ with equal chance, **with replacement**. Return the expected value, for each weight $i$,

$$\mathbb{E} \; \Big( \frac1b \sum_{j=1}^b g_{n_j, i} \Big)^2 ,$$

exactly and without drawing anything. $b$ may be smaller or larger than $N$, and as large as 10,000.

One worked number: for the gradients 1 and 3 and $b = 2$ the four batches have the means 1, 2, 2 and 3. So the answer
is $(1 + 4 + 4 + 9) / 4 = 4.5$. The empirical Fisher is 5.
"""

def batch_square(gradients, batch_size):
    """The expected square of a batch's mean gradient, ``[D]``.

    Args:
        gradients: one row for each example, a tensor ``[N, D]``.
        batch_size: b, an integer of at least 1.
    """
    raise NotImplementedError("not written yet")
