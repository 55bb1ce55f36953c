r"""One spring for all tasks so far.

A model learned task $A$ and was then trained on task $B$ **with $A$'s penalty in the loss**. Now $C$ comes. Online EWC
keeps one penalty, $\tfrac12 \sum_i precision_i\, (\theta_i - anchors_i)^2$, for all tasks so far. Write how it is
updated after a task:

- each **precision** is `decay` times the old one plus the new one. The new one is that of the task that was just
  learned, with nothing of older tasks in it, and it enters whole;
- the **anchors** are the weights at which the task just learned has ended: the new anchors. The old anchors are an
  argument only because the caller has them at hand.

All four dictionaries have the same names, perhaps in different orders. A `decay` of 0 keeps nothing of the old
precision.

Return two new dictionaries, `(anchors, precision)` in this order. They have to be **copies**: the model trains on, and
its optimizer changes tensors in place.

One worked number: precisions 4 (old) and 1 (new) with `decay` 0.5 give 3.
"""

def ewc_merge(old_anchors, old_precision, new_anchors, new_precision, decay):
    """The merged penalty, ``(anchors, precision)``, each ``name -> tensor``.

    Args:
        old_anchors: where the penalty so far pulls to, ``name -> tensor``.
        old_precision: how firmly, ``name -> tensor``.
        new_anchors: the weights at the end of the newest task, ``name -> tensor``.
        new_precision: strength times Fisher of the newest task alone, ``name -> tensor``.
        decay: the share of the old precision that is kept, from 0 to 1.
    """
    raise NotImplementedError("not written yet")
