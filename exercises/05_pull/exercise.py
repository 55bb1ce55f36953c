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
    raise NotImplementedError("not written yet")
