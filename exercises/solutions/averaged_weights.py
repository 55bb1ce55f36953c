# ---
# lesson: 11
# order: 1
# goal: Take a model back a part of the way to where it began, without the two slips of public code.
# minutes: 15
# difficulty: 2
# hints:
#   - |
#     What does `model.state_dict()` hold: copies of the weights, or the weights themselves? Change the model after you
#     took it, and look.
#   - |
#     Which names are in both dictionaries? What else cannot be mixed? A count of batches, say, is a whole number.
#   - |
#     For a name in both, of a floating type: `(1 - alpha) * home[name] + alpha * now[name]`, which is a new tensor. For
#     every other name of the model a clone of what it has now.
# explanation: |
#   The prediction: nothing is left of $\theta^*$. A state dictionary holds the tensors that the model has, not copies
#   of them. What was "saved" before the training trains along, and in the end both ends of the way are the trained
#   model: every $\alpha$ gives the same score. It looks like a very flat frontier.
#
#   Inside a loop over $\alpha$ the same slip compounds. After `model.load_state_dict(mixed)` at 0.1 the "trained" end
#   is the mixed one, and the next point is mixed from that. Both are cured by new tensors: nothing in the result shares
#   memory with what came in.
#
#   The second slip is the head. A new head has no pretrained weights, so its name is at one end only. Code that takes
#   the names of $\theta^*$ loses it, and what is loaded afterwards has a random head. Code that takes 0 as its other
#   end shrinks it: at $\alpha = 0.5$ all logits are halved. Keep it as it was trained. That has a price you should
#   know: the head was trained on the features of $\alpha = 1$, and sees others.
# ---
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
    # solution
    mixed = {}
    for name, end in now.items():
        if name in home and end.is_floating_point():
            mixed[name] = torch.lerp(home[name].to(end.dtype), end, alpha)
        else:
            mixed[name] = end.clone()
    return mixed
    # end
