# ---
# lesson: 12
# order: 1
# goal: Find the methods that no other one beats in both measures.
# minutes: 20
# difficulty: 2
# hints:
#   - |
#     Write a small test for two methods first: does one *dominate* the other? Two comparisons have to hold, and one
#     more. What if both are equal?
#   - |
#     `a` dominates `b` if it has no higher source loss, no lower score, and is not the same point. A method is on the
#     frontier if nobody dominates it. Compare with everybody, not only with the neighbour.
#   - |
#     `all(x >= y ...)` and `any(x > y ...)` on the pairs (minus source loss, score) say it in one line. Then
#     `sorted(found, key=lambda name: points[name][1], reverse=True)`.
# explanation: |
#   Two goals that pull in different directions have no single best method. They have a price list: how much source
#   loss each gain in score costs. What is not on it can be crossed out without a discussion of what matters more. What
#   is on it cannot be ordered without one.
#
#   Two methods at the same point do not push each other off, as neither is better in anything. Sweeping the sorted list
#   with one strict comparison drops one of them: mind which one you lose then.
#
#   A frontier of medians is as uncertain as the medians. Each method that is added, with more of its settings tried,
#   can push others off it by luck. So draw the ranges beside it, and put the control on it too: plain fine-tuning at
#   smaller rates.
# ---
r"""Who is on the price list.

Several methods fine-tuned the same model. For each you have two numbers: the **source loss** at the end (lower is
better: less was forgotten) and the **score** on the task (higher is better). A method that another one matches in one
number and beats in the other need not be discussed, nor one that is beaten in both. Which ones are left?

A method is on the **frontier** if no other method is at least as good in both numbers and better in at least one.
Return the names of those, in order of falling score. So the list goes from "learned most" to "kept most".

Two methods with exactly the same two numbers do not push each other off: either both are on the frontier or neither is.
Their order among themselves does not matter.
"""


def price_list(points):
    """The names of the methods on the frontier, a list in order of falling score.

    Args:
        points: name -> (source loss, score). Of the source loss less is better, of the score more.
    """
    # solution
    found = []
    for name, (loss, score) in points.items():
        others = [other for key, other in points.items() if key != name]
        if not any(a <= loss and b >= score and (a < loss or b > score) for a, b in others):
            found.append(name)
    return sorted(found, key=lambda name: points[name][1], reverse=True)
    # end
