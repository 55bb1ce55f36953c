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
    raise NotImplementedError("not written yet")
