r"""A slanted triangle.

ULMFiT (Howard and Ruder, 2018) lets the learning rate rise fast and fall slowly. Of `steps` steps the first $\text{cut}
= \lfloor \text{cut frac} \cdot \text{steps} \rfloor$ are for the rise. With a $p$ that goes from 0 up to 1 and down
again, the rate is

$$\eta_t = \eta \, \frac{1 + p\,(\text{ratio} - 1)}{\text{ratio}},$$

so $\eta / \text{ratio}$ at the foot and $\eta$ at the peak. On the way up $p = t / \text{cut}$. On the way down the
paper has $p = 1 - \frac{t - \text{cut}}{\text{cut} \cdot (1 / \text{cut frac} - 1)}$. Predict first: 19 steps, a cut
frac of 0.1, a ratio of 32. What is the last rate?

Do not write that down. Write what was meant, for any number of steps:

- `t` counts the steps that have been taken: 0, 1, ..., `steps - 1`. Return the rate of each, as a list;
- it is at the foot for $t = 0$, at the peak for $t = \text{cut}$, and in a straight line between;
- after the peak it falls in a straight line that would be at the foot again for $t = \text{steps}$;
- where cut is 0 there is no rise, and it begins at the peak.
"""

def slanted_rates(steps, lr, cut_frac, ratio):
    """The learning rate of every step, a list.

    Args:
        steps: how many there are, at least 1.
        lr: the highest rate.
        cut_frac: the share of the steps in which it rises, from 0 to below 1.
        ratio: how many times as large the highest is as the lowest.
    """
    raise NotImplementedError("not written yet")
