r"""The step that the authors released.

The authors' code is not Algorithm 1. Write one step of what it does, as a pure function. The averages are Adam's, of
the task's gradient alone, as in the paper. Then it takes three steps, one after the other:

1. Adam's, times $\lambda$. Its $\epsilon$ is added to $\sqrt{v_t}$, **before** the bias correction:

   $$\theta' = \theta_{t-1} - \lambda\, \eta\, \frac{\sqrt{1 - \beta_2^t}}{1 - \beta_1^t}
     \cdot \frac{m_t}{\sqrt{v_t} + \epsilon}$$

2. The pull, at the weights that Adam has moved:

   $$\theta'' = \theta' - (1 - \lambda)\, \eta\gamma\, (\theta' - \theta^*)$$

3. Weight decay of strength $w$, last, and not scaled by $\lambda$:

   $$\theta_t = \theta'' - \eta w\, \theta''$$

Some of the gradients are as small as $\epsilon$, so its place shows.
"""

BETA1, BETA2, EPS = 0.9, 0.999, 1e-8


def released_step(theta, anchor, g, m, v, t, lr, lam, gamma, weight_decay):
    """The new weights and averages, a tuple ``(theta, m, v)``.

    Args:
        theta: the weights before this step, a tensor of any shape.
        anchor: the pretrained weights theta*, of the same shape.
        g: the task's gradient at ``theta``, of the same shape.
        m: the average of the gradients before this step, of the same shape.
        v: the average of their squares before this step, of the same shape.
        t: the number of this step, from 1.
        lr: the learning rate, eta.
        lam: lambda(t), a number from 0 to 1.
        gamma: the strength of the pull.
        weight_decay: the strength of the decay, w.
    """
    raise NotImplementedError("not written yet")
