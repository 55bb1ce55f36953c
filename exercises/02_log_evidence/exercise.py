r"""The height and the width of a peak.

A parabola in place of $Loss_S$ makes another thing easy: the integral of $e^{-Loss_S(\theta)}$ over all weights. (If
$Loss_S$ is minus the log of likelihood times prior, that is the constant $p(D_S)$ in Bayes' rule, the **evidence**.)
Write what Laplace's method says about its logarithm,

$$\log \int e^{-Loss_S(\theta)} \, d\theta \qquad \text{with} \quad
Loss_S(\theta^* + d) \approx Loss_S(\theta^*) + \tfrac12 d^\top H d ,$$

given only $Loss_S(\theta^*)$ and $H$. One integral is all that you have to know:

$$\int_{-\infty}^{\infty} e^{-\frac12 h s^2} ds = \sqrt{2 \pi / h} .$$

All logarithms are natural. For one weight with $Loss_S(\theta^*) = 0$ and $H = 1$ the result is 0.919. Your function
has to work for 250 weights as well: with curvatures of 0.001, of 1,000, or some small and some large.
"""

import math

import torch


def log_evidence(loss, hessian):
    """Laplace's approximation of log of the integral of exp(-Loss_S), a number of nats.

    Args:
        loss: Loss_S at its minimum theta*, a number of nats.
        hessian: H, the second derivatives of Loss_S at theta*, ``[D, D]``; symmetric and positive definite.
    """
    raise NotImplementedError("not written yet")
