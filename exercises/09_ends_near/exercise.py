"""Checked in its own figure.

RecAdam's paper shows for eleven values of k how far a run on CoLA is from the pretrained weights at the end. Some of
them (***published***, Chen et al., 2020, read by eye from the figure; k = ∞ is plain fine-tuning):

| k | 0.001 | 0.005 | 0.01 | 0.05 | 0.1 to 1, and ∞ |
| --- | --- | --- | --- | --- | --- |
| distance | 6.3 | 10.2 | 10.5 | 11.15 | 11.3 to 11.4 |

Its scores were tuned over the k of 0.05, 0.1, 0.2, 0.5 and 1. Which of these end about as far from home as plain
fine-tuning does?

Return the **sorted list** of those k in `tuned` whose distance differs from plain fine-tuning's by at most the share
`margin` of plain fine-tuning's distance, to either side. Plain fine-tuning's distance is `distances[float("inf")]`. If
no k is near, the list is empty; infinity itself is near, if it is in `tuned`.
"""

def ends_near(distances, tuned, margin):
    """The tuned k that end near plain fine-tuning's distance, a sorted list.

    Args:
        distances: a dictionary, k -> distance to the pretrained weights at the end, also for k = ``float("inf")``.
        tuned: a list of the k that were tuned over, all of them keys of ``distances``; infinity may be one.
        margin: a share of plain fine-tuning's distance, 0.02 for 2 %.
    """
    raise NotImplementedError("not written yet")
