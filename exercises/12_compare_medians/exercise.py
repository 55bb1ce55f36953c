"""A result of the literature, checked.

Papers report medians of a few seeds, and a maximum beside them. How much of that is more than another seed? Here are
three lines of Table 1 of the RecAdam paper (*published*; median / maximum of five seeds, GLUE dev sets):

| | baseline | + RecAdam | clear? | as claimed? |
| --- | --- | --- | --- | --- |
| RTE, BERT-base | 71.1 / 71.5 | 74.4 / 77.3 | yes: 74.4 is larger than 71.5 | yes |
| MRPC, BERT-base | 86.5 / 88.7 | 87.7 / 88.7 | no: 87.7 is not larger than 88.7 | yes |
| STS-B, ALBERT-xxlarge | 93.0 / 93.2 | 92.9 / 93.0 | no: 93.0 is not larger than 93.0 | no: the baseline's is larger |

You get the scores of all seeds, for two methods on the same tasks, and count tasks. Return a dictionary with two whole
numbers:

- `"clear"`: in how many tasks is the larger median larger than the **other** method's maximum? Whichever method it is
  that has the larger one.
- `"as claimed"`: in how many is the new method's median larger than the baseline's? That is the kind of gain that the
  paper claims.

Equal is not larger. With an even number of seeds, the median is the mean of the middle two. The two methods may have
different numbers of seeds, and their tasks may come in a different order.

Before you write it: the whole table has 16 comparisons, eight tasks with two models. How many of them would you expect
to be clear? Your function is tried on them, too.
"""

from statistics import median


def compare_medians(baseline, method):
    """In how many tasks two methods differ clearly, and in how many as claimed: {"clear": ..., "as claimed": ...}.

    Args:
        baseline: task -> list of scores, one a seed; higher is better.
        method: the same of the new method, which is claimed to be better.
    """
    raise NotImplementedError("not written yet")
