"""An interval from the seeds themselves.

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
    raise NotImplementedError("not written yet")
