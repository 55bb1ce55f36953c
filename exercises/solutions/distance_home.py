# ---
# lesson: 1
# order: 1
# goal: Measure how far a model went, over all its weights and without its new head.
# minutes: 10
# difficulty: 1
# hints:
#   - Which of the two dictionaries says what has a home at all? Go through that one.
#   - |
#     Lengths do not add: 3 to the north and 4 to the east are 5 from home. Squares do. So how many roots are there
#     in the end, one for each tensor or one?
#   - |
#     For each `name, anchor` in `anchors.items()`, add `((weights[name] - anchor) ** 2).sum()` to a total. Take its
#     root once, after the loop.
# explanation: |
#   The distance treats the model as one long vector, and the tensors are only how it is stored. Cut a tensor in two,
#   or join two, and it must not change. A sum of the tensors' lengths fails this, and so does a mean of them.
#
#   Take the names from the anchors. Pairing two dictionaries by their order works until one of them is ordered
#   differently, and then it is wrong without a word. Telling the head by its name (`"classifier" in name`) fails with
#   the next architecture.
#
#   Say whether you took the root. What the released RecAdam code logs as "Euclid distance" is the square of it, so a
#   logged 100 is a distance of 10.
# ---
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
    # solution
    total = torch.tensor(0.0)
    for name, anchor in anchors.items():
        total = total + ((weights[name] - anchor) ** 2).sum()
    return total.sqrt()
    # end
