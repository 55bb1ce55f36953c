"""Cases that several checks draw: an optimizer's state in mid-run, and numbers in an odd order in memory."""

import torch


def in_columns(x):
    """The same numbers, one column after the other in memory, as those of a transposed weight."""
    return x.mT.contiguous().mT


def drawn(rng, shape, t, least=-9, most=0, before=1.0, dtype=torch.float64):
    """theta, anchor, g, m, v and t; gradients of 10**least to 10**most, and ``before`` times that until now."""
    t, n = int(t), int(torch.Size(shape).numel())
    size = torch.tensor(rng.permutation(torch.logspace(least, most, n, dtype=torch.float64).numpy())).reshape(shape)
    theta, anchor, g, m = (torch.tensor(rng.normal(size=shape)) for _ in range(4))
    m = before * size * m * (1 - 0.9 ** (t - 1))
    v = (before * size) ** 2 * torch.tensor(rng.uniform(0.5, 2, size=shape)) * (1 - 0.999 ** (t - 1))
    return *(x.to(dtype) for x in (theta, anchor, size * g, m, v)), t


def still(rng):
    """Far into a run, and smaller gradients than before: some are 0, as those of words that are not in the batch."""
    theta, *given = drawn(rng, (2, 4), rng.integers(2000, 4000), -2, 0, before=5.0, dtype=torch.float32)
    theta[0, 0] = given[1][0, :2] = 0.0
    return theta, *given


def loud(rng):
    """A sudden large gradient after quiet: Adam's step is over three learning rates long."""
    return drawn(rng, (2, 1, 3), rng.integers(2000, 4000), 2, 3, before=1e-3)


def tiny(rng):
    """One weight, of the size that it has in a real model."""
    sign = rng.choice([-1, 1])
    theta, anchor = torch.tensor([sign * rng.uniform(4e-5, 6e-5)]), torch.tensor([sign * rng.uniform(1e-5, 2e-5)])
    return theta, anchor, *drawn(rng, (1,), 1, -3, -3)[2:]
