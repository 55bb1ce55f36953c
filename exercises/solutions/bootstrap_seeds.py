# ---
# lesson: 16
# order: 2
# goal: Put an interval around a share of failed runs, and say what it cannot know.
# minutes: 20
# difficulty: 2
# hints:
#   - |
#     One row of the drawn numbers is one experiment that might have been: these seeds, some of them twice and some
#     not at all. Take the statistic of each row first. The interval is made of what comes out.
#   - |
#     Both lists are in the order of the seeds. So with `rows` as drawn, `changed[rows]` and `plain[rows]` are the
#     scores of the same seeds, and a difference of shares is one number a row.
#   - |
#     Put the scores into tensors. Then `failed = (changed <= chance).double()`, `share = failed[rows].mean(dim=1)`,
#     and its ends are `torch.quantile(share, torch.tensor([0.025, 0.975], dtype=share.dtype))`. For the median of a
#     row take `torch.quantile(changed[rows], 0.5, dim=1)`: `torch.median` gives the lower of the middle two.
# explanation: |
#   If 10 of 20 runs fail, the interval goes from about 30 % to 70 %. Four failures more or less may be luck, then, and
#   a paper that compares 3 of 10 with 5 of 10 has compared nothing.
#
#   The two lists share their seeds, and so do the rows that are drawn. A seed that is a bad one with both settings is
#   drawn for both, and drops out of the difference. Drawn apart, the interval would be wider, or narrower where one
#   setting fails just where the other does not.
#
#   And now the catch. If all 20 fail, every row that is drawn fails whole, and the interval goes from 100 % to 100 %.
#   That is no knowledge: the bootstrap has never seen a run that does not fail, and cannot imagine one. The exact
#   interval of Clopper and Pearson, `scipy.stats.binomtest(20, 20).proportion_ci()`, begins at 83 %. A setting that
#   fails in a tenth of all runs has 20 good ones in a row with a chance of $0.9^{20}$, one in eight.
#
#   The bootstrap's strength is elsewhere: it asks for no formula. A median, a difference of shares, a rank correlation:
#   whatever is computed from seeds can be computed from drawn ones.
# ---
r"""An interval from the seeds themselves.

Twenty seeds, and with one setting six of them failed. With twenty others it might have been four, or nine. How far
would the share go? The bootstrap draws new experiments from the one that there is: of $n$ seeds it draws $n$ **with
replacement**, again and again, and looks at what comes out.

`plain` and `changed` are the scores of two settings with the same $n$ seeds, in the same order. A run has failed if its
score is at most `chance`. Draw all experiments in one call, a row an experiment, and use these rows for everything:
`rows = torch.randint(n, (draws, n), generator=generator)`. Return a dictionary with three intervals, each a list
`[low, high]`:

- `"share"`: of the share of failed runs of `changed`;
- `"median"`: of the median score of `changed`, the mean of the middle two where $n$ is even;
- `"difference"`: of the share of failed runs of `changed` less that of `plain`. A drawn seed is drawn for both.

The ends are the 2.5 % and the 97.5 % quantile of what the rows give, interpolated linearly, as `torch.quantile` and
`numpy.quantile` do it.

Before you write it: all twenty runs of a setting fail. How wide is the interval of their share? Do you believe it?
"""

import torch


def bootstrap_seeds(plain, changed, chance, draws, generator):
    """The dictionary ``share``, ``median``, ``difference``: two numbers each.

    Args:
        plain: scores of the first setting, one a seed: a list.
        changed: of the second one, with the same seeds in the same order.
        chance: at most this is failed.
        draws: how many experiments are drawn.
        generator: a ``torch.Generator``.
    """
    # solution
    old, new = (torch.tensor(scores, dtype=torch.float64) for scores in (plain, changed))
    rows = torch.randint(len(new), (draws, len(new)), generator=generator)
    share, before = ((scores <= chance).double()[rows].mean(dim=1) for scores in (new, old))
    ends = torch.tensor([0.025, 0.975], dtype=torch.float64)

    def interval(values):
        return torch.quantile(values, ends).tolist()

    middle = torch.quantile(new[rows], 0.5, dim=1)
    return {"share": interval(share), "median": interval(middle), "difference": interval(share - before)}
    # end
