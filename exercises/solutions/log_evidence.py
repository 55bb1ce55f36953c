# ---
# lesson: 2
# order: 2
# goal: Take the integral that Laplace's method makes easy, also where a determinant overflows.
# minutes: 20
# difficulty: 2
# hints:
#   - |
#     Put the quadratic into the exponent. What does not depend on $d$ comes out of the integral. Then turn the axes to
#     the eigenvectors of $H$: a turn changes no volume, and what is left is a product of integrals of one variable.
#   - |
#     With eigenvalues $h_i$ the product is $\prod_i \sqrt{2 \pi / h_i}$, and the product of all $h_i$ is $\det H$. So
#     the logarithm has three terms: one with $Loss_S(\theta^*)$, one with $D$ and $2 \pi$, one with $\det H$.
#   - |
#     The determinant of 250 weights is too small or too large for a floating point number, its logarithm is not. Use
#     `torch.linalg.slogdet(hessian)`, which returns the sign and the logarithm: take half of the second.
# explanation: |
#   Height times width: $e^{-Loss_S(\theta^*)}$ is the height of the peak, and each direction brings a width of
#   $\sqrt{2 \pi / h_i}$. That is why $2 \pi$ counts $D$ times. A stiff loss is a narrow peak, so $\log \det H$ has a
#   minus.
#
#   What is it for? The integral is $p(D_S)$, the constant that Bayes' rule divides by, if the loss has all its
#   constants in it. It says how well a model with this prior expected its data, so it can choose between priors without
#   a held-out set: a stiff peak is paid for, as a fit that needed exact weights.
#
#   Work with the logarithm of a determinant, always. A product of 250 curvatures of 0.001 is $10^{-750}$, and a
#   float64 ends at about $10^{-308}$: the logarithm of zero is minus infinity. To divide $H$ by a number first helps
#   only where all curvatures are alike.
# ---
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
    # solution
    _, log_det = torch.linalg.slogdet(hessian)
    return -loss + 0.5 * len(hessian) * math.log(2 * math.pi) - 0.5 * log_det
    # end
