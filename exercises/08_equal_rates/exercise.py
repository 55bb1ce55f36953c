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
    raise NotImplementedError("not written yet")
