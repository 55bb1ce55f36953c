r"""A part of the way back.

WiSE-FT (Wortsman et al., 2022) trains as ever. Afterwards it puts the weights between the pretrained ones, $\theta^*$,
and those where the training ended, $\theta$:

$$\theta_\alpha = (1 - \alpha)\, \theta^* + \alpha\, \theta$$

So one run gives a whole frontier, from the model that forgot nothing to the one that was trained. Two slips are common
in public code, and each of them gives numbers that look fine. Predict the first: somebody writes `home =
model.state_dict()`, trains, and mixes `home` with `model.state_dict()`. What is left of $\theta^*$?

You get two dictionaries as `state_dict` makes them: `home`, of the pretrained model, and `now`, of the trained one.
Return one with all the names of `now`, in its order, that can be loaded into the model:

- what is in both and of a floating type lies between the two, each entry by the formula;
- what `home` does not have, such as a new head, and what is not of a floating type, such as a count, is as in `now`;
- what only `home` has, such as the pretraining's own head, is left out;
- with $\alpha = 0$ and $\alpha = 1$ the ends are there to the bit;
- nothing in the result shares memory with `home` or `now`, and neither is changed.
"""

import torch


def averaged_weights(home, now, alpha):
    """The weights between two models, ``name -> tensor``.

    Args:
        home: theta*, name -> tensor.
        now: theta, name -> tensor; of the same shapes where both have a name.
        alpha: 0 is home, 1 is now.
    """
    raise NotImplementedError("not written yet")
