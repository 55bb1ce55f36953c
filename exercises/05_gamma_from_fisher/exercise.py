r"""A spring from the Fisher, before the run.

Laplace's method gives weight $i$ a spring of $N F_i$, with $N$ the number of the source's examples and $F_i$ the Fisher
information of the weight, a mean over examples. RecAdam has one number for all weights, with the mean $\bar F$ over all
**weights** of the model, each entry of each tensor, in the place of every $F_i$:

$$\gamma = N \bar F$$

While $\lambda$ stays the same, and no task pulls, a step multiplies the offset $\theta - \theta^*$ by

$$1 - c, \qquad c = \eta\, (1 - \lambda)\, \gamma .$$

Predict, before you write: $\bar F$ = 1e-5, a million examples, a rate of 2e-5 and $\lambda$ near 0. After how many
steps is half of an offset left? And with a thousand million examples? And what if the rate is 1e-3 then?

Return three things, `(gamma, left, word)`:

- `gamma`;
- `left`, the factor by which `steps` steps together multiply the offset, with its sign;
- `word`, what the pull does: `"holds"` if $c \le 1$, `"overshoots"` if $1 < c < 2$ (the offset changes its sign at
  every step, and shrinks), `"diverges"` if $c \ge 2$ (it never gets smaller).
"""

def gamma_from_fisher(fisher, examples, lr, lam, steps):
    """Gamma, the factor of the offset and a word, ``(gamma, left, word)``.

    Args:
        fisher: name -> tensor, the mean over the examples of the squared gradients, of all weights of the model.
        examples: N, their number.
        lr: eta, the learning rate.
        lam: lambda, the task's share, below 1.
        steps: the number of steps.
    """
    raise NotImplementedError("not written yet")
