# ---
# lesson: 2
# order: 1
# goal: Derive the curvature that Laplace's method puts in place of the old data.
# minutes: 20
# difficulty: 2
# hints:
#   - |
#     Write the loss of one example by its logit $z = x^\top \theta$ first: $\log(1 + e^z) - y z$. Differentiate it
#     twice with respect to $z$. What has become of $y$?
#   - |
#     With respect to $z$ the first derivative is $\sigma(z) - y$, the second $\sigma(z)\,(1 - \sigma(z))$. With
#     respect to $\theta$ each brings a factor $x$, so one example gives $\sigma(z)(1 - \sigma(z)) \, x x^\top$. The
#     prior is a quadratic already: what is the second derivative of $\tfrac12 \tau \theta_i^2$, and where in the
#     matrix is it?
#   - |
#     `torch.sigmoid` handles large logits. It gives one number for each example, and so does $p (1 - p)$. Multiply the
#     rows of `x` by it: then the sum of all outer products is one matrix product, `[D, N]` by `[N, D]`. For the prior
#     you need the identity, `torch.eye(len(theta))`.
# explanation: |
#   The argument that does not matter is `y`. In the loss of one example, $\log(1 + e^z) - y z$, $y$ only multiplies
#   $z$, and the second derivative of $y z$ is 0. The labels decide where the minimum is, and not how the loss bends at
#   a given $\theta$. An example bends it by at most $\tfrac14 x x^\top$, at $p = \tfrac12$. One that the model is sure
#   of adds nearly nothing. So what the data say about a weight is said by the examples the model is in doubt about.
#
#   It is a sum, not a mean: the posterior gets narrower with each example. The prior counts once however many
#   examples there are, and only on the diagonal, for it holds each weight by itself.
#
#   Take `p * (1 - p)` rather than $e^z / (1 + e^z)^2$: the second overflows for a logit of 1,000. The outer products of
#   the gradients, $(p - y)^2 x x^\top$, have the same mean if the model is right about its data, and yet they are
#   a different matrix. That is [lesson 3](03_fisher.md).
# ---
r"""How tightly the data hold each weight.

A logistic regression says $p_n = p(y_n = 1 \mid x_n, \theta) = \sigma(x_n^\top \theta)$, with
$\sigma(z) = 1 / (1 + e^{-z})$. Its prior is a Gaussian around zero, of the same precision $\tau$ for each weight. So
minus the log posterior is, but for a constant,

$$
\begin{aligned}
Loss_S = &-\sum_{n=1}^N \big( y_n \log p_n + (1 - y_n) \log(1 - p_n) \big) \\
&+ \tfrac12 \tau \sum_i \theta_i^2 .
\end{aligned}
$$

Laplace's method wants its **Hessian** $H$ at $\theta^*$, all second derivatives with respect to the weights. It is the
precision (one over the covariance) of the Gaussian that stands for the posterior. Derive it on paper, then write it
down in code. The formula holds at every $\theta$, and the check also asks for it where $\theta$ is no minimum.

Your function has to cope with large logits, such as $z = 2000$. And it does not need all four arguments: which one
does not matter, and why?
"""

import torch


def laplace_precision(theta, x, y, precision):
    """The Hessian of minus the log posterior, ``[D, D]``, in nats per squared unit of weight.

    Args:
        theta: the weights, ``[D]``.
        x: inputs, ``[N, D]``; there is no further bias.
        y: labels, each 0.0 or 1.0, ``[N]``.
        precision: tau, one over the prior's variance; a number above 0.
    """
    # solution
    p = torch.sigmoid(x @ theta)
    bend = p * (1 - p)
    return x.T @ (bend[:, None] * x) + precision * torch.eye(len(theta), dtype=x.dtype)
    # end
