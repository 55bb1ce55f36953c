"""Who is on the price list.

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
    raise NotImplementedError("not written yet")
