# ---
# lesson: 5
# order: 4
# goal: Work out gamma from a Fisher, and say before the run what the pull will do.
# minutes: 15
# difficulty: 1
# hints:
#   - |
#     $\bar F$ is a mean over weights. Take a model with two tensors, one of a million entries and one of ten. How much
#     may the ten count? Tensors of a dictionary have different sizes, and one may be a single number without a
#     dimension.
#   - |
#     Two sums are enough: of all entries, `sum(f.sum() for f in fisher.values())`, and of their number, `f.numel()`.
#     $\gamma$ is `examples` times the quotient. Then comes $c$, and the factor of one step is $1 - c$.
#   - |
#     With `c = lr * (1 - lam) * gamma` the factor of all steps is `(1 - c) ** steps`: keep its sign. The word depends
#     on `c` alone. See which side the two limits, 1 and 2, belong to.
# explanation: |
#   The prediction: $\gamma = N \bar F = 10$, so at a rate of 2e-5 one step takes $c$ = 2e-4 of the way, and half of an
#   offset is left after $\ln 2 / c \approx 3{,}500$ steps. With a thousand million examples $\gamma$ is 10,000 and $c$
#   is 0.2: about three steps. The same $\gamma$ at a rate of 1e-3 has $c = 10$: each step takes the weights nine times
#   as far from home, to the other side. All of it can be known before anything is trained.
#
#   The mean over tensors is the slip to look for. In the `fisher` of this lesson's first cell, norms and biases are a
#   hundredth of the weights and 32 of the 53 tensors. Its mean over tensors is 8 times its mean over weights. Weights
#   with $F = 0$ count in the mean as well, since the spring stands for all of them.
#
#   Where $\gamma$ is tuned, this number is a check of the order of magnitude, no more. It is for a task loss that is a
#   sum over examples: where the task loss is a mean over its $N_B$ examples, the spring is $N / N_B$ times $\bar F$, in
#   place of $N$ times ([lesson 4](04_ewc.md)). And in RecAdam the pull is weighed against a step of Adam, from which
#   the size of the gradient is divided out.
# ---
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
    # solution
    total, weights = sum(float(f.double().sum()) for f in fisher.values()), sum(f.numel() for f in fisher.values())
    gamma = examples * total / weights
    c = lr * (1 - lam) * gamma
    word = "holds" if c <= 1 else "overshoots" if c < 2 else "diverges"
    return gamma, (1 - c) ** steps, word
    # end
