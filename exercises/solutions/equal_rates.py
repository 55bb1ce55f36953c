# ---
# lesson: 8
# order: 2
# goal: Make the control that a slow shift has to be compared with.
# minutes: 15
# difficulty: 2
# hints:
#   - Write down the learning rate of the first step, of the second and of the last. None of them is 0.
#   - |
#     You want one number $f$ for which plain fine-tuning with $f \cdot \eta_t$ spends as much in sum as RecAdam with
#     $\lambda(t) \, \eta_t$. Both sums run over all steps. What does the highest learning rate do in the quotient?
#   - |
#     With `lr = np.arange(T, 0, -1)` the factor is `(lam * lr).sum() / lr.sum()`: a mean of $\lambda$, in which early
#     steps count more.
# explanation: |
#   The factor is a mean of $\lambda$ in which each step counts as much as its learning rate. A run that is held for its
#   first third spends not two thirds of the sum but four ninths: it was held while the rates were high. The plain mean
#   would give the control half as much again, and the control would forget more than it should.
#
#   So with a decaying learning rate *held* and *slow* come together, and each schedule needs a factor of its own. For
#   a switch there is a closed form, $(T - t_0)(T - t_0 + 1) / (T (T + 1))$, which this lesson uses.
#
#   Equal sums are not equal runs. The control moves slowly from the first step on, where a switch moves not at all and
#   then fast. And the factor slows the head as well, which $\lambda$ leaves alone.
# ---
r"""A fair control.

RecAdam multiplies its Adam step by $\lambda(t)$. So it may keep more than plain fine-tuning merely because it moves
less. A control for that is plain fine-tuning with all its learning rates multiplied by one constant factor $f$, chosen
so that both runs have an **equal sum of learning rates**:

$$\sum_{t=1}^{T} f \cdot \eta_t = \sum_{t=1}^{T} \lambda(t) \, \eta_t$$

Return $f$. The learning rate falls linearly, as in this lesson's runs: the first of the $T$ steps has the full rate,
step $t$ has

$$\eta_t = \eta \cdot \frac{T - t + 1}{T} ,$$

and after step $T$ it would be 0. A small number to check with: for $T = 2$ and $\lambda = (0, 1)$ the factor is 1/3.
"""

import numpy as np


def equal_rates(lam):
    r"""The factor for plain fine-tuning's learning rate, a number.

    Args:
        lam: :math:`\lambda(1), \dots, \lambda(T)`, an array of floats, ``[T]``.
    """
    # solution
    steps = len(lam)
    lr = (steps - np.arange(steps)) / steps
    return (lam * lr).sum() / lr.sum()
    # end
