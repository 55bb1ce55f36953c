# ---
# lesson: 9
# order: 1
# goal: Give a random start the time that it needs.
# minutes: 20
# difficulty: 2
# hints:
#   - Each t0 is a different schedule. How many curves do you have to look at, and at which point of each?
#   - |
#     The curve of one `t0` is `left_after(t0, k, lr, gamma, steps, warmup)`. Its first entry is what is left after
#     step 1. Which entry is step `t0`?
#   - |
#     Try `t0` = 1, 2, 3, ... and return the first with `left_after(t0, ...)[t0 - 1] <= share`. Return None after the
#     loop.
# explanation: |
#   Two things change when you try the next `t0`: the point at which you look moves on, and the sigmoid moves with it,
#   so that each step before that point pulls a little more. Keep a single curve for every `t0`, and you see only
#   the first of the two.
#
#   Both make the share smaller. So the first `t0` that is good enough ends the search, and all later ones are good
#   enough too (bisection would find it in ten looks). That holds as long as no pull $c_s$ is over 1: such a step goes
#   past home.
#
#   Try 10 % of warm-up and none. The warm-up makes the first factors nearly 1, so the run has to be held until the
#   learning rate is up. And remember what was left aside: the task, and Adam's moments.
# ---
r"""How long must it be held?

A run starts from random weights, and the spring takes it home. Leave the task aside. Then after step $t$ the share

$$
\prod_{s=1}^{t} \bigl( 1 - \eta_s \, \gamma \, (1 - \lambda(s)) \bigr), \qquad
\lambda(s) = \frac{1}{1 + e^{-k (s - t_0)}}
$$

of the random offset is left. Find the **smallest whole number** $t_0$ from 1 to $T$ for which at most `share` of the
offset is left after step $t_0$ itself, with the $\lambda$ of that same $t_0$. If there is none, return `None`.

`left_after` is given. It returns what is left after each of the $T$ steps of the run with one $t_0$. The learning rate
rises from 0 during the first `warmup` $\cdot T$ steps and falls linearly afterwards, as in this lesson.
"""

import numpy as np


def left_after(t0, k, lr, gamma, steps, warmup):
    """What is left of the offset after step 1, after step 2, ..., after the last one, ``[steps]``."""
    t = np.arange(1, steps + 1)
    rising = warmup * steps
    # the learning rate of step t is the schedule's after t - 1 steps
    rate = lr * np.where(t - 1 < rising, (t - 1) / max(rising, 1), (steps - t + 1) / (steps - rising))
    pull = rate * gamma * 0.5 * (1 - np.tanh(0.5 * k * (t - t0)))
    return np.cumprod(1 - pull)


def smallest_t0(share, k, lr, gamma, steps, warmup):
    """The smallest t0 that leaves at most ``share`` of the offset after step t0, a whole number, or None.

    Args:
        share: what may be left of the offset, between 0 and 1.
        k: rate of the sigmoid, per step.
        lr: the highest learning rate.
        gamma: strength of the spring.
        steps: T, the optimizer's updates.
        warmup: share of the steps in which the learning rate rises.
    """
    # solution
    for t0 in range(1, steps + 1):
        if left_after(t0, k, lr, gamma, steps, warmup)[t0 - 1] <= share:
            return t0
    return None
    # end
