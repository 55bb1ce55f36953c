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
    raise NotImplementedError("not written yet")
