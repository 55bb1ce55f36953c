# ---
# lesson: 12
# order: 2
# goal: Check a published table, with a count that can also speak against it.
# minutes: 15
# difficulty: 1
# hints:
#   - For one task, write down four numbers first, the median and the maximum of each method. Which two do you compare?
#   - |
#     "Clear" does not ask which method wins. If the baseline has the larger median, compare that with the other
#     method's maximum. And equal is not larger, in either count.
#   - |
#     Clear is `median(new) > max(old) or median(old) > max(new)`: both cannot hold. As claimed is
#     `median(new) > median(old)`. `statistics.median` takes the mean of the middle two if the number of seeds is even;
#     `torch.median` takes the lower of them.
# explanation: |
#   In Table 1 of the RecAdam paper (*published*) its median is the larger one in 12 of the 16 comparisons, the
#   baseline's in 3, and once they are equal. Clear are 9, all for RecAdam: 6 of 8 with BERT-base, 3 with
#   ALBERT-xxlarge.
#
#   Chance does some of that. Draw five seeds of **one** method twice: one median is above the other's maximum in a
#   sixth of all cases (the three best of the ten have to be of one draw: 1/12, for either). Of 16 comparisons that
#   makes two or three, in both directions. Nine in one direction are more than seeds.
#
#   They do not say why. RecAdam was tuned over up to twenty settings, and each run counts with its best evaluation: a
#   maximum over more tries is larger even where nothing helps. And if you look only for wins of the new method, you
#   find some.
# ---
r"""A result of the literature, checked.

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
    # solution
    clear = claimed = 0
    for task, old in baseline.items():
        new = method[task]
        clear += median(new) > max(old) or median(old) > max(new)
        claimed += median(new) > median(old)
    return {"clear": clear, "as claimed": claimed}
    # end
