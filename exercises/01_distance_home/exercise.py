r"""How far from home.

A model was fine-tuned, and a new head was put on top for that. How far is it from its pretrained weights $\theta^*$?
Write the distance of lesson 1, over **all** pretrained weights together:

$$\|\theta - \theta^*\|_2 = \sqrt{\textstyle\sum_i (\theta_i - \theta^*_i)^2}$$

The index $i$ runs over every single number in every tensor. If one tensor has one number that moved by 3, another has
one that moved by 4, and nothing else moved, the distance is 5.

Both arguments are dictionaries, name -> tensor. Each name in `anchors` is also in `weights`, with the same shape. What
only `weights` has is the new head. It has no home, and does not count. The two dictionaries need not be in the same
order.
"""

import torch


def distance_home(weights, anchors):
    """The Euclidean distance to the pretrained weights, one number.

    Args:
        weights: theta, the model now, name -> tensor; the head is among them.
        anchors: theta*, the pretrained weights, name -> tensor.
    """
    raise NotImplementedError("not written yet")
