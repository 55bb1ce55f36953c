# ---
# lesson: 3
# order: 6
# goal: Predict what squaring the batch mean, a mistake of much public code, gives at each batch size.
# minutes: 20
# difficulty: 2
# hints:
#   - |
#     Call the mean of the $b$ gradients of a batch $m$. What is $\mathbb{E}\, m^2$, in terms of the mean of $m$ and the
#     variance of $m$?
#   - |
#     The mean of a batch has the same expected value $\bar g$ as a single gradient. The variance of a mean of $b$
#     independent draws is $\sigma^2 / b$.
#   - |
#     Per weight: the square of `gradients.mean(0)`, plus `gradients.var(0, unbiased=False)` divided by the batch size.
# explanation: |
#   $\mathbb{E}\, m^2 = (\mathbb{E}\, m)^2 + \mathrm{Var}\, m = \bar g^2 + \sigma^2 / b$, while the empirical Fisher is
#   $\bar g^2 + \sigma^2$. So at a minimum, where $\bar g = 0$, a batch of $b$ leaves one $b$-th. Elsewhere the share is
#   different for each weight, and the order of the weights changes with the batch size. No strength that you tune
#   afterwards repairs that.
#
#   With `batch_size = 1` the two are the same. With a very large batch only the square of the mean gradient is left:
#   a measure of how far the training still has to go, not of how firmly the data hold a weight.
#
#   The variance is that of the gradients as they are, so it divides by $N$. Torch's `var` divides by $N - 1$ unless you
#   say `unbiased=False`.
# ---
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
    # solution
    mean = gradients.mean(0)
    variance = ((gradients - mean) ** 2).mean(0)
    return mean**2 + variance / batch_size
    # end
