# ---
# lesson: 11
# order: 6
# page: false
# goal: Let a learning rate rise fast and fall slowly, in a run of any length.
# minutes: 15
# difficulty: 1
# hints:
#   - |
#     Draw it for 19 steps and a tenth: the peak is at step 1. Where does the line on its right have to end?
#   - |
#     Let $p$ be 0 at the foot and 1 at the peak. On the right it is 1 at `cut` and 0 at `steps`: divide by `steps -
#     cut`. And what is $p$ if `cut` is 0?
#   - |
#     `p = t / cut if t < cut else (steps - t) / (steps - cut)`: where `cut` is 0 the first case never comes. The rate
#     is `lr * (1 + p * (ratio - 1)) / ratio`.
# explanation: |
#   The prediction: with 19 steps the floor of 1.9 is 1. The published formula lets $p$ fall by
#   $1 / (\text{cut} \cdot 9)$ a step, so $p$ is 0 at step 10, and -0.89 at step 18: the last rate is -0.83 of the
#   highest. The optimizer then walks up the loss, and fastest in the last step.
#
#   The formula takes cut for a tenth of the steps exactly. The floor makes it smaller, and the fall steeper. Only if
#   the number of steps is a multiple of ten do the two agree; in runs of hundreds of steps the error is small, which is
#   why nobody saw it. And under ten steps cut is 0, and the formula divides by it.
#
#   Cutting $p$ off at 0 is the smaller repair. It leaves a flat end, at the foot. Dividing by what is really left uses
#   all of the run.
# ---
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
    # solution
    cut, rates = int(cut_frac * steps), []
    for t in range(steps):
        p = t / cut if t < cut else (steps - t) / (steps - cut)
        rates.append(lr * (1 + p * (ratio - 1)) / ratio)
    return rates
    # end
