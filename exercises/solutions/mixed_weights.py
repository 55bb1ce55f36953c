# ---
# lesson: 5
# order: 5
# goal: Mix pretrained weights into a forward pass, and find the spring in it.
# minutes: 20
# difficulty: 2
# hints:
#   - |
#     Take one weight and its two values, $\theta^*$ and the other one. Which other one makes their mean $w$, if the
#     first comes with probability $p$? Compare with the formula at $M = 0$.
#   - |
#     Only the factor in front of $w$ is in the slope, and it is 0 or $1 / (1 - p)$. For the third result you need the
#     variance of a number that is $\theta^* - w$ away from its mean with probability $p$, and
#     $\frac{p}{1 - p} (w - \theta^*)$ otherwise.
#   - |
#     With `kept = (~taken) / (1 - p)`, of shape `[inputs]`, the first two are `home + kept * (w - home)` and
#     `kept * g`. The variance is `p / (1 - p) * (w - home) ** 2`.
# explanation: |
#   The prediction: $p / (1 - p)$ is 9 at $p = 0.9$ and 1 at $p = 0.5$, so the pull is nine times as hard.
#
#   The mean of the mixed weights is $w$, so on average the model is where it would be without mixout. What it pays
#   is the variance: $\frac12 h_i \frac{p}{1 - p} (w_i - \theta^*_i)^2$. That is a spring to $\theta^*$, as stiff as the
#   curvature of the loss times $p / (1 - p)$. EWC needs a Fisher to know which weights matter, and pretraining
#   simulation makes all springs alike. Here each spring is as stiff as the task's own loss is curved, and nobody had to
#   compute it. It is not the source's curvature, though: what the task does not need is not held.
#
#   Public code hands on the gradient without the $1 / (1 - p)$. Adam divides the factor out again, so most runs do not
#   show it. Clipping does, and so does the balance with biases, which are not mixed. And $(w - p\,\theta^*) / (1 - p)$
#   as it stands takes a large number from a large number: in 16 bits it loses digits that the way from home,
#   $w - \theta^*$, keeps.
# ---
r"""Weights from two models.

Mixout (Lee et al., 2020) has no spring in its loss. In each forward pass of the training it puts pretrained weights
$\theta^*$ in the place of some of the trained ones, $w$:

$$\tilde w = \frac{M \theta^* + (1 - M)\, w - p\, \theta^*}{1 - p}$$

$M$ is 1 with probability $p$ and otherwise 0, drawn once for each **input** of a layer. All weights behind that input
share it: `w[:, j]` goes with `taken[j]`. Predict first: there is a pull to $\theta^*$ in this. How many times as hard
is it at $p = 0.9$ as at $p = 0.5$?

Return three things, `(mixed, slope, extra)`:

- `mixed`, the weights of this pass, $\tilde w$ of the shape of `w`, with `taken` as $M$;
- `slope`, the gradient of the loss with respect to $w$, of the same shape, if the gradient with respect to $\tilde w$
  is `g`;
- `extra`, one number: how much higher the loss is, averaged over all $M$ with their probabilities, than at $w$ itself;
  it does not depend on `taken`. Take a loss that is quadratic around $w$: moving weight $i$ by $d_i$ adds
  $\frac12 h_i d_i^2$, and nothing else. Sum over the weights.

A check by hand, for one weight: $w = 3$, $\theta^* = 1$, $p = 1/2$. The pass uses 1 or 5. With $h = 1$ both add 2 to
the loss, so `extra` is 2.
"""


def mixed_weights(w, home, taken, p, g, h):
    """The weights of a pass, the slope of w, and the loss that mixing adds: ``(mixed, slope, extra)``.

    Args:
        w: the trained weights of a layer, a tensor [outputs, inputs].
        home: theta*, of the same shape.
        taken: bool, [inputs]; True where theta* stands in for the weights behind this input.
        p: the probability of a True, below 1.
        g: the gradient of the loss with respect to the mixed weights, of the same shape.
        h: the curvature of the loss for each weight, of the same shape.
    """
    # solution
    kept = (~taken) / (1 - p)
    away = w - home
    extra = 0.5 * (h * p / (1 - p) * away**2).sum()
    return home + kept * away, kept * g, extra
    # end
