# ---
# lesson: 17
# order: 2
# goal: Ask whether the names of the ways matter, by exchanging them.
# minutes: 15
# difficulty: 2
# hints:
#   - |
#     Put the scores of all ways into one list, way after way. An exchange is a new list of the same scores; cut it into
#     pieces of the old lengths.
#   - |
#     With `pool` as that list, `[pool[i] for i in order]` is one exchange. Its gap is the largest mean of its pieces
#     less the smallest: of whichever pieces these are now.
#   - |
#     Count the exchanges with a gap that is smaller than the real one, and divide by their number. One with the same
#     gap does not lie nearer: `<`.
# explanation: |
#   You looked at the scores before you chose which two ways to compare: the best and the worst of six. Two ways that
#   are chosen like that lie apart even if the names mean nothing. So the exchanges get the same treatment: each may
#   choose its own best and worst. Whoever compares the same two names in every exchange finds nearly every gap
#   remarkable.
#
#   The gap is of means, so a way of two runs wanders further than one of eight. Exchanges that keep the numbers of runs
#   let it wander there, too.
#
#   The test assumes no bell curve, but it does assume runs that could have had any of the names. If all runs of a way
#   share one pretraining, they are alike for another reason than the way, and the test cannot tell: it says that these
#   ways differ, with these pretrainings.
#
#   The question: never nearer. The best and the worst are at least as far apart as any two, and as near as the first
#   and the last of the list only where these happen to be the best and the worst.
#
#   Nothing here says how much a gap matters. With enough runs, two ways a thousandth apart are told apart, too. So
#   state the gap beside the share, and the line (99 of 100) before the runs.
# ---
r"""Do the names matter?

Models came to the same source loss in several ways, several runs of each way, and every run has a score on a task. The
way with the highest mean score and the way with the lowest lie apart by some **gap**. Would two ways lie as far apart
if the names meant nothing?

`scores` has the runs of each way: `{"cut": [0.5, 0.75], "noise": [0.25, ...], ...}`; their numbers may differ. Put all
scores into one list, in the order of the dictionary. Each entry of `orders` is an exchange: a list of the places
0, 1, 2, ... in some order. After the exchange, place $i$ has the score that was at place `order[i]`. The first places
belong to the first way, as many as it had, the next to the second, and so on.

Return a dictionary:

- `"highest"` and `"lowest"`: the names of the ways with the highest and the lowest mean (no two are equal there);
- `"gap"`: the difference of these two means;
- `"nearer"`: the share of the exchanges after which highest and lowest mean, **of whichever ways then**, lie nearer
  than that: a gap as large does not count.

The scores are multiples of 1/64 and each way has 2, 4 or 8 runs, so that equal gaps are equal.

Before you write it: six ways, and the names mean nothing. Is the best of the six nearer to the worst than the first of
the list is to the last, as near, or further away?
"""

import numpy as np


def ways_apart(scores, orders):
    """The dictionary ``highest``, ``lowest``, ``gap``, ``nearer``.

    Args:
        scores: way -> the scores of its runs, a list.
        orders: the exchanges, a list of lists of whole numbers.
    """

    # solution
    def means(pool):
        pieces = np.split(np.array(pool), np.cumsum([len(each) for each in scores.values()])[:-1])
        return [piece.mean() for piece in pieces]

    pool = [score for each in scores.values() for score in each]
    names, own = list(scores), means(pool)
    gap = max(own) - min(own)
    exchanged = [means([pool[i] for i in order]) for order in orders]
    nearer = sum(max(each) - min(each) < gap for each in exchanged) / len(orders)
    return {"highest": names[np.argmax(own)], "lowest": names[np.argmin(own)], "gap": gap, "nearer": nearer}
    # end
