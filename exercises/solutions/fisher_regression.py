# ---
# lesson: 3
# order: 5
# goal: Find the Fisher of a model that answers with a number.
# minutes: 10
# difficulty: 1
# hints:
#   - |
#     Write down $\log p(y | x)$ of a normal distribution around $f$ with the standard deviation $\sigma$, and
#     differentiate it with respect to $f$. The chain rule brings $\partial f / \partial \theta_i$.
#   - |
#     The derivative with respect to $f$ is $(y - f) / \sigma^2$. What is the expected value of its square when $y$ is
#     drawn from the model, so that $y - f$ has the variance $\sigma^2$?
# explanation: |
#   The score is $\frac{y - f}{\sigma^2} \frac{\partial f}{\partial \theta_i}$. The model expects
#   $\mathbb{E} (y - f)^2 = \sigma^2$, so one $\sigma^2$ of the two on the square cancels, and
#   $F_i = \frac{1}{N \sigma^2} \sum_n (\partial f_n / \partial \theta_i)^2$. No label is left in it: how far off the
#   data are does not matter to the exact Fisher. Noise makes every weight less certain, so $\sigma^2$ is in the
#   denominator.
#
#   `loss = ((y - f) ** 2).mean()` is not minus a log-likelihood of variance 1. Half of it would be. Its gradient is
#   twice the score, and a Fisher made of it four times too large.
# ---
r"""A Fisher for numbers.

A regression has one output $f(x, \theta)$, and says that a label is normally distributed around it with the standard
deviation $\sigma$:

$$p(y | x) = \frac{1}{\sqrt{2 \pi} \, \sigma} \; e^{-(y - f(x, \theta))^2 / (2 \sigma^2)} .$$

Write the diagonal of its **exact** Fisher information,

$$F_i = \frac1N \sum_{n=1}^N \mathbb{E}_{y \sim p(\cdot | x_n)}
  \left( \frac{\partial \log p(y | x_n)}{\partial \theta_i} \right)^2 .$$

You get the derivatives $\partial f(x_n, \theta) / \partial \theta_i$, as a table. You also get the residuals
$y_n - f(x_n, \theta)$ of the data, as a training loop has them: whether you need them is a part of the question.
`sigma` is $\sigma$, the standard deviation, in the unit of $y$; the variance is its square.
"""


def fisher_regression(derivatives, residuals, sigma):
    """The exact Fisher's diagonal of a regression with normal noise, ``[D]``.

    Args:
        derivatives: of the output by each weight, for each example, a tensor ``[N, D]``.
        residuals: the data's labels minus the outputs, a tensor ``[N]``.
        sigma: the noise's standard deviation, a number above 0.
    """
    # solution
    return (derivatives**2).mean(0) / sigma**2
    # end
