# ---
# lesson: 5
# order: 2
# goal: Take one step of the spring, and know what its size does.
# minutes: 10
# difficulty: 1
# hints:
#   - Work out $c$ first. What is it at $\lambda = 1$, when only the task counts?
#   - |
#     The weight goes the share $c$ of the way from where it is to its anchor. Where is it at $c = 0$, and where at
#     $c = 1$? Your formula has to say both.
#   - |
#     `theta - c * (theta - anchor)` is the weight after the step. Then `"holds"` up to `c <= 1`, `"overshoots"` up to
#     `c < 2`, and otherwise `"diverges"`.
# explanation: |
#   A step multiplies the displacement by $1 - c$. The sign says on which side the weight lands, the size whether it
#   comes nearer, as it does for all $c < 2$. Between 1 and 2 the weight jumps over its anchor at every step and comes
#   home all the same. It looks broken, and is only wasteful.
#
#   So $\gamma$ alone tells you nothing. $\gamma = 5000$ is a gentle tenth at the paper's learning rate of 2e-5, and
#   at the 1e-3 of the released code's defaults it is 5 while $\lambda$ is near 0: the weight ends four times as far
#   away, on the other side, at each step. If you change the learning rate and want the same pull, change $\gamma$ the
#   other way.
# ---
r"""One step of the pull.

RecAdam's spring is a step of its own, beside Adam's. Leave Adam's step out and look at the pull. It takes a weight the
share $c$ of the way to its anchor $\theta^*$, where

$$c = \eta\, (1 - \lambda)\, \gamma$$

with the learning rate $\eta$ and the weight $\lambda$ of the task. Write one step. Return two things, in this order:

1. the weights after the step, in a new tensor;
2. what happens if this step is repeated with the same numbers, as a string: `"holds"` for $c \le 1$ (never past the
   anchor, and nearer at each step unless $c = 0$), `"overshoots"` for $1 < c < 2$ (past it each time, and still
   nearer), `"diverges"` for $c \ge 2$ (no nearer, or farther each time).

The way home is $\theta^* - \theta$. With $c = 0.1$ a weight at 3 with its anchor at 1 goes to 2.8.
"""


def pull(theta, anchor, lr, lam, gamma):
    """The weights after one step of the pull, and `"holds"`, `"overshoots"` or `"diverges"`.

    Args:
        theta: the weights, a tensor of any shape.
        anchor: their anchors, of the same shape.
        lr: the learning rate, a number.
        lam: lambda, from 0 to 1.
        gamma: the stiffness of the spring, a number.
    """
    # solution
    c = lr * (1 - lam) * gamma
    after = theta - c * (theta - anchor)
    if c <= 1:
        return after, "holds"
    return after, "overshoots" if c < 2 else "diverges"
    # end
